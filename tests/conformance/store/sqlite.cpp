// SPDX-License-Identifier: Apache-2.0
//
// A file of a case's own. SQLite lets one writer in at a time, so that OpenWriterConformance does
// not fit, and has no row locks.
#include <fmt/format.h>

#include "conformance/store/operators_mapped.hpp"
#include "integration/sqlite/scratch.hpp"
#include "store/sqlite/home.hpp"

namespace outbox::testing {
namespace {

class SqliteUnderTest final : public StoreUnderTest {
 public:
  SqliteUnderTest() {
    open(options()).migrations()->apply();
    client_.emplace(folder_.file());
  }

  store::HomeOptions options() override {
    store::HomeOptions options;
    options.url = folder_.file();
    return options;
  }

  store::Home open(const store::HomeOptions& options) override {
    return store::sqlite::make_home(options);
  }

  std::optional<RowFacts> row(const std::string& id) override {
    const auto value = [&](const std::string& expression) {
      return client_->value(
          fmt::format("SELECT {} FROM outbox_events WHERE id = {}", expression, id));
    };
    if (client_->run("SELECT 1 FROM outbox_events WHERE id = " + id).empty()) return std::nullopt;
    RowFacts facts;
    facts.status = value("status");
    facts.retry_count = std::stoi(value("retry_count"));
    facts.error_message = value("coalesce(error_message, '')");
    facts.locked_by = value("coalesce(locked_by, '')");
    facts.has_locked_at = value("locked_at IS NOT NULL") == "1";
    facts.has_published_at = value("published_at IS NOT NULL") == "1";
    const std::string wait = value(
        "CAST(round((julianday(next_attempt_at) - julianday('now')) * 86400000.0) AS INTEGER)");
    if (wait != "NULL") facts.next_attempt_in = std::chrono::milliseconds(std::stoll(wait));
    return facts;
  }

  void pass_time(std::chrono::milliseconds duration) override {
    client_->run(fmt::format(
        "UPDATE outboxd_slots SET expires_at = expires_at - {0};"
        "UPDATE outboxd_members SET expires_at = expires_at - {0}, "
        "heartbeat_at = heartbeat_at - {0};"
        "UPDATE outboxd_keys SET blocked_until = blocked_until - {0};"
        "UPDATE outboxd_locks SET expires_at = expires_at - {0};"
        "UPDATE outbox_events SET next_attempt_at = "
        "strftime('%Y-%m-%dT%H:%M:%fZ', julianday(next_attempt_at) - {0} / 86400000000.0)",
        std::chrono::microseconds(duration).count()));
  }

  void execute(const std::string& sql) override { client_->run(sql); }

  std::optional<std::string> value(const std::string& sql) override {
    const auto rows = client_->run(sql);
    return rows.empty() || rows.front() == "NULL" ? std::nullopt : std::optional(rows.front());
  }

  void forge_checksum(int number) override {
    client_->run(
        fmt::format("UPDATE outboxd_migrations SET checksum = 'forged' WHERE number = {}", number));
  }

  void enter_unknown_migration(int number) override {
    client_->run(fmt::format(
        "INSERT INTO outboxd_migrations (outbox_table, number, name, checksum, applied_at) "
        "VALUES ('outbox_events', {}, 'from_the_future', 'x', 'then')",
        number));
  }

 private:
  ScratchFolder folder_;
  std::optional<Client> client_;
};

const MakeStore make_sqlite = [] { return std::make_unique<SqliteUnderTest>(); };

INSTANTIATE_TEST_SUITE_P(sqlite, StoreConformance, ::testing::Values(make_sqlite));
INSTANTIATE_TEST_SUITE_P(sqlite, OperatorsMapped, ::testing::Values(make_sqlite));

}  // namespace
}  // namespace outbox::testing
