// SPDX-License-Identifier: Apache-2.0
#include "library/guarded_transaction.hpp"

#include <outbox/error.hpp>

namespace outbox::library {

void GuardedTransaction::set(Transaction* inner) noexcept {
  owner_ = std::this_thread::get_id();
  inner_ = inner;
}

Transaction* GuardedTransaction::of_this_thread() const noexcept {
  return owner_.load() == std::this_thread::get_id() ? inner_.load() : nullptr;
}

Transaction& GuardedTransaction::inner() const {
  Transaction* const inner = of_this_thread();
  if (inner != nullptr) return *inner;
  if (inner_.load() == nullptr) {
    throw Error(ErrorKind::usage, "the transaction is over: its function has returned",
                "begin another; keep none beyond the function it was given to");
  }
  throw Error(ErrorKind::usage, "the transaction belongs to another thread",
              "use it on the thread that it was given on, or begin one on this thread");
}

Rows GuardedTransaction::run(std::string_view sql, std::span<const Parameter> parameters) {
  return inner().run(sql, parameters);
}

Uuid GuardedTransaction::publish(const Event& event) {
  return inner().publish(event);
}

std::vector<Uuid> GuardedTransaction::publish(std::span<const Event> events) {
  return inner().publish(events);
}

pg_conn* GuardedTransaction::postgres() noexcept {
  Transaction* const inner = of_this_thread();
  return inner == nullptr ? nullptr : inner->postgres();
}

sqlite3* GuardedTransaction::sqlite() noexcept {
  Transaction* const inner = of_this_thread();
  return inner == nullptr ? nullptr : inner->sqlite();
}

st_mysql* GuardedTransaction::mariadb() noexcept {
  Transaction* const inner = of_this_thread();
  return inner == nullptr ? nullptr : inner->mariadb();
}

GuardedTransaction* GuardedTransactions::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    all_.push_back(std::make_unique<GuardedTransaction>(dialect_));
    free_.reserve(all_.size());  // So that giving back never fails.
    return all_.back().get();
  }
  GuardedTransaction* const taken = free_.back();
  free_.pop_back();
  return taken;
}

void GuardedTransactions::give_back(GuardedTransaction* transaction) noexcept {
  const std::lock_guard lock(mutex_);
  free_.push_back(transaction);
}

}  // namespace outbox::library
