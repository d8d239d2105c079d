// SPDX-License-Identifier: Apache-2.0
#include <outbox/error.hpp>

#include <fmt/format.h>

#include "library/backend.hpp"
#include "library/event_row.hpp"
#include "library/transaction_sqlite.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/statement.hpp"

namespace outbox::library {
namespace {

using store::sqlite::SqliteError;
using store::sqlite::Turn;

class SqliteBackend final : public Backend {
 public:
  explicit SqliteBackend(const DatabaseOptions& options)
      : publish_(options.publish),
        wait_(options.statement_timeout.count() == 0 ? std::chrono::hours(24)
                                                     : options.statement_timeout),
        database_(store::sqlite::Database::of(options.url)) {}

  void run(const std::function<void(Transaction&)>& work) override {
    const Turn turn = take_turn();
    const auto open = begin(turn);
    SqliteTransaction transaction(turn.connection().handle(), publish_);
    work(transaction);
    commit(*open);
  }

  void script(const std::string& sql) override {
    const Turn turn = take_turn();
    const auto open = begin(turn);
    turn.connection().run_script(sql);
    commit(*open);
  }

  [[nodiscard]] Dialect dialect() const noexcept override { return Dialect::sqlite; }

  // The row's id and the time; where nothing was written there is no mark.
  [[nodiscard]] std::string mark(Transaction& transaction) override {
    if (!publish_.enabled) return {};
    const std::int64_t row = store::sqlite::last_row_id(transaction.sqlite());
    const Rows now = transaction.execute(fmt::format("SELECT {}", seconds_sql(Dialect::sqlite)));
    return fmt::format("{}/{}", row, now.at(0).text(0));
  }

  // Nobody else ends a transaction of this process: what is not there now never comes.
  [[nodiscard]] Outcome find_out(const PublishResult& result,
                                 std::chrono::milliseconds /*wait*/) override {
    Outcome outcome = Outcome::unknown;
    if (result.transaction_mark.empty()) return outcome;
    const std::vector<std::string> mark = parts_of_mark(result.transaction_mark, 2);
    run([&](Transaction& transaction) {
      const EventRow row(publish_, Dialect::sqlite);
      outcome = row.is_there(transaction, mark[0], result.event_id)
                    ? Outcome::committed
                    : row.when_missing(transaction, mark[1]);
    });
    return outcome;
  }

 private:
  using OpenTransaction = store::sqlite::Transaction;

  [[noreturn]] static void locked(const Error& error) {
    throw Error(ErrorKind::conflict, error.what());
  }

  [[nodiscard]] Turn take_turn() {
    try {
      return database_->write(wait_, store::sqlite::Access::create);
    } catch (const SqliteError& error) {
      if (error.is_locked()) locked(error);
      throw;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::unreachable) locked(error);
      throw;
    }
  }

  static std::unique_ptr<OpenTransaction> begin(const Turn& turn) {
    try {
      return std::make_unique<OpenTransaction>(turn.connection());
    } catch (const SqliteError& error) {
      if (error.is_locked()) locked(error);
      throw;
    }
  }

  static void commit(OpenTransaction& transaction) {
    try {
      transaction.commit();
    } catch (const SqliteError& error) {
      if (error.is_locked()) locked(error);
      throw;
    }
  }

  const PublishOptions publish_;
  const std::chrono::milliseconds wait_;
  const std::shared_ptr<store::sqlite::Database> database_;
};

}  // namespace

std::unique_ptr<Backend> make_sqlite_backend(const DatabaseOptions& options) {
  return std::make_unique<SqliteBackend>(options);
}

}  // namespace outbox::library
