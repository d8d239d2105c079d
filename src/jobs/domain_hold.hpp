// SPDX-License-Identifier: Apache-2.0
//
// A domain that is this instance's to work: its lock, by which instances agree on who works it, and
// the lease slots under its own relay name, by which the store refuses the changes of one who was
// deposed without knowing (store/settlement.hpp). A thread of its own keeps both.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/log.hpp"
#include "jobs/kept_lock.hpp"
#include "store/home.hpp"

namespace outbox::jobs {

using MakeLocks = std::function<std::unique_ptr<store::Locks>()>;

struct HoldTerms {
  LockTerms lock;
  store::Terms terms;
  std::chrono::milliseconds lease_ttl{30000};
};

/// Thread-safety: any thread, leave() once.
class DomainHold {
 public:
  /// Null where another instance works the domain. Throws what the store says: Error(conflict)
  /// where a relay takes the same aggregate types.
  static std::unique_ptr<DomainHold> take(const store::Home& home, const MakeLocks& locks,
                                          const HoldTerms& terms, Logger& logger,
                                          const std::stop_token& stop);

  /// For take().
  DomainHold(std::unique_ptr<KeptLock> lock, std::unique_ptr<store::Leases> leases,
             const HoldTerms& terms, Logger& logger);
  /// As leave().
  ~DomainHold();
  DomainHold(const DomainHold&) = delete;
  DomainHold& operator=(const DomainHold&) = delete;

  [[nodiscard]] std::int64_t fencing() const noexcept { return lock_->fencing(); }
  [[nodiscard]] const Uuid& outbox_id() const noexcept { return outbox_id_; }

  /// False once lock or leases are another's, or may be: for good.
  [[nodiscard]] bool stands() const;
  [[nodiscard]] std::stop_token lost_token() const { return lost_.get_token(); }
  void lose(const std::string& why);

  [[nodiscard]] std::vector<store::SlotLease> leases() const;
  /// What former owners of slots left to know about keys; each once.
  [[nodiscard]] std::vector<store::KeyState> take_keys();

  void leave() noexcept;

 private:
  void keep(const std::stop_token& stop);
  void beat();
  void acquire();

  const std::unique_ptr<KeptLock> lock_;
  const std::unique_ptr<store::Leases> leases_;  ///< Used by one thread at a time: see keep().
  const std::string name_;
  const std::chrono::milliseconds ttl_;
  const int slots_;
  Logger& logger_;
  Uuid outbox_id_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<store::SlotLease> held_;
  std::vector<store::KeyState> keys_;
  Moment deadline_;
  bool left_ = false;
  std::stop_source lost_;
  std::stop_callback<std::function<void()>> with_lock_;
  std::jthread keeping_;
};

}  // namespace outbox::jobs
