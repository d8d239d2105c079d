// SPDX-License-Identifier: Apache-2.0
//
// How long things take and how much of them there is, taken from what the core hears and says. Per
// row it writes one entry at hand-over and reads it at the acknowledgement: no lock, no allocation,
// no look at a clock; those are per batch. Used by the core's thread alone.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.hpp"
#include "relay/core.hpp"
#include "relay/counting.hpp"
#include "relay/messages.hpp"

namespace outbox::relay {

class Measuring {
 public:
  /// The default topic shows with zeros from the start on.
  Measuring(Relay::Counting& counting, std::string_view default_topic);

  /// Before the core gets it.
  void event(const Event& event, Moment now);

  void command(const ReadRows&, Moment now) { read_at_ = now; }
  void command(const Settle& settle, Moment now);
  /// Before its rows are handed over.
  void handed_over(const std::vector<OutgoingRow>& rows, Moment now);
  void command(const Notice& notice);

  /// After a step: takes the gauges, at most a few times a second.
  void look_at(Core& core, Moment now);

 private:
  struct Sent {
    RowTag tag = 0;
    Moment at;
    std::int64_t occurred_at_us = 0;
    Relay::Counting::Topic* topic = nullptr;
  };

  void delivered(const std::vector<broker::Delivery>& deliveries, Moment now);
  [[nodiscard]] Sent* sent(RowTag tag);
  [[nodiscard]] Relay::Counting::Topic& topic_named(std::string_view name);

  Relay::Counting& counting_;
  std::vector<Sent> sent_;  ///< By the tag's lower half, which is a small number that is reused.
  Moment read_at_;
  std::unordered_map<std::uint64_t, Moment> settles_;  ///< Under way: a few.
  Moment looked_at_;
};

}  // namespace outbox::relay
