// SPDX-License-Identifier: Apache-2.0
//
// Transactions for a back end that has no database library of its own, or wants one code for a
// laptop's SQLite and a server's PostgreSQL or MariaDB. Who has a connection already publishes on
// that instead (<outbox/publish.hpp> lists the handles).
//
//     outbox::Database database({.url = "postgresql://localhost/shop"});
//     database.transaction([&](outbox::Transaction& transaction) {
//       transaction.execute("UPDATE orders SET status = 'PAID' WHERE id = $1", order_id);
//       transaction.publish(event);
//     });
//
// Where the caller wants to be told in a value what became of it, an unknown end included:
//
//     const outbox::PublishResult result =
//         database.publish_in_transaction(event, [&](outbox::Transaction& transaction) {
//           transaction.execute("UPDATE orders SET status = 'PAID' WHERE id = $1", order_id);
//         });
//     if (result.outcome == outbox::Outcome::unknown) database.find_out(result);
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <outbox/event.hpp>
#include <outbox/publish.hpp>
#include <outbox/publish_result.hpp>
#include <outbox/transaction.hpp>

namespace outbox {

/// Where the database is and how it is used. A value.
struct DatabaseOptions {
  /// As outboxd's own `database.url`: `postgresql://user:password@host:5432/shop`,
  /// `mariadb://user:password@host:3306/shop`, `sqlite:///shop.db` (relative) or
  /// `sqlite:////var/lib/shop.db`; or a path that ends in .db or .sqlite. SQLite's file is made
  /// where there is none.
  std::string url = {};
  PublishOptions publish = {};  ///< For events that transactions publish.
  /// For one statement, its waiting for locks included, and for getting a connection. Zero: none.
  /// On SQLite it bounds the waiting alone. MariaDB waits for a lock in whole seconds.
  std::chrono::milliseconds statement_timeout{30000};
  /// Connections that are kept open; more callers at once wait for one. SQLite has one writer, and
  /// all transactions of a process on one file take turns on it.
  int connections_max = 8;
};

/// Thread-safety: any number of threads at once. Connects on first use, and again after a loss: a
/// connection that broke while it lay idle is replaced without an error.
class Database {
 public:
  /// Throws Error(configuration) for a URL of no kind that is known.
  explicit Database(DatabaseOptions options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Calls `work` in a transaction and commits when it returns; rolls back where it throws, and
  /// lets the exception on. Returns what `work` returns, which must not refer to the transaction.
  ///
  /// Throws besides what `work` throws: Error(unreachable) where the database is away, and with
  /// in_doubt() where the connection broke during COMMIT; Error(conflict) where no connection came
  /// free in time or SQLite's file stayed locked; Error(usage) for one within another of the same
  /// thread on SQLite. Where `work` keeps an error of a statement to itself, PostgreSQL rolls back,
  /// and this is Error(failed); SQLite and MariaDB commit all that did succeed, unless the error
  /// (a deadlock on MariaDB: Error(conflict)) had ended the transaction.
  /// `work` is not called again: that is the caller's to decide.
  template <class Work>
  auto transaction(Work&& work) -> std::invoke_result_t<Work&, Transaction&> {
    using Result = std::invoke_result_t<Work&, Transaction&>;
    if constexpr (std::is_void_v<Result>) {
      run([&](Transaction& open) { work(open); });
    } else {
      std::optional<Result> result;
      run([&](Transaction& open) { result.emplace(work(open)); });
      return std::move(*result);
    }
  }

  /// Calls `operation` in a transaction, publishes `event` in it and commits: the change and its
  /// event are both there or both absent, and the result says which (C3). What `operation` throws,
  /// a refused event and every error of the database's are in the result, not thrown, if they
  /// derive from std::exception. With PublishOptions::enabled false the change is committed alone.
  [[nodiscard]] PublishResult publish_in_transaction(
      const Event& event, const std::function<void(Transaction&)>& operation);

  /// What became of a transaction whose outcome was unknown. Waits for one that the database is
  /// still ending, at most `wait`; after that `unknown`, and it may be asked again. Throws
  /// Error(unreachable) where the database is away.
  ///
  /// PostgreSQL 15 and later keep the outcome themselves (pg_xact_status), for as long as they keep
  /// transaction ids: certain as long as the server has not recovered from a crash nor failed over
  /// since, also where the relay has deleted the row meanwhile. After either the number may be
  /// another's, so that `committed` needs the event's row too.
  /// Otherwise, and on MariaDB and SQLite, the row decides: there it is committed; not there, and
  /// the session of then over, it is rolled back. But a missing row proves that only within 50
  /// minutes, by the database's clock, because clean-up may remove it after an hour; `unknown`
  /// stays later, where a relay with `relay.settle: delete` may have deleted it, where the table of
  /// the relays cannot be read, or publishing was disabled: look for the change itself then. What
  /// else deletes rows (SQL by hand, a program of another's) is not known of.
  [[nodiscard]] Outcome find_out(const PublishResult& result,
                                 std::chrono::milliseconds wait = std::chrono::seconds(30));

  /// Runs statements without parameters, separated by `;`, as one transaction: schemas. On MariaDB
  /// each statement that changes a schema commits by itself. Errors as in transaction().
  void script(const std::string& sql);

  /// Whose SQL it speaks; known without connecting.
  [[nodiscard]] Dialect dialect() const noexcept;

 private:
  void run(const std::function<void(Transaction&)>& work);

  class Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace outbox
