// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/shards.hpp"
#include "app/signals.hpp"
#include "app/wire.hpp"
#include "core/clock.hpp"
#include "jobs/kept_lock.hpp"

namespace outbox::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t count_max = 10'000'000;
constexpr std::chrono::seconds progress_interval{5};

struct Wanted {
  bool dry_run = false;
  bool json = false;
};

void require_kept_rows(const config::Settings& settings) {
  if (keeps_published_rows(settings)) return;
  throw Error(ErrorKind::configuration,
              "relay.settle is delete: published rows are not kept, so there are none to clean up",
              "the inbox, if cleanup.inbox-retention says so, is cleaned up by `outboxd relay`");
}

Json summary_json(const jobs::CleanupSummary& summary, const jobs::CleanupTerms& terms,
                  bool whole) {
  const std::string& archive = terms.request.archive_table;
  return {{"complete", whole},
          {archive.empty() ? "removed" : "archived", summary.rows},
          {"archive_table", archive.empty() ? Json() : Json(archive)},
          {"inbox_removed", summary.inbox_rows},
          {"partitions", Json{{"created", summary.created},
                              {"dropped", summary.dropped},
                              {"kept", summary.kept},
                              {"hindered", summary.hindered},
                              {"busy", summary.days_busy}}}};
}

void print_names(const char* what, const std::vector<std::string>& names) {
  if (!names.empty()) fmt::print("  {}: {}\n", what, fmt::join(names, ", "));
}

void print_summary(const config::Settings& settings, const jobs::CleanupSummary& summary,
                   const jobs::CleanupTerms& terms) {
  const std::string& archive = terms.request.archive_table;
  fmt::print("{}: {} rows {}\n", settings.outbox().table.table, summary.rows,
             archive.empty() ? "removed" : "moved to " + archive);
  if (terms.inbox_keep.count() > 0) {
    fmt::print("processed_events: {} rows removed\n", summary.inbox_rows);
  }
  print_names("partitions made", summary.created);
  print_names("partitions dropped", summary.dropped);
  print_names("partitions kept, not all of their rows are done with", summary.kept);
  print_names("partitions not made, the last one has rows", summary.hindered);
  if (summary.days_busy)
    fmt::print("  the table was in use: partitions are left to the next time\n");
}

Json preview(const config::Settings& settings, const store::Home& store, const Wanted& wanted) {
  const jobs::CleanupTerms terms = cleanup_terms(settings);
  const store::RetentionView view =
      store.retention()->preview(terms.request, terms.inbox_keep, count_max);
  const std::string& archive = terms.request.archive_table;
  if (wanted.json) {
    return {{"dry_run", true},
            {archive.empty() ? "would_remove" : "would_archive", view.rows},
            {"archive_table", archive.empty() ? Json() : Json(archive)},
            {"inbox_would_remove", view.inbox_rows},
            {"exact", view.exact},
            {"partitions", Json{{"would_drop", view.partitions}, {"kept", view.kept}}}};
  }
  const char* more = view.exact ? "" : " or more";
  fmt::print("{}: {}{} rows would be {}\n", settings.outbox().table.table, view.rows, more,
             archive.empty() ? "removed" : "moved to " + archive);
  if (terms.inbox_keep.count() > 0) {
    fmt::print("processed_events: {}{} rows would be removed\n", view.inbox_rows, more);
  }
  print_names("partitions that would be dropped", view.partitions);
  print_names("partitions kept, not all of their rows are done with", view.kept);
  return {};
}

std::unique_ptr<jobs::KeptLock> take_lock(const store::Home& store, Logger& logger) {
  auto lock = jobs::KeptLock::acquire(store.locks(),
                                      {.name = std::string("outbox_job:") + jobs::cleanup_job,
                                       .ttl = std::chrono::seconds(30),
                                       .timeout = std::chrono::milliseconds(0)},
                                      logger);
  if (lock == nullptr) {
    throw Error(ErrorKind::conflict, "another instance is cleaning up this outbox",
                "wait for its end, at most 30 s if it was killed");
  }
  return lock;
}

/// One database; its part of the JSON. `whole` becomes false where a signal came first.
Json clean(const config::Settings& settings, const Wanted& wanted, const std::stop_token& stop,
           Logger& logger, bool& whole) {
  require_kept_rows(settings);
  const store::Home store = make_whole_store(settings);
  if (wanted.dry_run) return preview(settings, store, wanted);
  const jobs::CleanupTerms terms = cleanup_terms(settings);
  const auto lock = take_lock(store, logger);
  std::stop_source ending;
  const auto request = [&] { ending.request_stop(); };
  const std::stop_callback at_the_end(stop, request);
  const std::stop_callback when_lost(lock->lost_token(), request);
  jobs::CleanupPace pace = cleanup_pace(settings);
  pace.after_error = std::chrono::seconds(1);
  pace.errors_max = 3;
  Moment next = BootClock::now() + progress_interval;
  pace.progress = [&](const jobs::CleanupSummary& so_far) {
    if (BootClock::now() < next) return;
    next = BootClock::now() + progress_interval;
    logger.info("cleaning up", {{"rows", so_far.rows}, {"inbox_rows", so_far.inbox_rows}});
  };
  const auto retention = store.retention();
  jobs::Cleanup cleanup(*retention, terms);
  const bool done = jobs::clean_up(cleanup, pace, logger, ending.get_token());
  if (!done && !stop.stop_requested()) {
    throw Error(ErrorKind::conflict, "the lock on cleaning up was lost",
                "run it again; what is done stays done");
  }
  whole = whole && done;
  if (wanted.json) return summary_json(cleanup.summary(), terms, done);
  print_summary(settings, cleanup.summary(), terms);
  if (!done) fmt::print("stopped before the end\n");
  return {};
}

/// Each shard by itself: what is wrong with one is told, and the others are done all the same.
int clean_shards(const std::vector<config::Settings>& stores, const Wanted& wanted,
                 const std::stop_token& stop, Logger& logger) {
  Json all = Json::array();
  int code = 0;
  bool whole = true;
  for (const config::Settings& settings : stores) {
    if (stop.stop_requested()) break;
    const std::string& name = settings.stores().front().name;
    Json one = {{"shard", name}};
    if (!wanted.json) fmt::print("shard {}\n", name);
    try {
      const Json part = clean(settings, wanted, stop, logger, whole);
      if (wanted.json) one.update(part);
    } catch (const Error& error) {
      logger.error("the shard was not cleaned up", {{"shard", name}, {"error", error.what()}});
      one["error"] = error.what();
      if (code == 0) code = exit_code(error.kind());
    }
    all.push_back(std::move(one));
  }
  if (wanted.json) fmt::print("{}\n", Json{{"shards", std::move(all)}}.dump());
  if (code != 0) return code;
  return whole && !stop.stop_requested() ? 0 : exit_partial;
}

}  // namespace

int command_cleanup(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  const std::vector<config::Settings> stores = chosen_stores(arguments, settings);
  StopSignals signals(settings.process().shutdown_timeout);
  Logger logger(log_level(settings), log_format(settings));
  const Wanted wanted{arguments.has("dry-run"),
                      settings.process().output == config::OutputFormat::json};
  if (settings.has_shards()) return clean_shards(stores, wanted, signals.token(), logger);
  bool whole = true;
  const Json shown = clean(stores.front(), wanted, signals.token(), logger, whole);
  if (wanted.json) fmt::print("{}\n", shown.dump());
  return whole ? 0 : exit_partial;
}

}  // namespace outbox::app
