// SPDX-License-Identifier: Apache-2.0
#include "relay/measuring.hpp"

#include <algorithm>
#include <chrono>

namespace outbox::relay {

namespace {

constexpr std::size_t topics_max = 1'000;
constexpr Duration look_interval = std::chrono::milliseconds{250};
constexpr RowTag entry_mask = 0xFFFF'FFFFU;

std::int64_t microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

}  // namespace

Measuring::Measuring(Relay::Counting& counting, std::string_view default_topic)
    : counting_(counting) {
  if (!default_topic.empty()) static_cast<void>(topic_named(default_topic));
}

void Measuring::event(const Event& event, Moment now) {
  if (const auto* delivered_rows = std::get_if<Delivered>(&event)) {
    delivered(delivered_rows->deliveries, now);
  } else if (const auto* done = std::get_if<TransactionDone>(&event)) {
    // What was acknowledged in a transaction that is not committed was not published.
    if (!done->failure) delivered(done->deliveries, now);
  } else if (const auto* read = std::get_if<RowsRead>(&event)) {
    ++counting_.reads;
    counting_.read_us.add(microseconds(now - read_at_));
    if (read->batch->rows.empty()) {
      ++counting_.empty_reads;
    } else {
      counting_.rows_per_read.add(static_cast<std::int64_t>(read->batch->rows.size()));
    }
  } else if (const auto* settled = std::get_if<SettleDone>(&event)) {
    if (const auto begun = settles_.extract(settled->settle_id); !begun.empty()) {
      counting_.settle_us.add(microseconds(now - begun.mapped()));
    }
    counting_.rows_per_settle.add(settled->result.rows_settled);
  } else if (const auto* failed = std::get_if<StoreFailed>(&event)) {
    if (failed->call == StoreCall::settle) settles_.erase(failed->id);
  } else if (const auto* acquired = std::get_if<SlotsAcquired>(&event)) {
    counting_.slots_acquired += acquired->slots.size();
  }
}

void Measuring::delivered(const std::vector<broker::Delivery>& deliveries, Moment now) {
  if (deliveries.empty()) return;
  const std::int64_t wall_now_us = wall_clock_us();
  HistogramBatch publish_us(counting_.publish_us);
  HistogramBatch end_to_end_us(counting_.end_to_end_us);
  Relay::Counting::Topic* topic = nullptr;
  std::uint64_t published = 0;
  const auto count_published = [&] {
    if (topic != nullptr) topic->published += published;
    published = 0;
  };
  bool any_acknowledged = false;
  for (const broker::Delivery& delivery : deliveries) {
    Sent* const row = sent(delivery.tag);
    if (row == nullptr) continue;
    if (delivery.status == broker::DeliveryStatus::acknowledged) {
      any_acknowledged = true;
      if (row->topic != topic) {
        count_published();
        topic = row->topic;
      }
      ++published;
      publish_us.add(microseconds(now - row->at));
      end_to_end_us.add(std::max<std::int64_t>(0, wall_now_us - row->occurred_at_us));
    } else if (delivery.status == broker::DeliveryStatus::refused) {
      ++counting_.failed;
      ++row->topic->failed;
    }
    row->topic = nullptr;  // A delivery that comes twice is not counted twice.
  }
  count_published();
  if (any_acknowledged) counting_.last_published_at_us = wall_now_us;
}

void Measuring::command(const Settle& settle, Moment now) {
  settles_[settle.settle_id] = now;
}

void Measuring::handed_over(const std::vector<OutgoingRow>& rows, Moment now) {
  std::string_view name;
  Relay::Counting::Topic* topic = nullptr;
  for (const OutgoingRow& row : rows) {
    // The core hands over partition by partition, so that the topic seldom changes.
    if (topic == nullptr || row.row->topic != name) {
      name = row.row->topic;
      topic = &topic_named(name);
    }
    const auto entry = static_cast<std::size_t>(row.tag & entry_mask);
    if (entry >= sent_.size()) sent_.resize(std::max(entry + 1, sent_.size() * 2));
    sent_[entry] = {row.tag, now, row.row->row->occurred_at_us, topic};
  }
}

Measuring::Sent* Measuring::sent(RowTag tag) {
  const auto entry = static_cast<std::size_t>(tag & entry_mask);
  if (entry >= sent_.size() || sent_[entry].tag != tag) return nullptr;
  return sent_[entry].topic == nullptr ? nullptr : &sent_[entry];
}

void Measuring::command(const Notice& notice) {
  const std::string_view topic = notice.topic.empty() ? "none" : std::string_view(notice.topic);
  if (notice.kind == NoticeKind::row_retried) {
    ++topic_named(topic).retried;
  } else if (notice.kind == NoticeKind::row_dead) {
    ++topic_named(topic).dead_lettered;
  } else if (notice.kind == NoticeKind::slot_released) {
    ++counting_.slots_released;
  }
}

void Measuring::look_at(Core& core, Moment now) {
  if (now - looked_at_ < look_interval) return;
  looked_at_ = now;
  CoreView view = core.view();
  const std::lock_guard lock(counting_.mutex);
  counting_.gauges = {view.slots_held, view.rows_in_flight, view.bytes_in_flight, view.blocked_keys,
                      std::move(view.held_topics)};
}

Relay::Counting::Topic& Measuring::topic_named(std::string_view name) {
  // Only this thread adds topics, so that it finds them without the lock.
  auto& topics = counting_.topics;
  const auto found = topics.find(name);
  if (found != topics.end()) return found->second;
  if (topics.size() >= topics_max) name = "other";
  const std::lock_guard lock(counting_.mutex);
  return topics.try_emplace(std::string(name)).first->second;
}

}  // namespace outbox::relay
