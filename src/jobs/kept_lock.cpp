// SPDX-License-Identifier: Apache-2.0
#include "jobs/kept_lock.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "jobs/limits.hpp"

namespace outbox::jobs {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t name_bytes_max = 200;
constexpr milliseconds ttl_min{100};
constexpr milliseconds ttl_max = std::chrono::days(365);
constexpr milliseconds pause_between_tries{50};
constexpr milliseconds margin_max{1000};

bool is_allowed(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') ||
         std::string_view("_-.:/").find(character) != std::string_view::npos;
}

}  // namespace

void check_terms(const LockTerms& terms) {
  if (terms.name.empty() || terms.name.size() > name_bytes_max) {
    throw Error(ErrorKind::usage, fmt::format("a lock's name has {} bytes", terms.name.size()),
                "give it 1 to 200");
  }
  const auto wrong = std::find_if_not(terms.name.begin(), terms.name.end(), is_allowed);
  if (wrong != terms.name.end()) {
    throw Error(ErrorKind::usage,
                fmt::format("the byte at {} of a lock's name (0x{:02x}) is not allowed",
                            wrong - terms.name.begin(), static_cast<unsigned char>(*wrong)),
                "use letters, digits and _ - . : /");
  }
  if (terms.ttl < ttl_min) {
    throw Error(ErrorKind::usage,
                fmt::format("the time to live of lock {} is {} ms", terms.name, terms.ttl.count()),
                "give at least 100 ms: less cannot be renewed in time");
  }
  if (terms.ttl > ttl_max) {
    throw Error(ErrorKind::usage,
                fmt::format("the time to live of lock {} is {} ms", terms.name, terms.ttl.count()),
                "give 365 days at most: a lock is renewed for as long as its holder lives, and "
                "outlives a dead one by this time");
  }
  if (terms.timeout < milliseconds::zero()) {
    throw Error(ErrorKind::usage,
                fmt::format("the timeout for lock {} is {} ms", terms.name, terms.timeout.count()),
                "give 0 to try once, or more to wait");
  }
}

milliseconds safety_margin(milliseconds ttl) noexcept {
  return std::min(ttl / 10, margin_max);
}

std::unique_ptr<KeptLock> KeptLock::acquire(std::unique_ptr<store::Locks> locks, LockTerms terms,
                                            Logger& logger, const std::stop_token& stop) {
  check_terms(terms);
  const Moment until = BootClock::now() + bounded(terms.timeout);
  auto lock = std::make_unique<KeptLock>(std::move(locks), std::move(terms), logger);
  std::unique_lock waiting(lock->mutex_);
  while (true) {
    waiting.unlock();
    const bool last = BootClock::now() >= until;
    try {
      if (lock->take()) return lock;
      lock->in_doubt_ = false;
      if (last) return nullptr;
    } catch (const Error& error) {
      // Asking again with the same token finds out whether the lost answer was a yes.
      // Who gives up frees it at the end of `lock`, as well as he can.
      lock->in_doubt_ = lock->in_doubt_ || error.kind() == ErrorKind::unreachable;
      if (error.kind() != ErrorKind::unreachable || last) throw;
    }
    waiting.lock();
    const Moment next = std::min(until, BootClock::now() + pause_between_tries);
    lock->changed_.wait_until(waiting, stop, next, [] { return false; });
    if (stop.stop_requested()) return nullptr;
  }
}

KeptLock::KeptLock(std::unique_ptr<store::Locks> locks, LockTerms terms, Logger& logger)
    : locks_(std::move(locks)), terms_(std::move(terms)), logger_(logger), token_(random_uuid()) {}

KeptLock::~KeptLock() {
  release();
}

bool KeptLock::take() {
  const Moment sent = BootClock::now();
  const auto fencing = locks_->acquire(terms_.name, token_, terms_.ttl);
  if (!fencing) return false;
  fencing_ = *fencing;
  deadline_ = sent + terms_.ttl - safety_margin(terms_.ttl);
  keeping_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
  watching_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  return true;
}

bool KeptLock::lost() const {
  if (lost_.stop_requested()) return true;
  const std::lock_guard guard(mutex_);
  return BootClock::now() >= deadline_;
}

void KeptLock::keep(const std::stop_token& stop) {
  Moment next = BootClock::now() + terms_.ttl / 3;
  while (true) {
    {
      std::unique_lock guard(mutex_);
      changed_.wait_until(guard, stop, next, [] { return false; });
    }
    if (stop.stop_requested() || lost_.stop_requested()) return;
    const Moment sent = BootClock::now();
    // After a failure soon again: what is left of the time decides whether the lock is kept.
    next = sent + (renew() ? terms_.ttl / 3 : std::max<milliseconds>(terms_.ttl / 20, ttl_min / 4));
  }
}

bool KeptLock::renew() {
  const Moment sent = BootClock::now();
  try {
    if (!locks_->renew(terms_.name, token_, terms_.ttl)) {
      lose("another holder has it");
      return false;
    }
  } catch (const Error& error) {
    std::uint64_t suppressed = 0;
    if (logger_.may_repeat("lock " + terms_.name, std::chrono::seconds(10), suppressed)) {
      logger_.warn("a lock could not be renewed, trying again",
                   {{"lock", terms_.name}, {"error", error.what()}});
    }
    return false;
  }
  const std::lock_guard guard(mutex_);
  // A renewal that came back after the deadline is too late: others may have been told already.
  if (BootClock::now() < deadline_) deadline_ = sent + terms_.ttl - safety_margin(terms_.ttl);
  changed_.notify_all();
  return true;
}

void KeptLock::watch(const std::stop_token& stop) {
  std::unique_lock guard(mutex_);
  while (!stop.stop_requested() && !lost_.stop_requested()) {
    if (BootClock::now() >= deadline_) {
      guard.unlock();
      lose("it could not be renewed in time");
      return;
    }
    // In slices, for the clock that threads sleep by stands still while the machine is suspended.
    changed_.wait_until(guard, stop, std::min(deadline_, BootClock::now() + margin_max),
                        [] { return false; });
  }
}

void KeptLock::lose(const std::string& why) {
  {
    const std::lock_guard guard(mutex_);
    deadline_ = Moment{};
  }
  if (!lost_.request_stop()) return;
  changed_.notify_all();
  logger_.warn("a lock is lost", {{"lock", terms_.name}, {"reason", why}});
}

bool KeptLock::release() noexcept {
  {
    const std::lock_guard guard(mutex_);
    if (std::exchange(released_, true)) return false;
  }
  if (!keeping_.joinable()) return in_doubt_ && free();
  keeping_.request_stop();
  watching_.request_stop();
  keeping_.join();
  watching_.join();
  {
    const std::lock_guard guard(mutex_);
    deadline_ = Moment{};
  }
  // Before another may have it.
  lost_.request_stop();
  return free();
}

bool KeptLock::free() noexcept {
  try {
    return locks_->release(terms_.name, token_);
  } catch (const std::exception& error) {
    // It ends by itself then.
    logger_.debug("a lock could not be released", {{"lock", terms_.name}, {"error", error.what()}});
    return false;
  }
}

}  // namespace outbox::jobs
