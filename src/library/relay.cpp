// SPDX-License-Identifier: Apache-2.0
#include <outbox/relay.hpp>

#include <mutex>
#include <outbox/error.hpp>
#include <outbox/uuid.hpp>
#include <utility>

#include "core/log.hpp"
#include "library/connections.hpp"
#include "relay/relay.hpp"
#include "relay/start.hpp"

namespace outbox {

class Relay::Parts {
 public:
  explicit Parts(RelayOptions given)
      : options(std::move(given)),
        place(library::find_database(options.database_url, "RelayOptions::database_url")),
        broker(library::make_broker(options.kafka)),
        log(library::log_level_of(options.log_level, "RelayOptions::log_level")) {
    require(!options.default_topic.empty(), "default_topic is empty");
    require(options.polling_interval.count() >= 1, "polling_interval is below 1 ms");
    require(options.max_attempts >= 1, "max_attempts is below 1");
  }

  static void require(bool holds, const std::string& what) {
    if (!holds) throw Error(ErrorKind::configuration, "RelayOptions::" + what);
  }

  void run(const std::stop_token& stop) {
    store::HomeOptions store_options;
    store_options.member_name = "publisher-" + to_string(random_uuid()).substr(0, 8);
    const store::Home store = library::make_store(place, store_options);
    relay::StartOptions start;
    start.terms.relay_name = store_options.relay_name;
    start.terms.capture = "lease";
    start.terms.settle = "mark";
    start.timeout = options.start_timeout;
    relay::RelayOptions made;
    made.prepare.outbox_id = relay::start(store, broker, start, log, stop).outbox_id;
    made.prepare.default_topic = options.default_topic;
    made.core.polling_interval = options.polling_interval;
    made.core.max_attempts = options.max_attempts;
    made.core.random_seed = random_uuid().bytes[0];
    const auto next = std::make_shared<relay::Relay>(store, broker, made, log);
    {
      const std::lock_guard lock(mutex);
      relaying = next;
    }
    next->run(stop);
  }

  const RelayOptions options;
  const library::DatabasePlace place;
  const broker::Home broker;
  Logger log;
  std::mutex mutex;
  std::shared_ptr<relay::Relay> relaying;  ///< Of the last run.
};

Relay::Relay(RelayOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}

Relay::~Relay() = default;

void Relay::run(std::stop_token stop) {
  try {
    parts_->run(stop);
  } catch (const Error&) {
    // Stopping before the start was done is no failure.
    if (!stop.stop_requested()) throw;
  }
}

RelayCounters Relay::counters() const {
  const std::lock_guard lock(parts_->mutex);
  if (parts_->relaying == nullptr) return {};
  const relay::RelayCounters now = parts_->relaying->counters();
  return {static_cast<std::int64_t>(now.acknowledged), static_cast<std::int64_t>(now.settled),
          static_cast<std::int64_t>(now.retried), static_cast<std::int64_t>(now.dead_lettered)};
}

}  // namespace outbox
