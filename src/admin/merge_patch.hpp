// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace outbox::admin {

/// RFC 7396: `target` as `patch` changes it. Both must be checked JSON (core/json_text.hpp). What
/// is not changed stays as it stands, so that no number loses digits and no member its place.
[[nodiscard]] std::string merge_patch(std::string_view target, std::string_view patch);

}  // namespace outbox::admin
