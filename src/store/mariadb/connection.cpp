// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/connection.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <mysql.h>

namespace outbox::store::mariadb {
namespace {

using std::chrono::seconds;

constexpr std::string_view connecting = "connecting";

// The client waits a little longer than the server may take, so that the server's own words come.
constexpr seconds answer_margin{10};

seconds whole_seconds(std::chrono::milliseconds time) {
  return std::max(std::chrono::duration_cast<seconds>(time), seconds(1));
}

template <class Value>
void set_option(MYSQL* connection, mysql_option option, const Value& value) {
  mysql_options(connection, option, &value);
}

void set_text(MYSQL* connection, mysql_option option, const std::string& value) {
  if (!value.empty()) mysql_options(connection, option, value.c_str());
}

void set_tls(MYSQL* connection, const Address& address) {
  if (!address.tls) return;
  const my_bool yes = 1;
  // Connector/C 3.3 goes on in clear where the server has no TLS, and verifies nobody, unless it is
  // told to.
  set_option(connection, MYSQL_OPT_SSL_ENFORCE, yes);
  set_option(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT,
             static_cast<my_bool>(address.tls_verify ? 1 : 0));
  set_text(connection, MYSQL_OPT_SSL_CA, address.tls_ca);
  set_text(connection, MYSQL_OPT_SSL_CERT, address.tls_certificate);
  set_text(connection, MYSQL_OPT_SSL_KEY, address.tls_key);
}

}  // namespace

Result::Result(std::shared_ptr<MYSQL_RES> result, std::int64_t touched)
    : result_(std::move(result)), touched_(touched) {}

bool Result::next() {
  if (!result_) return false;
  row_ = mysql_fetch_row(result_.get());
  if (row_ == nullptr) return false;
  lengths_ = mysql_fetch_lengths(result_.get());
  return true;
}

int Result::columns() const noexcept {
  return result_ ? static_cast<int>(mysql_num_fields(result_.get())) : 0;
}

std::size_t Result::rows() const noexcept {
  return result_ ? static_cast<std::size_t>(mysql_num_rows(result_.get())) : 0;
}

std::int64_t Result::number(int column) const noexcept {
  const std::string_view value = bytes(column);
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

Connection::Connection(ConnectionOptions options) : options_(std::move(options)) {}
Connection::~Connection() = default;

void Connection::Close::operator()(MYSQL* connection) const noexcept {
  mysql_close(connection);
}

// A transaction that was open stays marked, so that what the caller still sends for it is refused
// and does not run on a new session by itself.
void Connection::close() noexcept {
  connection_.reset();
}

void Connection::ensure_open() {
  if (!connection_) open();
}

void Connection::open() {
  if (in_transaction_) {
    throw Error(ErrorKind::unreachable, "MariaDB: the connection broke within a transaction",
                "it was rolled back; run it again");
  }
  const Address address = parse_address(options_.url);
  connection_.reset(mysql_init(nullptr));
  if (!connection_) throw Error(ErrorKind::failed, "MariaDB: out of memory while connecting");
  MYSQL* const handle = connection_.get();
  const unsigned connect_timeout_s = static_cast<unsigned>(address.connect_timeout_s);
  set_option(handle, MYSQL_OPT_CONNECT_TIMEOUT, connect_timeout_s);
  // A cut network is noticed here; on the server's side by its own time-outs.
  const unsigned answer_s =
      options_.statement_timeout.count() == 0
          ? 0U
          : static_cast<unsigned>(
                (whole_seconds(options_.statement_timeout) + answer_margin).count());
  set_option(handle, MYSQL_OPT_READ_TIMEOUT, answer_s);
  set_option(handle, MYSQL_OPT_WRITE_TIMEOUT, answer_s);
  set_option(handle, MYSQL_OPT_RECONNECT, my_bool{0});
  // A server must not be able to ask for files, nor for the password in clear.
  set_option(handle, MYSQL_OPT_LOCAL_INFILE, 0U);
  mysql_options(handle, MARIADB_OPT_RESTRICTED_AUTH,
                "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password,"
                "auth_gssapi_client");
  mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  // To this library `localhost` means a socket, to everybody else's it does not.
  const mysql_protocol_type protocol =
      address.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  set_option(handle, MYSQL_OPT_PROTOCOL, protocol);
  const std::string program = "outboxd " + options_.role;
  mysql_options4(handle, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", program.c_str());
  set_tls(handle, address);
  const std::string& database = options_.database.empty() ? address.database : options_.database;
  const char* const host = address.host.empty() ? "127.0.0.1" : address.host.c_str();
  if (mysql_real_connect(handle, host, address.user.c_str(), address.password.c_str(),
                         database.empty() ? nullptr : database.c_str(),
                         static_cast<unsigned>(address.port),
                         address.socket.empty() ? nullptr : address.socket.c_str(), 0) == nullptr) {
    const SqlError error = make_error(mysql_errno(handle), mysql_error(handle), connecting);
    connection_.reset();
    throw error;
  }
  try {
    check_server();
    set_up_session();
  } catch (const Error&) {
    connection_.reset();
    throw;
  }
}

void Connection::check_server() {
  const std::string_view version = mysql_get_server_info(connection_.get());
  is_mariadb_ = mariadb_connection(connection_.get()) != 0;
  // What the schema and the claims need: SKIP LOCKED, CHECK, expressions as defaults.
  const unsigned long least = is_mariadb_ ? 100'600 : 80'016;
  if (mysql_get_server_version(connection_.get()) < least) {
    throw Error(ErrorKind::configuration, fmt::format("the database server is {}", version),
                "MariaDB 10.6 or MySQL 8.0.16 is the oldest that has what outboxd needs");
  }
  // One that may write here in spite of it, as an administrator may, would write into a replica.
  Result result =
      run_once(connecting, "SELECT @@global.read_only, @@global.innodb_read_only", Effect::reads);
  if (!result.next()) throw Error(ErrorKind::failed, "MariaDB: no answer while connecting");
  for (const int column : {0, 1}) {
    const std::string_view value = result.bytes(column);
    if (value == "0" || value == "OFF") continue;
    throw Error(ErrorKind::unreachable, "MariaDB: the server of database.url is read-only",
                "name the primary");
  }
}

void Connection::set_up_session() {
  // Without gap locks (trap 42), whatever the server's default is.
  run_once(connecting, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", Effect::reads);
  run_once(connecting, "SET NAMES utf8mb4 COLLATE utf8mb4_bin", Effect::reads);
  const auto statement_ms = options_.statement_timeout.count();
  std::string sql = fmt::format(
      "SET SESSION autocommit = 1, time_zone = '+00:00', "
      "sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', "
      "wait_timeout = 28800, net_read_timeout = 60, net_write_timeout = 60, sql_auto_is_null = 0");
  if (options_.lock_timeout.count() > 0) {
    const auto wait_s = whole_seconds(options_.lock_timeout).count();
    // The second is for locks on the table's definition, which an ALTER TABLE that waits would
    // otherwise let us wait for a day.
    sql += fmt::format(", innodb_lock_wait_timeout = {0}, lock_wait_timeout = {0}", wait_s);
  }
  if (is_mariadb_) {
    // The idle limit frees what a hung relay locks. Long lists must not become temporary tables.
    sql += fmt::format(
        ", max_statement_time = {}.{:03}, idle_transaction_timeout = 60, "
        "in_predicate_conversion_threshold = 0, check_constraint_checks = {}",
        statement_ms / 1000, statement_ms % 1000, options_.checks_rows ? 1 : 0);
  } else {
    sql +=
        fmt::format(", max_execution_time = {}, information_schema_stats_expiry = 0", statement_ms);
  }
  run_once(connecting, sql, Effect::reads);
}

void Connection::fail(std::string_view doing, Effect effect) {
  const SqlError error =
      make_error(mysql_errno(connection_.get()), mysql_error(connection_.get()), doing);
  if (!error.is_lost()) throw error;
  close();
  if (effect == Effect::writes) throw SqlError(error.doubted(), error.number());
  throw error;
}

Result Connection::run_once(std::string_view doing, std::string_view sql, Effect effect) {
  ensure_open();
  MYSQL* const handle = connection_.get();
  // Within a transaction nothing is done before its COMMIT.
  const Effect outside = in_transaction_ ? Effect::reads : effect;
  if (mysql_real_query(handle, sql.data(), static_cast<unsigned long>(sql.size())) != 0) {
    fail(doing, outside);
  }
  MYSQL_RES* const rows = mysql_store_result(handle);
  if (rows == nullptr) {
    if (mysql_errno(handle) != 0) fail(doing, outside);
    return {nullptr, static_cast<std::int64_t>(mysql_affected_rows(handle))};
  }
  return {std::shared_ptr<MYSQL_RES>(rows, mysql_free_result), 0};
}

Result Connection::run(std::string_view doing, std::string_view sql, Effect effect) {
  try {
    return run_once(doing, sql, effect);
  } catch (const SqlError& error) {
    if (in_transaction_ || !is_open() || !error.may_run_again()) throw;
  }
  return run_once(doing, sql, effect);
}

void Connection::begin() {
  run_once("beginning a transaction", "START TRANSACTION", Effect::reads);
  in_transaction_ = true;
}

void Connection::commit() {
  constexpr std::string_view doing = "committing";
  if (!connection_) open();  // Tells that the transaction is gone.
  in_transaction_ = false;
  try {
    run_once(doing, "COMMIT", Effect::writes);
  } catch (const SqlError& error) {
    // Cut off by a time limit, it may be done all the same.
    if (error.is_too_slow()) throw SqlError(error.doubted(), error.number());
    throw;
  }
}

void Connection::roll_back() noexcept {
  in_transaction_ = false;
  if (!connection_) return;
  if (mysql_query(connection_.get(), "ROLLBACK") != 0) close();
}

}  // namespace outbox::store::mariadb
