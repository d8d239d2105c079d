// SPDX-License-Identifier: Apache-2.0
//
// The shop's table (B2) as its own programs make it: UUIDs for ids, the order is that of
// created_at, FAILED says both "failed" and "dead", and there is a column of which outboxd knows
// nothing.
#pragma once

#include <string>

#include <fmt/format.h>

#include "conformance/store/operators_case.hpp"

namespace outbox::testing {

inline TableShape shop_table() {
  TableShape shape;
  shape.table = "shop_outbox";
  shape.native = false;
  shape.preset = "shop";
  shape.id_type = IdType::uuid;
  shape.order = RowOrder::created_at;
  shape.status.dead = "FAILED";
  for (auto* column : {&shape.columns.event_id, &shape.columns.key, &shape.columns.payload_bytes,
                       &shape.columns.content_type, &shape.columns.topic, &shape.columns.headers,
                       &shape.columns.bucket, &shape.columns.published_at}) {
    column->reset();
  }
  return shape;
}

class OperatorsMapped : public StoreConformance {
 protected:
  void make(const std::string& id, const std::string& time, const std::string& json) {
    store_->execute(fmt::format(
        "CREATE TABLE shop_outbox (id {0} PRIMARY KEY, aggregate_type varchar(50) NOT NULL, "
        "aggregate_id bigint NOT NULL, event_type varchar(50) NOT NULL, payload {2} NOT NULL, "
        "status varchar(20) NOT NULL DEFAULT 'PENDING', retry_count int NOT NULL DEFAULT 0, "
        "next_attempt_at {1} NOT NULL DEFAULT '2026-01-01 00:00:00', locked_by varchar(64), "
        "locked_at {1} NULL, error_message varchar(2000), created_at {1} NOT NULL, "
        "remark varchar(20) DEFAULT 'our own')",
        id, time, json));
    shop_ = options();
    shop_.table = shop_table();
    store_->open(shop_).migrations()->apply();
  }

  void SetUp() override {
    StoreConformance::SetUp();
    const std::string word =
        ::testing::UnitTest::GetInstance()->current_test_info()->test_suite_name();
    if (word.starts_with("postgres"))
      make("uuid", "timestamp", "jsonb");
    else if (word.starts_with("mariadb"))
      make("char(36)", "datetime(6)", "json");
    else
      make("TEXT", "TEXT", "TEXT");
    // The order of the ids is not that of the times.
    write(3, 1);
    write(1, 2);
    write(2, 3);
  }

  static std::string id(int number) {
    return fmt::format("018f4e5a-1111-7222-8333-44445555666{}", number);
  }

  void write(int number, int day) {
    store_->execute(fmt::format(
        "INSERT INTO shop_outbox (id, aggregate_type, aggregate_id, event_type, payload, "
        "created_at) VALUES ('{}', 'order', {}, 'PAID', '{{\"n\": 1}}', '2026-01-0{} 00:00:00')",
        id(number), number, day));
  }

  std::string value(const std::string& expression, int number) {
    return store_
        ->value(fmt::format("SELECT {} FROM shop_outbox WHERE id = '{}'", expression, id(number)))
        .value_or("NULL");
  }

  store::HomeOptions shop_;
};

}  // namespace outbox::testing
