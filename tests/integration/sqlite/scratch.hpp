// SPDX-License-Identifier: Apache-2.0
//
// A database file of a test's own, and a client of SQLite that is not ours, as a back end would be.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "store/sqlite/home.hpp"

namespace outbox::testing {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "outboxd-sqlite-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + name);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  [[nodiscard]] std::string file(const std::string& name = "outbox.db") const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

/// Knows nothing of outboxd; throws what SQLite says.
class Client {
 public:
  explicit Client(const std::string& path, int busy_timeout_ms = 10000) {
    sqlite3* opened = nullptr;
    if (sqlite3_open(path.c_str(), &opened) != SQLITE_OK) throw std::runtime_error("open " + path);
    handle_.reset(opened, &sqlite3_close);
    sqlite3_busy_timeout(opened, busy_timeout_ms);
  }

  /// The first column of all rows.
  std::vector<std::string> run(const std::string& sql) {
    std::vector<std::string> values;
    const auto take = [](void* to, int, char** columns, char**) {
      static_cast<std::vector<std::string>*>(to)->emplace_back(columns[0] ? columns[0] : "NULL");
      return 0;
    };
    char* message = nullptr;
    if (sqlite3_exec(handle_.get(), sql.c_str(), take, &values, &message) != SQLITE_OK) {
      const std::string text = message != nullptr ? message : "unknown";
      sqlite3_free(message);
      throw std::runtime_error(text);
    }
    return values;
  }

  std::string value(const std::string& sql) { return run(sql).at(0); }

 private:
  std::shared_ptr<sqlite3> handle_;
};

/// A migrated file, a home on it, a client beside it, and one member with all slots.
class SqliteFile : public ::testing::Test {
 protected:
  SqliteFile() {
    options_.url = folder_.file();
    options_.member_name = "publisher-00000001";
    options_.consumer_name = "stock-consumer";
    store::sqlite::make_home(options_).migrations()->apply();
    client_.emplace(folder_.file());
  }

  [[nodiscard]] store::Home home() const { return store::sqlite::make_home(options_); }

  /// Joins and takes every slot.
  std::vector<store::SlotLease> take_all(store::Leases& leases) const {
    leases.join();
    std::vector<store::SlotLease> held;
    for (const auto& slot : leases.acquire(256))
      held.push_back(slot.lease);
    return held;
  }

  /// All that can be read with these leases, by a connection of its own.
  [[nodiscard]] RowBatch read(const std::vector<store::SlotLease>& held) const {
    store::ReadRequest request;
    request.leases = held;
    return home().capture()->read(request);
  }

  /// Settles the rows as published; the number of those that it changed.
  static std::int64_t publish(store::Settlement& settlement,
                              const std::vector<store::SlotLease>& held, const RowBatch& batch) {
    std::vector<store::PublishedRow> published;
    for (const OutboxRow& row : batch.rows)
      published.push_back({row.id, row.slot});
    store::SettleRequest request;
    request.leases = held;
    request.published = published;
    return settlement.settle(request).rows_settled;
  }

  [[nodiscard]] static store::NewEvent order_event(const std::string& payload = "{}") {
    store::NewEvent event;
    event.aggregate_type = "order";
    event.aggregate_id = "1";
    event.event_type = "ORDER_PAID";
    event.payload = payload;
    return event;
  }

  ScratchFolder folder_;
  store::HomeOptions options_;
  std::optional<Client> client_;
};

}  // namespace outbox::testing
