// SPDX-License-Identifier: Apache-2.0
//
// Which names of topics may be written to: Kafka's own rules, and no topic that begins with `__`.
// Those are the brokers' own, and no row must reach them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace outbox {

/// What is wrong with the name, as the end of a sentence that begins with it; empty: nothing.
[[nodiscard]] inline std::string_view topic_fault(std::string_view topic) noexcept {
  constexpr std::size_t length_max = 249;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (topic.empty()) return "is empty";
  if (topic.size() > length_max) return "is longer than the 249 characters that Kafka takes";
  if (topic == "." || topic == "..") return "is no name that Kafka takes";
  if (topic.starts_with("__")) return "begins with '__', which is for the brokers' own topics";
  if (!std::all_of(topic.begin(), topic.end(), fits)) {
    return "has a character other than a-z, A-Z, 0-9, '.', '_' and '-'";
  }
  return {};
}

}  // namespace outbox
