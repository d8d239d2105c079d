// SPDX-License-Identifier: Apache-2.0
//
// A database of a test's own, on each of the stores: one line here for one more.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <outbox/database.hpp>
#include <outbox/error.hpp>
#include <outbox/migrate.hpp>

#include "conformance/store/mariadb_under_test.hpp"
#include "conformance/store/postgres_under_test.hpp"
#include "integration/sqlite/scratch.hpp"
#include "store/mariadb/home.hpp"
#include "store/postgres/home.hpp"
#include "store/sqlite/home.hpp"

namespace outbox::testing {

class OwnDatabase {
 public:
  explicit OwnDatabase(Dialect dialect) : dialect_(dialect) {
    if (dialect == Dialect::postgres) schema_.emplace();
    if (dialect == Dialect::mariadb) mariadb_.emplace();
  }

  [[nodiscard]] std::string url() const {
    if (schema_) return schema_->url();
    return mariadb_ ? mariadb_->url() : folder_.file();
  }

  [[nodiscard]] store::Home home(store::HomeOptions options = {}) const {
    options.url = url();
    switch (dialect_) {
      case Dialect::postgres:
        return store::postgres::make_home(std::move(options));
      case Dialect::mariadb:
        return store::mariadb::make_home(std::move(options));
      case Dialect::sqlite:
        break;
    }
    return store::sqlite::make_home(options);
  }

 private:
  const Dialect dialect_;
  ScratchFolder folder_;
  std::optional<PostgresSchema> schema_;
  std::optional<MariadbDatabase> mariadb_;
};

class OnStore : public ::testing::TestWithParam<Dialect> {
 protected:
  void SetUp() override {
    own_.emplace(GetParam());
    outbox::migrate(own_->url());
    database_ = std::make_unique<Database>(DatabaseOptions{.url = own_->url()});
  }

  void execute(const std::string& sql) {
    database_->transaction([&](Transaction& transaction) { transaction.execute(sql); });
  }

  std::string value(const std::string& sql) {
    return database_->transaction([&](Transaction& transaction) {
      const Rows rows = transaction.execute(sql);
      return rows.at(0).is_null(0) ? std::string("NULL") : rows.at(0).text(0);
    });
  }

  std::optional<OwnDatabase> own_;
  std::unique_ptr<Database> database_;
};

inline std::string store_name(const ::testing::TestParamInfo<Dialect>& info) {
  if (info.param == Dialect::postgres) return "postgres";
  return info.param == Dialect::sqlite ? "sqlite" : "mariadb";
}

inline auto all_stores() {
  return ::testing::Values(Dialect::postgres, Dialect::sqlite, Dialect::mariadb);
}

template <class Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error came";
  return {ErrorKind::failed, "none"};
}

/// Counts, and lets a test wait for a number.
class Tally {
 public:
  void add() {
    {
      const std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }

  [[nodiscard]] int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

  /// True where it came to that many within 20 s.
  [[nodiscard]] bool reaches(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return count_ >= count; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

/// Looks until it is so, at most 20 s.
template <class Condition>
bool eventually(Condition condition) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    never.wait_for(lock, 10ms);
  }
  return true;
}

}  // namespace outbox::testing
