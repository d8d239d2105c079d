// SPDX-License-Identifier: Apache-2.0
//
// A database of a test's own on the run's MariaDB, migrated, with a client that is not ours.
#pragma once

#include <gtest/gtest.h>
#include <mysql.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <outbox/uuid.hpp>

#include "support/services.hpp"

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

class MariadbDatabase {
 public:
  MariadbDatabase() : name_("case_" + to_string(random_uuid())) {
    std::erase(name_, '-');
    take_apart(services().mariadb_url);
    client_ = connect("");
    run("CREATE DATABASE " + name_ + " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    run("USE " + name_);
    run(outbox_table());
  }
  ~MariadbDatabase() {
    try {
      run("DROP DATABASE " + name_);
    } catch (const std::runtime_error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  MariadbDatabase(const MariadbDatabase&) = delete;
  MariadbDatabase& operator=(const MariadbDatabase&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  [[nodiscard]] const std::string& password() const noexcept { return password_; }
  [[nodiscard]] unsigned port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const {
    return "mariadb://" + user_ + ":" + password_ + "@" + host_ + ":" + std::to_string(port_) +
           "/" + name_;
  }

  /// In this database.
  [[nodiscard]] MariadbHandle connect() const { return connect(name_); }

  std::vector<std::string> run(const std::string& sql) { return run_on(client_.get(), sql); }
  std::string value(const std::string& sql) { return run(sql).at(0); }

 private:
  [[nodiscard]] MariadbHandle connect(const std::string& database) const {
    MariadbHandle made(mysql_init(nullptr));
    mysql_optionsv(made.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (mysql_real_connect(made.get(), host_.c_str(), user_.c_str(), password_.c_str(),
                           database.empty() ? nullptr : database.c_str(), port_, nullptr,
                           CLIENT_FOUND_ROWS) == nullptr) {
      throw std::runtime_error(mysql_error(made.get()));
    }
    return made;
  }

  // mariadb://user:password@host:port/
  void take_apart(const std::string& url) {
    const std::size_t start = url.find("//") + 2;
    const std::size_t at = url.find('@', start);
    const std::size_t colon = url.find(':', start);
    const std::size_t port = url.find(':', at);
    user_ = url.substr(start, colon - start);
    password_ = url.substr(colon + 1, at - colon - 1);
    host_ = url.substr(at + 1, port - at - 1);
    port_ = static_cast<unsigned>(std::stoul(url.substr(port + 1)));
  }

  static std::string outbox_table() {
    const std::string source = std::getenv("OUTBOXD_SOURCE");
    std::ifstream file(source + "/src/store/migrations/0002_outbox.mariadb.sql");
    std::ostringstream text;
    text << file.rdbuf();
    std::string sql = text.str();
    const auto replace = [&](const std::string& from, const std::string& to) {
      for (std::size_t at = sql.find(from); at != std::string::npos; at = sql.find(from))
        sql.replace(at, from.size(), to);
    };
    replace("{schema}.{table}", "outbox_events");
    replace("{collation}", "utf8mb4_bin");
    return sql;
  }

  std::string name_;
  std::string host_;
  std::string user_;
  std::string password_;
  unsigned port_ = 0;
  MariadbHandle client_;
};

}  // namespace outbox::testing
