// SPDX-License-Identifier: Apache-2.0
//
// The row's own headers: its JSON object as Kafka headers (rules: relay/prepare.hpp).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/producer.hpp"
#include "relay/envelope_arena.hpp"

namespace outbox::relay {

/// Those of one row at a time; used again for the next, so that it allocates once a batch.
class RowHeaders {
 public:
  struct Limits {
    std::size_t count_max = 0;
    std::size_t value_bytes_max = 0;
  };

  explicit RowHeaders(Limits limits) : limits_(limits) {}

  /// Takes in `json`, a row's column; empty or `null`: no headers. Returns why it cannot, as the
  /// end of a sentence with its remedy. The headers are views into `json` and the arena.
  [[nodiscard]] std::optional<std::string> read(std::string_view json, TextArena& arena);

  /// The text of the header of that name; empty where there is none.
  [[nodiscard]] std::string_view text_of(std::string_view name) const noexcept;

  /// Appends them to `headers`, in which those from `begin` on are ours. `value_is_wrapped`: the
  /// row's content type speaks of what is inside the value and does not go out.
  [[nodiscard]] std::optional<std::string> append_to(std::vector<broker::Header>& headers,
                                                     std::size_t begin,
                                                     bool value_is_wrapped) const;

 private:
  std::optional<std::string> check(const broker::Header& header) const;

  Limits limits_;
  std::vector<broker::Header> headers_;
};

}  // namespace outbox::relay
