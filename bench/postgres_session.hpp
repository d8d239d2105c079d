// SPDX-License-Identifier: Apache-2.0
//
// One connection to PostgreSQL by libpq alone. The benches use none of src/store/postgres: what the
// relay is measured against must not share its code.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace outbox::bench {

struct FreeResult {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using ResultPointer = std::unique_ptr<PGresult, FreeResult>;

/// A value in libpq's form: binary where it says so, else text.
struct Value {
  std::string_view bytes;
  bool binary = false;
};

/// Throws std::runtime_error with libpq's message on any failure. One thread.
class PostgresSession {
 public:
  explicit PostgresSession(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) fail("connecting");
  }

  /// Statements without parameters.
  ResultPointer run(const char* sql) { return checked(PQexec(connection_.get(), sql), sql); }

  void prepare(const char* name, const std::string& sql) {
    checked(PQprepare(connection_.get(), name, sql.c_str(), 0, nullptr), sql.c_str());
  }

  /// Results come in binary. A text value must end with a zero byte, as std::string's do.
  ResultPointer run_prepared(const char* name, const std::vector<Value>& values) {
    std::vector<const char*> bytes;
    std::vector<int> lengths;
    std::vector<int> formats;
    for (const Value& value : values) {
      bytes.push_back(value.bytes.data());
      lengths.push_back(static_cast<int>(value.bytes.size()));
      formats.push_back(value.binary ? 1 : 0);
    }
    return checked(PQexecPrepared(connection_.get(), name, static_cast<int>(values.size()),
                                  bytes.data(), lengths.data(), formats.data(), 1),
                   name);
  }

 private:
  ResultPointer checked(PGresult* raw, const char* doing) {
    ResultPointer result(raw);
    const ExecStatusType status = PQresultStatus(raw);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(doing);
    return result;
  }

  [[noreturn]] void fail(const std::string& doing) {
    throw std::runtime_error(doing + ": " + PQerrorMessage(connection_.get()));
  }

  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  std::unique_ptr<PGconn, Finish> connection_;
};

/// A bigint[] in binary, made of the first column of a result, which is bigint in binary: the bytes
/// of its elements are taken over as they stand.
inline std::string array_of_first_column(const PGresult* result) {
  const auto append = [](std::string& out, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      out += static_cast<char>((number >> static_cast<unsigned>(shift)) & 0xFFU);
    }
  };
  const int rows = PQntuples(result);
  std::string array;
  array.reserve(20 + static_cast<std::size_t>(rows) * 12);
  for (const std::uint32_t number : {1U, 0U, 20U, static_cast<std::uint32_t>(rows), 1U}) {
    append(array, number);  // Dimensions, NULLs, the type's number, length, first index.
  }
  for (int row = 0; row < rows; ++row) {
    append(array, 8);
    array.append(PQgetvalue(result, row, 0), 8);
  }
  return array;
}

}  // namespace outbox::bench
