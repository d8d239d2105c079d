// SPDX-License-Identifier: Apache-2.0
//
// What one connection of MariaDB or SQLite can do with an outbox, and nothing else: it claims a
// batch and marks it published, in turn, until no row is pending. `./dev bench stores` sets the
// relay against it, as bench_store_limits does for PostgreSQL.
//
//   bench_store_turns mariadb HOST PORT USER PASSWORD DATABASE [BATCH_SIZE]
//   bench_store_turns sqlite FILE [BATCH_SIZE]
//
// Prints one JSON object on one line. Connecting is not counted.
#include <fmt/format.h>
#include <mysql.h>
#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int default_batch_size = 1000;
constexpr int payload_column = 6;
// The columns that the relay reads.
constexpr const char* columns =
    "id, event_id, aggregate_type, aggregate_id, event_key, event_type, payload, payload_bytes, "
    "content_type, topic, headers, retry_count, created_at";

struct Outcome {
  std::int64_t rows = 0;
  std::size_t payload_bytes = 0;
};

std::string joined(const std::vector<std::string>& ids) {
  std::string list;
  for (const std::string& id : ids) {
    if (!list.empty()) list += ',';
    list += id;
  }
  return list;
}

class Mariadb {
 public:
  explicit Mariadb(const std::vector<std::string>& words) : connection_(mysql_init(nullptr)) {
    if (mysql_real_connect(connection_.get(), words.at(0).c_str(), words.at(2).c_str(),
                           words.at(3).c_str(), words.at(4).c_str(),
                           static_cast<unsigned>(std::stoi(words.at(1))), nullptr, 0) == nullptr) {
      throw std::runtime_error(mysql_error(connection_.get()));
    }
    run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  }

  /// Claims up to that many; their ids.
  std::vector<std::string> claim(int batch_size, Outcome& outcome) {
    run("BEGIN");
    run(
        fmt::format("SELECT {} FROM outbox_events WHERE open_state = 1 ORDER BY id LIMIT {} "
                    "FOR UPDATE SKIP LOCKED",
                    columns, batch_size));
    const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(
        mysql_store_result(connection_.get()), &mysql_free_result);
    std::vector<std::string> ids;
    while (MYSQL_ROW row = mysql_fetch_row(result.get())) {
      ids.emplace_back(row[0]);
      outcome.payload_bytes += mysql_fetch_lengths(result.get())[payload_column];
    }
    return ids;
  }

  void settle(const std::vector<std::string>& ids) {
    if (!ids.empty()) {
      run("UPDATE outbox_events SET status = 'PUBLISHED', published_at = utc_timestamp(6) WHERE id "
          "IN (" +
          joined(ids) + ")");
    }
    run("COMMIT");
  }

 private:
  struct Close {
    void operator()(MYSQL* connection) const noexcept { mysql_close(connection); }
  };

  void run(const std::string& sql) {
    if (mysql_real_query(connection_.get(), sql.data(), sql.size()) != 0) {
      throw std::runtime_error(mysql_error(connection_.get()));
    }
  }

  std::unique_ptr<MYSQL, Close> connection_;
};

class Sqlite {
 public:
  explicit Sqlite(const std::vector<std::string>& words) {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open(words.at(0).c_str(), &opened);
    connection_.reset(opened);
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(opened));
    run("PRAGMA journal_mode = WAL");
    run("PRAGMA synchronous = FULL");
  }

  std::vector<std::string> claim(int batch_size, Outcome& outcome) {
    run("BEGIN IMMEDIATE");
    sqlite3_stmt* made = nullptr;
    const std::string sql = fmt::format(
        "SELECT {} FROM outbox_events WHERE (status = 'PENDING' OR status = 'PROCESSING' OR status "
        "= 'FAILED') ORDER BY id LIMIT {}",
        columns, batch_size);
    sqlite3_prepare_v2(connection_.get(), sql.c_str(), -1, &made, nullptr);
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(made,
                                                                               &sqlite3_finalize);
    std::vector<std::string> ids;
    while (sqlite3_step(made) == SQLITE_ROW) {
      ids.push_back(std::to_string(sqlite3_column_int64(made, 0)));
      outcome.payload_bytes += static_cast<std::size_t>(sqlite3_column_bytes(made, payload_column));
    }
    return ids;
  }

  void settle(const std::vector<std::string>& ids) {
    if (!ids.empty()) {
      run("UPDATE outbox_events SET status = 'PUBLISHED', published_at = "
          "strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id IN (" +
          joined(ids) + ")");
    }
    run("COMMIT");
  }

 private:
  struct Close {
    void operator()(sqlite3* connection) const noexcept { sqlite3_close(connection); }
  };

  void run(const std::string& sql) {
    if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      throw std::runtime_error(sqlite3_errmsg(connection_.get()));
    }
  }

  std::unique_ptr<sqlite3, Close> connection_;
};

template <class Store>
void drain(Store store, int batch_size) {
  Outcome outcome;
  const auto start = Clock::now();
  while (true) {
    const std::vector<std::string> ids = store.claim(batch_size, outcome);
    store.settle(ids);
    if (ids.empty()) break;
    outcome.rows += static_cast<std::int64_t>(ids.size());
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  fmt::print(R"({{"rows":{},"payload_bytes":{},"seconds":{:.4f},"rows_per_second":{:.0f}}})"
             "\n",
             outcome.rows, outcome.payload_bytes, seconds,
             static_cast<double>(outcome.rows) / seconds);
}

void bench(std::vector<std::string> words) {
  const std::string kind = words.empty() ? "" : words.front();
  const std::size_t needed = kind == "mariadb" ? 6 : 2;
  if ((kind != "mariadb" && kind != "sqlite") || words.size() < needed) {
    throw std::runtime_error("mariadb HOST PORT USER PASSWORD DATABASE or sqlite FILE is needed");
  }
  const int batch_size = words.size() > needed ? std::stoi(words[needed]) : default_batch_size;
  words.erase(words.begin());
  if (kind == "mariadb") {
    drain(Mariadb(words), batch_size);
  } else {
    drain(Sqlite(words), batch_size);
  }
}

}  // namespace

int main(int count, char** values) {
  try {
    bench(std::vector<std::string>(values + 1, values + count));
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_store_turns: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
