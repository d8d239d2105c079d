// SPDX-License-Identifier: Apache-2.0
//
// Pauses by operators. What is in flight is acknowledged and settled; what was read and not handed
// over is turned away, to be read again, in order, once the pause is over. Nothing counts as an
// attempt.
#include <algorithm>
#include <string>

#include "relay/core.hpp"

namespace outbox::relay {

namespace {

std::string describe(const store::Pause& pause) {
  switch (pause.kind) {
    case store::PauseKind::topic:
      return "topic " + pause.name;
    case store::PauseKind::key:
      return "key " + pause.name;
    case store::PauseKind::relay:
    case store::PauseKind::consumer:
      break;
  }
  return "relay " + pause.name;
}

std::string by_whom(const store::Pause& pause) {
  return "paused by " + pause.who + (pause.reason.empty() ? "" : ": " + pause.reason);
}

}  // namespace

void Core::heed(const std::vector<store::Pause>& standing) {
  const Pauses::Change change = pauses_.heed(standing);
  if (change.empty()) return;
  for (const store::Pause& pause : change.begun)
    notice(NoticeKind::paused, describe(pause), by_whom(pause));
  for (const store::Pause& pause : change.ended)
    notice(NoticeKind::resumed, describe(pause), by_whom(pause));
  // A read under way was asked for by what stood before.
  ++generation_;
  if (options_.safety.turn_away_paused) turn_away_paused();
  topics_.for_each([&](int, TopicState& topic) {
    topic.paused = pauses_.topic(topic.name);
    if (!topic.open() || !topic.lowest_given_up) return;
    lower_dropped(*topic.lowest_given_up);
    topic.lowest_given_up.reset();
  });
  if (change.ended.empty()) return;
  // The rows of what was paused were left out unseen, so how far down they reach is not known.
  rescan_next_ = true;
  read_at_ = std::min(read_at_, now_);
}

void Core::turn_away_paused() {
  rows_.for_each([&](RowTag tag, FlightRow& row) {
    if (row.stage != RowStage::waiting) return;
    TopicState& topic = topics_.at(row.topic);
    const bool of_topic = pauses_.topic(topic.name);
    if (!of_topic && !pauses_.relay() && !pauses_.key(rows_.prepared(row).row->key)) return;
    const RowId& id = rows_.id(row);
    if (of_topic && (!topic.lowest_given_up || id < *topic.lowest_given_up)) {
      topic.lowest_given_up = id;
    }
    give_up(tag);
  });
}

}  // namespace outbox::relay
