// SPDX-License-Identifier: Apache-2.0
//
// A lock that is kept for as long as it is wanted: a thread of its own renews it, another one
// watches the clock, for a renewal may hang on a database that does not answer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "core/clock.hpp"
#include "core/log.hpp"
#include "store/locks.hpp"

namespace outbox::jobs {

struct LockTerms {
  std::string name;
  std::chrono::milliseconds ttl{30000};
  std::chrono::milliseconds timeout{1000};  ///< For getting it; zero: one try.
};

/// Throws Error(usage), naming what is wrong, for a name that is empty, longer than 200 bytes or
/// has other characters than letters, digits and `_ - . : /`, a ttl below 100 ms, a timeout below
/// zero, a ttl above 365 days: the name of one that died would be taken for good.
void check_terms(const LockTerms& terms);

/// What is to be left of the ttl when the holder takes the lock for lost: clocks run at slightly
/// different speeds, and who asked needs a moment to stop.
[[nodiscard]] std::chrono::milliseconds safety_margin(std::chrono::milliseconds ttl) noexcept;

/// Thread-safety: any thread, release() once.
class KeptLock {
 public:
  /// Takes the lock, trying again until `terms.timeout` is over or a stop is requested; null where
  /// another holds it all that time. Throws Error(unreachable) where nobody answered in that time,
  /// and whatever else `locks` throws. `logger` must outlive the lock.
  static std::unique_ptr<KeptLock> acquire(std::unique_ptr<store::Locks> locks, LockTerms terms,
                                           Logger& logger, const std::stop_token& stop = {});

  KeptLock(std::unique_ptr<store::Locks> locks, LockTerms terms, Logger& logger);
  /// Releases it.
  ~KeptLock();
  KeptLock(const KeptLock&) = delete;
  KeptLock& operator=(const KeptLock&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return terms_.name; }
  [[nodiscard]] std::int64_t fencing() const noexcept { return fencing_; }

  /// True once it is another's or may be, after release(), too: for good.
  [[nodiscard]] bool lost() const;
  /// A stop is requested when the lock is lost.
  [[nodiscard]] std::stop_token lost_token() const { return lost_.get_token(); }

  /// Ends the renewing and frees it; false where it was lost before.
  bool release() noexcept;

 private:
  bool free() noexcept;
  bool take();
  void keep(const std::stop_token& stop);
  void watch(const std::stop_token& stop);
  void lose(const std::string& why);
  bool renew();

  const std::unique_ptr<store::Locks> locks_;  ///< Used by one thread at a time: see keep().
  const LockTerms terms_;
  Logger& logger_;
  const Uuid token_;
  std::int64_t fencing_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Moment deadline_;
  bool released_ = false;
  bool in_doubt_ = false;  ///< An acquisition was not answered: it may be ours.
  std::stop_source lost_;
  std::jthread watching_;
  std::jthread keeping_;
};

}  // namespace outbox::jobs
