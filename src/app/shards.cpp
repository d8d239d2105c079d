// SPDX-License-Identifier: Apache-2.0
#include "app/shards.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace outbox::app {
namespace {

std::vector<std::string> names_of(const config::Settings& settings) {
  std::vector<std::string> names;
  for (const config::StoreSettings& store : settings.stores())
    names.push_back(store.name);
  return names;
}

}  // namespace

std::vector<config::Settings> chosen_stores(const Arguments& arguments,
                                            const config::Settings& settings) {
  const std::vector<std::string> known = names_of(settings);
  if (known.empty()) {
    throw Error(ErrorKind::configuration, "no database is set, or every shard is inactive",
                "set DATABASE_CONN, OUTBOXD_DATABASE_URL or --database.url, or a shard's url");
  }
  const std::vector<std::string> wanted = arguments.values("shard");
  for (const std::string& name : wanted) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw Error(ErrorKind::usage, fmt::format("--shard: there is no active shard '{}'", name),
                fmt::format("they are: {}", fmt::join(known, ", ")));
  }
  std::vector<config::Settings> chosen;
  for (const config::StoreSettings& store : settings.stores()) {
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), store.name) != wanted.end()) {
      chosen.push_back(settings.for_store(store));
    }
  }
  return chosen;
}

config::Settings chosen_store(const Arguments& arguments, const config::Settings& settings) {
  std::vector<config::Settings> chosen = chosen_stores(arguments, settings);
  if (chosen.size() == 1) return std::move(chosen.front());
  throw Error(ErrorKind::usage, "there are several databases, and this works on one",
              fmt::format("name it by --shard: {}", fmt::join(names_of(settings), ", ")));
}

}  // namespace outbox::app
