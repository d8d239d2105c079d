// SPDX-License-Identifier: Apache-2.0
#include "app/store_relays.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "app/wire.hpp"
#include "jobs/job_runner.hpp"

namespace outbox::app {

namespace {

constexpr std::chrono::seconds first_look{5};
constexpr std::chrono::seconds next_look{60};
constexpr std::chrono::milliseconds first_pause{1000};
constexpr std::chrono::milliseconds longest_pause{30'000};
// So that the shards of a cluster do not all begin in one moment.
constexpr std::chrono::milliseconds cleanup_jitter_max{30'000};

/// True where `stop` came first.
bool wait_or_stop(const std::stop_token& stop, std::chrono::milliseconds pause) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  return changed.wait_for(lock, stop, pause, [&] { return stop.stop_requested(); });
}

std::string words_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

StoreRelays::StoreRelays(const config::Settings& settings, config::StoreSettings store,
                         StoreEvents events, InstanceBoard& board)
    : settings_(settings),
      store_(std::move(store)),
      events_(std::move(events)),
      board_(board),
      logger_(log_level(settings), log_format(settings)) {
  if (settings.has_shards()) logger_.add_to_all("shard", store_.name);
  const int needed = connections_of_relay * static_cast<int>(settings.relay_names().size()) + 1 +
                     (has_cleanup() ? connections_of_cleanup : 0);
  if (store_.max_connections > 0 && needed > store_.max_connections) {
    throw Error(ErrorKind::configuration,
                fmt::format("shards.{}.max-connections is {}, and its relays and the look after "
                            "them need {}",
                            store_.name, store_.max_connections, needed),
                "raise it, or let fewer named relays work on this shard");
  }
}

StoreRelays::~StoreRelays() {
  stop_.request_stop();
}

void StoreRelays::start() {
  for (const std::string& relay : settings_.relay_names())
    threads_.emplace_back([this, relay] { keep_relaying(relay); });
  threads_.emplace_back([this] { look_for_untaken_types(); });
  if (has_cleanup()) threads_.emplace_back([this] { keep_clean(); });
}

void StoreRelays::keep_relaying(const std::string& relay) {
  const std::stop_token stop = stop_.get_token();
  bool first = true;
  for (std::chrono::milliseconds pause = first_pause; !stop.stop_requested(); first = false) {
    std::exception_ptr failure;
    try {
      return relay_until_stopped(settings_.relay(relay));
    } catch (...) {  // Thread entry: told to whoever runs the shards.
      failure = std::current_exception();
    }
    if (stop.stop_requested() || !events_.down(failure, first)) return;
    logger_.error("the shard is down, trying again",
                  {{"relay", relay}, {"pause_ms", pause.count()}, {"error", words_of(failure)}});
    wait_or_stop(stop, pause);
    pause = std::min(pause * 2, longest_pause);
  }
}

void StoreRelays::relay_until_stopped(const config::RelaySettings& relay) {
  const std::stop_token stop = stop_.get_token();
  const std::string member = make_member_name();
  const store::Home store = make_store(settings_, relay.name, member);
  const broker::Home broker = make_broker(settings_);
  const relay::StartOptions start{terms_of(relay), settings_.process().start_timeout};
  const store::Agreed agreed = relay::start(store, broker, start, logger_, stop);
  events_.agreed(agreed.outbox_id);
  relay::Relay running(store, broker, relay_options(settings_, relay, agreed), logger_);
  const auto place =
      board_.enter(InstanceBoard::RelayNames{store_.name, relay.name, member}, running);
  events_.up();
  logger_.info("producer started", {{"delivery", start.terms.delivery}});
  logger_.info("publisher started", {{"id", member},
                                     {"relay", relay.name},
                                     {"interval_ms", relay.polling_interval.count()},
                                     {"batch_size", relay.batch_size}});
  const relay::RelayCounters counters = running.run(stop);
  logger_.info("publisher stopped", {{"id", member},
                                     {"acknowledged", counters.acknowledged},
                                     {"settled", counters.settled},
                                     {"retried", counters.retried},
                                     {"dead_lettered", counters.dead_lettered}});
}

/// Rows that no relay takes wait for ever: said soon after the start, then every minute.
void StoreRelays::look_for_untaken_types() {
  for (const std::string& name : settings_.relay_names()) {
    if (settings_.relay(name).aggregate_types.empty()) return;
  }
  const std::stop_token stop = stop_.get_token();
  std::unique_ptr<store::Backlog> backlog;
  for (auto pause = first_look; !wait_or_stop(stop, pause); pause = next_look) {
    try {
      if (backlog == nullptr) backlog = make_whole_store(settings_).backlog();
      const std::string types = types_without_relay(settings_, *backlog);
      if (types.empty()) continue;
      logger_.warn(
          "no relay takes these events, they wait: name their types in "
          "relays.NAME.aggregate-types",
          {{"types", types}});
    } catch (const std::exception& error) {
      logger_.debug("the events that no relay takes were not counted", {{"error", error.what()}});
    }
  }
}

/// Days are made ahead even where nothing is to be removed.
bool StoreRelays::has_cleanup() const {
  if (settings_.outbox().daily_partitions) return true;
  return settings_.cleanup().enabled &&
         (keeps_published_rows(settings_) || settings_.cleanup().inbox_retention.count() > 0);
}

/// One of all instances cleans up at each multiple of the interval: the schedule is the database's.
void StoreRelays::keep_clean() {
  try {
    clean_until_stopped();
  } catch (const std::exception& error) {
    // A store that cannot be opened at all; the relays end with the same, or are tried again.
    logger_.error("nothing is cleaned up here", {{"error", error.what()}});
  }
}

void StoreRelays::clean_until_stopped() {
  const store::Home home = make_whole_store(settings_);
  const std::chrono::milliseconds interval = settings_.cleanup().interval;
  jobs::CleanupTerms terms = cleanup_terms(settings_);
  if (!settings_.cleanup().enabled) {
    terms.clears_published = false;
    terms.inbox_keep = {};
  }
  board_.expect_cleanup(store_.name);
  jobs::JobTerms job;
  job.name = jobs::cleanup_job;
  job.schedule.next_after = [interval](jobs::DatabaseTime after) {
    return jobs::next_multiple(after, interval);
  };
  job.jitter = std::min(interval / 10, cleanup_jitter_max);
  job.work = [&](const jobs::Run& run) {
    const auto retention = home.retention();
    jobs::Cleanup cleanup(*retention, terms);
    bool whole = false;
    try {
      whole = jobs::clean_up(cleanup, cleanup_pace(settings_), logger_, run.stop);
    } catch (const std::exception&) {
      board_.note_cleanup(store_.name, cleanup.summary(), true);
      throw;
    }
    const jobs::CleanupSummary& summary = cleanup.summary();
    board_.note_cleanup(store_.name, summary, false);
    logger_.info(whole ? "cleaned up" : "cleaning up was stopped",
                 {{"rows", summary.rows},
                  {"archive", terms.request.archive_table},
                  {"inbox_rows", summary.inbox_rows},
                  {"partitions_created", summary.created.size()},
                  {"partitions_dropped", summary.dropped.size()},
                  {"partitions_kept", summary.kept.size()}});
  };
  jobs::JobRunner(std::move(job), home.schedules, home.locks, logger_).run(stop_.get_token());
}

}  // namespace outbox::app
