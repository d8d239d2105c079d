// SPDX-License-Identifier: Apache-2.0
#include <outbox/lock.hpp>

#include <utility>

#include <outbox/error.hpp>

#include "core/log.hpp"
#include "jobs/kept_lock.hpp"
#include "library/connections.hpp"
#include "library/lock_places.hpp"
#include "store/redis/home.hpp"

namespace outbox {

class LockService::Parts {
 public:
  explicit Parts(const LockServiceOptions& options)
      : locks(
            library::find_locks(options.url, options.statement_timeout, "LockServiceOptions::url")),
        log(library::log_level_of(options.log_level, "LockServiceOptions::log_level")) {
    if (options.statement_timeout.count() < 1) {
      throw Error(ErrorKind::configuration, "LockServiceOptions::statement_timeout is below 1 ms");
    }
  }

  const std::function<std::unique_ptr<store::Locks>()> locks;
  Logger log;
};

class Lock::Held {
 public:
  // Before the lock, which logs until it is gone.
  std::shared_ptr<const void> parts;
  std::unique_ptr<jobs::KeptLock> lock;
};

Lock::Lock(std::unique_ptr<Held> held) noexcept : held_(std::move(held)) {}
Lock::Lock(Lock&& other) noexcept = default;
Lock& Lock::operator=(Lock&& other) noexcept = default;
Lock::~Lock() = default;

// One that was moved away holds nothing, and says so.

const std::string& Lock::name() const noexcept {
  static const std::string none;
  return held_ ? held_->lock->name() : none;
}

std::int64_t Lock::fencing_number() const noexcept {
  return held_ ? held_->lock->fencing() : 0;
}

bool Lock::lost() const noexcept {
  return !held_ || held_->lock->lost();
}

std::stop_token Lock::lost_token() const noexcept {
  static const std::stop_token none = [] {
    std::stop_source stopped;
    stopped.request_stop();
    return stopped.get_token();
  }();
  return held_ ? held_->lock->lost_token() : none;
}

bool Lock::release() noexcept {
  return held_ && held_->lock->release();
}

LockService::LockService(LockServiceOptions options) : parts_(std::make_shared<Parts>(options)) {}

LockService::~LockService() = default;

std::optional<Lock> LockService::try_acquire(const std::string& name, LockTimes times,
                                             const std::stop_token& stop) {
  auto lock = jobs::KeptLock::acquire(parts_->locks(),
                                      {.name = name, .ttl = times.ttl, .timeout = times.timeout},
                                      parts_->log, stop);
  if (lock == nullptr) return std::nullopt;
  auto held = std::make_unique<Lock::Held>();
  held->parts = parts_;
  held->lock = std::move(lock);
  return Lock(std::move(held));
}

Lock LockService::acquire(const std::string& name, LockTimes times, const std::stop_token& stop) {
  auto lock = try_acquire(name, times, stop);
  if (lock) return std::move(*lock);
  throw Error(
      ErrorKind::conflict,
      "lock " + name + " was another holder's for " + std::to_string(times.timeout.count()) + " ms",
      "wait longer (LockTimes::timeout), or leave the work to its holder");
}

namespace library {

std::function<std::unique_ptr<store::Locks>()> find_locks(
    const std::string& url, std::chrono::milliseconds statement_timeout,
    const std::string& option) {
  if (store::redis::is_redis_url(url)) {
    const store::redis::Place place = store::redis::parse_place(url, option);
    return
        [place, statement_timeout] { return store::redis::make_locks(place, statement_timeout); };
  }
  store::HomeOptions options;
  options.statement_timeout = statement_timeout;
  options.member_name = "locks";
  return make_store(find_database(url, option), std::move(options)).locks;
}

}  // namespace library

}  // namespace outbox
