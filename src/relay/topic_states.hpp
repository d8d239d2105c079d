// SPDX-License-Identifier: Apache-2.0
//
// What is known of each topic, and its lanes: one for each partition, where rows wait their turn.
//
//     unknown --look-up--> open <--> held (missing, not allowed, stalled, too many blocked keys)
//                           |
//                           +--count changed--> draining --drained--> adopting --> open
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/row.hpp"
#include "relay/messages.hpp"
#include "store/capture.hpp"

namespace outbox::relay {

enum class TopicPhase : std::uint8_t { unknown, open, held, draining, adopting };

/// One partition on the main handle.
struct Lane {
  std::deque<RowTag> waiting;
  std::size_t sent_rows = 0;
  std::size_t sent_bytes = 0;
  /// Since the handle was opened. Until then one message is in flight: a broker without producer
  /// state takes any sequence, so siblings of a refused first batch would pass (design, protocol
  /// 5).
  bool acknowledged = false;
  bool queued = false;   ///< Stands in TopicStates::busy.
  Moment last_progress;  ///< Hand-over to an empty lane, or an acknowledgement.
};

struct TopicState {
  std::string name;
  TopicPhase phase = TopicPhase::unknown;
  bool looking_up = false;
  bool stalled = false;  ///< Held because acknowledgements stay away: opened by the next one.
  bool crowded = false;  ///< Held because of too many keys in trouble, which alone go on.
  bool paused = false;   ///< By an operator; whatever the phase, which goes on beside it.
  int partitions = 0;    ///< That keys are hashed over; 0: not known yet.
  int described_partitions = 0;  ///< As the broker says.
  int agreed_partitions = 0;     ///< As all relays go by; 0: none yet.
  std::int64_t message_bytes_max = 0;
  Moment check_at;  ///< Next look-up.
  int failures_in_row = 0;
  std::string reason;
  std::set<store::RouteColumns> routes;  ///< Seen to lead here.
  std::optional<RowId> lowest_given_up;  ///< Row left unread while not open.
  std::vector<Lane> lanes;
  std::size_t rows = 0;  ///< In hand, sent or waiting, on either handle.
  std::size_t sent_rows = 0;

  [[nodiscard]] bool open() const { return phase == TopicPhase::open && !paused; }
  [[nodiscard]] bool open_for(bool isolated) const {
    return open() || (crowded && isolated && !paused);
  }
};

struct LaneName {
  int topic = 0;
  int partition = 0;
};

class TopicStates {
 public:
  /// The topic's number; made on first sight.
  int number(std::string_view name);
  [[nodiscard]] int find(std::string_view name) const;  ///< -1: never seen.
  [[nodiscard]] TopicState& at(int number) { return topics_[static_cast<std::size_t>(number)]; }
  [[nodiscard]] std::size_t count() const { return topics_.size(); }

  void add_waiting(int topic, int partition, RowTag tag);

  /// Lanes with waiting rows, each once. Taking them empties the list; put back what still waits.
  [[nodiscard]] std::vector<LaneName> take_busy();
  void put_back(LaneName name);

  /// Nothing waits and nothing is sent on any lane: the handle is gone.
  void reset_lanes();
  void open_lanes(int topic, int partitions);

  /// Route columns of all topics that are not open, at most `routes_max`; without those that are
  /// held for being crowded where `crowded_too` is false.
  [[nodiscard]] std::vector<store::RouteColumns> held_routes(std::size_t routes_max,
                                                             bool crowded_too) const;

  [[nodiscard]] bool any_crowded() const;
  /// A topic is on its way from its first sight to being open.
  [[nodiscard]] bool any_opening() const;

  template <class Visit>
  void for_each(Visit visit) {
    for (std::size_t i = 0; i < topics_.size(); ++i)
      visit(static_cast<int>(i), topics_[i]);
  }

 private:
  std::deque<TopicState> topics_;
  std::map<std::string, int, std::less<>> numbers_;
  std::vector<LaneName> busy_;
};

}  // namespace outbox::relay
