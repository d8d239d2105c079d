// SPDX-License-Identifier: Apache-2.0
//
// What publishing costs beside the INSERT that a back end would write by hand, on one store.
//
//     bench_publish_rate postgres|mariadb|sqlite URL|FILE ROUNDS SECONDS
//
// Four legs, alternating: a transaction of one hand-written INSERT, the same by publish(); a
// transaction of one multi-row INSERT, the same by publish(). Prints one line of JSON. The table is
// there, and the legs leave their rows in it.
#include <libpq-fe.h>
#include <mysql.h>
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <outbox/mariadb.hpp>
#include <outbox/postgres.hpp>
#include <outbox/sqlite.hpp>

#include <fmt/format.h>

#include "core/clock.hpp"
#include "store/mariadb/address.hpp"

namespace {

using outbox::Event;
using Events = std::vector<Event>;

constexpr int bulk_events = 500;
constexpr std::string_view columns = "aggregate_type, aggregate_id, event_type, payload";

Events make_events(int count) {
  Events events;
  for (int i = 0; i < count; ++i) {
    Event& event = events.emplace_back();
    event.event_type = "ORDER_PAID";
    event.aggregate_type = "order";
    event.aggregate_id = std::to_string(1000 + i);
    event.payload.bytes =
        fmt::format(R"({{"order_id":{},"pad":"{}"}})", 1000 + i, std::string(270, 'x'));
  }
  return events;
}

void expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

/// A connection as a back end has it, and the statements that it would write by hand.
class Store {
 public:
  virtual ~Store() = default;
  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void insert(const Events& events) = 0;
  virtual void publish(const Events& events) = 0;
};

class Postgres final : public Store {
 public:
  explicit Postgres(const char* url) : connection_(PQconnectdb(url), &PQfinish) {
    expect(PQstatus(connection_.get()) == CONNECTION_OK, PQerrorMessage(connection_.get()));
  }
  void begin() override { run("BEGIN"); }
  void commit() override { run("COMMIT"); }
  void insert(const Events& events) override {
    if (sql_rows_ != events.size()) make_sql(events.size());
    std::vector<const char*> values;
    for (const Event& event : events) {
      for (const std::string* text :
           {&event.aggregate_type, &event.aggregate_id, &event.event_type, &*event.payload.bytes}) {
        values.push_back(text->c_str());
      }
    }
    check(PQexecParams(connection_.get(), sql_.c_str(), static_cast<int>(values.size()), nullptr,
                       values.data(), nullptr, nullptr, 0));
  }
  void publish(const Events& events) override { outbox::publish(connection_.get(), events); }

 private:
  void make_sql(std::size_t rows) {
    sql_ = fmt::format("INSERT INTO outbox_events ({}) VALUES ", columns);
    for (std::size_t i = 0; i < rows; ++i) {
      sql_ += fmt::format("{}(${}, ${}, ${}, ${})", i == 0 ? "" : ", ", i * 4 + 1, i * 4 + 2,
                          i * 4 + 3, i * 4 + 4);
    }
    sql_rows_ = rows;
  }
  void run(const char* sql) { check(PQexec(connection_.get(), sql)); }
  void check(PGresult* result) {
    expect(PQresultStatus(result) == PGRES_COMMAND_OK, PQerrorMessage(connection_.get()));
    PQclear(result);
  }

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  std::string sql_;
  std::size_t sql_rows_ = 0;
};

class Mariadb final : public Store {
 public:
  explicit Mariadb(const char* url) : connection_(mysql_init(nullptr), &mysql_close) {
    const auto address = outbox::store::mariadb::parse_address(url);
    MYSQL* const handle = connection_.get();
    mysql_optionsv(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    expect(mysql_real_connect(handle, address.host.c_str(), address.user.c_str(),
                              address.password.c_str(), address.database.c_str(),
                              static_cast<unsigned>(address.port), nullptr, 0) != nullptr,
           mysql_error(handle));
  }
  void begin() override { run("START TRANSACTION"); }
  void commit() override { run("COMMIT"); }
  void insert(const Events& events) override {
    std::string sql = fmt::format("INSERT INTO outbox_events ({}) VALUES ", columns);
    for (const Event& event : events) {
      char separator = '(';
      if (&event != &events.front()) sql += ',';
      for (const std::string* text :
           {&event.aggregate_type, &event.aggregate_id, &event.event_type, &*event.payload.bytes}) {
        sql += separator;
        separator = ',';
        append(sql, *text);
      }
      sql += ')';
    }
    run(sql);
  }
  void publish(const Events& events) override { outbox::publish(connection_.get(), events); }

 private:
  void append(std::string& sql, const std::string& text) {
    sql += '\'';
    const std::size_t start = sql.size();
    sql.resize(start + 2 * text.size() + 1);
    sql.resize(start + mysql_real_escape_string(connection_.get(), sql.data() + start, text.data(),
                                                text.size()));
    sql += '\'';
  }
  void run(std::string_view sql) {
    expect(mysql_real_query(connection_.get(), sql.data(), sql.size()) == 0,
           mysql_error(connection_.get()));
  }

  std::unique_ptr<MYSQL, decltype(&mysql_close)> connection_;
};

class Sqlite final : public Store {
 public:
  explicit Sqlite(const char* path) : connection_(open(path), &sqlite3_close) {
    run("PRAGMA journal_mode = WAL");
    run("PRAGMA synchronous = FULL");
  }
  ~Sqlite() override { sqlite3_finalize(statement_); }
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  void begin() override { run("BEGIN IMMEDIATE"); }
  void commit() override { run("COMMIT"); }
  void insert(const Events& events) override {
    if (rows_ != events.size()) prepare(events.size());
    int index = 0;
    for (const Event& event : events) {
      for (const std::string* text :
           {&event.aggregate_type, &event.aggregate_id, &event.event_type, &*event.payload.bytes}) {
        sqlite3_bind_text64(statement_, ++index, text->data(), text->size(), SQLITE_STATIC,
                            SQLITE_UTF8);
      }
    }
    expect(sqlite3_step(statement_) == SQLITE_DONE, sqlite3_errmsg(connection_.get()));
    sqlite3_reset(statement_);
  }
  void publish(const Events& events) override { outbox::publish(connection_.get(), events); }

