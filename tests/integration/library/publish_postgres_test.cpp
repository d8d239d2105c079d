// SPDX-License-Identifier: Apache-2.0
//
// A back end with a libpq connection of its own, which must stay as it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <memory>

#include <outbox/error.hpp>
#include <outbox/postgres.hpp>

#include "conformance/store/postgres_under_test.hpp"
#include "store/postgres/home.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;

/// For events that are a transaction by themselves.
const PublishOptions alone = {.require_transaction = false};

class PublishOnPostgres : public ::testing::Test {
 protected:
  PublishOnPostgres() : connection_(PQconnectdb(schema_.url().c_str()), &PQfinish) {
    store::HomeOptions options;
    options.url = schema_.url();
    store::postgres::make_home(options).migrations()->apply();
    run("SET client_min_messages = warning");
  }

  [[nodiscard]] PGconn* connection() const { return connection_.get(); }

  /// The first value, or what the server said.
  std::string run(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection_.get(), sql.c_str()), &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      return PQresultErrorMessage(result.get());
    }
    return PQntuples(result.get()) == 0 ? "" : PQgetvalue(result.get(), 0, 0);
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

  PostgresSchema schema_;
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

TEST_F(PublishOnPostgres, an_event_comes_and_goes_with_the_callers_transaction) {
  // [example publish-on-libpq]
  PQclear(PQexec(connection(), "BEGIN"));
  Event paid;
  paid.event_type = "ORDER_PAID";
  paid.aggregate_type = "order";
  paid.aggregate_id = "4711";
  paid.payload.bytes = R"({"order_id":4711})";
  const Uuid event_id = publish(connection(), paid);
  PQclear(PQexec(connection(), "COMMIT"));
  // [end]
  run("BEGIN");
  publish(connection(), event("2"));
  run("ROLLBACK");
  EXPECT_EQ(run("SELECT string_agg(event_id::text, ',') FROM outbox_events"), to_string(event_id));
}

TEST_F(PublishOnPostgres, without_a_transaction_it_is_refused_with_the_remedy) {
  for (const std::size_t count : {1U, 2U}) {
    const Error error =
        error_of([&] { publish(connection(), std::vector<Event>(count, event("1"))); });
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("no transaction is open"));
    EXPECT_THAT(error.hint(), HasSubstr("BEGIN"));
    EXPECT_THAT(error.hint(), HasSubstr("require_transaction"));
  }
  EXPECT_EQ(run("SELECT count(*) FROM outbox_events"), "0");
}

TEST_F(PublishOnPostgres, where_none_is_asked_for_the_insert_is_one_of_its_own) {
  publish(connection(), event("1"), alone);
  EXPECT_EQ(PQtransactionStatus(connection()), PQTRANS_IDLE);
  EXPECT_EQ(run("SELECT aggregate_id FROM outbox_events"), "1");
}

TEST_F(PublishOnPostgres, ten_thousand_events_keep_their_order_in_one_statement) {
  std::vector<Event> events;
  for (int i = 0; i < 10'000; ++i) {
    events.push_back(
        event(std::to_string(i), "{\"text\":\"\\\"{,}\\\\ é " + std::to_string(i) + "\"}"));
    if (i % 3 == 0) events.back().key = "key \"{" + std::to_string(i) + "}\\";
    if (i % 5 == 0) events.back().payload = {std::string("\0\xFF\\", 3), "application/x-thing"};
    if (i % 7 == 0) events.back().payload.bytes.reset();
  }
  const std::vector<Uuid> ids = publish(connection(), events, alone);
  ASSERT_EQ(ids.size(), events.size());
  EXPECT_EQ(run("SELECT count(*) FROM (SELECT aggregate_id::bigint - row_number() OVER (ORDER BY "
                "id) AS d FROM outbox_events) x WHERE d <> -1"),
            "0");
  EXPECT_EQ(run("SELECT event_id FROM outbox_events WHERE aggregate_id = '9999'"),
            to_string(ids[9999]));
  EXPECT_EQ(run("SELECT event_key FROM outbox_events WHERE aggregate_id = '9'"), "key \"{9}\\");
  EXPECT_EQ(run("SELECT payload FROM outbox_events WHERE aggregate_id = '1'"),
            R"({"text":"\"{,}\\ é 1"})");
  EXPECT_EQ(run("SELECT payload_bytes FROM outbox_events WHERE aggregate_id = '5'"), "\\x00ff5c");
  EXPECT_EQ(run("SELECT count(*) FROM outbox_events WHERE payload IS NULL AND payload_bytes IS "
                "NULL AND aggregate_id::bigint % 7 = 0"),
            "1429");
  EXPECT_EQ(run("SELECT count(*) FROM outbox_events WHERE event_key IS NOT NULL"), "3334");
}

TEST_F(PublishOnPostgres, bytes_of_another_type_stand_in_their_own_column) {
  Event event = this->event("1");
  event.payload = {std::string("\0\xFF", 2), "application/x-protobuf"};
  publish(connection(), event, alone);
  EXPECT_EQ(run("SELECT payload_bytes::text || content_type || (payload IS NULL)::text FROM "
                "outbox_events"),
            "\\x00ffapplication/x-protobuftrue");
}

