// SPDX-License-Identifier: Apache-2.0
#include "conformance/store/postgres_under_test.hpp"

#include <outbox/uuid.hpp>

#include <fmt/format.h>

#include "store/postgres/home.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

std::string new_name() {
  std::string name = "case_" + to_string(random_uuid());
  std::erase(name, '-');
  return name;
}

// libpq takes `options` in the URL, percent-encoded.
std::string url_of(const std::string& schema) {
  const std::string url = services().postgres_url;
  const char separator = url.find('?') == std::string::npos ? '?' : '&';
  return fmt::format("{}{}options=-csearch_path%3D{}", url, separator, schema);
}

class PostgresWriter final : public OpenWriter {
 public:
  explicit PostgresWriter(const std::string& url)
      : connection_({.url = url, .role = "test writer"}), transaction_(connection_) {}

  void insert(const std::string& key) override {
    connection_.run("writing",
                    "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
                    "VALUES ('order', $1, 'ORDER_PAID', '{}')",
                    store::postgres::Parameters().text(key));
  }
  void commit() override { transaction_.commit(); }

 private:
  store::postgres::Connection connection_;
  store::postgres::Transaction transaction_;
};

}  // namespace

PostgresSchema::PostgresSchema()
    : name_(new_name()), connection_({.url = url_of(name_), .role = "test"}) {
  execute("CREATE SCHEMA " + name_);
}

PostgresSchema::~PostgresSchema() {
  try {
    execute("DROP SCHEMA " + name_ + " CASCADE");
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
}

std::string PostgresSchema::url() const {
  return url_of(name_);
}

void PostgresSchema::execute(const std::string& sql) {
  connection_.run_script("a test", sql);
}

std::optional<std::string> PostgresSchema::value(const std::string& sql) {
  const store::postgres::Result result = connection_.run_text("a test", sql, {});
  if (result.rows() == 0 || result.is_null(0, 0)) return std::nullopt;
  return result.text(0, 0);
}

PostgresUnderTest::PostgresUnderTest() {
  open(options()).migrations()->apply();
}

store::HomeOptions PostgresUnderTest::options() {
  store::HomeOptions options;
  options.url = schema_.url();
  return options;
}

store::Home PostgresUnderTest::open(const store::HomeOptions& options) {
  return store::postgres::make_home(options);
}

std::optional<RowFacts> PostgresUnderTest::row(const std::string& id) {
  const std::vector<std::optional<std::string>> parameters = {id};
  const store::postgres::Result found = schema_.connection().run_text(
      "a test",
      "SELECT status, retry_count, coalesce(error_message, ''), coalesce(locked_by, ''), "
      "locked_at IS NOT NULL, published_at IS NOT NULL, "
      "(extract(epoch FROM next_attempt_at - clock_timestamp()) * 1000)::bigint "
      "FROM outbox_events WHERE id = $1",
      parameters);
  if (found.rows() == 0) return std::nullopt;
  RowFacts facts{.status = found.text(0, 0),
                 .retry_count = std::stoi(found.text(0, 1)),
                 .error_message = found.text(0, 2),
                 .locked_by = found.text(0, 3),
                 .has_locked_at = found.text(0, 4) == "t",
                 .has_published_at = found.text(0, 5) == "t",
                 .next_attempt_in = std::nullopt};
  if (!found.is_null(0, 6)) {
    facts.next_attempt_in = std::chrono::milliseconds(std::stoll(found.text(0, 6)));
  }
  return facts;
}

void PostgresUnderTest::pass_time(std::chrono::milliseconds duration) {
  schema_.execute(fmt::format(
      "UPDATE outboxd_slots SET expires_at = expires_at - interval '{0} milliseconds';"
      "UPDATE outboxd_members SET expires_at = expires_at - interval '{0} milliseconds', "
      "heartbeat_at = heartbeat_at - interval '{0} milliseconds';"
      "UPDATE outboxd_keys SET blocked_until = blocked_until - interval '{0} milliseconds';"
      "UPDATE outboxd_locks SET expires_at = expires_at - interval '{0} milliseconds';"
      "UPDATE outbox_events SET next_attempt_at = next_attempt_at - interval '{0} milliseconds', "
      "locked_at = locked_at - interval '{0} milliseconds'",
      duration.count()));
}

std::unique_ptr<OpenWriter> PostgresUnderTest::open_writer() {
  return std::make_unique<PostgresWriter>(schema_.url());
}

std::shared_ptr<void> PostgresUnderTest::lock_table(const std::string& name) {
  auto session = std::make_shared<store::postgres::Connection>(
      store::postgres::ConnectionOptions{.url = schema_.url(), .role = "test"});
  session->begin();
  session->run_script("locking", "LOCK TABLE " + name);
  return session;
}

void PostgresUnderTest::forge_checksum(int number) {
  schema_.execute(fmt::format(
      "UPDATE outboxd_migrations SET checksum = repeat('0', 64) WHERE number = {}", number));
}

void PostgresUnderTest::enter_unknown_migration(int number) {
  schema_.execute(
      fmt::format("INSERT INTO outboxd_migrations (outbox_table, number, name, checksum) "
                  "VALUES ('outbox_events', {}, 'from_the_future', 'x')",
                  number));
}

}  // namespace outbox::testing
