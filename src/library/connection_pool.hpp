// SPDX-License-Identifier: Apache-2.0
//
// Connections of a Database, made as they are needed and kept.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <outbox/error.hpp>

#include <fmt/format.h>

namespace outbox::library {

template <class Connection>
class ConnectionPool {
 public:
  /// `wait` is how long a caller waits for one that comes free; zero: for ever.
  ConnectionPool(int connections_max, std::chrono::milliseconds wait,
                 std::function<std::unique_ptr<Connection>()> make)
      : connections_max_(connections_max), wait_(wait), make_(std::move(make)) {}

  /// A connection for as long as this lives.
  class Borrowed {
   public:
    explicit Borrowed(ConnectionPool& pool) : pool_(pool), connection_(pool.take()) {}
    ~Borrowed() { pool_.give_back(std::move(connection_)); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;

    Connection& operator*() const noexcept { return *connection_; }

   private:
    ConnectionPool& pool_;
    std::unique_ptr<Connection> connection_;
  };

 private:
  // The last one given back comes first, so that no more stay in use than are needed.
  std::unique_ptr<Connection> take() {
    std::unique_lock lock(mutex_);
    const auto is_free = [&] { return !idle_.empty() || made_ < connections_max_; };
    if (wait_.count() == 0) {
      free_.wait(lock, is_free);
    } else if (!free_.wait_for(lock, wait_, is_free)) {
      throw Error(ErrorKind::conflict,
                  fmt::format("the {} connections of this Database have been in use for {} ms",
                              connections_max_, wait_.count()),
                  "keep transactions short, or raise DatabaseOptions::connections_max");
    }
    if (idle_.empty()) {
      auto made = make_();
      ++made_;
      return made;
    }
    auto taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
  }

  void give_back(std::unique_ptr<Connection> connection) {
    {
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(connection));
    }
    free_.notify_one();
  }

  const int connections_max_;
  const std::chrono::milliseconds wait_;
  const std::function<std::unique_ptr<Connection>()> make_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int made_ = 0;
};

/// A transaction on a pooled connection, rolled back unless commit() was reached.
template <class Connection>
class PooledTransaction {
 public:
  explicit PooledTransaction(Connection& connection) : connection_(connection) {
    // What lay idle may have broken meanwhile, of which BEGIN is the first to hear.
    const bool was_open = connection.is_open();
    try {
      connection.begin();
    } catch (const Error&) {
      if (!was_open || connection.is_open()) throw;
      connection.begin();
    }
  }
  ~PooledTransaction() {
    if (open_) connection_.roll_back();
  }
  PooledTransaction(const PooledTransaction&) = delete;
  PooledTransaction& operator=(const PooledTransaction&) = delete;

  void commit() {
    connection_.commit();
    open_ = false;
  }

 private:
  Connection& connection_;
  bool open_ = true;
};

}  // namespace outbox::library
