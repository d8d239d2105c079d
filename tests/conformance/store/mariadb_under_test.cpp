// SPDX-License-Identifier: Apache-2.0
#include "conformance/store/mariadb_under_test.hpp"

#include <outbox/uuid.hpp>

#include <fmt/format.h>

#include "store/mariadb/home.hpp"
#include "store/mariadb/literal.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

constexpr std::string_view doing = "a test";

std::string new_name() {
  std::string name = "case_" + to_string(random_uuid());
  std::erase(name, '-');
  return name;
}

std::string server_url() {
  const std::string url = services().mariadb_url;
  if (url.empty()) {
    throw std::runtime_error("no MariaDB was started; run ./dev services up mariadb");
  }
  return url;
}

// With a session of its own that has the usual settings of a client.
class MariadbWriter final : public OpenWriter {
 public:
  explicit MariadbWriter(const std::string& url)
      : connection_({.url = url, .role = "test writer", .database = {}}),
        transaction_(connection_) {}

  void insert(const std::string& key) override {
    connection_.run(
        doing,
        fmt::format("INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
                    "VALUES ('order', {}, 'ORDER_PAID', '{{}}')",
                    store::mariadb::quote_text(key)));
  }
  void commit() override { transaction_.commit(); }

 private:
  store::mariadb::Connection connection_;
  store::mariadb::Transaction transaction_;
};

}  // namespace

MariadbDatabase::MariadbDatabase()
    : name_(new_name()), connection_({.url = server_url(), .role = "test", .database = {}}) {
  execute("CREATE DATABASE " + name_);
  execute("USE " + name_);
}

MariadbDatabase::~MariadbDatabase() {
  try {
    execute("DROP DATABASE " + name_);
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
}

std::string MariadbDatabase::url() const {
  return server_url() + name_;
}

void MariadbDatabase::execute(const std::string& sql) {
  connection_.run(doing, sql);
}

std::optional<std::string> MariadbDatabase::value(const std::string& sql) {
  store::mariadb::Result result = connection_.run(doing, sql);
  if (!result.next() || result.is_null(0)) return std::nullopt;
  return result.text(0);
}

MariadbUnderTest::MariadbUnderTest() {
  open(options()).migrations()->apply();
}

store::HomeOptions MariadbUnderTest::options() {
  store::HomeOptions options;
  options.url = database_.url();
  return options;
}

store::Home MariadbUnderTest::open(const store::HomeOptions& options) {
  return store::mariadb::make_home(options);
}

std::optional<RowFacts> MariadbUnderTest::row(const std::string& id) {
  store::mariadb::Result found = database_.connection().run(
      doing, fmt::format("SELECT status, retry_count, error_message, locked_by, "
                         "locked_at IS NOT NULL, published_at IS NOT NULL, "
                         "timestampdiff(MICROSECOND, utc_timestamp(6), next_attempt_at) DIV 1000 "
                         "FROM outbox_events WHERE id = {}",
                         id));
  if (!found.next()) return std::nullopt;
  RowFacts facts{.status = found.text(0),
                 .retry_count = found.integer(1),
                 .error_message = found.text(2),
                 .locked_by = found.text(3),
                 .has_locked_at = found.integer(4) != 0,
                 .has_published_at = found.integer(5) != 0,
                 .next_attempt_in = std::nullopt};
  if (!found.is_null(6)) facts.next_attempt_in = std::chrono::milliseconds(found.number(6));
  return facts;
}

void MariadbUnderTest::pass_time(std::chrono::milliseconds duration) {
  const std::string before =
      fmt::format(" - INTERVAL {} MICROSECOND", std::chrono::microseconds(duration).count());
  const auto earlier = [&](const std::string& table, const std::string& column) {
    execute(fmt::format("UPDATE {0} SET {1} = {1}{2}", table, column, before));
  };
  earlier("outboxd_slots", "expires_at");
  earlier("outboxd_members", "expires_at");
  earlier("outboxd_members", "heartbeat_at");
  earlier("outboxd_keys", "blocked_until");
  earlier("outboxd_locks", "expires_at");
  earlier("outbox_events", "next_attempt_at");
  earlier("outbox_events", "locked_at");
}

std::unique_ptr<OpenWriter> MariadbUnderTest::open_writer() {
  return std::make_unique<MariadbWriter>(database_.url());
}

std::shared_ptr<void> MariadbUnderTest::lock_table(const std::string& name) {
  auto session = std::make_shared<store::mariadb::Connection>(
      store::mariadb::ConnectionOptions{.url = database_.url(), .role = "test", .database = {}});
  session->run("locking", "LOCK TABLES " + name + " WRITE");
  return session;
}

void MariadbUnderTest::forge_checksum(int number) {
  execute(fmt::format("UPDATE outboxd_migrations SET checksum = repeat('0', 64) WHERE number = {}",
                      number));
}

void MariadbUnderTest::enter_unknown_migration(int number) {
  execute(
      fmt::format("INSERT INTO outboxd_migrations (outbox_table, number, name, checksum) "
                  "VALUES ('outbox_events', {}, 'from_the_future', 'x')",
                  number));
}

}  // namespace outbox::testing
