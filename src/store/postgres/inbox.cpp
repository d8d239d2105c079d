// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {
namespace {

// Shared by the inbox and its transaction, so that either may go first.
struct Session {
  explicit Session(ConnectionOptions options, std::string name)
      : connection(std::move(options)), consumer(std::move(name)) {}

  Connection connection;
  std::string consumer;
  std::string claim_sql;
};

class PostgresInboxTransaction final : public InboxTransaction {
 public:
  explicit PostgresInboxTransaction(std::shared_ptr<Session> session)
      : session_(std::move(session)) {
    session_->connection.begin();
  }

  ~PostgresInboxTransaction() override {
    if (open_) session_->connection.roll_back();
  }

  std::vector<bool> claim(std::span<const Uuid> event_ids) override {
    std::vector<bool> is_new(event_ids.size(), false);
    if (event_ids.empty()) return is_new;
    const Result rows =
        session_->connection.run("claiming events", session_->claim_sql,
                                 Parameters().text(session_->consumer).uuids(event_ids));
    for (int row = 0; row < rows.rows(); ++row) {
      is_new[static_cast<std::size_t>(rows.number(row, 0)) - 1] = true;
    }
    return is_new;
  }

  std::vector<std::vector<std::optional<std::string>>> execute(
      std::string_view sql, std::span<const std::optional<std::string>> parameters) override {
    const Result result = session_->connection.run_text("running a handler's SQL", sql, parameters);
    return result.texts();
  }

  void savepoint() override {
    // One level however many events: each of them costs memory in the server.
    session_->connection.run_script("opening a savepoint",
                                    has_savepoint_
                                        ? "RELEASE SAVEPOINT outboxd_event; SAVEPOINT outboxd_event"
                                        : "SAVEPOINT outboxd_event");
    has_savepoint_ = true;
  }

  void rollback_to_savepoint() override {
    session_->connection.run_script("rolling back to a savepoint",
                                    "ROLLBACK TO SAVEPOINT outboxd_event");
  }

  void commit() override {
    session_->connection.commit();
    open_ = false;
  }

  pg_conn* postgres() noexcept override { return session_->connection.native(); }

  [[nodiscard]] bool usable() const noexcept override {
    pg_conn* const connection = session_->connection.native();
    return connection != nullptr && PQtransactionStatus(connection) == PQTRANS_INTRANS;
  }

 private:
  std::shared_ptr<Session> session_;
  bool open_ = true;
  bool has_savepoint_ = false;
};

class PostgresInbox final : public Inbox {
 public:
  explicit PostgresInbox(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)),
        session_(std::make_shared<Session>(consumer_options(), shared_->options().consumer_name)) {}

  std::unique_ptr<InboxTransaction> begin() override {
    if (session_->claim_sql.empty()) session_->claim_sql = claim_sql();
    return std::make_unique<PostgresInboxTransaction>(session_);
  }

 private:
  // A handler may wait for a row's lock as long as a statement may take.
  [[nodiscard]] ConnectionOptions consumer_options() const {
    ConnectionOptions options = shared_->connection_options("consumer");
    options.lock_timeout = std::chrono::milliseconds(0);
    return options;
  }

  std::string claim_sql() {
    std::string schema = shared_->options().table.schema;
    if (schema.empty()) {
      const Result found = session_->connection.run(
          "looking for the inbox",
          "SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
          "ON n.oid = c.relnamespace WHERE c.oid = to_regclass('processed_events')",
          Parameters(), Effect::reads);
      if (found.rows() == 0) {
        throw Error(ErrorKind::not_found, "PostgreSQL: there is no table processed_events",
                    "run `outboxd migrate`");
      }
      schema = found.text(0, 0);
    }
    // In the order of the ids, so that two consumers of one group never wait for each other in a
    // circle; an id that stands twice is new where it stands first.
    return fmt::format(
        "WITH asked AS (SELECT DISTINCT ON (e.id) e.id, e.at FROM unnest($2::uuid[]) WITH "
        "ORDINALITY AS e(id, at) ORDER BY e.id, e.at), "
        "claimed AS (INSERT INTO {}.processed_events (consumer_name, event_id) SELECT $1, id "
        "FROM asked ORDER BY id ON CONFLICT DO NOTHING RETURNING event_id) "
        "SELECT a.at FROM asked a JOIN claimed c ON c.event_id = a.id",
        quote_identifier(schema));
  }

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<Inbox> make_inbox(std::shared_ptr<Shared> shared) {
  return std::make_unique<PostgresInbox>(std::move(shared));
}

}  // namespace outbox::store::postgres
