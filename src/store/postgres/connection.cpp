// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/connection.hpp"

#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace outbox::store::postgres {
namespace {

std::shared_ptr<PGresult> owned(PGresult* result) {
  return {result, PQclear};
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

// Notices ("table exists, skipping") would go to standard error, which is the program's.
void ignore_notice(void* /*context*/, const PGresult* /*result*/) {}

// What the URL itself says for `options`, which ours must not displace.
std::string url_options(const std::string& url) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(url.c_str(), &message), PQconninfoFree);
  if (!parsed) {
    const std::string text = message == nullptr ? "cannot be read" : message;
    PQfreemem(message);
    // libpq quotes the offending part only, never the password.
    throw Error(ErrorKind::configuration, "database.url: " + text,
                "write it as postgresql://user:password@host:5432/database");
  }
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (std::string_view(option->keyword) == "options" && option->val != nullptr) {
      return option->val;
    }
  }
  return {};
}

}  // namespace

Connection::Connection(ConnectionOptions options) : options_(std::move(options)) {}
Connection::~Connection() = default;

void Connection::Close::operator()(pg_conn* connection) const noexcept {
  PQfinish(connection);
}

// A transaction that was open stays marked, so that what the caller still sends for it is refused
// and does not run on a new session by itself.
void Connection::close() noexcept {
  connection_.reset();
}

std::string Connection::session_options(const std::string& of_url) const {
  // JIT compiles for longer than our statements run. The idle limit frees what a hung relay locks;
  // a back end may do other work in a transaction of its own, and sets its limit itself.
  const bool is_of_back_end = options_.role == "library";
  return fmt::format("{}{}-c statement_timeout={} -c lock_timeout={}{} -c jit=off", of_url,
                     of_url.empty() ? "" : " ", options_.statement_timeout.count(),
                     options_.lock_timeout.count(),
                     is_of_back_end ? "" : " -c idle_in_transaction_session_timeout=60000");
}

void Connection::open() {
  if (in_transaction_) {
    throw Error(ErrorKind::unreachable, "PostgreSQL: the connection broke within a transaction",
                "it was rolled back; run it again");
  }
  const std::string of_url = url_options(options_.url);
  if (!pooler_refuses_options_) {
    try {
      open_with(session_options(of_url));
      return;
    } catch (const Error& error) {
      // PgBouncer before 1.20 knows no `options`; the role's own limits then hold.
      if (std::string_view(error.what()).find("unsupported startup parameter") ==
          std::string_view::npos) {
        throw;
      }
      pooler_refuses_options_ = true;
    }
  }
  open_with(of_url);
}

void Connection::open_with(const std::string& session_options) {
  const std::string name = "outboxd " + options_.role;
  // Later words win: the first ones are defaults that the URL may change, those after it are ours.
  // A cut network is noticed in seconds, waiting for an answer as well as sending.
  const char* keywords[] = {"connect_timeout",
                            "keepalives_idle",
                            "keepalives_interval",
                            "keepalives_count",
                            "tcp_user_timeout",
                            "dbname",
                            "application_name",
                            "client_encoding",
                            "target_session_attrs",
                            "options",
                            nullptr};
  const char* values[] = {"5",          "5",
                          "2",          "3",
                          "10000",      options_.url.c_str(),
                          name.c_str(), "UTF8",
                          "read-write", session_options.c_str(),
                          nullptr};
  connection_.reset(PQconnectdbParams(keywords, values, 1));
  if (!connection_) throw Error(ErrorKind::failed, "PostgreSQL: out of memory while connecting");
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    const Error error = connect_error(PQerrorMessage(connection_.get()));
    connection_.reset();
    throw error;
  }
  PQsetNoticeReceiver(connection_.get(), ignore_notice, nullptr);
  // Such a server knows no encodings: asked for UTF-8 it would refuse a whole read for one row.
  const char* encoding = PQparameterStatus(connection_.get(), "server_encoding");
  if (encoding != nullptr && std::string_view(encoding) == "SQL_ASCII") {
    PQsetClientEncoding(connection_.get(), "SQL_ASCII");
  }
  check_primary();
}

// target_session_attrs has asked this already; a pooler may have answered for the server, though.
void Connection::check_primary() {
  const char* standby = PQparameterStatus(connection_.get(), "in_hot_standby");
  bool in_recovery = standby != nullptr && std::string_view(standby) == "on";
  if (standby == nullptr) {
    const auto result = owned(PQexec(connection_.get(), "SELECT pg_catalog.pg_is_in_recovery()"));
    check(result, "asking whether this is a primary", false);
    in_recovery = std::string_view(PQgetvalue(result.get(), 0, 0)) == "t";
  }
  if (!in_recovery) return;
  close();
  throw Error(ErrorKind::unreachable, "PostgreSQL: the server of database.url is a standby",
              "name the primary; several hosts may stand in the URL");
}

void Connection::lost(std::string_view doing, bool in_doubt) {
  const std::string text = connection_ ? PQerrorMessage(connection_.get()) : "";
  close();
  const SqlError error = make_error(
      {.sqlstate = {}, .text = text.empty() ? "the connection broke" : text, .detail = {}}, doing);
  if (in_doubt) throw error.doubted();
  throw error;
}

