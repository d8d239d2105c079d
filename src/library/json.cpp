// SPDX-License-Identifier: Apache-2.0
#include <outbox/json.hpp>

#include <fmt/format.h>

#include "core/json_text.hpp"

namespace outbox {

nlohmann::json parse_json(std::string_view bytes) {
  // Checked by our own reader first: it names the place without quoting a payload of any size, and
  // counts the nesting before anything is built.
  if (const auto fault = find_json_fault(bytes, json_depth_max)) {
    throw Error(ErrorKind::failed,
                fmt::format("the payload is no JSON at byte {}: {}", fault->offset, fault->what));
  }
  try {
    return nlohmann::json::parse(bytes);
  } catch (const nlohmann::json::exception& error) {
    // A number that no double holds, a lone surrogate.
    constexpr std::size_t shown_max = 200;
    throw Error(ErrorKind::failed,
                fmt::format("the payload is JSON that cannot be read: {}",
                            std::string_view(error.what()).substr(0, shown_max)));
  }
}

}  // namespace outbox
