// SPDX-License-Identifier: Apache-2.0
//
// One SQLite file as this process uses it: one writing connection taken in turn, and the relay's
// lock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "store/sqlite/connection.hpp"
#include "store/sqlite/relay_lock.hpp"

namespace outbox::store::sqlite {

class Database;

/// The turn on the writing connection; the next one's begins when it is destroyed.
class Turn {
 public:
  Turn(Turn&& other) noexcept = default;
  Turn& operator=(Turn&&) = delete;
  ~Turn();

  [[nodiscard]] Connection& connection() const noexcept { return *connection_; }

 private:
  friend class Database;
  Turn(std::shared_ptr<Database> database, Connection& connection)
      : database_(std::move(database)), connection_(&connection) {}

  std::shared_ptr<Database> database_;
  Connection* connection_;
};

/// Thread-safety: any thread.
class Database : public std::enable_shared_from_this<Database> {
 public:
  /// The object of this file in this process; made where there is none. Nothing is opened yet.
  [[nodiscard]] static std::shared_ptr<Database> of(const std::string& path);

  explicit Database(std::string path) : path_(std::move(path)) {}

  /// Waits for the writing connection, at most `wait`, and opens it where it is not. Throws
  /// Error(unreachable) after that time, Error(usage) where this very thread holds it.
  [[nodiscard]] Turn write(std::chrono::milliseconds wait, Access access = Access::write);

  /// A connection of the caller's own that only reads.
  [[nodiscard]] std::unique_ptr<Connection> reader(std::chrono::milliseconds busy_timeout) const;

  /// The relay's lock, shared by all of this process who ask; free again when the last lets go.
  [[nodiscard]] std::shared_ptr<RelayLock> relay_lock();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  friend class Turn;
  void end_turn() noexcept;

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::optional<std::thread::id> holder_;
  std::unique_ptr<Connection> writer_;
  std::mutex relay_lock_mutex_;
  std::weak_ptr<RelayLock> relay_lock_;
};

}  // namespace outbox::store::sqlite
