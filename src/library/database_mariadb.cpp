// SPDX-License-Identifier: Apache-2.0
#include <outbox/error.hpp>

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

/// The mark of a transaction: the session's number, and the row's id where one was written.
struct Mark {
  std::string session;
  std::string row;

  explicit Mark(const std::string& text) {
    const std::size_t slash = text.find('/');
    session = text.substr(0, slash);
    if (slash != std::string::npos) row = text.substr(slash + 1);
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
    return mark;
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
    const bool is_over =
        transaction
            .execute("SELECT 1 FROM information_schema.processlist WHERE id = $1", mark.session)
            .empty();
    const EventRow row(publish_, '`');
    if (!mark.row.empty() && row.is_there(transaction, mark.row, result.event_id)) {
      outcome = Outcome::committed;
      return true;
    }
    if (!is_over) {
      transaction.execute("DO SLEEP(0.02)");
      return false;
    }
    if (!mark.row.empty()) outcome = row.when_missing(transaction);
    return true;
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
