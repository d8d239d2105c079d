// SPDX-License-Identifier: Apache-2.0
//
// Dead letters by what killed them: errors without what varies from one to the next, and the
// groups that they fall into.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace outbox::admin {

/// The error with UUIDs, numbers, hexadecimal digests, times and quoted texts replaced by `…`,
/// white space made single, cut to 300 characters; valid UTF-8. `unknown` for an empty one. The
/// cause of a cause is itself.
[[nodiscard]] std::string cause_of(std::string_view error);

/// What makes a group.
struct GroupName {
  std::string_view source;  ///< `relay` or `consumer`
  std::string_view where;   ///< The store's name or the group id.
  std::string_view topic;   ///< Where the letters should have gone.
  std::string_view cause;
};

/// 16 hexadecimal digits; the same for the same name on every machine and in every version.
[[nodiscard]] std::string group_id_of(const GroupName& name);

}  // namespace outbox::admin
