// SPDX-License-Identifier: Apache-2.0
#include <outbox/error.hpp>

#include <fmt/format.h>

#include "core/clock.hpp"
#include "library/backend.hpp"
#include "library/connection_pool.hpp"
#include "library/event_row.hpp"
#include "library/transaction_mariadb.hpp"
#include "store/mariadb/connection.hpp"
#include "store/mariadb/statement.hpp"

namespace outbox::library {
namespace {

using store::mariadb::Connection;
using store::mariadb::SqlError;

// When the server was started: its sessions have numbers from 1 again then. Counted within one
// statement both times are the same, so that it is exact; the session keeps it, because summing up
// the server's status is not free. MySQL, which keeps that elsewhere, takes it for a comment.
constexpr std::string_view server_start_sql =
    "/*M!, @outboxd_server_start := coalesce(@outboxd_server_start, (SELECT CAST(UNIX_TIMESTAMP() "
    "- VARIABLE_VALUE AS INTEGER) FROM information_schema.global_status WHERE VARIABLE_NAME = "
    "'UPTIME'))*/";

/// The mark of a transaction.
struct Mark {
  std::string session;  ///< The server's number of it.
  std::string row;      ///< The row's id, where one was written.
  std::string marked_at_s;
  std::string server_start;

  explicit Mark(const std::string& text) {
    std::vector<std::string> parts = parts_of_mark(text, 4);
    session = std::move(parts[0]);
    row = std::move(parts[1]);
    marked_at_s = std::move(parts[2]);
    server_start = std::move(parts[3]);
  }
};

class MariadbBackend final : public Backend {
 public:
  explicit MariadbBackend(const DatabaseOptions& options)
      : publish_(options.publish),
        connections_(
            options.connections_max, options.statement_timeout,
            [made = connection_options(options)] { return std::make_unique<Connection>(made); }) {}

  void run(const std::function<void(Transaction&)>& work) override {
    const Pool::Borrowed borrowed(connections_);
    Connection& connection = *borrowed;
    const auto open = begin(connection);
    MariadbTransaction transaction(
        {.native = [&] { return connection.native(); }, .lost = [&] { connection.close(); }},
        publish_);
    work(transaction);
    // Where the server gave the transaction up and `work` kept that to itself, COMMIT would say
    // that all is well.
    transaction.expect_open();
    try {
      open->commit();
    } catch (const SqlError& error) {
      throw error_for_users(error);
    }
  }

  void script(const std::string& sql) override {
    const Pool::Borrowed borrowed(connections_);
    Connection& connection = *borrowed;
    try {
      connection.close();  // So that no stale one is met: what runs here is no matter of speed.
      open(connection);
      const auto open = std::make_unique<PooledTransaction<Connection>>(connection);
      store::mariadb::run_script(connection.native(), sql);
      open->commit();
    } catch (const SqlError& error) {
      throw error_for_users(error);
    }
  }

  [[nodiscard]] Dialect dialect() const noexcept override { return Dialect::mariadb; }

  [[nodiscard]] std::string mark(Transaction& transaction) override {
    st_mysql* const connection = transaction.mariadb();
    std::string mark = std::to_string(store::mariadb::session_number(connection)) + '/';
    if (publish_.enabled) mark += std::to_string(store::mariadb::last_row_id(connection));
    const Rows rows = transaction.execute(
        fmt::format("SELECT {}{}", seconds_sql(Dialect::mariadb), server_start_sql));
    return fmt::format("{}/{}/{}", mark, rows.at(0).text(0), server_start_in(rows));
  }

  [[nodiscard]] Outcome find_out(const PublishResult& result,
                                 std::chrono::milliseconds wait) override {
    const Moment deadline = BootClock::now() + wait;
    const Mark mark(result.transaction_mark);
    for (;;) {
      Outcome outcome = Outcome::unknown;
      bool is_over = false;
      run([&](Transaction& transaction) { is_over = look(transaction, mark, result, outcome); });
      if (is_over || BootClock::now() >= deadline) return outcome;
    }
  }

 private:
  using Pool = ConnectionPool<Connection>;

  static store::mariadb::ConnectionOptions connection_options(const DatabaseOptions& options) {
    return {.url = options.url,
            .role = "library",
            .database = {},
            .statement_timeout = options.statement_timeout,
            // A little less than the statement has, so that the server says it was a lock.
            .lock_timeout = options.statement_timeout * 9 / 10};
  }

  // True where the answer will not change: the row is there, or the session that wrote it is over.
  bool look(Transaction& transaction, const Mark& mark, const PublishResult& result,
            Outcome& outcome) {
    // First the session, then the row: what it commits in between is seen.
    const bool is_over = is_session_over(transaction, mark);
    const EventRow row(publish_, Dialect::mariadb);
    if (!mark.row.empty() && row.is_there(transaction, mark.row, result.event_id)) {
      outcome = Outcome::committed;
      return true;
    }
    if (!is_over) {
      transaction.execute("DO SLEEP(0.02)");
      return false;
    }
    if (!mark.row.empty()) outcome = row.when_missing(transaction, mark.marked_at_s);
    return true;
  }

  static std::string server_start_in(const Rows& rows) {
    const Row& row = rows.at(0);
    return row.size() < 2 || row.is_null(1) ? std::string() : row.text(1);
  }

  static bool is_session_over(Transaction& transaction, const Mark& mark) {
    const Rows now = transaction.execute(fmt::format("SELECT 1{}", server_start_sql));
    const std::string server_start = server_start_in(now);
    const bool is_another_server =
        !mark.server_start.empty() && !server_start.empty() && server_start != mark.server_start;
    return is_another_server ||
           transaction
               .execute("SELECT 1 FROM information_schema.processlist WHERE id = $1", mark.session)
               .empty();
  }

  static void open(Connection& connection) {
    if (connection.is_open()) return;
    connection.ensure_open();
    // A relay's idle transaction is a relay that hangs; a back end may do other work in its own.
    if (connection.is_mariadb()) {
      connection.run("connecting", "SET SESSION idle_transaction_timeout = 0",
                     store::mariadb::Effect::reads);
    }
  }

  static std::unique_ptr<PooledTransaction<Connection>> begin(Connection& connection) {
    try {
      open(connection);
      return std::make_unique<PooledTransaction<Connection>>(connection);
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

std::unique_ptr<Backend> make_mariadb_backend(const DatabaseOptions& options) {
  return std::make_unique<MariadbBackend>(options);
}

}  // namespace outbox::library
