// SPDX-License-Identifier: Apache-2.0
//
// Hand-over, acknowledgement and refusal (design, protocol 5 and 6).
#include <algorithm>
#include <string>
#include <utility>

#include "relay/core.hpp"

namespace outbox::relay {

namespace {

constexpr Duration reopen_first = std::chrono::milliseconds{250};
constexpr Duration reopen_max = std::chrono::seconds{30};
constexpr Duration idle_key_max = std::chrono::seconds{60};
constexpr Duration stuck_window_max = std::chrono::seconds{1};
// Brokers forget a producer that is idle for long (producer.id.expiration.ms, a day by default) and
// then take any sequence of it, as at the first message.
constexpr Duration sure_of_producer_max = std::chrono::seconds{60};
constexpr std::size_t lane_share = 8;  ///< Of the window that one partition may fill.

}  // namespace

void Core::on(const Delivered& event) {
  Handle* handle = event.handle == main_.id ? &main_ : &isolated_;
  if (!handle->open || handle->id != event.handle) return;
  bool broken = event.fatal.has_value();
  bool refused = false;
  std::string reason = event.fatal ? event.fatal->reason : std::string();
  for (const broker::Delivery& delivery : event.deliveries) {
    FlightRow* row = rows_.find(delivery.tag);
    if (row == nullptr || row->stage != RowStage::sent) continue;
    if (delivery.status == broker::DeliveryStatus::acknowledged) {
      handle->failures_in_row = 0;
      acknowledged(delivery.tag, *row);
      continue;
    }
    broken = true;
    if (reason.empty()) reason = delivery.failure.reason;
    if (delivery.status != broker::DeliveryStatus::refused) continue;
    refused = true;
    if (handle->isolated) {
      refused_in_isolation(delivery.tag, delivery.failure);
    } else {
      refused_on_main(*row, delivery.failure);
    }
  }
  // Refused keys and topics wait by themselves; a handle that fails without a refusal waits here.
  if (refused) handle->failures_in_row = 0;
  if (broken) restart(*handle, reason);
}

void Core::acknowledged(RowTag tag, FlightRow& row) {
  row.stage = RowStage::acknowledged;
  slots_.at(row.slot).transactions.failures_in_row = 0;
  brokers_heard_ = now_;
  desk_.published(tag);
  TopicState& topic = topics_.at(row.topic);
  if (row.isolated) {
    isolated_sent_ = 0;
    const OutboxRow& source = *rows_.prepared(row).row;
    KeyTrouble* trouble = keys_.find(source.key);
    if (trouble != nullptr && trouble->stored && trouble->head == source.id) {
      trouble->stored = false;
      trouble->attempts = 0;
      desk_.key({std::string(source.key), topic.name, row.slot, 0, {}, source.id, {}});
    }
  } else if (!options_.transactional) {
    Lane& lane = topic.lanes[static_cast<std::size_t>(row.partition)];
    --lane.sent_rows;
    lane.sent_bytes -= rows_.prepared(row).wire_bytes;
    lane.acknowledged = true;
    lane.last_progress = now_;
    --topic.sent_rows;
  }
  topic.failures_in_row = 0;
  if (topic.stalled) reopen(row.topic);
}

void Core::on(const NotHandedOver& event) {
  Handle* handle = event.handle == main_.id ? &main_ : &isolated_;
  if (!handle->open || handle->id != event.handle) return;
  for (const RowTag tag : event.rows) {
    FlightRow* row = rows_.find(tag);
    if (row == nullptr || row->stage != RowStage::sent) continue;
    if (row->isolated) {
      isolated_sent_ = 0;
    } else {
      TopicState& topic = topics_.at(row->topic);
      Lane& lane = topic.lanes[static_cast<std::size_t>(row->partition)];
      --lane.sent_rows;
      lane.sent_bytes -= rows_.prepared(*row).wire_bytes;
      --topic.sent_rows;
    }
    give_up(tag);
  }
  // What waits behind them must not overtake them: all of it is read again.
  rows_.for_each([&](RowTag tag, FlightRow& row) {
    if (row.stage == RowStage::waiting && row.isolated == handle->isolated) give_up(tag);
  });
}

void Core::refused_on_main(const FlightRow& row, const Failure& failure) {
  switch (failure.kind) {
    case FailureKind::retry_connection:
      break;
    case FailureKind::hold_topic:
      hold(row.topic, failure.reason);
      break;
    // A whole batch is refused for one message in it: each key is tried alone before anything
    // counts.
    case FailureKind::retry_event:
    case FailureKind::dead_letter:
      suspect(row, failure.reason);
      break;
  }
}

void Core::suspect(const FlightRow& row, const std::string& reason) {
  const OutboxRow& source = *rows_.prepared(row).row;
  if (keys_.find(source.key) == nullptr && keys_.count() >= options_.blocked_keys_max) {
    hold(row.topic, "too many of its keys wait for a refused event (relay.max-blocked-keys)");
    topics_.at(row.topic).crowded = true;
    return;
  }
  KeyTrouble& trouble = keys_.enter(source.key, row.slot, now_);
  if (!trouble.head_done) return;
  trouble.topic = topics_.at(row.topic).name;
  trouble.head = source.id;
  trouble.head_done = false;
  trouble.attempts = 0;
  trouble.reason = reason;
}

void Core::refused_in_isolation(RowTag tag, const Failure& failure) {
  isolated_sent_ = 0;
  FlightRow& row = *rows_.find(tag);
  if (failure.kind == FailureKind::hold_topic) {
    hold(row.topic, failure.reason);
    return;
  }
  if (failure.kind == FailureKind::retry_connection) return;
  const OutboxRow& source = *rows_.prepared(row).row;
  KeyTrouble& trouble = keys_.enter(source.key, row.slot, now_);
  // Another row of the key may have been the head until now: a replay, which comes before it.
  const int of_head = trouble.head == source.id ? trouble.attempts : 0;
  const int attempts = std::max(of_head, source.retry_count) + 1;
  const int attempts_max = source.max_retries.value_or(options_.max_attempts);
  if (failure.kind == FailureKind::dead_letter || attempts >= attempts_max) {
    dead_letter_in_hand(tag, failure.reason);
  } else {
    trouble.attempts = attempts;
    retry_later(tag, trouble, failure.reason);
  }
}

void Core::retry_later(RowTag tag, KeyTrouble& trouble, const std::string& reason) {
  FlightRow& row = *rows_.find(tag);
  const OutboxRow& source = *rows_.prepared(row).row;
  const std::chrono::milliseconds delay = options_.backoff.delay(trouble.attempts, random());
  row.stage = RowStage::changing;
  trouble.topic = topics_.at(row.topic).name;
  trouble.head = source.id;
  trouble.head_done = false;
  trouble.stored = true;
  trouble.blocked_until = now_ + delay;
  trouble.reason = reason;
  ++trouble.retries_pending;
  rows_dropped(source.id);
  desk_.change({tag, store::RowOutcome::retry, reason, delay, 1});
  desk_.key({std::string(source.key), trouble.topic, row.slot, trouble.attempts, delay, source.id,
             reason});
  say(Notice{NoticeKind::row_retried, "row " + to_string(source.id),
             reason + "; attempt " + std::to_string(trouble.attempts) + ", again in " +
                 std::to_string(delay.count()) + " ms",
             trouble.topic});
}

void Core::restart(Handle& handle, const std::string& reason) {
  if (handle.open) say(DropHandle{handle.id});
  handle.open = false;
  ++handle.failures_in_row;
  const int doublings = std::clamp(handle.failures_in_row - 2, 0, 10);
  const Duration pause = std::min(reopen_first * (1 << doublings), reopen_max);
  handle.open_at = handle.failures_in_row <= 1 ? now_ : now_ + pause;
  // Whether what was in flight stands in the log is not known: it is read and sent again.
  rows_.for_each([&](RowTag tag, FlightRow& row) {
    const bool of_handle = row.isolated == handle.isolated;
    // What waits goes too, or it would overtake what was sent.
    if (of_handle && (row.stage == RowStage::sent || row.stage == RowStage::waiting)) give_up(tag);
  });
  if (handle.isolated) {
    isolated_sent_ = 0;
  } else {
    topics_.reset_lanes();
  }
  // The lease is verified before anything is read again.
  verified_after_ = now_;
  heartbeat_at_ = now_;
  read_at_ = std::max(read_at_, handle.open_at);
  notice(NoticeKind::handle_restarted, handle.isolated ? "isolated" : "main", reason);
}

void Core::pump() {
  if (main_.open) {
    Publish publish;
    publish.handle = main_.id;
    pump_lanes(publish);
    if (!publish.rows.empty()) say(std::move(publish));
  }
  if (isolated_.open && isolated_sent_ == 0) pump_isolated();
}

void Core::pump_lanes(Publish& publish) {
  for (const LaneName& name : topics_.take_busy()) {
    if (hand_over_lane(name, publish)) topics_.put_back(name);
  }
}

bool Core::hand_over_lane(LaneName name, Publish& publish) {
  TopicState& topic = topics_.at(name.topic);
  Lane& lane = topic.lanes[static_cast<std::size_t>(name.partition)];
  const std::size_t rows_max = std::max<std::size_t>(1, options_.in_flight_rows_max / lane_share);
  const std::size_t bytes_max = options_.in_flight_bytes_max / lane_share;
  if (lane.sent_rows == 0 && now_ - lane.last_progress > sure_of_producer_max) {
    lane.acknowledged = false;
  }
  while (!lane.waiting.empty()) {
    const RowTag tag = lane.waiting.front();
    FlightRow* row = rows_.find(tag);
    if (row == nullptr || row->stage != RowStage::waiting) {
      lane.waiting.pop_front();
      continue;
    }
    const bool unsure = !lane.acknowledged && options_.safety.one_in_flight_until_acknowledged;
    if (lane.sent_rows > 0 &&
        (unsure || lane.sent_rows >= rows_max || lane.sent_bytes >= bytes_max)) {
      return true;
    }
    if (!slots_.may_send(row->slot, now_)) return true;
    lane.waiting.pop_front();
    if (lane.sent_rows == 0) lane.last_progress = now_;
    ++lane.sent_rows;
    lane.sent_bytes += rows_.prepared(*row).wire_bytes;
    ++topic.sent_rows;
    add_outgoing(publish, tag, *row);
  }
  return false;
}

void Core::pump_isolated() {
  std::size_t taken = 0;
  for (const RowTag tag : isolated_waiting_) {
    FlightRow* row = rows_.find(tag);
    if (row == nullptr || row->stage != RowStage::waiting || !row->isolated) {
      ++taken;
      continue;
    }
    if (!slots_.may_send(row->slot, now_) || !topics_.at(row->topic).open_for(true)) break;
    Publish publish;
    publish.handle = isolated_.id;
    ++taken;
    isolated_sent_ = tag;
    isolated_sent_at_ = now_;
    add_outgoing(publish, tag, *row);
    say(std::move(publish));
    break;
  }
  isolated_waiting_.erase(isolated_waiting_.begin(),
                          isolated_waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
}

void Core::add_outgoing(Publish& publish, RowTag tag, FlightRow& row) {
  SlotState& slot = slots_.at(row.slot);
  if (publish.rows.empty() || slot.deadline < publish.deadline) publish.deadline = slot.deadline;
  row.stage = RowStage::sent;
  publish.rows.push_back(
      {tag, &rows_.prepared(row), &rows_.batch(row), row.partition, slot.lease.epoch});
  if (!options_.safety.settle_after_acknowledgement) desk_.published(tag);
}

void Core::check_stalls() {
  bool stuck = false;
  topics_.for_each([&](int number, TopicState& topic) {
    bool stalled = false;
    for (const Lane& lane : topic.lanes) {
      if (lane.sent_rows == 0 || now_ - lane.last_progress < options_.stall_after) continue;
      stalled = true;
    }
    stuck = stuck || stalled;
    if (!stalled || topic.phase != TopicPhase::open) return;
    hold(number, "no acknowledgement for " + std::to_string(options_.stall_after.count()) +
                     " ms: no leader, too few in-sync replicas, or the brokers are away");
    topic.stalled = true;
  });
  // What waits for ever must not keep the window from other topics. Where no broker answers there
  // are none that could go on, and a restart would only double what is in flight.
  const bool brokers_answer = now_ - brokers_heard_ < options_.stall_after;
  if (main_.open && stuck && brokers_answer && !room_to_read() &&
      now_ - last_settled_ >= stuck_window_max) {
    restart(main_, "messages that are not acknowledged fill the window");
  }
  if (isolated_sent_ != 0 && now_ - isolated_sent_at_ >= options_.stall_after) {
    if (const FlightRow* row = rows_.find(isolated_sent_)) {
      const int topic = row->topic;
      const TopicState& state = topics_.at(topic);
      if (state.phase == TopicPhase::open || state.crowded)
        hold(topic, "no acknowledgement on the second handle");
      topics_.at(topic).stalled = true;
    }
    restart(isolated_, "a message of a key with a refused event is not acknowledged");
  }
}

void Core::free_keys() {
  std::vector<std::string> clean;
  keys_.for_each([&](const std::string& key, KeyTrouble& trouble) {
    const bool idle = !trouble.blocked(now_) && trouble.isolated_rows == 0 &&
                      now_ - std::max(trouble.touched, trouble.blocked_until) > idle_key_max;
    if (trouble.may_be_freed(now_) || idle) clean.push_back(key);
  });
  std::sort(clean.begin(), clean.end());
  for (const std::string& key : clean) {
    keys_.find(key)->head_done = true;
    free_key_if_clean(key);
  }
}

void Core::free_key_if_clean(const std::string& key) {
  KeyTrouble* trouble = keys_.find(key);
  if (trouble == nullptr || !trouble->may_be_freed(now_)) return;
  if (trouble->stored) desk_.key({key, trouble->topic, trouble->slot, 0, {}, trouble->head, {}});
  keys_.erase(key);
  rescan_next_ = true;  // Its rows were left out unseen.
  read_at_ = std::min(read_at_, now_);
  notice(NoticeKind::key_free, key);
}

}  // namespace outbox::relay
