// SPDX-License-Identifier: Apache-2.0
//
// Named locks between programs and machines, in the outbox's database or in a Redis. A lock ends by
// itself when its holder dies: it is held for its time to live, by the database's own clock, and
// renewed by a thread of its own for as long as the Lock lives (row C7).
//
//     outbox::LockService locks({.url = "postgresql://localhost/shop"});
//     if (auto lock = locks.try_acquire("nightly-report")) {
//       write_report(lock->fencing_number(), lock->lost_token());
//     }
//
// A lock keeps others from beginning; it cannot stop a holder that was paused for longer than the
// time to live and goes on without knowing. What must never be done twice carries the fencing
// number along: it grows with each acquisition of the name, and whatever is written to refuses a
// smaller one than it has seen.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace outbox {

/// Where locks are kept. A value.
struct LockServiceOptions {
  /// As DatabaseOptions::url, of a database that `outboxd migrate` or outbox::migrate() made the
  /// tables in; or `redis://[[user]:password@]host[:port][/database]`. A Redis that forgets, by a
  /// restart without persistence or a failover, frees its locks and begins the fencing numbers
  /// anew.
  std::string url = {};
  /// For one answer of the database or the Redis.
  std::chrono::milliseconds statement_timeout{5000};
  /// What is written to standard error: `debug`, `info`, `warn` or `error`, and what is worse.
  std::string log_level = "warn";
};

/// How long a lock is held and waited for.
struct LockTimes {
  /// How long the lock outlives its last renewal; renewals come at a third of it. At least 100 ms,
  /// at most 365 days.
  std::chrono::milliseconds ttl{30000};
  /// How long a lock that another holds is waited for. Zero: one try; milliseconds::max(): no
  /// limit.
  std::chrono::milliseconds timeout{1000};
};

/// A lock that is held. Move-only; released when it is destroyed.
///
/// Thread-safety: any thread may look; one thread releases or destroys it, when nobody looks any
/// more. Each has two threads and one connection. On SQLite it must not be released inside a
/// transaction of the same thread, and a transaction of this process that stays open for longer
/// than the time to live keeps it from being renewed.
class Lock {
 public:
  class Held;
  /// For LockService.
  explicit Lock(std::unique_ptr<Held> held) noexcept;
  /// The other one holds nothing from then on: it is lost(), has no name and number 0.
  Lock(Lock&& other) noexcept;
  /// What this one held is released.
  Lock& operator=(Lock&& other) noexcept;
  ~Lock();

  /// As it was asked for.
  [[nodiscard]] const std::string& name() const noexcept;

  /// From 1 on; greater than that of every holder of this name before.
  [[nodiscard]] std::int64_t fencing_number() const noexcept;

  /// True once another holds it, or may: the last renewal that was answered was sent longer ago
  /// than the time to live, less a tenth of it (at most a second), or it was released. It does not
  /// become false again.
  [[nodiscard]] bool lost() const noexcept;

  /// A stop is requested at the moment when lost() becomes true, or at most a second later: also by
  /// release() and by the destructor.
  [[nodiscard]] std::stop_token lost_token() const noexcept;

  /// Frees the lock; false where it was no longer this holder's, and then nothing is changed. Waits
  /// for a renewal that is under way. Where the database is away the lock ends by itself.
  bool release() noexcept;

 private:
  std::unique_ptr<Held> held_;
};

/// Thread-safety: any number of threads at once. Locks may outlive the service.
class LockService {
 public:
  /// Connects to nothing yet. Throws Error(configuration) for a URL of no kind that is known.
  explicit LockService(LockServiceOptions options);
  ~LockService();
  LockService(const LockService&) = delete;
  LockService& operator=(const LockService&) = delete;

  /// The lock, or nothing where another held it for the whole of `times.timeout` or a stop was
  /// requested meanwhile. A lock is not re-entrant: who holds it is "another", too.
  ///
  /// `name`: 1 to 200 letters, digits and `_ - . : /`; names are shared by all programs on one
  /// database (schema), case counts. Throws Error(usage) for another name, for a ttl below 100 ms
  /// or above 365 days and a timeout below zero; Error(unreachable) where nobody answered in that
  /// time (what may have been taken unheard is given back if it can be, else it is over after its
  /// time to live);
  /// Error(not_found) without the table; Error(configuration) for a login that is refused.
  [[nodiscard]] std::optional<Lock> try_acquire(const std::string& name, LockTimes times = {},
                                                const std::stop_token& stop = {});

  /// The same for callers who have nothing to do without it: Error(conflict) instead of nothing.
  [[nodiscard]] Lock acquire(const std::string& name, LockTimes times = {},
                             const std::stop_token& stop = {});

 private:
  class Parts;
  const std::shared_ptr<Parts> parts_;
};

}  // namespace outbox
