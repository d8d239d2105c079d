// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <outbox/error.hpp>

#include "integration/sqlite/scratch.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;

class SqliteMigrations : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<store::Migrations> migrations(const std::string& table = {}) const {
    store::HomeOptions options;
    options.url = folder_.file();
    options.slots = 16;
    if (!table.empty()) options.table.table = table;
    return store::sqlite::make_home(options).migrations();
  }

  ScratchFolder folder_;
};

TEST_F(SqliteMigrations, make_the_file_once_and_change_nothing_the_second_time) {
  const auto before = migrations()->status();
  ASSERT_FALSE(before.empty());
  EXPECT_FALSE(before.front().applied_at.has_value());
  EXPECT_FALSE(std::filesystem::exists(folder_.file())) << "looking must not make the file";

  EXPECT_EQ(migrations()->apply().size(), before.size());
  EXPECT_TRUE(migrations()->apply().empty());
  EXPECT_TRUE(migrations()->status().back().applied_at.has_value());
  Client client(folder_.file());
  EXPECT_EQ(client.value("SELECT value FROM outboxd_meta WHERE name = 'slots'"), "16");
}

TEST_F(SqliteMigrations, refuse_a_file_whose_applied_migration_has_another_checksum) {
  migrations()->apply();
  Client(folder_.file()).run("UPDATE outboxd_migrations SET checksum = 'x' WHERE number = 2");
  EXPECT_THROW((void)migrations()->status(), Error);
  EXPECT_THROW(migrations()->apply(), Error);
}

TEST_F(SqliteMigrations, refuse_a_file_of_a_newer_program) {
  migrations()->apply();
  Client(folder_.file())
      .run(
          "INSERT INTO outboxd_migrations (outbox_table, number, name, checksum, applied_at) "
          "VALUES ('outbox_events', 9999, 'later', 'x', 'then')");
  try {
    migrations()->apply();
    FAIL() << "an older program changed a newer schema";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::conflict);
    EXPECT_THAT(error.what(), HasSubstr("9999"));
  }
}

TEST_F(SqliteMigrations, take_a_table_name_with_quotes_in_it_beside_the_usual_one) {
  migrations()->apply();
  migrations("odd \"name's")->apply();
  Client client(folder_.file());
  EXPECT_EQ(client.value("SELECT count(*) FROM \"odd \"\"name's\""), "0");
  EXPECT_EQ(client.value("SELECT count(*) FROM outboxd_meta WHERE name = 'outbox_id'"), "2");
}

}  // namespace
}  // namespace outbox::testing
