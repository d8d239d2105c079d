// SPDX-License-Identifier: Apache-2.0
//
// An order and its event, in one transaction of libpqxx.
//
//     outboxd migrate --database.url postgresql://localhost/shop
//     publish_pqxx postgresql://localhost/shop
#include <iostream>

#include <outbox/pqxx.hpp>

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "publish_pqxx URL\n";
    return 2;
  }
  try {
    pqxx::connection connection{std::string(words[1])};
    pqxx::nontransaction(connection)
        .exec("CREATE TABLE IF NOT EXISTS orders (id bigint, status text)");
    // [example main-pqxx]
    pqxx::work transaction(connection);
    transaction.exec_params("INSERT INTO orders (id, status) VALUES ($1, $2)", 4711, "PAID");
    outbox::Event paid;
    paid.event_type = "ORDER_PAID";
    paid.aggregate_type = "order";
    paid.aggregate_id = "4711";
    paid.payload = outbox::json_payload(R"({"order_id":4711})");
    const outbox::Uuid event_id = outbox::publish(transaction, paid);
    transaction.commit();
    // [end]
    std::cout << outbox::to_string(event_id) << "\n";
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
