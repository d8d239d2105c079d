// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>

#include "admin/controls.hpp"
#include "app/commands.hpp"
#include "app/operating.hpp"
#include "app/shards.hpp"
#include "app/signals.hpp"
#include "app/store_cleanup.hpp"
#include "app/wire.hpp"
#include "core/clock.hpp"

namespace outbox::app {

namespace {

using admin::Json;

constexpr std::chrono::seconds progress_interval{5};

struct Wanted {
  bool dry_run = false;
  bool json = false;
  std::string reason;
  admin::Actor actor;
};

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

void print_preview(const config::Settings& settings, const store::RetentionView& view) {
  const jobs::CleanupTerms terms = cleanup_terms(settings);
  const std::string& archive = terms.request.archive_table;
  const char* more = view.exact ? "" : " or more";
  fmt::print("{}: {}{} rows would be {}\n", settings.outbox().table.table, view.rows, more,
             archive.empty() ? "removed" : "moved to " + archive);
  if (terms.inbox_keep.count() > 0) {
    fmt::print("processed_events: {}{} rows would be removed\n", view.inbox_rows, more);
  }
  print_names("partitions that would be dropped", view.partitions);
  print_names("partitions kept, not all of their rows are done with", view.kept);
}

/// One database; its part of the JSON. `whole` becomes false where a signal came first.
Json clean(const config::Settings& settings, const Wanted& wanted, const std::stop_token& stop,
           Logger& logger, bool& whole) {
  if (wanted.dry_run) {
    const store::RetentionView view = preview_cleanup(settings);
    if (wanted.json) return preview_json(settings, view);
    print_preview(settings, view);
    return {};
  }
  Moment next = BootClock::now() + progress_interval;
  const auto progress = [&](const jobs::CleanupSummary& so_far) {
    if (BootClock::now() < next) return;
    next = BootClock::now() + progress_interval;
    logger.info("cleaning up", {{"rows", so_far.rows}, {"inbox_rows", so_far.inbox_rows}});
  };
  const auto controls = make_whole_store(settings).controls();
  store::AuditEntry entry;
  entry.action = "cleanup";
  entry.target = settings.outbox().table.table;
  entry.reason = wanted.reason;
  const CleanupOutcome outcome = admin::noted(*controls, wanted.actor, entry, [&] {
    return clean_store(settings, logger, stop, progress);
  });
  entry.action = "cleaned-up";
  admin::note(*controls, wanted.actor, std::move(entry), cleanup_json(settings, outcome));
  whole = whole && outcome.whole;
  if (wanted.json) return cleanup_json(settings, outcome);
  print_summary(settings, outcome.summary, cleanup_terms(settings));
  if (!outcome.whole) fmt::print("stopped before the end\n");
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
                      settings.process().output == config::OutputFormat::json, reason_of(arguments),
                      actor_of(arguments)};
  if (settings.has_shards()) return clean_shards(stores, wanted, signals.token(), logger);
  bool whole = true;
  const Json shown = clean(stores.front(), wanted, signals.token(), logger, whole);
  if (wanted.json) fmt::print("{}\n", shown.dump());
  return whole ? 0 : exit_partial;
}

}  // namespace outbox::app
