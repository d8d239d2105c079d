// SPDX-License-Identifier: Apache-2.0
//
// An order and its event, in one transaction of SOCI: postgresql, sqlite3 or mysql.
//
//     outboxd migrate --database.url postgresql://localhost/shop
//     publish_soci postgresql "host=localhost dbname=shop"
#include <soci/soci.h>

#include <iostream>

#include <outbox/error.hpp>
#include <outbox/soci.hpp>

int main(int count, char** words) {
  if (count != 3) {
    std::cerr << "publish_soci BACKEND CONNECTION\n";
    return 2;
  }
  try {
    soci::session session(words[1], words[2]);
    session << "CREATE TABLE IF NOT EXISTS orders (id BIGINT, status TEXT)";
    // [example main-soci]
    soci::transaction transaction(session);
    const int order_id = 4711;
    session << "INSERT INTO orders (id, status) VALUES (:id, 'PAID')", soci::use(order_id);
    outbox::Event paid;
    paid.event_type = "ORDER_PAID";
    paid.aggregate_type = "order";
    paid.aggregate_id = "4711";
    paid.payload = outbox::json_payload(R"({"order_id":4711})");
    const outbox::Uuid event_id = outbox::publish(session, paid);
    transaction.commit();
    // [end]
    std::cout << outbox::to_string(event_id) << "\n";
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
