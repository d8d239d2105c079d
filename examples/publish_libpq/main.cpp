// SPDX-License-Identifier: Apache-2.0
//
// An order and its event, in one transaction on a connection of libpq.
//
//     outboxd migrate --database.url postgresql://localhost/shop
//     publish_libpq postgresql://localhost/shop
#include <libpq-fe.h>

#include <iostream>
#include <memory>

#include <outbox/error.hpp>
#include <outbox/postgres.hpp>

namespace {

void run(PGconn* connection, const char* sql) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection, sql), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
    throw std::runtime_error(PQerrorMessage(connection));
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "publish_libpq URL\n";
    return 2;
  }
  try {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(words[1]), &PQfinish);
    run(connection.get(), "CREATE TABLE IF NOT EXISTS orders (id bigint, status text)");
    // [example main-libpq]
    run(connection.get(), "BEGIN");
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