void Connection::check(const std::shared_ptr<PGresult>& result, std::string_view doing,
                       bool writes) {
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return;
  const ServerMessage message{.sqlstate = field(result.get(), PG_DIAG_SQLSTATE),
                              .text = field(result.get(), PG_DIAG_MESSAGE_PRIMARY),
                              .detail = field(result.get(), PG_DIAG_MESSAGE_DETAIL)};
  if (PQstatus(connection_.get()) == CONNECTION_BAD) {
    // Killed by an administrator: the server says so, rolls back, and closes. A COMMIT that waits
    // for a standby may be done all the same, so that a write stays in doubt.
    close();
    SqlError error = make_error(
        message.text.empty() ? ServerMessage{{}, "the connection broke", {}} : message, doing);
    if (writes) throw error.doubted();
    throw error;
  }
  throw make_error(message, doing);
}

std::shared_ptr<PGresult> Connection::take_result(std::string_view doing, bool writes) {
  std::shared_ptr<PGresult> last;
  while (PGresult* result = PQgetResult(connection_.get())) {
    // Of a script the first error counts; the server skips what follows it.
    if (!last || PQresultStatus(last.get()) != PGRES_FATAL_ERROR)
      last = owned(result);
    else
      PQclear(result);
    if (PQstatus(connection_.get()) == CONNECTION_BAD) break;
  }
  if (!last) lost(doing, writes);
  check(last, doing, writes);
  return last;
}

Result Connection::run_once(std::string_view doing, std::string_view sql,
                            const Parameters& parameters, Effect effect) {
  if (!connection_) open();
  const Parameters::Arguments arguments = parameters.arguments();
  const bool writes = effect == Effect::writes && !in_transaction_;
  if (PQsendQueryParams(connection_.get(), std::string(sql).c_str(), parameters.count(),
                        arguments.types, arguments.values, arguments.lengths, arguments.formats,
                        1) == 0) {
    lost(doing, false);
  }
  return Result(take_result(doing, writes));
}

Result Connection::run(std::string_view doing, std::string_view sql, const Parameters& parameters,
                       Effect effect) {
  try {
    return run_once(doing, sql, parameters, effect);
  } catch (const SqlError& error) {
    if (in_transaction_ || !is_open() || !error.may_run_again()) throw;
  }
  return run_once(doing, sql, parameters, effect);
}

std::vector<Result> Connection::run_unit(std::string_view doing,
                                         std::span<const Statement> statements) {
  try {
    return run_unit_once(doing, statements);
  } catch (const SqlError& error) {
    if (in_transaction_ || !is_open() || !error.may_run_again()) throw;
  }
  return run_unit_once(doing, statements);
}

std::vector<Result> Connection::run_unit_once(std::string_view doing,
                                              std::span<const Statement> statements) {
  if (!connection_) open();
  if (PQenterPipelineMode(connection_.get()) == 0) lost(doing, false);
  for (const Statement& statement : statements) {
    const Parameters::Arguments arguments = statement.parameters.arguments();
    if (PQsendQueryParams(connection_.get(), std::string(statement.sql).c_str(),
                          statement.parameters.count(), arguments.types, arguments.values,
                          arguments.lengths, arguments.formats, 1) == 0) {
      lost(doing, false);
    }
  }
  if (PQpipelineSync(connection_.get()) == 0) lost(doing, false);
  std::vector<Result> results;
  std::shared_ptr<PGresult> refused;
  bool synced = false;
  while (!synced) {
    const auto result = owned(PQgetResult(connection_.get()));
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
      if (result) check(result, doing, !in_transaction_);
      lost(doing, !in_transaction_);
    }
    if (!result) continue;  // The end of one statement's results.
    const ExecStatusType status = PQresultStatus(result.get());
    synced = status == PGRES_PIPELINE_SYNC;
    if (status == PGRES_FATAL_ERROR) refused = result;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) results.emplace_back(result);
  }
  if (PQexitPipelineMode(connection_.get()) == 0) lost(doing, true);
  if (!refused) return results;
  try {
    check(refused, doing, true);
  } catch (const SqlError& error) {
    throw UnitError(error, results.size());
  }
  return results;
}

void Connection::run_script(std::string_view doing, const std::string& sql) {
  if (!connection_) open();
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) lost(doing, false);
  take_result(doing, !in_transaction_);
}

Result Connection::run_text(std::string_view doing, std::string_view sql,
                            std::span<const std::optional<std::string>> parameters) {
  if (!connection_) open();
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& value : parameters)
    values.push_back(value ? value->c_str() : nullptr);
  if (PQsendQueryParams(connection_.get(), std::string(sql).c_str(),
                        static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr,
                        0) == 0) {
    lost(doing, false);
  }
  return Result(take_result(doing, !in_transaction_));
}

void Connection::begin() {
  if (in_transaction_) roll_back();
  run_script("beginning a transaction", "BEGIN ISOLATION LEVEL READ COMMITTED");
  in_transaction_ = true;
}

void Connection::commit() {
  // From here on a broken connection leaves the outcome open.
  in_transaction_ = false;
  if (!connection_) {
    throw Error(ErrorKind::unreachable, "PostgreSQL: committing: the connection broke before");
  }
  if (PQsendQuery(connection_.get(), "COMMIT") == 0) lost("committing", false);
  const auto result = take_result("committing", true);
  if (std::string_view(PQcmdStatus(result.get())) == "ROLLBACK") {
    throw Error(ErrorKind::failed, "PostgreSQL: committing: a statement had failed before");
  }
}

void Connection::roll_back() noexcept {
  in_transaction_ = false;
  if (!connection_) return;
  const auto result = owned(PQexec(connection_.get(), "ROLLBACK"));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) close();
}

}  // namespace outbox::store::postgres
