// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include <outbox/error.hpp>

#include <fmt/format.h>

#include "library/backend.hpp"
#include "library/transaction_postgres.hpp"
#include "store/postgres/connection.hpp"

namespace outbox::library {
namespace {

using store::postgres::Connection;
using store::postgres::SqlError;

/// Connections, made as they are needed and kept.
class Connections {
 public:
  explicit Connections(const DatabaseOptions& options) : options_(options) {}

  /// The last one given back comes first, so that no more stay in use than are needed.
  std::unique_ptr<Connection> take() {
    std::unique_lock lock(mutex_);
    const auto is_free = [&] { return !idle_.empty() || made_ < options_.connections_max; };
    const auto wait = options_.statement_timeout;
    if (wait.count() == 0) {
      free_.wait(lock, is_free);
    } else if (!free_.wait_for(lock, wait, is_free)) {
      throw Error(ErrorKind::conflict,
                  fmt::format("the {} connections of this Database have been in use for {} ms",
                              options_.connections_max, wait.count()),
                  "keep transactions short, or raise DatabaseOptions::connections_max");
    }
    if (idle_.empty()) {
      auto made = std::make_unique<Connection>(connection_options());
      ++made_;
      return made;
    }
    auto taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
  }

  void give_back(std::unique_ptr<Connection> connection) {
    {
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(connection));
    }
    free_.notify_one();
  }

 private:
  [[nodiscard]] store::postgres::ConnectionOptions connection_options() const {
    return {.url = options_.url,
            .role = "library",
            .statement_timeout = options_.statement_timeout,
            // A little less than the statement has, so that the server says it was a lock.
            .lock_timeout = options_.statement_timeout * 9 / 10};
  }

  const DatabaseOptions options_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int made_ = 0;
};

/// A connection for as long as this lives.
class Borrowed {
 public:
  explicit Borrowed(Connections& connections)
      : connections_(connections), connection_(connections.take()) {}
  ~Borrowed() { connections_.give_back(std::move(connection_)); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  Connection& operator*() const noexcept { return *connection_; }

 private:
  Connections& connections_;
  std::unique_ptr<Connection> connection_;
};

/// Rolled back unless commit() was reached.
class OpenTransaction {
 public:
  explicit OpenTransaction(Connection& connection) : connection_(connection) {
    // What lay idle may have broken meanwhile, of which BEGIN is the first to hear.
    const bool was_open = connection.is_open();
    try {
      connection.begin();
    } catch (const Error&) {
      if (!was_open || connection.is_open()) throw;
      connection.begin();
    }
  }
  ~OpenTransaction() {
    if (open_) connection_.roll_back();
  }
  OpenTransaction(const OpenTransaction&) = delete;
  OpenTransaction& operator=(const OpenTransaction&) = delete;

  void commit() {
    connection_.commit();
    open_ = false;
  }

 private:
  Connection& connection_;
  bool open_ = true;
};

class PostgresBackend final : public Backend {
 public:
  explicit PostgresBackend(const DatabaseOptions& options)
      : publish_(options.publish), connections_(options) {}

  void run(const std::function<void(Transaction&)>& work) override {
    const Borrowed borrowed(connections_);
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
    const Borrowed borrowed(connections_);
    try {
      (*borrowed).close();  // So that no stale one is met: what runs here is no matter of speed.
      (*borrowed).run_script("running a script", sql);
    } catch (const SqlError& error) {
      throw error_for_users(error);
    }
  }

  [[nodiscard]] Dialect dialect() const noexcept override { return Dialect::postgres; }

 private:
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
  Connections connections_;
};

}  // namespace

std::unique_ptr<Backend> make_postgres_backend(const DatabaseOptions& options) {
  return std::make_unique<PostgresBackend>(options);
}

}  // namespace outbox::library
