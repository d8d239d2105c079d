// SPDX-License-Identifier: Apache-2.0
//
// The same verbs on every handle, each a client's own connection: what holds on one holds on all.
#include <gmock/gmock.h>
#include <soci/soci.h>

#include <outbox/json.hpp>
#include <outbox/mariadb.hpp>
#include <outbox/postgres.hpp>
#include <outbox/pqxx.hpp>
#include <outbox/soci.hpp>
#include <outbox/sqlite.hpp>

#include "integration/library/stores.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Ids = std::vector<Uuid>;
using Events = std::span<const Event>;

struct Libpq {
  PostgresStore store;
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection{PQconnectdb(store.url().c_str()),
                                                          &PQfinish};

  void run(const char* sql) {
    PGresult* const result = PQexec(connection.get(), sql);
    EXPECT_EQ(PQresultStatus(result), PGRES_COMMAND_OK) << PQerrorMessage(connection.get());
    PQclear(result);
  }
  void begin() { run("BEGIN"); }
  void commit() { run("COMMIT"); }
  void roll_back() { run("ROLLBACK"); }
  Uuid publish_one(const Event& event, const PublishOptions& options = {}) {
    return publish(connection.get(), event, options);
  }
  Ids publish_all(Events events, const PublishOptions& options = {}) {
    return publish(connection.get(), events, options);
  }
};

struct Pqxx {
  PostgresStore store;
  pqxx::connection connection{store.url()};
  std::unique_ptr<pqxx::work> transaction;

  void begin() { transaction = std::make_unique<pqxx::work>(connection); }
  void commit() {
    transaction->commit();
    transaction.reset();
  }
  void roll_back() {
    transaction->abort();
    transaction.reset();
  }
  Uuid publish_one(const Event& event, const PublishOptions& options = {}) {
    return publish(*transaction, event, options);
  }
  Ids publish_all(Events events, const PublishOptions& options = {}) {
    return publish(*transaction, events, options);
  }
};

struct Sqlite {
  struct Close {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close(handle); }
  };

  SqliteStore store;
  std::unique_ptr<sqlite3, Close> connection;

  Sqlite() {
    sqlite3* opened = nullptr;
    EXPECT_EQ(sqlite3_open(store.file().c_str(), &opened), SQLITE_OK);
    connection.reset(opened);
  }
  void run(const char* sql) {
    EXPECT_EQ(sqlite3_exec(connection.get(), sql, nullptr, nullptr, nullptr), SQLITE_OK);
  }
  void begin() { run("BEGIN IMMEDIATE"); }
  void commit() { run("COMMIT"); }
  void roll_back() { run("ROLLBACK"); }
  Uuid publish_one(const Event& event, const PublishOptions& options = {}) {
    return publish(connection.get(), event, options);
  }
  Ids publish_all(Events events, const PublishOptions& options = {}) {
    return publish(connection.get(), events, options);
  }
};

struct Mariadb {
  MariadbStore store;
  MariadbHandle connection = store.database().connect();

  void begin() { run_on(connection.get(), "START TRANSACTION"); }
  void commit() { mysql_commit(connection.get()); }
  void roll_back() { mysql_rollback(connection.get()); }
  Uuid publish_one(const Event& event, const PublishOptions& options = {}) {
    return publish(connection.get(), event, options);
  }
  Ids publish_all(Events events, const PublishOptions& options = {}) {
    return publish(connection.get(), events, options);
  }
};

// One of SOCI's backends, loaded by its name.
struct Soci {
  soci::session session;
  std::unique_ptr<soci::transaction> transaction;

  Soci(const std::string& backend, const std::string& place) : session(backend, place) {}
  void begin() { transaction = std::make_unique<soci::transaction>(session); }
  void commit() {
    transaction->commit();
    transaction.reset();
  }
  void roll_back() {
    transaction->rollback();
    transaction.reset();
  }
  Uuid publish_one(const Event& event, const PublishOptions& options = {}) {
    return publish(session, event, options);
  }
  Ids publish_all(Events events, const PublishOptions& options = {}) {
    return publish(session, events, options);
  }
};

template <class Store>
struct Holds {
  Store store;
};

