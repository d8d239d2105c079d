// SPDX-License-Identifier: Apache-2.0
//
// The three databases as a back end sees them: one of a test's own each, migrated, and read by a
// client that is not ours.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <mysql.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <outbox/error.hpp>
#include <outbox/event.hpp>

#include "conformance/store/postgres_under_test.hpp"
#include "integration/library/mariadb_scratch.hpp"
#include "integration/sqlite/scratch.hpp"
#include "store/postgres/home.hpp"
#include "store/sqlite/home.hpp"

namespace outbox::testing {

class PostgresStore {
 public:
  PostgresStore() {
    store::HomeOptions options;
    options.url = schema_.url();
    store::postgres::make_home(options).migrations()->apply();
  }

  [[nodiscard]] std::string url() const { return schema_.url(); }
  /// A column of the outbox in the order of the rows; bytes in capital hex, `-` for NULL.
  std::vector<std::string> column(const std::string& name) {
    const std::string text = name == "payload_bytes" ? "upper(encode(payload_bytes, 'hex'))" : name;
    std::vector<std::string> values;
    for (const auto& row :
         schema_.connection()
             .run_text("reading",
                       "SELECT coalesce((" + text + ")::text, '-') FROM outbox_events ORDER BY id",
                       {})
             .texts()) {
      values.push_back(row.at(0).value());
    }
    return values;
  }

 private:
  PostgresSchema schema_;
};

class SqliteStore {
 public:
  SqliteStore() {
    store::HomeOptions options;
    options.url = folder_.file();
    store::sqlite::make_home(options).migrations()->apply();
  }

  [[nodiscard]] std::string file() const { return folder_.file(); }
  std::vector<std::string> column(const std::string& name) {
    const std::string text = name == "payload_bytes"
                                 ? "CASE WHEN payload_bytes IS NOT NULL THEN hex(payload_bytes) END"
                                 : name;
    return Client(folder_.file())
        .run("SELECT coalesce(" + text + ", '-') FROM outbox_events ORDER BY id");
  }

 private:
  ScratchFolder folder_;
};

class MariadbStore {
 public:
  [[nodiscard]] const MariadbScratch& database() const { return database_; }
  std::vector<std::string> column(const std::string& name) {
    const std::string text = name == "payload_bytes" ? "hex(payload_bytes)" : name;
    return database_.run("SELECT coalesce(" + text + ", '-') FROM outbox_events ORDER BY id");
  }

 private:
  MariadbScratch database_;
};

inline Event order_event(const std::string& aggregate_id, const std::string& payload = "{}") {
  Event event;
  event.event_type = "ORDER_PAID";
  event.aggregate_type = "order";
  event.aggregate_id = aggregate_id;
  event.payload.bytes = payload;
  return event;
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

}  // namespace outbox::testing
