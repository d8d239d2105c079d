// SPDX-License-Identifier: Apache-2.0
//
// The programs of examples/publish_*, each run against a database of its own.
#include <gmock/gmock.h>

#include <array>
#include <cstdio>

#include "integration/library/stores.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;

/// What the program wrote on a line; each word is quoted for the shell.
std::string line_of(const std::string& program, const std::vector<std::string>& words) {
  std::string command = program;
  for (const std::string& word : words)
    command += " '" + word + "'";
  const std::unique_ptr<FILE, decltype(&pclose)> said(popen(command.c_str(), "r"), &pclose);
  std::array<char, 256> line{};
  if (fgets(line.data(), line.size(), said.get()) == nullptr) return "";
  const std::string text = line.data();
  return text.substr(0, text.find('\n'));
}

TEST(PublishExamples, libpq_writes_the_event_whose_id_it_says) {
  PostgresStore store;
  const std::string id = line_of(OUTBOX_EXAMPLE_LIBPQ, {store.url()});
  EXPECT_THAT(store.column("event_id"), ElementsAre(id));
}

TEST(PublishExamples, pqxx_writes_the_event_whose_id_it_says) {
  PostgresStore store;
  const std::string id = line_of(OUTBOX_EXAMPLE_PQXX, {store.url()});
  EXPECT_THAT(store.column("event_id"), ElementsAre(id));
}

TEST(PublishExamples, sqlite_writes_the_event_whose_id_it_says) {
  SqliteStore store;
  const std::string id = line_of(OUTBOX_EXAMPLE_SQLITE, {store.file()});
  EXPECT_THAT(store.column("event_id"), ElementsAre(id));
}

TEST(PublishExamples, mariadb_writes_the_event_whose_id_it_says) {
  MariadbStore store;
  const store::mariadb::Address& address = store.database().address();
  const std::string id =
      line_of(OUTBOX_EXAMPLE_MARIADB, {address.host, std::to_string(address.port), address.user,
                                       address.password, address.database});
  EXPECT_THAT(store.column("event_id"), ElementsAre(id));
}

TEST(PublishExamples, soci_writes_the_event_whose_id_it_says_on_each_backend) {
  PostgresStore postgres;
  const std::string first = line_of(OUTBOX_EXAMPLE_SOCI, {"postgresql", postgres.url()});
  EXPECT_THAT(postgres.column("event_id"), ElementsAre(first));
  SqliteStore sqlite;
  const std::string second = line_of(OUTBOX_EXAMPLE_SOCI, {"sqlite3", "db=" + sqlite.file()});
  EXPECT_THAT(sqlite.column("event_id"), ElementsAre(second));
  MariadbStore mariadb;
  const store::mariadb::Address& address = mariadb.database().address();
  const std::string third = line_of(
      OUTBOX_EXAMPLE_SOCI, {"mysql", "db=" + address.database + " host=" + address.host + " port=" +
                                         std::to_string(address.port) + " user=" + address.user +
                                         " password=" + address.password + " charset=utf8mb4"});
  EXPECT_THAT(mariadb.column("event_id"), ElementsAre(third));
}

}  // namespace
}  // namespace outbox::testing
