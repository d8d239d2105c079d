// SPDX-License-Identifier: Apache-2.0
//
// What the tests of handlers share: events in an outbox, and what became of them.
#pragma once

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <outbox/handlers.hpp>

#include "integration/jobs/on_store.hpp"

namespace outbox::testing {

class OnHandlers : public OnStore {
 protected:
  /// Quick, so that a test need not wait: retries at once, a lock that a dead one leaves soon.
  [[nodiscard]] HandlersOptions options() const {
    HandlersOptions options;
    options.database_url = own_->url();
    options.handler_timeout = 10s;
    options.lock_ttl = 2s;
    options.polling_interval = 20ms;
    options.pause_after_error = 200ms;
    options.retry_initial = 0ms;
    options.retry_max = 0ms;
    options.log_level = "error";
    return options;
  }

  void write(const std::string& aggregate_type, const std::string& aggregate_id,
             const std::string& event_type, const std::string& payload = "{}") {
    Event event;
    event.aggregate_type = aggregate_type;
    event.aggregate_id = aggregate_id;
    event.event_type = event_type;
    event.payload.bytes = payload;
    database_->transaction([&](Transaction& transaction) { transaction.publish(event); });
  }

  std::string status_of(const std::string& aggregate_id) {
    return value("SELECT min(status) FROM outbox_events WHERE aggregate_id = '" + aggregate_id +
                 "'");
  }

  std::string retries_of(const std::string& aggregate_id) {
    return value("SELECT max(retry_count) FROM outbox_events WHERE aggregate_id = '" +
                 aggregate_id + "'");
  }

  std::string count_with(const std::string& status) {
    return value("SELECT count(*) FROM outbox_events WHERE status = '" + status + "'");
  }
};

/// What handlers saw, in order.
class Seen {
 public:
  void add(std::string what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::move(what));
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  [[nodiscard]] std::size_t count(const std::string& what) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count(all_.begin(), all_.end(), what));
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

inline std::string key_and_payload(const ReceivedEvent& event) {
  return std::string(event.aggregate_id) + std::string(event.payload.value_or("-"));
}

}  // namespace outbox::testing
