// SPDX-License-Identifier: Apache-2.0
#include "admin/alert_sender.hpp"

#include <exception>
#include <utility>

#include "core/backoff.hpp"

namespace outbox::admin {
namespace {

constexpr Backoff sending_backoff{Backoff::Kind::exponential, std::chrono::milliseconds{1'000},
                                  std::chrono::milliseconds{60'000}, 0};

}  // namespace

AlertSender::AlertSender(std::string name, Send send, Outcome outcome, Logger& logger)
    : name_(std::move(name)),
      send_(std::move(send)),
      outcome_(std::move(outcome)),
      logger_(logger),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void AlertSender::send(MessageKind kind, std::string body) {
  {
    const std::lock_guard lock(mutex_);
    order_ = Order{++orders_, kind, std::move(body)};
  }
  changed_.notify_all();
}

void AlertSender::drop() {
  {
    const std::lock_guard lock(mutex_);
    order_.reset();
  }
  changed_.notify_all();
}

void AlertSender::wait_until(Moment deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, deadline - BootClock::now(), [this] { return has_ended_; });
  is_over_ = true;
}

void AlertSender::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  int attempt = 0;
  while (changed_.wait(lock, stop, [this] { return order_.has_value(); })) {
    const bool is_last = stop.stop_requested();
    if (is_over_) break;
    const Order order = *order_;
    lock.unlock();
    const std::string error = try_once(order);
    lock.lock();
    const auto is_replaced = [&] { return !order_ || order_->number != order.number; };
    attempt = error.empty() || is_replaced() ? 0 : attempt + 1;
    if (error.empty() && !is_replaced()) order_.reset();
    if (is_last) break;
    if (attempt == 0) continue;
    logger_.warn("an alert was not taken, it is sent again",
                 {{"alert", name_}, {"error", error}, {"attempt", attempt}});
    changed_.wait_for(lock, stop, sending_backoff.delay(attempt, 0), is_replaced);
  }
  if (order_) {
    logger_.error("an alert was not taken before the end",
                  {{"alert", name_}, {"message", order_->body}});
  }
  has_ended_ = true;
  changed_.notify_all();
}

std::string AlertSender::try_once(const Order& order) const {
  try {
    send_(order.body);
  } catch (const std::exception& error) {
    outcome_.refused(error.what());
    return *error.what() == '\0' ? "it failed" : error.what();
  }
  outcome_.taken(order.kind);
  return {};
}

}  // namespace outbox::admin
