// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/cli.hpp"

namespace outbox::app {

std::string version_text(const LibraryVersions& versions) {
  return fmt::format("outboxd {}\nlibrdkafka {}\nlibpq {}\nlibmariadb {}\nsqlite {}\n",
                     OUTBOX_VERSION, versions.librdkafka, versions.libpq, versions.libmariadb,
                     versions.sqlite);
}

std::string version_json(const LibraryVersions& versions) {
  const nlohmann::ordered_json json = {{"outboxd", OUTBOX_VERSION},
                                       {"librdkafka", versions.librdkafka},
                                       {"libpq", versions.libpq},
                                       {"libmariadb", versions.libmariadb},
                                       {"sqlite", versions.sqlite}};
  return json.dump() + "\n";
}

int command_version(const Arguments& arguments, const LibraryVersions& versions) {
  // A broken configuration must not keep anyone from seeing the version, so only the flag is asked.
  bool json = false;
  for (const auto& [name, value] : arguments.flags) {
    if (name == "output") json = value == "json";
  }
  const std::string text = json ? version_json(versions) : version_text(versions);
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace outbox::app
