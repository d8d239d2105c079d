// SPDX-License-Identifier: Apache-2.0
//
// What one connection of PostgreSQL can do with an outbox, and nothing else: it claims a batch and
// settles it, in turn, until the table has no pending row. It is the limit against which
// `./dev bench relay` sets the relay.
//
//   bench_store_limits --database URL --settle mark|delete [--batch-size N]
//
// Prints one JSON object on one line. Connecting and preparing are not counted.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "postgres_session.hpp"

namespace {

using outbox::bench::PostgresSession;
using outbox::bench::ResultPointer;
using Clock = std::chrono::steady_clock;

struct Request {
  std::string database;
  std::string settle;
  int batch_size = 1000;
};

struct Outcome {
  std::int64_t rows = 0;
  std::int64_t batches = 0;
  std::size_t payload_bytes = 0;
};

// The columns are those that the relay reads. `status = 'PENDING'` implies the predicate of the
// table's partial index, so that the claim goes by it.
std::string claim_sql(int batch_size) {
  return fmt::format(
      "SELECT id, event_id, aggregate_type, aggregate_id, event_key, event_type, payload, "
      "payload_bytes, content_type, topic, headers, bucket, retry_count, created_at "
      "FROM outbox_events WHERE status = 'PENDING' ORDER BY id LIMIT {} FOR UPDATE SKIP LOCKED",
      batch_size);
}

std::string settle_sql(const std::string& settle) {
  if (settle == "delete") return "DELETE FROM outbox_events WHERE id = ANY ($1::bigint[])";
  return "UPDATE outbox_events SET status = 'PUBLISHED', published_at = now() "
         "WHERE id = ANY ($1::bigint[])";
}

constexpr int payload_column = 6;

Outcome drain(PostgresSession& session) {
  Outcome outcome;
  while (true) {
    session.run("BEGIN");
    const ResultPointer claimed = session.run_prepared("claim", {});
    const int rows = PQntuples(claimed.get());
    for (int row = 0; row < rows; ++row) {
      outcome.payload_bytes +=
          static_cast<std::size_t>(PQgetlength(claimed.get(), row, payload_column));
    }
    if (rows > 0) {
      const std::string ids = outbox::bench::array_of_first_column(claimed.get());
      session.run_prepared("settle", {{ids, true}});
    }
    session.run("COMMIT");
    if (rows == 0) return outcome;
    outcome.rows += rows;
    ++outcome.batches;
  }
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void bench(const Request& request) {
  PostgresSession session(request.database);
  session.prepare("claim", claim_sql(request.batch_size));
  session.prepare("settle", settle_sql(request.settle));
  const double cpu_start = cpu_seconds();
  const auto start = Clock::now();
  const Outcome outcome = drain(session);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const std::string line = fmt::format(
      R"({{"settle":"{}","batch_size":{},"rows":{},"batches":{},"payload_bytes":{},)"
      R"("seconds":{:.4f},"rows_per_second":{:.0f},"client_cpu_seconds":{:.3f}}})",
      request.settle, request.batch_size, outcome.rows, outcome.batches, outcome.payload_bytes,
      seconds, static_cast<double>(outcome.rows) / seconds, cpu_seconds() - cpu_start);
  std::puts(line.c_str());
}

Request request_of(const std::vector<std::string>& arguments) {
  Request request;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    const std::string& value = arguments[i + 1];
    if (name == "--database") {
      request.database = value;
    } else if (name == "--settle") {
      request.settle = value;
    } else if (name == "--batch-size") {
      request.batch_size = std::stoi(value);
    } else {
      throw std::runtime_error("unknown option " + name);
    }
  }
  if (request.database.empty() || (request.settle != "mark" && request.settle != "delete")) {
    throw std::runtime_error("--database URL and --settle mark|delete are needed");
  }
  return request;
}

}  // namespace

int main(int count, char** values) {
  try {
    bench(request_of(std::vector<std::string>(values + 1, values + count)));
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_store_limits: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
