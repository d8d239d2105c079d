// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include <outbox/error.hpp>

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

  // The number that the server knows the transaction by, for ever: it never comes again.
  [[nodiscard]] std::string mark(Transaction& transaction) override {
    return transaction.execute("SELECT pg_current_xact_id()").at(0).text(0);
  }

  [[nodiscard]] Outcome find_out(const PublishResult& result,
                                 std::chrono::milliseconds wait) override {
    const Moment deadline = BootClock::now() + wait;
    Outcome outcome = look(result);
    while (outcome == Outcome::unknown && BootClock::now() < deadline) {
      run([](Transaction& transaction) { transaction.execute("SELECT pg_sleep(0.02)"); });
      outcome = look(result);
    }
    return outcome;
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

  [[nodiscard]] Outcome look(const PublishResult& result) {
    std::optional<std::string> status;
    try {
      run([&](Transaction& transaction) {
        const Rows rows =
            transaction.execute("SELECT pg_xact_status($1::xid8)", result.transaction_mark);
        if (!rows.at(0).is_null(0)) status = rows[0].text(0);
      });
    } catch (const Error& error) {
      // A primary that took over before the transaction reached it has not come to its number.
      if (std::string_view(error.what()).find("in the future") == std::string_view::npos) throw;
      return Outcome::rolled_back;
    }
    if (status) {
      if (*status == "committed") return Outcome::committed;
      return *status == "aborted" ? Outcome::rolled_back : Outcome::unknown;
    }
    // So long ago that the server has forgotten: the row alone can tell.
    bool is_there = false;
    run([&](Transaction& transaction) {
      is_there = EventRow(publish_, '"').is_there(transaction, {}, result.event_id);
    });
    return is_there ? Outcome::committed : Outcome::unknown;
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
