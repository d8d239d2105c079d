// SPDX-License-Identifier: Apache-2.0
//
// Publishes on a connection of its own.
#include <sqlite3.h>

#include <cstdio>
#include <exception>

#include <outbox/sqlite.hpp>

int main(int, char** words) {
  sqlite3* connection = nullptr;
  sqlite3_open(words[1], &connection);
  int code = 1;
  try {
    outbox::Event event;
    event.event_type = "ORDER_PAID";
    event.aggregate_type = "order";
    event.aggregate_id = "43";
    sqlite3_exec(connection, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
    outbox::publish(connection, event);
    code = sqlite3_exec(connection, "COMMIT", nullptr, nullptr, nullptr);
    std::puts("published 1");
  } catch (const std::exception& error) {
    std::puts(error.what());
  }
  sqlite3_close(connection);
  return code;
}
