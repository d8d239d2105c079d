// SPDX-License-Identifier: Apache-2.0
//
// An order and its event, in one transaction on a connection of libmariadb.
//
//     outboxd migrate --database.url mariadb://user:password@localhost/shop
//     publish_mariadb localhost 3306 user password shop
#include <mysql.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>

#include <outbox/error.hpp>
#include <outbox/mariadb.hpp>

namespace {

void run(MYSQL* connection, const char* sql) {
  if (mysql_query(connection, sql) != 0) throw std::runtime_error(mysql_error(connection));
}

}  // namespace

int main(int count, char** words) {
  if (count != 6) {
    std::cerr << "publish_mariadb HOST PORT USER PASSWORD DATABASE\n";
    return 2;
  }
  try {
    const std::unique_ptr<MYSQL, decltype(&mysql_close)> connection(mysql_init(nullptr),
                                                                    &mysql_close);
    mysql_optionsv(connection.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (mysql_real_connect(connection.get(), words[1], words[3], words[4], words[5],
                           static_cast<unsigned>(std::atoi(words[2])), nullptr, 0) == nullptr) {
      throw std::runtime_error(mysql_error(connection.get()));
    }
    run(connection.get(), "CREATE TABLE IF NOT EXISTS orders (id BIGINT, status TEXT)");
    // [example main-mariadb]
    run(connection.get(), "START TRANSACTION");
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