struct SociPostgres : Holds<PostgresStore>, Soci {
  SociPostgres() : Soci("postgresql", store.url()) {}
};
struct SociSqlite : Holds<SqliteStore>, Soci {
  SociSqlite() : Soci("sqlite3", "db=" + store.file()) {}
};
struct SociMariadb : Holds<MariadbStore>, Soci {
  SociMariadb() : Soci("mysql", place(store.database().address())) {}
  static std::string place(const store::mariadb::Address& address) {
    return "db=" + address.database + " host=" + address.host +
           " port=" + std::to_string(address.port) + " user=" + address.user +
           " password=" + address.password + " charset=utf8mb4";
  }
};

// What guarantees no transaction is no argument.
template <class Handle>
concept Publishes = requires(Handle& handle, const Event& event) {
  publish(handle, event);
};
static_assert(Publishes<pqxx::work>);
static_assert(Publishes<pqxx::subtransaction>);
static_assert(!Publishes<pqxx::nontransaction>);
static_assert(!Publishes<pqxx::connection>);

template <class Handle>
class PublishOn : public ::testing::Test {
 protected:
  std::vector<std::string> column(const std::string& name) { return handle_.store.column(name); }

  Handle handle_;
};

struct Names {
  template <class Handle>
  static std::string GetName(int) {
    if (std::is_same_v<Handle, Libpq>) return "libpq";
    if (std::is_same_v<Handle, Pqxx>) return "pqxx";
    if (std::is_same_v<Handle, Sqlite>) return "sqlite";
    if (std::is_same_v<Handle, Mariadb>) return "mariadb";
    if (std::is_same_v<Handle, SociPostgres>) return "soci_postgres";
    if (std::is_same_v<Handle, SociSqlite>) return "soci_sqlite";
    return "soci_mariadb";
  }
};
using Handles =
    ::testing::Types<Libpq, Pqxx, Sqlite, Mariadb, SociPostgres, SociSqlite, SociMariadb>;
TYPED_TEST_SUITE(PublishOn, Handles, Names);

TYPED_TEST(PublishOn, an_event_comes_and_goes_with_the_callers_transaction) {
  this->handle_.begin();
  const Uuid id = this->handle_.publish_one(order_event("1"));
  EXPECT_THAT(this->column("event_id"), ElementsAre());
  this->handle_.commit();
  this->handle_.begin();
  this->handle_.publish_one(order_event("2"));
  this->handle_.roll_back();
  EXPECT_THAT(this->column("event_id"), ElementsAre(to_string(id)));
}

TYPED_TEST(PublishOn, events_keep_their_order_and_all_they_say) {
  Event full = order_event("1", R"({"a": "é \\ \" ' 😀", "b": 1.10})");
  full.key = "it's a \"key\" \\ {1,2} :p $1 ?";
  full.topic = "order.events";
  full.headers = {{"traceparent", "00-1"}, {"said", "a\n'b'"}};
  Event binary = order_event("2");
  binary.payload = bytes_payload(std::string("\0\xFF'\\\"", 5), "application/x-protobuf");
  Event empty = order_event("3");
  empty.payload.bytes.reset();
  Event no_bytes = order_event("4");
  no_bytes.payload = bytes_payload(std::string(), "application/x-thing");
  const std::vector<Event> events = {full, binary, empty, no_bytes};
  this->handle_.begin();
  const Ids many = this->handle_.publish_all(events);
  for (const Event& event : events)
    this->handle_.publish_one(event);
  this->handle_.commit();

  const auto twice = [](std::vector<std::string> values) {
    const std::vector<std::string> once = values;
    values.insert(values.end(), once.begin(), once.end());
    return values;
  };
  EXPECT_EQ(this->column("aggregate_id"), twice({"1", "2", "3", "4"}));
  EXPECT_EQ(this->column("payload"), twice({*full.payload.bytes, "-", "-", "-"}));
  EXPECT_EQ(this->column("payload_bytes"), twice({"-", "00FF275C22", "-", ""}));
  EXPECT_EQ(this->column("content_type"),
            twice({"-", "application/x-protobuf", "-", "application/x-thing"}));
  EXPECT_EQ(this->column("event_key"), twice({full.key, "-", "-", "-"}));
  EXPECT_EQ(this->column("topic"), twice({"order.events", "-", "-", "-"}));
  EXPECT_EQ(this->column("headers"),
            twice({R"({"traceparent":"00-1","said":"a\n'b'"})", "-", "-", "-"}));
  EXPECT_EQ(this->column("event_id").at(1), to_string(many.at(1)));
}

