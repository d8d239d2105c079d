// SPDX-License-Identifier: Apache-2.0
#include "relay/start.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include <outbox/error.hpp>

namespace outbox::relay {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds pause_between_tries{500};
constexpr std::chrono::milliseconds broker_try{5000};
constexpr std::chrono::milliseconds shortest_try{1000};

/// True where `stop` came first.
bool wait_or_stop(const std::stop_token& stop, std::chrono::milliseconds pause) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  return changed.wait_for(lock, stop, pause, [&] { return stop.stop_requested(); });
}

/// Throws Error(conflict) where the database's schema is older or newer than this program. One
/// without any of ours is the agreement's to tell.
void check_schema(store::Migrations& migrations) {
  int applied = 0;
  std::string missing;
  for (const store::MigrationView& migration : migrations.status()) {
    if (migration.applied_at) {
      ++applied;
    } else {
      missing += fmt::format("{}{:04} ({})", missing.empty() ? "" : ", ", migration.number,
                             migration.name);
    }
  }
  if (applied == 0 || missing.empty()) return;
  throw Error(
      ErrorKind::conflict,
      "the database's schema is older than this program: it lacks the migrations " + missing,
      "run `outboxd migrate` on it");
}

}  // namespace

void retry_until(Clock::time_point deadline, const std::stop_token& stop, Logger& logger,
                 const std::function<void()>& step) {
  for (bool told = false;;) {
    if (stop.stop_requested()) throw Error(ErrorKind::failed, "stopped before the start was done");
    try {
      return step();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unreachable || Clock::now() >= deadline) throw;
      if (!told) logger.warn("not there yet, trying again", {{"error", error.what()}});
      told = true;
    }
    wait_or_stop(stop, pause_between_tries);
  }
}

store::Agreed start(const store::Home& store, const broker::Home& broker,
                    const StartOptions& options, Logger& logger, const std::stop_token& stop) {
  const auto deadline = Clock::now() + options.timeout;
  retry_until(deadline, stop, logger, store.ping);
  logger.info("database answers");
  retry_until(deadline, stop, logger, [&] { check_schema(*store.migrations()); });
  store::Agreed agreed;
  retry_until(deadline, stop, logger, [&] { agreed = store.agreement()->agree(options.terms); });
  logger.info("outbox found", {{"outbox_id", to_string(agreed.outbox_id)},
                               {"slots", agreed.slots},
                               {"capture", options.terms.capture},
                               {"settle", options.terms.settle}});
  logger.info("connecting to the brokers", {{"servers", broker.bootstrap_servers}});
  broker::ClusterView cluster;
  retry_until(deadline, stop, logger, [&] {
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    cluster = broker.admin()->cluster(std::clamp(rest, shortest_try, broker_try));
  });
  logger.info("brokers answer",
              {{"cluster", cluster.cluster_id}, {"brokers", cluster.brokers.size()}});
  return agreed;
}

}  // namespace outbox::relay
