// SPDX-License-Identifier: Apache-2.0
//
// The Transaction that a function is given: it knows its thread and its end. A back end that keeps
// it, or hands it to another thread, is told so instead of writing into someone else's transaction.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <outbox/transaction.hpp>

namespace outbox::library {

class GuardedTransaction final : public Transaction {
 public:
  explicit GuardedTransaction(Dialect dialect) noexcept : dialect_(dialect) {}

  /// From now on it is this one's, on this thread; null: nobody's.
  void set(Transaction* inner) noexcept;

  Rows run(std::string_view sql, std::span<const Parameter> parameters) override;
  Uuid publish(const Event& event) override;
  std::vector<Uuid> publish(std::span<const Event> events) override;
  [[nodiscard]] Dialect dialect() const noexcept override { return dialect_; }
  [[nodiscard]] pg_conn* postgres() noexcept override;
  [[nodiscard]] sqlite3* sqlite() noexcept override;
  [[nodiscard]] st_mysql* mariadb() noexcept override;

 private:
  [[nodiscard]] Transaction* of_this_thread() const noexcept;
  [[nodiscard]] Transaction& inner() const;

  const Dialect dialect_;
  std::atomic<Transaction*> inner_{nullptr};
  std::atomic<std::thread::id> owner_{};
};

/// The objects live as long as this, so that a use after the end is told for sure.
/// Thread-safety: any thread.
class GuardedTransactions {
 public:
  explicit GuardedTransactions(Dialect dialect) noexcept : dialect_(dialect) {}

  [[nodiscard]] Dialect dialect() const noexcept { return dialect_; }

  /// Calls `work` with one that stands for `inner` while it runs.
  template <class Work>
  void with(Transaction& inner, const Work& work) {
    const Borrowed borrowed(*this, inner);
    work(*borrowed.transaction);
  }

 private:
  struct Borrowed {
    Borrowed(GuardedTransactions& from, Transaction& inner) : all(from), transaction(from.take()) {
      transaction->set(&inner);
    }
    ~Borrowed() {
      transaction->set(nullptr);
      all.give_back(transaction);
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;

    GuardedTransactions& all;
    GuardedTransaction* transaction;
  };

  [[nodiscard]] GuardedTransaction* take();
  void give_back(GuardedTransaction* transaction) noexcept;

  const Dialect dialect_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<GuardedTransaction>> all_;
  std::vector<GuardedTransaction*> free_;
};

}  // namespace outbox::library
