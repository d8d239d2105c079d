// SPDX-License-Identifier: Apache-2.0
//
// What outbox::Database is, by the kind of its database.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <outbox/database.hpp>

namespace outbox::library {

/// Thread-safety: any thread.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual void run(const std::function<void(Transaction&)>& work) = 0;
  virtual void script(const std::string& sql) = 0;
  [[nodiscard]] virtual Dialect dialect() const noexcept = 0;

  /// PublishResult::transaction_mark of a transaction that is open, once it has published its
  /// event.
  [[nodiscard]] virtual std::string mark(Transaction& transaction) = 0;

  /// As Database::find_out().
  [[nodiscard]] virtual Outcome find_out(const PublishResult& result,
                                         std::chrono::milliseconds wait) = 0;
};

/// `options.url` is libpq's text.
[[nodiscard]] std::unique_ptr<Backend> make_postgres_backend(const DatabaseOptions& options);

/// `options.url` as store::mariadb::Address.
[[nodiscard]] std::unique_ptr<Backend> make_mariadb_backend(const DatabaseOptions& options);

/// `options.url` is the file's path.
[[nodiscard]] std::unique_ptr<Backend> make_sqlite_backend(const DatabaseOptions& options);

}  // namespace outbox::library
