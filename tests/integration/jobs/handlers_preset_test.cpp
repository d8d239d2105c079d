// SPDX-License-Identifier: Apache-2.0
//
// The trading document's own table (C1, C5): its words, its text ids, its maximum of attempts a
// row.
#include <fmt/format.h>

#include "integration/jobs/handling.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;

class TradingHandlers : public OnHandlers {
 protected:
  void SetUp() override {
    own_.emplace(GetParam());
    database_ = std::make_unique<Database>(DatabaseOptions{.url = own_->url()});
    // MariaDB's timestamps have no parts of a second unless they are asked for; the order is
    // theirs.
    const std::string time = GetParam() == Dialect::mariadb ? "timestamp(6)" : "timestamp";
    const std::string now =
        GetParam() == Dialect::mariadb ? "current_timestamp(6)" : "current_timestamp";
    database_->script(fmt::format(
        "create table outbox_events (id varchar(36) primary key, "
        "event_type varchar(100) not null, aggregate_id varchar(100) not null, "
        "aggregate_type varchar(100) not null, event_data json not null, "
        "status varchar(20) not null default 'pending' "
        "check (status in ('pending', 'published', 'failed', 'retry')), "
        "retry_count integer not null default 0, max_retries integer not null default 3, "
        "created_at {0} not null default {1}, updated_at {0} not null default {1}, "
        "published_at {0} null)",
        time, now));
    store::HomeOptions options;
    options.table.native = false;
    own_->home(options).migrations()->apply();
  }

  void insert(const std::string& id, const std::string& type, int max_retries) {
    execute(fmt::format(
        "insert into outbox_events (id, event_type, aggregate_id, aggregate_type, event_data, "
        "max_retries) values ('{}', 'ORDER_FILLED', 'account-{}', '{}', '{{\"n\": 1}}', {})",
        id, id, type, max_retries));
  }

  std::string row(const std::string& id) {
    return value(fmt::format("select status from outbox_events where id = '{}'", id)) + " " +
           value(fmt::format("select retry_count from outbox_events where id = '{}'", id));
  }

  [[nodiscard]] HandlersOptions trading() const {
    HandlersOptions options = this->options();
    options.preset = "trading";
    return options;
  }
};

TEST_P(TradingHandlers, rows_are_retry_until_their_own_maximum_and_then_failed) {
  insert("5f0c7d1e-0000-4000-8000-000000000001", "portfolio", 3);
  insert("5f0c7d1e-0000-4000-8000-000000000002", "PORTFOLIO", 2);
  insert("trade-3", "Market", 1);
  std::atomic<bool> broken = true;
  Seen ids;
  Handlers handlers(trading());
  handlers.on("PORTFOLIO", "ORDER_FILLED",
              [&](const ReceivedEvent& event, HandlerContext& context) {
                ids.add(std::string(context.row_id));
                EXPECT_EQ(event.payload, R"({"n": 1})");
                EXPECT_EQ(to_string(event.event_id), context.row_id);
                throw std::runtime_error("no such account");
              });
  handlers.on("MARKET", "ORDER_FILLED", [&](const ReceivedEvent& event, HandlerContext&) {
    EXPECT_FALSE(event.event_id.is_nil());
    if (broken) throw std::runtime_error("closed");
  });
  HandledCounts counts = handlers.publish_pending_events();
  EXPECT_EQ(counts.processed, 3);
  EXPECT_EQ(counts.retried, 2);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(row("5f0c7d1e-0000-4000-8000-000000000001"), "retry 1");
  EXPECT_EQ(row("5f0c7d1e-0000-4000-8000-000000000002"), "retry 1");
  EXPECT_EQ(row("trade-3"), "failed 1");
  counts = handlers.publish_pending_events();
  EXPECT_EQ(counts.retried, 1);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(row("5f0c7d1e-0000-4000-8000-000000000002"), "failed 2");
  EXPECT_EQ(handlers.publish_pending_events().failed, 1);
  EXPECT_EQ(row("5f0c7d1e-0000-4000-8000-000000000001"), "failed 3");
  EXPECT_EQ(handlers.publish_pending_events().processed, 0);
  EXPECT_EQ(value("select count(*) from outbox_events where published_at is not null"), "0");
}

TEST_P(TradingHandlers, rows_that_are_handled_are_published_with_the_time) {
  insert("trade-1", "market", 3);
  insert("trade-2", "market", 3);
  Seen seen;
  Handlers handlers(trading());
  handlers.on("ORDER_FILLED", [&](const ReceivedEvent& event, HandlerContext&) {
    seen.add(std::string(event.aggregate_id));
    if (event.aggregate_id == "account-trade-1" && seen.count("account-trade-1") == 1) {
      throw std::runtime_error("once");
    }
  });
  EXPECT_EQ(handlers.publish_pending_events().published, 1);
  EXPECT_EQ(handlers.publish_pending_events().published, 1);
  EXPECT_THAT(seen.all(), ElementsAre("account-trade-1", "account-trade-2", "account-trade-1"));
  EXPECT_EQ(row("trade-1"), "published 1");
  EXPECT_EQ(row("trade-2"), "published 0");
  EXPECT_EQ(value("select count(*) from outbox_events where published_at is null"), "0");
}

INSTANTIATE_TEST_SUITE_P(each, TradingHandlers, all_stores(), store_name);

}  // namespace
}  // namespace outbox::testing
