// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/shards.hpp"
#include "app/wire.hpp"

namespace outbox::app {

namespace {

nlohmann::ordered_json to_json(const std::vector<store::MigrationView>& migrations) {
  auto list = nlohmann::ordered_json::array();
  for (const store::MigrationView& migration : migrations) {
    nlohmann::ordered_json one = {{"number", migration.number}, {"name", migration.name}};
    one["applied_at"] = migration.applied_at ? nlohmann::ordered_json(*migration.applied_at)
                                             : nlohmann::ordered_json();
    list.push_back(std::move(one));
  }
  return list;
}

void print_status(const std::vector<store::MigrationView>& migrations) {
  for (const store::MigrationView& migration : migrations) {
    fmt::print("{:04}  {:<32}  {}\n", migration.number, migration.name,
               migration.applied_at ? "applied " + *migration.applied_at : "missing");
  }
}

void print_sql(const std::vector<store::MigrationView>& migrations) {
  for (const store::MigrationView& migration : migrations) {
    if (migration.applied_at) continue;
    fmt::print("-- {:04}_{}\n{}\n", migration.number, migration.name, migration.sql);
  }
}

struct Wanted {
  bool status = false;
  bool dry_run = false;
  bool json = false;
};

/// What belongs to the outbox and is no numbered migration: the archive, and the days. Returns what
/// was made, or with `dry_run` its SQL.
std::vector<std::string> make_the_rest(const config::Settings& settings, const store::Home& store,
                                       bool dry_run) {
  std::vector<std::string> made;
  const std::string& archive = settings.cleanup().archive_table;
  if (archive.empty() && !settings.outbox().daily_partitions) return made;
  const auto retention = store.retention();
  if (!archive.empty()) {
    const std::string sql = retention->make_archive(archive, dry_run);
    if (!sql.empty()) made.push_back(dry_run ? sql + ";" : "archive " + archive);
  }
  if (dry_run || !settings.outbox().daily_partitions) return made;
  const store::PartitionChanges changes =
      retention->keep_partitions({}, settings.cleanup().partitions_ahead);
  for (const std::string& day : changes.created)
    made.push_back("partition " + day);
  return made;
}

/// The outbox may not be there yet; then what belongs to it cannot be shown.
void print_the_rest(const config::Settings& settings, const store::Home& store) {
  try {
    for (const std::string& sql : make_the_rest(settings, store, true))
      fmt::print("-- cleanup.archive-table\n{}\n", sql);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
  }
}

/// One database; its part of the JSON that is printed.
nlohmann::ordered_json migrate(const config::Settings& settings, const Wanted& wanted,
                               Logger& logger) {
  const std::vector<std::string> relays = settings.relay_names();
  const store::Home store =
      make_store(settings, relays.empty() ? "default" : relays.front(), "migrate");
  try {
    relay::retry_until(std::chrono::steady_clock::now() + settings.process().start_timeout, {},
                       logger, store.ping);
  } catch (const Error& error) {
    // SQLite's file is not there yet: applying makes it.
    if (error.kind() != ErrorKind::not_found) throw;
  }
  const auto migrations = store.migrations();
  if (wanted.dry_run) {
    print_sql(migrations->status());
    print_the_rest(settings, store);
    return {};
  }
  const auto shown = wanted.status ? migrations->status() : migrations->apply();
  const auto made =
      wanted.status ? std::vector<std::string>() : make_the_rest(settings, store, false);
  if (wanted.json) return to_json(shown);
  print_status(shown);
  for (const std::string& one : made)
    fmt::print("made {}\n", one);
  if (!wanted.status) {
    fmt::print("{}\n", shown.empty() ? "nothing to do: every migration is applied"
                                     : fmt::format("{} applied", shown.size()));
  }
  return {};
}

/// Each shard by itself: what is wrong with one is told, and the others are done all the same.
int migrate_shards(const std::vector<config::Settings>& stores, const Wanted& wanted,
                   Logger& logger) {
  auto all = nlohmann::ordered_json::array();
  int code = 0;
  for (const config::Settings& settings : stores) {
    const std::string& name = settings.stores().front().name;
    nlohmann::ordered_json one = {{"shard", name}};
    if (!wanted.json) fmt::print("{}shard {}\n", wanted.dry_run ? "-- " : "", name);
    try {
      one["migrations"] = migrate(settings, wanted, logger);
    } catch (const Error& error) {
      logger.error("the shard was not migrated", {{"shard", name}, {"error", error.what()}});
      one["error"] = error.what();
      if (code == 0) code = exit_code(error.kind());
    }
    all.push_back(std::move(one));
  }
  if (wanted.json) fmt::print("{}\n", all.dump());
  return code;
}

}  // namespace

int command_migrate(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  const std::vector<config::Settings> stores = chosen_stores(arguments, settings);
  Logger logger(log_level(settings), log_format(settings));
  const Wanted wanted{arguments.has("status"), arguments.has("dry-run"),
                      settings.process().output == config::OutputFormat::json};
  if (settings.has_shards()) return migrate_shards(stores, wanted, logger);
  const nlohmann::ordered_json shown = migrate(stores.front(), wanted, logger);
  if (wanted.json && !wanted.dry_run) fmt::print("{}\n", shown.dump());
  return 0;
}

}  // namespace outbox::app