TEST_F(PublishOnPostgres, a_bad_event_is_refused_before_anything_is_sent) {
  run("BEGIN");
  const std::vector<Event> events = {event("1"), event("2", "{")};
  EXPECT_EQ(error_of([&] { publish(connection(), events); }).kind(), ErrorKind::usage);
  EXPECT_EQ(PQtransactionStatus(connection()), PQTRANS_INTRANS);
  run("COMMIT");
  EXPECT_EQ(run("SELECT count(*) FROM outbox_events"), "0");
}

TEST_F(PublishOnPostgres, an_insert_right_is_all_that_is_needed) {
  const std::string role = "writer_of_" + schema_.name();
  run("CREATE ROLE " + role);
  run("GRANT USAGE ON SCHEMA " + schema_.name() + " TO " + role);
  run("GRANT INSERT ON outbox_events TO " + role);
  run("SET ROLE " + role);
  publish(connection(), event("1"), alone);
  publish(connection(), std::vector<Event>{event("2"), event("3")}, alone);
  run("RESET ROLE");
  EXPECT_EQ(run("SELECT count(*) FROM outbox_events"), "3");
  run("REVOKE ALL ON outbox_events FROM " + role);
  run("SET ROLE " + role);
  const Error error = error_of([&] { publish(connection(), event("1"), alone); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), HasSubstr("grant INSERT"));
  run("RESET ROLE");
  run("DROP OWNED BY " + role);
  EXPECT_EQ(run("DROP ROLE " + role), "");
}

TEST_F(PublishOnPostgres, a_missing_table_is_named_with_the_remedy) {
  const Error error = error_of([&] {
    publish(connection(), event("1"), {.table = "billing.outbox", .require_transaction = false});
  });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), HasSubstr("outboxd migrate"));
  PublishOptions qualified = alone;
  qualified.table = schema_.name() + ".outbox_events";
  publish(connection(), event("1"), qualified);
  EXPECT_EQ(run("SELECT count(*) FROM outbox_events"), "1");
}

TEST_F(PublishOnPostgres, a_transaction_that_failed_is_refused_with_the_remedy) {
  run("BEGIN");
  run("SELECT no_such_column");
  const Error error = error_of([&] { publish(connection(), event("1")); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.hint(), HasSubstr("ROLLBACK"));
}

TEST_F(PublishOnPostgres, results_that_the_caller_still_has_to_read_are_left_alone) {
  ASSERT_EQ(PQsendQuery(connection(), "SELECT 42"), 1);
  EXPECT_EQ(error_of([&] { publish(connection(), event("1")); }).kind(), ErrorKind::usage);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(connection()), &PQclear);
  EXPECT_STREQ(PQgetvalue(result.get(), 0, 0), "42");
  EXPECT_EQ(PQgetResult(connection()), nullptr);
  publish(connection(), event("1"), alone);
}

TEST_F(PublishOnPostgres, pipeline_mode_and_a_null_pointer_are_refused) {
  ASSERT_EQ(PQenterPipelineMode(connection()), 1);
  EXPECT_THAT(error_of([&] { publish(connection(), event("1")); }).what(), HasSubstr("pipeline"));
  PQexitPipelineMode(connection());
  EXPECT_EQ(error_of([&] { publish(static_cast<PGconn*>(nullptr), event("1")); }).kind(),
            ErrorKind::usage);
}

TEST_F(PublishOnPostgres, texts_are_not_sent_in_another_encoding_than_the_connections) {
  run("SET client_encoding = 'LATIN1'");
  publish(connection(), event("plain"), alone);
  const Error error = error_of([&] { publish(connection(), event("é"), alone); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.what(), HasSubstr("LATIN1"));
  EXPECT_EQ(run("SHOW client_encoding"), "LATIN1");
}

TEST_F(PublishOnPostgres, a_session_that_the_server_ended_is_unreachable) {
  const std::string process = run("SELECT pg_backend_pid()");
  run("BEGIN");
  ASSERT_EQ(schema_.value("SELECT pg_terminate_backend(" + process + ", 10000)"), "t");
  const Error within = error_of([&] { publish(connection(), event("1")); });
  EXPECT_EQ(within.kind(), ErrorKind::unreachable) << within.what();
  EXPECT_FALSE(within.in_doubt());
  EXPECT_EQ(error_of([&] { publish(connection(), event("1")); }).kind(), ErrorKind::unreachable);
}

TEST_F(PublishOnPostgres, an_insert_of_its_own_that_broke_is_in_doubt) {
  const std::string process = run("SELECT pg_backend_pid()");
  ASSERT_EQ(schema_.value("SELECT pg_terminate_backend(" + process + ", 10000)"), "t");
  EXPECT_TRUE(error_of([&] { publish(connection(), event("1"), alone); }).in_doubt());
}

}  // namespace
}  // namespace outbox::testing
