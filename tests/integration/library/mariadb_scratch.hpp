// SPDX-License-Identifier: Apache-2.0
//
// A database of a test's own on the run's MariaDB, migrated, with a client that is not ours.
#pragma once

#include <gtest/gtest.h>
#include <mysql.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "conformance/store/mariadb_under_test.hpp"
#include "store/mariadb/address.hpp"
#include "store/mariadb/home.hpp"

namespace outbox::testing {

struct CloseMariadb {
  void operator()(MYSQL* connection) const noexcept { mysql_close(connection); }
};
using MariadbHandle = std::unique_ptr<MYSQL, CloseMariadb>;

/// The first column of the last statement's rows; throws what the server says.
inline std::vector<std::string> run_on(MYSQL* connection, const std::string& sql) {
  if (mysql_real_query(connection, sql.data(), sql.size()) != 0) {
    throw std::runtime_error(mysql_error(connection));
  }
  std::vector<std::string> values;
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(
      mysql_store_result(connection), &mysql_free_result);
  while (result != nullptr) {
    MYSQL_ROW row = mysql_fetch_row(result.get());
    if (row == nullptr) break;
    const unsigned long size = mysql_fetch_lengths(result.get())[0];
    values.emplace_back(row[0] == nullptr ? "NULL" : std::string(row[0], size));
  }
  return values;
}

class MariadbScratch {
 public:
  MariadbScratch() {
    store::HomeOptions options;
    options.url = database_.url();
    store::mariadb::make_home(options).migrations()->apply();
    address_ = store::mariadb::parse_address(database_.url());
    client_ = connect();
  }

  [[nodiscard]] const store::mariadb::Address& address() const noexcept { return address_; }
  [[nodiscard]] std::string url() const { return database_.url(); }

  [[nodiscard]] MariadbHandle connect() const {
    MariadbHandle made(mysql_init(nullptr));
    mysql_optionsv(made.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (mysql_real_connect(made.get(), address_.host.c_str(), address_.user.c_str(),
                           address_.password.c_str(), address_.database.c_str(),
                           static_cast<unsigned>(address_.port), nullptr, 0) == nullptr) {
      throw std::runtime_error(mysql_error(made.get()));
    }
    return made;
  }

  std::vector<std::string> run(const std::string& sql) { return run_on(client_.get(), sql); }
  std::string value(const std::string& sql) { return run(sql).at(0); }

 private:
  MariadbDatabase database_;
  store::mariadb::Address address_;
  MariadbHandle client_;
};

}  // namespace outbox::testing
