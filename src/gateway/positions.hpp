// SPDX-License-Identifier: Apache-2.0
//
// Where a client is: the next offset of every partition. As text, which clients keep and give back
// without looking into it, `0:15,1:7,2:33`; partitions of further topics carry the topic's name,
// `0:15,stock.events/0:3`.
//
// Inside, partitions are numbered through: a slot is one partition of one topic, and a position a
// vector of offsets by slot. Slots are only ever added, at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/reader.hpp"

namespace outbox::gateway {

using Offsets = std::vector<std::int64_t>;

class Slots {
 public:
  explicit Slots(std::vector<std::string> topics) : topics_(std::move(topics)) {}

  /// The partition's slot, made if it is new.
  std::size_t add(std::string_view topic, int partition);
  [[nodiscard]] std::optional<std::size_t> find(std::string_view topic, int partition) const;

  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] const std::vector<std::string>& topics() const { return topics_; }
  [[nodiscard]] const std::string& topic(std::size_t slot) const {
    return topics_[slots_[slot].topic];
  }
  [[nodiscard]] int partition(std::size_t slot) const { return slots_[slot].partition; }
  [[nodiscard]] broker::Position position(std::size_t slot, std::int64_t offset) const {
    return {topic(slot), partition(slot), offset};
  }

  [[nodiscard]] std::string text(std::span<const std::int64_t> offsets) const;

  struct Parsed {
    Offsets offsets;           ///< 0 for partitions that the text does not name: they are newer.
    bool has_unknown = false;  ///< It names partitions that are not there (any more).
  };
  /// Nothing where the text is no position.
  [[nodiscard]] std::optional<Parsed> parse(std::string_view text) const;

 private:
  struct Slot {
    std::size_t topic;
    int partition;
  };
  std::vector<std::string> topics_;
  std::vector<Slot> slots_;
};

}  // namespace outbox::gateway
