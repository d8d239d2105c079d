// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

namespace outbox::testing {

/// The servers that tools/services started for this run. A test makes a database or schema and
/// topics of its own in them and takes nothing for granted about what else is there.
struct Services {
  std::string postgres_url;  ///< superuser outboxd, trusted, database postgres
  /// mariadb://outboxd:…@127.0.0.1:port/, all rights, no database; empty where it was not started.
  std::string mariadb_url;
  std::string redis_url;            ///< redis://127.0.0.1:port; empty where it was not started
  std::string kafka;                ///< bootstrap address, plaintext, may do everything
  std::string kafka_sasl;           ///< bootstrap address that asks for a login
  std::string kafka_sasl_password;  ///< of both users, outboxd and limited, PLAIN and SCRAM
  std::string kafka_version;        ///< 4.2.0 unless the run asked for another
};

/// Reads the file that `tools/services up` wrote. ctest passes its path in OUTBOXD_SERVICES_ENV;
/// a test program run by hand needs the same.
/// @throws std::runtime_error telling how to start the servers.
inline Services services() {
  static constexpr const char* remedy =
      "; run ./dev services up and set OUTBOXD_SERVICES_ENV to the path that it prints";
  const char* const path = std::getenv("OUTBOXD_SERVICES_ENV");
  if (path == nullptr) {
    throw std::runtime_error(std::string("OUTBOXD_SERVICES_ENV is not set") + remedy);
  }
  std::ifstream file(path);
  std::map<std::string, std::string> values;
  for (std::string line; std::getline(file, line);) {
    const auto equals = line.find('=');
    if (equals != std::string::npos) {
      values[line.substr(0, equals)] = line.substr(equals + 1);
    }
  }
  const auto value = [&](const char* name) {
    const auto found = values.find(name);
    if (found == values.end()) {
      throw std::runtime_error(std::string(name) + " is not in " + path + remedy);
    }
    return found->second;
  };
  return Services{.postgres_url = value("OUTBOXD_TEST_POSTGRES"),
                  .mariadb_url = values["OUTBOXD_TEST_MARIADB"],
                  .redis_url = values["OUTBOXD_TEST_REDIS"],
                  .kafka = value("OUTBOXD_TEST_KAFKA"),
                  .kafka_sasl = value("OUTBOXD_TEST_KAFKA_SASL"),
                  .kafka_sasl_password = "outboxd-secret",
                  .kafka_version = value("OUTBOXD_TEST_KAFKA_VERSION")};
}

}  // namespace outbox::testing
