// SPDX-License-Identifier: Apache-2.0
//
// An order and its event, in one transaction on a connection of SQLite.
//
//     outboxd migrate --database.url sqlite:///shop.db
//     publish_sqlite shop.db
#include <sqlite3.h>

#include <iostream>
#include <memory>
#include <stdexcept>

#include <outbox/error.hpp>
#include <outbox/sqlite.hpp>

namespace {

void run(sqlite3* connection, const char* sql) {
  if (sqlite3_exec(connection, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sqlite3_errmsg(connection));
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "publish_sqlite FILE\n";
    return 2;
  }
  try {
    sqlite3* opened = nullptr;
    sqlite3_open(words[1], &opened);
    const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> connection(opened, &sqlite3_close);
    sqlite3_busy_timeout(connection.get(), 5000);
    run(connection.get(), "CREATE TABLE IF NOT EXISTS orders (id INTEGER, status TEXT)");
    // [example main-sqlite]
    run(connection.get(), "BEGIN IMMEDIATE");
    run(connection.get(), "INSERT INTO orders (id, status) VALUES (4711, 'PAID')");
    outbox::Event paid;
    paid.event_type = "ORDER_PAID";
    paid.aggregate_type = "order";
    paid.aggregate_id = "4711";
    paid.payload = outbox::json_payload(R"({"order_id":4711})");
    const outbox::Uuid event_id = outbox::publish(connection.get(), paid);
    run(connection.get(), "COMMIT");
    // [end]
    std::cout << outbox::to_string(event_id) << "\n";
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
