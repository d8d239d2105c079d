// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <memory>

#include <outbox/driver.hpp>
#include <outbox/error.hpp>
#include <outbox/postgres.hpp>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "publish/check.hpp"
#include "publish/insert.hpp"
#include "publish/postgres_sql.hpp"

namespace outbox {
namespace {

using publishing::CheckedEvent;

using ResultHandle = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::string first_line(const char* text) {
  const std::string_view line(text == nullptr ? "" : text);
  return std::string(line.substr(0, line.find('\n')));
}

// One parameter of a statement; bytes stay where they are.
struct Arguments {
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;

  void text(const char* value) { add(0, value, 0, 0); }
  void bytes(Oid type, std::string_view value) {
    add(type, value.data() == nullptr ? "" : value.data(), static_cast<int>(value.size()), 1);
  }

 private:
  void add(Oid type, const char* value, int length, int format) {
    types.push_back(type);
    values.push_back(value);
    lengths.push_back(length);
    formats.push_back(format);
  }
};

void expect_ready(PGconn* connection, const PublishOptions& options) {
  if (connection == nullptr) {
    throw Error(ErrorKind::usage, "publish: the connection is a null pointer");
  }
  if (PQstatus(connection) != CONNECTION_OK) {
    throw Error(ErrorKind::unreachable,
                fmt::format("publish: the connection is broken: {}",
                            first_line(PQerrorMessage(connection))),
                "connect again and repeat the transaction");
  }
  if (PQpipelineStatus(connection) != PQ_PIPELINE_OFF) {
    throw Error(ErrorKind::usage, "publish: the connection is in pipeline mode",
                "leave it with PQexitPipelineMode first");
  }
  const PGTransactionStatusType status = PQtransactionStatus(connection);
  // PQexec would throw the results of that statement away.
  if (status == PQTRANS_ACTIVE) {
    throw Error(ErrorKind::usage, "publish: another statement is under way on the connection",
                "read its results with PQgetResult until it gives none");
  }
  if (status == PQTRANS_INERROR) {
    throw Error(ErrorKind::usage, "publish: the transaction has failed",
                "ROLLBACK: a statement of it failed before");
  }
  if (status == PQTRANS_IDLE && options.require_transaction) {
    publishing::refuse_outside_transaction("BEGIN");
  }
}

void expect_success(PGconn* connection, const PGresult* result, bool was_in_transaction) {
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return;
  const char* field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view sqlstate = field == nullptr ? "" : field;
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string text = first_line(primary == nullptr ? PQerrorMessage(connection) : primary);
  if (PQstatus(connection) == CONNECTION_BAD) {
    const Error error(ErrorKind::unreachable,
                      fmt::format("publish: the connection broke: {}", text),
                      "connect again and repeat the transaction");
    // An insert that was a transaction by itself may be done all the same.
    throw was_in_transaction ? error : error.doubted();
  }
  throw make_postgres_error(sqlstate, text);
}

void run(PGconn* connection, const std::string& sql, const Arguments& arguments) {
  const bool was_in_transaction = PQtransactionStatus(connection) != PQTRANS_IDLE;
  const ResultHandle result(
      PQexecParams(connection, sql.c_str(), static_cast<int>(arguments.types.size()),
                   arguments.types.data(), arguments.values.data(), arguments.lengths.data(),
                   arguments.formats.data(), 0),
      &PQclear);
  expect_success(connection, result.get(), was_in_transaction);
}

void insert_one(PGconn* connection, const CheckedEvent& event, const std::string& table) {
  static const TableShape shape;
  const publishing::Insert insert =
      publishing::make_insert({.shape = shape, .table = table, .now = {}}, event.fields());
  constexpr Oid bytea = 17;
  Arguments arguments;
  for (const publishing::InsertValue& value : insert.values) {
    if (value.bytes)
      arguments.bytes(bytea, *value.text);
    else
      arguments.text(value.text->c_str());
  }
  run(connection, insert.sql, arguments);
}

// An array as PostgreSQL sends it: no escapes, whatever stands in the texts.
class BinaryArray {
 public:
  BinaryArray(std::uint32_t element_type, std::size_t size) {
    number(1);  // Dimensions.
    number(1);  // There may be NULLs.
    number(element_type);
    number(static_cast<std::uint32_t>(size));
    number(1);  // The first index.
  }

  void null() { number(0xFFFFFFFFU); }
  void element(std::string_view bytes) {
    number(static_cast<std::uint32_t>(bytes.size()));
    bytes_ += bytes;
  }
  void uuid(const Uuid& uuid) {
    number(16);
    bytes_.append(uuid.bytes.begin(), uuid.bytes.end());
  }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

 private:
  void number(std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes_ += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xFFU);
  }

  std::string bytes_;
};

struct ArrayType {
  std::string_view element_name;
  Oid element;
  Oid array;
};
// Fixed in PostgreSQL's catalogue for ever.
constexpr std::array array_types = {ArrayType{"uuid", 2950, 2951}, ArrayType{"text", 25, 1009},
                                    ArrayType{"json", 114, 199}, ArrayType{"bytea", 17, 1001}};

const ArrayType& array_type_of(std::string_view element_name) {
  for (const ArrayType& type : array_types) {
    if (type.element_name == element_name) return type;
  }
  throw Error(ErrorKind::failed, fmt::format("publish: no array type of {}", element_name));
}

std::string array_of(std::span<const CheckedEvent> events, const publishing::NativeColumn& column) {
  const ArrayType& type = array_type_of(column.type);
  BinaryArray array(type.element, events.size());
  for (const CheckedEvent& event : events) {
    const auto value = column.value(event.fields());
    if (!value)
      array.null();
    else if (column.type == "uuid")
      array.uuid(event.id());
    else
      array.element(*value);
  }
  return array.bytes();
}

void insert_many(PGconn* connection, std::span<const CheckedEvent> events,
                 const std::string& table) {
  // PostgreSQL takes 1 GiB at once.
  constexpr std::size_t bytes_max = 1'000'000'000;
  std::size_t bytes = 0;
  std::vector<std::string> arrays;
  arrays.reserve(publishing::native_columns().size());
  Arguments arguments;
  for (const publishing::NativeColumn& column : publishing::native_columns()) {
    arrays.push_back(array_of(events, column));
    bytes += arrays.back().size();
    if (bytes > bytes_max) {
      throw Error(
          ErrorKind::usage,
          fmt::format("publish: the {} events have more than {} bytes", events.size(), bytes_max),
          "publish fewer at once");
    }
    arguments.bytes(array_type_of(column.type).array, arrays.back());
  }
  run(connection, publishing::postgres_bulk_sql(table), arguments);
}

}  // namespace

Uuid publish(pg_conn* connection, const Event& event, const PublishOptions& options) {
  return publish(connection, std::span(&event, 1), options).front();
}

std::vector<Uuid> publish(pg_conn* connection, std::span<const Event> events,
                          const PublishOptions& options) {
  const std::string table = publishing::quoted_table(options);
  const std::vector<CheckedEvent> checked = publishing::check(events, options);
  if (options.enabled && !checked.empty()) {
    expect_ready(connection, options);
    const char* encoding = PQparameterStatus(connection, "client_encoding");
    publishing::expect_encoding(encoding == nullptr ? "UTF8" : encoding, checked);
    if (checked.size() == 1)
      insert_one(connection, checked.front(), table);
    else
      insert_many(connection, checked, table);
  }
  return publishing::ids_of(checked);
}

}  // namespace outbox
