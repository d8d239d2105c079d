// SPDX-License-Identifier: Apache-2.0
//
// Topics: looked up before the first message, held while they cannot take any, repartitioned only
// when drained (design, protocol 5; failures of the kind "hold the topic").
#include <algorithm>
#include <string>
#include <utility>

#include "relay/core.hpp"

namespace outbox::relay {

namespace {

constexpr int look_ups_max = 32;
constexpr Duration first_check = std::chrono::milliseconds{500};

}  // namespace

void Core::look_up(int topic) {
  TopicState& state = topics_.at(topic);
  // The others' turn comes with topic_timers().
  if (state.looking_up || look_ups_ >= look_ups_max) return;
  state.looking_up = true;
  state.check_at = now_ + options_.topic_refresh_interval;
  ++look_ups_;
  say(LookUpTopic{state.name});
}

void Core::topic_timers() {
  if (stopping_) return;
  topics_.for_each([&](int number, TopicState& topic) {
    if (topic.crowded && keys_.count() < options_.blocked_keys_max) reopen(number);
    // A stalled topic without anything in flight is tried again, one message a partition.
    if (topic.stalled && topic.sent_rows == 0 && now_ >= topic.check_at) reopen(number);
    if (topic.phase == TopicPhase::draining) adopt_if_drained(number);
    const bool checked_at_times = topic.phase == TopicPhase::open ||
                                  topic.phase == TopicPhase::held ||
                                  topic.phase == TopicPhase::unknown;
    if (checked_at_times && now_ >= topic.check_at) look_up(number);
  });
}

void Core::on(const TopicLookupFailed& event) {
  const int number = topics_.find(event.topic);
  if (number < 0) return;
  TopicState& topic = topics_.at(number);
  if (topic.looking_up) --look_ups_;
  topic.looking_up = false;
  if (topic.phase == TopicPhase::unknown) topic.phase = TopicPhase::held;
  topic.check_at = now_ + first_check;
}

void Core::on(const TopicLookedUp& event) {
  brokers_heard_ = now_;
  const int number = topics_.find(event.topic.name);
  if (number < 0) return;
  TopicState& topic = topics_.at(number);
  if (topic.looking_up) --look_ups_;
  topic.looking_up = false;
  if (event.topic.failure) {
    hold(number, event.topic.failure->reason);
    // A topic that comes back must not begin in the middle.
    if (topic.sent_rows > 0 && !options_.transactional)
      restart(main_, "topic " + topic.name + " went away");
    return;
  }
  topic.message_bytes_max = event.topic.message_bytes_max;
  topic.described_partitions = event.topic.partitions;
  topic.check_at = now_ + options_.topic_refresh_interval;
  const bool known = topic.partitions == event.topic.partitions &&
                     event.agreed_partitions == event.topic.partitions;
  if (known) {
    if (topic.phase == TopicPhase::held && !topic.stalled && !topic.crowded) reopen(number);
    return;
  }
  if (topic.phase == TopicPhase::adopting) return;
  if (topic.partitions != 0) {
    notice(NoticeKind::partitions_changed, topic.name,
           std::to_string(topic.partitions) + " to " + std::to_string(event.topic.partitions) +
               ": drained first, then adopted; keys move to other partitions");
  }
  give_up_waiting(number);
  topic.phase = TopicPhase::draining;
  topic.agreed_partitions = event.agreed_partitions.value_or(0);
  adopt_if_drained(number);
}

void Core::adopt_if_drained(int number) {
  TopicState& topic = topics_.at(number);
  if (topic.rows > 0) return;
  topic.phase = TopicPhase::adopting;
  say(AdoptPartitions{topic.name, topic.agreed_partitions, topic.described_partitions});
}

void Core::on(const PartitionsAdopted& event) {
  const int number = topics_.find(event.topic);
  if (number < 0) return;
  TopicState& topic = topics_.at(number);
  if (topic.phase != TopicPhase::adopting) return;
  if (event.partitions != topic.described_partitions) {
    // Another relay saw another count: look again, one of us saw an old one.
    topic.phase = TopicPhase::held;
    topic.check_at = now_ + first_check;
    return;
  }
  topics_.open_lanes(number, event.partitions);
  topic.phase = TopicPhase::held;
  topic.stalled = false;
  reopen(number);
}

void Core::hold(int number, const std::string& reason) {
  TopicState& topic = topics_.at(number);
  const bool repeated = topic.phase == TopicPhase::held && topic.reason == reason;
  const int doublings = std::min(topic.failures_in_row++, 6);
  topic.check_at =
      now_ + std::min<Duration>(first_check * (1 << doublings), options_.topic_refresh_interval);
  topic.reason = reason;
  topic.stalled = false;
  topic.crowded = false;
  if (topic.phase == TopicPhase::draining || topic.phase == TopicPhase::adopting) {
    topic.partitions = 0;
  }
  topic.phase = TopicPhase::held;
  if (!repeated) notice(NoticeKind::topic_held, topic.name, reason);
  give_up_waiting(number);
}

void Core::reopen(int number) {
  TopicState& topic = topics_.at(number);
  if (topic.phase != TopicPhase::held || topic.partitions == 0) return;
  const bool told = !topic.reason.empty();
  topic.phase = TopicPhase::open;
  topic.stalled = false;
  topic.crowded = false;
  topic.reason.clear();
  topic.check_at = now_ + options_.topic_refresh_interval;
  if (topic.lowest_given_up) {
    if (!lowest_dropped_ || *topic.lowest_given_up < *lowest_dropped_) {
      lowest_dropped_ = topic.lowest_given_up;
    }
    topic.lowest_given_up.reset();
  }
  // A read under way left out only the rows that it knew to lead here: what it brings may come
  // later.
  // Late commits among the rows left out are known to nobody: the next read starts from the first
  // row.
  ++generation_;
  rescan_next_ = true;
  read_at_ = now_;
  if (told) notice(NoticeKind::topic_open, topic.name);
}

void Core::give_up_waiting(int number) {
  rows_.for_each([&](RowTag tag, FlightRow& row) {
    if (row.topic != number || row.stage != RowStage::waiting) return;
    TopicState& topic = topics_.at(number);
    const RowId& id = rows_.id(row);
    if (!topic.lowest_given_up || id < *topic.lowest_given_up) topic.lowest_given_up = id;
    give_up(tag);
  });
}

}  // namespace outbox::relay
