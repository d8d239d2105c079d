// SPDX-License-Identifier: Apache-2.0
#include "relay/core.hpp"

#include <algorithm>
#include <utility>

namespace outbox::relay {

namespace {

constexpr Duration check_interval = std::chrono::milliseconds{100};
constexpr Duration store_retry_interval = std::chrono::milliseconds{250};
constexpr Duration far_away = std::chrono::hours{24};

}  // namespace

Core::Core(const CoreOptions& options)
    : options_(options),
      lease_ttl_(options.lease_ttl),
      // A tenth of the time to live for clocks that run at different speeds and for being
      // scheduled.
      lease_margin_(options.lease_ttl / 10),
      slots_(options.transactional),
      random_(options.random_seed) {
  main_.isolated = false;
  isolated_.isolated = true;
}

void Core::step(const Event& event, Moment now, std::vector<Command>& commands) {
  if (finished_) return;
  now_ = std::max(now_, now);
  out_ = &commands;
  wake_at_ = now_ + far_away;
  if (!joined_ && !joining_ && !stopping_) {
    joining_ = true;
    say(Join{});
  }
  std::visit([this](const auto& what) { on(what); }, event);
  if (now_ >= check_at_) {
    check_at_ = now_ + check_interval;
    check_stalls();
    topic_timers();
    free_keys();
  }
  wake_by(check_at_);
  lease_timers();
  finish_drains();
  if (options_.transactional) {
    fence_slots();
    pump_transactions();
  } else {
    open_handles();
    pump();
  }
  settle_when_due();
  read_when_due();
  stop_when_drained();
  out_ = nullptr;
}

void Core::on(const Joined&) {
  joining_ = false;
  joined_ = true;
  heartbeat_at_ = now_;
}

void Core::on(const StoreFailed& event) {
  switch (event.call) {
    case StoreCall::join:
      joining_ = false;
      break;
    case StoreCall::heartbeat:
      heartbeat_under_way_ = false;
      heartbeat_at_ = now_ + store_retry_interval;
      break;
    case StoreCall::acquire:
      acquire_under_way_ = false;
      break;
    // The slots were given up here; where the store does not know, their leases run out.
    case StoreCall::release:
      release_under_way_ = false;
      break;
    case StoreCall::read:
      read_under_way_ = false;
      // The store may have answered before the failure: what it answered is in no hand.
      rescan_next_ = true;
      read_at_ = now_ + store_retry_interval;
      break;
    case StoreCall::settle:
      // A row that somebody locks looks like a store that is away, but then no heartbeat gets
      // through.
      desk_.failed(event.id, now_, event.passing && now_ - heard_of_store_ > lease_ttl_ / 2);
      break;
    case StoreCall::adopt:
      topics_.for_each([&](int, TopicState& topic) {
        if (topic.phase == TopicPhase::adopting) {
          topic.phase = TopicPhase::held;
          topic.check_at = now_ + store_retry_interval;
        }
      });
      break;
  }
}

void Core::on(const StopRequested&) {
  if (stopping_) return;
  stopping_ = true;
  stop_deadline_ = now_ + options_.drain_timeout;
  ++generation_;
  rows_.for_each([&](RowTag tag, FlightRow& row) {
    if (row.stage == RowStage::waiting) give_up(tag);
  });
}

void Core::stop_when_drained() {
  if (!stopping_) return;
  const bool late = now_ >= stop_deadline_;
  const bool reads_pending = read_under_way_ && options_.rows_are_claimed;
  const bool drained = rows_.count() == 0 && desk_.idle() && !reads_pending;
  if (!drained && !late) {
    wake_by(stop_deadline_);
    return;
  }
  if (!drained) {
    notice(NoticeKind::drain_cut_short, std::to_string(rows_.count()),
           "rows were still in flight when the time to stop was over; they stay unsettled");
  }
  for (Handle* handle : {&main_, &isolated_}) {
    if (handle->open) say(DropHandle{handle->id});
    handle->open = false;
  }
  for (const store::SlotLease& lease : slots_.owned())
    drop_slot_handle(lease.slot);
  say(Leave{});
  finished_ = true;
}

void Core::open_handles() {
  if (stopping_) return;
  for (Handle* handle : {&main_, &isolated_}) {
    // The second handle is opened for the first key in trouble.
    if (handle->open || (handle->isolated && keys_.empty())) continue;
    if (now_ < handle->open_at) {
      wake_by(handle->open_at);
      continue;
    }
    handle->id = ++last_handle_;
    handle->open = true;
    say(OpenHandle{handle->id, handle->isolated});
  }
}

double Core::random() {
  return std::uniform_real_distribution<double>(0.0, 1.0)(random_);
}

void Core::rows_dropped(const RowId& id) {
  if (options_.safety.reread_after_drop) ++generation_;
  lower_dropped(id);
}

void Core::lower_dropped(const RowId& id) {
  if (!lowest_dropped_ || id < *lowest_dropped_) lowest_dropped_ = id;
}

CoreView Core::view() {
  CoreView view;
  view.slots_held = slots_.count_held();
  view.rows_in_flight = rows_.count();
  view.bytes_in_flight = rows_.bytes();
  view.blocked_keys = keys_.blocked(now_).size();
  topics_.for_each([&](int, TopicState& topic) {
    if (topic.phase == TopicPhase::held) view.held_topics.push_back(topic.name);
  });
  return view;
}

}  // namespace outbox::relay
