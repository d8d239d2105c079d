// SPDX-License-Identifier: Apache-2.0
//
// One test on each database: a schema, a file or a database of its own, migrated.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include <outbox/database.hpp>
#include <outbox/error.hpp>

#include "conformance/store/mariadb_under_test.hpp"
#include "conformance/store/postgres_under_test.hpp"
#include "integration/sqlite/scratch.hpp"
#include "store/mariadb/home.hpp"
#include "store/postgres/home.hpp"
#include "store/sqlite/home.hpp"

namespace outbox::testing {

class OnEach : public ::testing::TestWithParam<Dialect> {
 protected:
  OnEach() {
    store::HomeOptions options;
    if (GetParam() == Dialect::postgres) {
      schema_.emplace();
      options.url = url_ = schema_->url();
      store::postgres::make_home(options).migrations()->apply();
    } else if (GetParam() == Dialect::sqlite) {
      options.url = url_ = folder_.file();
      store::sqlite::make_home(options).migrations()->apply();
    } else {
      mariadb_.emplace();
      options.url = url_ = mariadb_->url();
      store::mariadb::make_home(options).migrations()->apply();
    }
  }

  [[nodiscard]] DatabaseOptions options() const {
    DatabaseOptions options;
    options.url = url_;
    return options;
  }

  /// The only value of a query, in a transaction of its own.
  static std::string value(Database& database, const std::string& sql) {
    return database.transaction(
        [&](Transaction& transaction) { return transaction.execute(sql).at(0).text(0); });
  }

  static Event event(const std::string& aggregate_id, const std::string& payload = "{}") {
    Event event;
    event.event_type = "ORDER_PAID";
    event.aggregate_type = "order";
    event.aggregate_id = aggregate_id;
    event.payload.bytes = payload;
    return event;
  }

  template <class Call>
  static Error error_of(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error came";
    return {ErrorKind::failed, "none"};
  }

  std::string url_;
  ScratchFolder folder_;
  std::optional<PostgresSchema> schema_;
  std::optional<MariadbDatabase> mariadb_;
};

inline auto all_dialects() {
  return ::testing::Values(Dialect::postgres, Dialect::sqlite, Dialect::mariadb);
}

inline std::string dialect_name(const ::testing::TestParamInfo<Dialect>& info) {
  if (info.param == Dialect::postgres) return "postgres";
  return info.param == Dialect::sqlite ? "sqlite" : "mariadb";
}

}  // namespace outbox::testing
