// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "app/commands.hpp"
#include "app/roles.hpp"
#include "app/wire.hpp"

namespace outbox::app {

namespace {

constexpr std::chrono::seconds first_look{5};
constexpr std::chrono::seconds next_look{60};

/// The relays of one process, a thread each, and the consumers where it runs all roles; the first
/// that fails stops the others.
class Roles {
 public:
  Roles(const config::Settings& settings, StopSignals& signals, Logger& logger)
      : settings_(settings), signals_(signals), logger_(logger) {}

  void run(bool relays, bool consumers) {
    {
      std::vector<std::jthread> threads;
      if (consumers) {
        threads.emplace_back([this] {
          carry_over(
              [&] { consume_until_stopped(settings_, settings_.consumers(), signals_, logger_); });
        });
      }
      if (relays) start_relays(threads);
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void start_relays(std::vector<std::jthread>& threads) {
    threads.emplace_back([this] { look_for_untaken_types(); });
    for (const std::string& name : settings_.relay_names()) {
      threads.emplace_back(
          [this, name] { carry_over([&] { relay_until_stopped(settings_.relay(name)); }); });
    }
  }

  /// Rows that no relay takes wait for ever: said soon after the start, then every minute.
  void look_for_untaken_types() {
    for (const std::string& name : settings_.relay_names()) {
      if (settings_.relay(name).aggregate_types.empty()) return;
    }
    const auto backlog = make_whole_store(settings_).backlog();
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    const std::stop_token stop = signals_.token();
    for (auto pause = first_look;
         !changed.wait_for(lock, stop, pause, [&] { return stop.stop_requested(); });
         pause = next_look) {
      try {
        const std::string types = types_without_relay(settings_, *backlog);
        if (types.empty()) continue;
        logger_.warn(
            "no relay takes these events, they wait: name their types in "
            "relays.NAME.aggregate-types",
            {{"types", types}});
      } catch (const Error& error) {
        logger_.debug("the events that no relay takes were not counted", {{"error", error.what()}});
      }
    }
  }

  template <class Role>
  void carry_over(const Role& role) {
    try {
      role();
    } catch (...) {  // Thread entry: carried over to the main thread.
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      signals_.fail();
    }
  }

  void relay_until_stopped(const config::RelaySettings& relay) {
    const std::string member = make_member_name();
    const store::Home store = make_store(settings_, relay.name, member);
    const broker::Home broker = make_broker(settings_);
    const relay::StartOptions start{terms_of(relay), settings_.process().start_timeout};
    const store::Agreed agreed = relay::start(store, broker, start, logger_, signals_.token());
    relay::Relay running(store, broker, relay_options(settings_, relay, agreed), logger_);
    logger_.info("producer started", {{"delivery", "idempotent"}});
    logger_.info("publisher started", {{"id", member},
                                       {"relay", relay.name},
                                       {"interval_ms", relay.polling_interval.count()},
                                       {"batch_size", relay.batch_size}});
    const relay::RelayCounters counters = running.run(signals_.token());
    logger_.info("publisher stopped", {{"id", member},
                                       {"read", counters.read},
                                       {"acknowledged", counters.acknowledged},
                                       {"settled", counters.settled},
                                       {"retried", counters.retried},
                                       {"dead_lettered", counters.dead_lettered}});
  }

  const config::Settings& settings_;
  StopSignals& signals_;
  Logger& logger_;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

int command_relay(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  StopSignals signals(settings.process().shutdown_timeout);
  Logger logger(log_level(settings), log_format(settings));
  const LibraryVersions versions = library_versions();
  logger.info("outboxd starts", {{"version", OUTBOX_VERSION},
                                 {"librdkafka", versions.librdkafka},
                                 {"database", settings.database().shown},
                                 {"table", settings.outbox().table.table}});
  require_libraries();
  for (const std::string& warning : settings.warnings())
    logger.warn(warning);
  const bool relays = settings.outbox().enabled && !settings.relay_names().empty();
  const bool consumers = arguments.command->name == "run" && !settings.consumers().empty();
  if (!relays) logger.info("nothing to relay: outbox.enabled or relay.enabled is false");
  if (!relays && !consumers) return 0;
  try {
    Roles(settings, signals, logger).run(relays, consumers);
  } catch (const Error&) {
    // Stopping before the start was done is no failure.
    if (signals.token().stop_requested() && !signals.failed()) return 0;
    throw;
  }
  return 0;
}

}  // namespace outbox::app
