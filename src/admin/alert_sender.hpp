// SPDX-License-Identifier: Apache-2.0
//
// Sends the newest message of one channel of one rule, again and again until it is taken or no
// longer so; a newer one takes its place.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "admin/alert_states.hpp"
#include "core/log.hpp"

namespace outbox::admin {

/// Thread-safety: any thread.
class AlertSender {
 public:
  /// Throws std::exception where the message was not taken.
  using Send = std::function<void(const std::string& body)>;
  /// Called on the thread that sends.
  struct Outcome {
    std::function<void(MessageKind kind)> taken;
    std::function<void(const std::string& error)> refused;
  };

  /// `name` is for the log. Borrows `logger`.
  AlertSender(std::string name, Send send, Outcome outcome, Logger& logger);
  /// As request_stop(), and waits for what is being sent.
  ~AlertSender() = default;
  AlertSender(const AlertSender&) = delete;
  AlertSender& operator=(const AlertSender&) = delete;

  void send(MessageKind kind, std::string body);
  /// Forgets what waits.
  void drop();

  /// What waits is tried at once, a last time.
  void request_stop() { thread_.request_stop(); }
  /// Until all is done after request_stop(); nothing is tried any more after the deadline.
  void wait_until(Moment deadline);

 private:
  struct Order {
    std::uint64_t number = 0;
    MessageKind kind = MessageKind::firing;
    std::string body;
  };

  void run(const std::stop_token& stop);
  /// Its error; empty: it was taken.
  [[nodiscard]] std::string try_once(const Order& order) const;

  const std::string name_;
  const Send send_;
  const Outcome outcome_;
  Logger& logger_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Order> order_;
  std::uint64_t orders_ = 0;
  bool has_ended_ = false;
  bool is_over_ = false;  ///< The time for the last attempt.
  std::jthread thread_;
};

}  // namespace outbox::admin