 private:
  static sqlite3* open(const char* path) {
    sqlite3* opened = nullptr;
    expect(sqlite3_open(path, &opened) == SQLITE_OK, "sqlite3_open");
    return opened;
  }
  // Once, as a back end with a cache of its statements would.
  void prepare(std::size_t rows) {
    std::string sql = fmt::format("INSERT INTO outbox_events ({}) VALUES (?,?,?,?)", columns);
    for (std::size_t i = 1; i < rows; ++i)
      sql += ",(?,?,?,?)";
    sqlite3_finalize(statement_);
    expect(
        sqlite3_prepare_v2(connection_.get(), sql.c_str(), -1, &statement_, nullptr) == SQLITE_OK,
        sqlite3_errmsg(connection_.get()));
    rows_ = rows;
  }
  void run(const char* sql) {
    expect(sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK,
           sqlite3_errmsg(connection_.get()));
  }

  std::unique_ptr<sqlite3, decltype(&sqlite3_close)> connection_;
  sqlite3_stmt* statement_ = nullptr;
  std::size_t rows_ = 0;
};

std::unique_ptr<Store> open_store(const std::string& kind, const char* place) {
  if (kind == "postgres") return std::make_unique<Postgres>(place);
  if (kind == "mariadb") return std::make_unique<Mariadb>(place);
  if (kind == "sqlite") return std::make_unique<Sqlite>(place);
  throw std::runtime_error("no such store: " + kind);
}

using Insert = std::function<void(const Events&)>;

// Two ways in turn, a few milliseconds each, until both have had their time: what else the machine
// does then falls on both. Events a second of each.
std::pair<double, double> alternate(Store& store, const Events& events, double seconds,
                                    const std::vector<Insert>& ways) {
  std::vector<double> spent(ways.size(), 0);
  std::vector<double> done(ways.size(), 0);
  const int turns = events.size() == 1 ? 25 : 2;
  for (std::size_t way = 0; spent.back() < seconds; way = (way + 1) % ways.size()) {
    const outbox::Moment before = outbox::BootClock::now();
    for (int turn = 0; turn < turns; ++turn) {
      store.begin();
      ways[way](events);
      store.commit();
    }
    const std::chrono::duration<double> time = outbox::BootClock::now() - before;
    spent[way] += time.count();
    done[way] += turns * static_cast<double>(events.size());
  }
  return {done[0] / spent[0], done[1] / spent[1]};
}

void run(const std::string& kind, const char* place, int rounds, double seconds) {
  const std::unique_ptr<Store> store = open_store(kind, place);
  const Insert by_hand = [&](const Events& events) { store->insert(events); };
  const Insert published = [&](const Events& events) { store->publish(events); };
  const Events one = make_events(1);
  const Events many = make_events(bulk_events);
  std::string runs;
  alternate(*store, one, seconds / 4, {by_hand, published});
  for (int round = 0; round < rounds; ++round) {
    const bool turned = round % 2 != 0;
    const std::vector<Insert> ways =
        turned ? std::vector{published, by_hand} : std::vector{by_hand, published};
    auto single = alternate(*store, one, seconds, ways);
    auto bulk = alternate(*store, many, seconds, ways);
    if (turned) {
      std::swap(single.first, single.second);
      std::swap(bulk.first, bulk.second);
    }
    runs += fmt::format(
        R"({}{{"insert":{:.1f},"publish":{:.1f},"bulk_insert":{:.1f},"bulk_publish":{:.1f}}})",
        runs.empty() ? "" : ",", single.first, single.second, bulk.first, bulk.second);
  }
  std::puts(
      fmt::format(R"({{"store":"{}","bulk_events":{},"rounds":[{}]}})", kind, bulk_events, runs)
          .c_str());
}

}  // namespace

int main(int count, char** words) {
  if (count != 5) {
    std::fputs("bench_publish_rate postgres|mariadb|sqlite URL|FILE ROUNDS SECONDS\n", stderr);
    return 2;
  }
  try {
    run(words[1], words[2], std::atoi(words[3]), std::atof(words[4]));
  } catch (const std::exception& error) {
    std::fputs(fmt::format("{}\n", error.what()).c_str(), stderr);
    return 1;
  }
  return 0;
}
