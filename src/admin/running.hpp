// SPDX-License-Identifier: Apache-2.0
//
// What work that takes long is given: the order to stop, and who wants to know how far it is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "admin/json.hpp"

namespace outbox::admin {

struct Progress {
  std::optional<std::int64_t> total;  ///< None: not known (yet), or too many to be counted.
  std::int64_t done = 0;
  std::int64_t failed = 0;
  std::int64_t skipped = 0;
  /// Of a call whose answer was lost: most likely done.
  std::int64_t unconfirmed = 0;
  std::map<std::string, std::int64_t> skip_reasons = {};
};

/// {reason: how many}
[[nodiscard]] inline Json reasons_json(const std::map<std::string, std::int64_t>& reasons) {
  Json json = Json::object();
  for (const auto& [reason, count] : reasons)
    json[reason] = count;
  return json;
}

/// Both functions are called on the thread that works, and may be empty.
struct Running {
  std::stop_token stop = {};
  /// After each portion, several times a second at most.
  std::function<void(const Progress&)> report = {};
  /// For each thing worked on that did not simply go well: `{id, result:
  /// failed|skipped|unconfirmed, reason}`; where `tells_all`, for the good ones too.
  std::function<void(const Json&)> tell = {};
  bool tells_all = false;
};

}  // namespace outbox::admin
