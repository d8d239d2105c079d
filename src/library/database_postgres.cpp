// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include <outbox/error.hpp>

#include <fmt/format.h>

#include "core/clock.hpp"
#include "library/backend.hpp"
#include "library/connection_pool.hpp"
#include "library/event_row.hpp"
#include "library/transaction_postgres.hpp"
#include "store/postgres/connection.hpp"

namespace outbox::library {
namespace {

using store::postgres::Connection;
using store::postgres::SqlError;

// Changes with every recovery from a crash and every fail-over: the server's statistics are thrown
// away then, and kept where it was shut down in order. Before PostgreSQL 15 asking for them is
// slow, so that the row alone tells there.
constexpr std::string_view server_life_sql =
    "CASE WHEN current_setting('server_version_num')::int >= 150000 THEN extract(epoch FROM "
    "pg_stat_get_bgwriter_stat_reset_time())::text END";

class PostgresBackend final : public Backend {
 public:
  explicit PostgresBackend(const DatabaseOptions& options)
      : publish_(options.publish),
        connections_(
            options.connections_max, options.statement_timeout,
            [made = connection_options(options)] { return std::make_unique<Connection>(made); }) {}

  void run(const std::function<void(Transaction&)>& work) override {
    const Pool::Borrowed borrowed(connections_);
    Connection& connection = *borrowed;
    const auto open = begin(connection);
    PostgresTransaction transaction(
        {.execute =
             [&](std::string_view sql, std::span<const std::optional<std::string>> parameters) {
               return connection.run_text("running a statement", sql, parameters).texts();
             },
         .native = [&] { return connection.native(); }},
        publish_);
    work(transaction);
    try {
      open->commit();
    } catch (const SqlError& error) {
      throw error_for_users(error);
    }
  }

  // One message with several statements is a transaction by itself.
  void script(const std::string& sql) override {
    const Pool::Borrowed borrowed(connections_);
    try {
      (*borrowed).close();  // So that no stale one is met: what runs here is no matter of speed.
      (*borrowed).run_script("running a script", sql);
    } catch (const SqlError& error) {
      throw error_for_users(error);
    }
  }

  [[nodiscard]] Dialect dialect() const noexcept override { return Dialect::postgres; }

  // The number that the server knows the transaction by, the time, and which life of the server's
  // it is: a number whose transaction left no trace in the log comes again after a crash.
  [[nodiscard]] std::string mark(Transaction& transaction) override {
    const Rows rows = transaction.execute(fmt::format(
        "SELECT pg_current_xact_id(), {}, {}", seconds_sql(Dialect::postgres), server_life_sql));
    const Row& row = rows.at(0);
    return fmt::format("{}/{}/{}", row.text(0), row.text(1), row.is_null(2) ? "" : row.text(2));
  }

  [[nodiscard]] Outcome find_out(const PublishResult& result,
                                 std::chrono::milliseconds wait) override {
    const Moment deadline = BootClock::now() + wait;
    for (;;) {
      const std::optional<Outcome> outcome = look(result);
      if (outcome) return *outcome;
      if (BootClock::now() >= deadline) return Outcome::unknown;
      run([](Transaction& transaction) { transaction.execute("SELECT pg_sleep(0.02)"); });
    }
  }

 private:
  using Pool = ConnectionPool<Connection>;
  using OpenTransaction = PooledTransaction<Connection>;

  static store::postgres::ConnectionOptions connection_options(const DatabaseOptions& options) {
    return {.url = options.url,
            .role = "library",
            .statement_timeout = options.statement_timeout,
            // A little less than the statement has, so that the server says it was a lock.
            .lock_timeout = options.statement_timeout * 9 / 10};
  }

  // What the server says of the number, and whether it is the transaction's own beyond doubt.
  struct Status {
    std::optional<std::string> text;
    bool is_of_same_life = false;
  };

  // None where it is still under way.
  [[nodiscard]] std::optional<Outcome> look(const PublishResult& result) {
    if (result.transaction_mark.empty()) return Outcome::unknown;
    const std::vector<std::string> mark = parts_of_mark(result.transaction_mark, 3);
    Status status;
    try {
      run([&](Transaction& transaction) { status = ask(transaction, mark[0], mark[2]); });
    } catch (const Error& error) {
      // A primary that took over before the transaction reached it has not come to its number.
      if (std::string_view(error.what()).find("in the future") == std::string_view::npos) throw;
      return Outcome::rolled_back;
    }
    if (status.text == "aborted") return Outcome::rolled_back;
    if (status.text == "committed" && status.is_of_same_life) return Outcome::committed;
    // A transaction of its own, so that it sees what the status was said of.
    bool is_there = false;
    Outcome when_missing = Outcome::unknown;
    run([&](Transaction& transaction) {
      const EventRow row(publish_, Dialect::postgres);
      is_there = row.is_there(transaction, {}, result.event_id);
      if (!is_there && publish_.enabled) when_missing = row.when_missing(transaction, mark[1]);
    });
    if (is_there) return Outcome::committed;
    // The number is another's by now, or the row was deleted.
    if (status.text == "committed") return when_missing;
    // So long ago that the server has forgotten; or in progress.
    return status.text ? std::nullopt : std::optional(Outcome::unknown);
  }

  static Status ask(Transaction& transaction, const std::string& number, const std::string& life) {
    const Rows rows = transaction.execute(
        fmt::format("SELECT pg_xact_status($1::xid8), {}", server_life_sql), number);
    const Row& row = rows.at(0);
    Status status;
    if (!row.is_null(0)) status.text = row.text(0);
    status.is_of_same_life = !life.empty() && !row.is_null(1) && row.text(1) == life;
    return status;
  }

  static std::unique_ptr<OpenTransaction> begin(Connection& connection) {
    try {
      return std::make_unique<OpenTransaction>(connection);
    } catch (const SqlError& error) {
      throw error_for_users(error);
    } catch (const Error& error) {
      // Whatever broke, nothing was done yet.
      throw Error(error.kind(), error.what());
    }
  }

  const PublishOptions publish_;
  Pool connections_;
};

}  // namespace

std::unique_ptr<Backend> make_postgres_backend(const DatabaseOptions& options) {
  return std::make_unique<PostgresBackend>(options);
}

}  // namespace outbox::library