TYPED_TEST(PublishOn, a_thousand_events_keep_their_order) {
  std::vector<Event> events;
  for (int i = 0; i < 1000; ++i)
    events.push_back(order_event(std::to_string(i)));
  this->handle_.begin();
  const Ids ids = this->handle_.publish_all(events);
  EXPECT_TRUE(this->handle_.publish_all({}).empty());
  this->handle_.commit();
  const auto stored_ids = this->column("event_id");
  const auto aggregates = this->column("aggregate_id");
  ASSERT_EQ(stored_ids.size(), ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(stored_ids[i], to_string(ids[i]));
    ASSERT_EQ(aggregates[i], std::to_string(i));
  }
}

struct OrderPaid {
  std::int64_t order_id = 0;
  std::string note;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OrderPaid, order_id, note)

TYPED_TEST(PublishOn, typed_payloads_come_back_as_they_were) {
  Event typed = order_event("1");
  set_payload(typed, OrderPaid{4711, "zwölf \"Kännchen\""});
  Event json = order_event("2");
  set_payload(json, nlohmann::json{{"list", {1, 2, 3}}, {"none", nullptr}});
  Event text = order_event("3");
  text.payload = json_payload(R"({"total": 1.10})");
  this->handle_.begin();
  this->handle_.publish_all(std::vector<Event>{typed, json, text});
  this->handle_.commit();
  const auto payloads = this->column("payload");
  const auto read = Serializer<OrderPaid>::read(payloads.at(0), "");
  EXPECT_EQ(read.order_id, 4711);
  EXPECT_EQ(read.note, "zwölf \"Kännchen\"");
  EXPECT_EQ(Serializer<nlohmann::json>::read(payloads.at(1), "")["list"][2], 3);
  EXPECT_EQ(payloads.at(2), R"({"total": 1.10})");
}

TYPED_TEST(PublishOn, without_a_transaction_it_is_refused_with_the_remedy) {
  if constexpr (!std::is_same_v<TypeParam, Pqxx>) {
    const Error error = error_of([&] { this->handle_.publish_one(order_event("1")); });
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("no transaction is open"));
    EXPECT_THAT(error.hint(), HasSubstr("require_transaction"));
    EXPECT_THAT(this->column("event_id"), ElementsAre());
    this->handle_.publish_one(order_event("1"), {.require_transaction = false});
    this->handle_.publish_all(std::vector<Event>(2, order_event("1")),
                              {.require_transaction = false});
    EXPECT_EQ(this->column("event_id").size(), 3U);
  }
}

TYPED_TEST(PublishOn, a_bad_event_is_refused_and_the_transaction_goes_on) {
  this->handle_.begin();
  const std::vector<Event> events = {order_event("1"), order_event("2", "{")};
  EXPECT_EQ(error_of([&] { this->handle_.publish_all(events); }).kind(), ErrorKind::usage);
  const PublishOptions routes = {.routes = {{.event_type = "RESTOCKED", .topic = "stock"}}};
  EXPECT_EQ(error_of([&] { this->handle_.publish_one(order_event("1"), routes); }).kind(),
            ErrorKind::usage);
  this->handle_.publish_one(order_event("3"));
  this->handle_.commit();
  EXPECT_THAT(this->column("aggregate_id"), ElementsAre("3"));
}

TYPED_TEST(PublishOn, a_missing_table_is_named_with_the_remedy) {
  this->handle_.begin();
  const Error error =
      error_of([&] { this->handle_.publish_one(order_event("1"), {.table = "no_such"}); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found) << error.what();
  EXPECT_THAT(error.what(), HasSubstr("outboxd migrate"));
  this->handle_.roll_back();
}

TYPED_TEST(PublishOn, where_it_is_disabled_events_are_checked_and_not_written) {
  this->handle_.begin();
  EXPECT_FALSE(this->handle_.publish_one(order_event("1"), {.enabled = false}).is_nil());
  EXPECT_EQ(error_of([&] {
              this->handle_.publish_one(order_event("1", "{"), {.enabled = false});
            }).kind(),
            ErrorKind::usage);
  this->handle_.commit();
  EXPECT_THAT(this->column("event_id"), ElementsAre());
}

}  // namespace
}  // namespace outbox::testing
