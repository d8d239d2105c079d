// SPDX-License-Identifier: Apache-2.0
#include "relay/handle_runner.hpp"

#include <utility>

namespace outbox::relay {

namespace {

constexpr std::chrono::milliseconds poll_timeout{1000};
constexpr std::size_t rows_between_clock_reads = 32;

}  // namespace

HandleRunner::HandleRunner(HandleId id, std::unique_ptr<broker::Producer> producer,
                           DeliverySink sink, Logger& logger)
    : id_(id), producer_(std::move(producer)), sink_(std::move(sink)), logger_(logger) {
  poller_ = std::jthread([this](const std::stop_token& stop) { take_deliveries(stop); });
}

HandleRunner::~HandleRunner() {
  poller_.request_stop();
  producer_->wake();
  poller_.join();
}

void HandleRunner::take_deliveries(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    broker::Poll poll = producer_->poll(poll_timeout);
    for (const std::string& notice : poll.notices)
      logger_.warn(notice);
    if (poll.deliveries.empty() && !poll.fatal) continue;
    if (stop.stop_requested()) return;
    const bool over = poll.fatal.has_value();
    if (!sink_({id_, std::move(poll.deliveries), std::move(poll.fatal)}) || over) return;
  }
}

void HandleRunner::publish(const Publish& publish, std::vector<Event>& events) {
  std::size_t at = 0;
  for (; at < publish.rows.size(); ++at) {
    if (at % rows_between_clock_reads == 0 && BootClock::now() >= publish.deadline) break;
    if (!hand_over(publish.rows[at], events)) break;
  }
  if (at == publish.rows.size()) return;
  NotHandedOver left{id_, {}};
  for (; at < publish.rows.size(); ++at)
    left.rows.push_back(publish.rows[at].tag);
  events.emplace_back(std::move(left));
}

bool HandleRunner::hand_over(const OutgoingRow& row, std::vector<Event>& events) {
  switch (producer_->produce(outgoing_.message(row))) {
    case broker::Handover::accepted:
      return true;
    case broker::Handover::refused: {
      broker::Delivery refused;
      refused.tag = row.tag;
      refused.status = broker::DeliveryStatus::refused;
      refused.failure = producer_->refusal();
      events.emplace_back(Delivered{id_, {std::move(refused)}, std::nullopt});
      return false;
    }
    // The window is smaller than the handle's queue, so a full one is rare; the rows are read
    // again.
    case broker::Handover::queue_full:
    case broker::Handover::fatal:
      return false;
  }
  return false;
}

Retirement::Retirement()
    : worker_([this] {
        while (auto runner = queue_.pop())
          runner->reset();
      }) {}

Retirement::~Retirement() {
  queue_.close();
}

void Retirement::retire(std::shared_ptr<void> runner) {
  queue_.push(std::move(runner));
}

}  // namespace outbox::relay
