// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
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

}  // namespace

int command_migrate(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  const bool json = settings.process().output == config::OutputFormat::json;
  const std::vector<std::string> relays = settings.relay_names();
  const store::Home store =
      make_store(settings, relays.empty() ? "default" : relays.front(), "migrate");
  Logger logger(log_level(settings), log_format(settings));
  try {
    relay::retry_until(std::chrono::steady_clock::now() + settings.process().start_timeout, {},
                       logger, store.ping);
  } catch (const Error& error) {
    // SQLite's file is not there yet: applying makes it.
    if (error.kind() != ErrorKind::not_found) throw;
  }
  const auto migrations = store.migrations();
  if (arguments.has("status")) {
    const auto status = migrations->status();
    if (json) {
      fmt::print("{}\n", to_json(status).dump());
    } else {
      print_status(status);
    }
    return 0;
  }
  if (arguments.has("dry-run")) {
    print_sql(migrations->status());
    return 0;
  }
  const auto applied = migrations->apply();
  if (json) {
    fmt::print("{}\n", to_json(applied).dump());
    return 0;
  }
  print_status(applied);
  fmt::print("{}\n", applied.empty() ? "nothing to do: every migration is applied"
                                     : fmt::format("{} applied", applied.size()));
  return 0;
}

}  // namespace outbox::app
