// SPDX-License-Identifier: Apache-2.0
#include "jobs/domain_hold.hpp"

#include <algorithm>
#include <utility>

#include <outbox/error.hpp>

#include "jobs/job_runner.hpp"

namespace outbox::jobs {

namespace {

using std::chrono::milliseconds;

// Slots that a former holder died with come free a little after its lock.
constexpr milliseconds look_for_slots{500};

// Domains that begin at the same time write the same few rows, for which a database may make one of
// them give way.
constexpr int tries = 5;
constexpr milliseconds pause_between_tries{50};

template <class Call>
auto with_patience(const std::stop_token& stop, const Call& call) {
  for (int attempt = 1;; ++attempt) {
    try {
      return call();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unreachable || attempt == tries) throw;
    }
    wait_or_stop(stop, pause_between_tries * attempt);
  }
}

}  // namespace

std::unique_ptr<DomainHold> DomainHold::take(const store::Home& home, const MakeLocks& locks,
                                             const HoldTerms& terms, Logger& logger,
                                             const std::stop_token& stop) {
  auto lock = KeptLock::acquire(locks(), terms.lock, logger, stop);
  if (lock == nullptr) return nullptr;
  const auto agreement = home.agreement();
  const store::Agreed agreed = with_patience(stop, [&] { return agreement->agree(terms.terms); });
  HoldTerms stored = terms;
  stored.terms.slots = agreed.slots;
  auto hold = std::make_unique<DomainHold>(std::move(lock), home.leases(), stored, logger);
  hold->outbox_id_ = agreed.outbox_id;
  with_patience(stop, [&] { hold->leases_->join(); });
  hold->deadline_ = BootClock::now() + hold->ttl_;
  hold->acquire();
  DomainHold* const kept = hold.get();
  hold->keeping_ = std::jthread([kept](const std::stop_token& ending) { kept->keep(ending); });
  return hold;
}

DomainHold::DomainHold(std::unique_ptr<KeptLock> lock, std::unique_ptr<store::Leases> leases,
                       const HoldTerms& terms, Logger& logger)
    : lock_(std::move(lock)),
      leases_(std::move(leases)),
      name_(terms.lock.name),
      ttl_(terms.lease_ttl),
      slots_(terms.terms.slots),
      logger_(logger),
      with_lock_(lock_->lost_token(), [this] { lost_.request_stop(); }) {}

DomainHold::~DomainHold() {
  leave();
}

bool DomainHold::stands() const {
  if (lost_.stop_requested() || lock_->lost()) return false;
  const std::lock_guard guard(mutex_);
  return BootClock::now() < deadline_;
}

void DomainHold::lose(const std::string& why) {
  if (!lost_.request_stop()) return;
  logger_.warn("a domain is lost", {{"lock", name_}, {"reason", why}});
}

std::vector<store::SlotLease> DomainHold::leases() const {
  const std::lock_guard guard(mutex_);
  return held_;
}

std::vector<store::KeyState> DomainHold::take_keys() {
  const std::lock_guard guard(mutex_);
  return std::exchange(keys_, {});
}

void DomainHold::keep(const std::stop_token& stop) {
  Moment next_beat = BootClock::now() + ttl_ / 3;
  while (true) {
    {
      std::unique_lock guard(mutex_);
      const bool whole = static_cast<int>(held_.size()) >= slots_;
      const Moment next =
          whole ? next_beat : std::min(next_beat, BootClock::now() + look_for_slots);
      changed_.wait_until(guard, stop, next, [] { return false; });
    }
    if (stop.stop_requested() || lost_.stop_requested()) return;
    try {
      if (BootClock::now() >= next_beat) {
        beat();
        next_beat = BootClock::now() + ttl_ / 3;
      }
      acquire();
    } catch (const Error& error) {
      // The deadline decides, not the error.
      logger_.warn("a domain's leases could not be renewed, trying again",
                   {{"lock", name_}, {"error", error.what()}});
      next_beat = BootClock::now() + ttl_ / 20;
      if (!stands()) lose("its leases could not be renewed in time");
    }
  }
}

void DomainHold::beat() {
  const std::vector<store::SlotLease> held = leases();
  const Moment sent = BootClock::now();
  const store::Heartbeat heartbeat = leases_->heartbeat(held);
  for (const store::SlotLease& lease : held) {
    const auto& renewed = heartbeat.renewed_slots;
    if (std::find(renewed.begin(), renewed.end(), lease.slot) == renewed.end()) {
      lose("a slot of its rows is another's");
      return;
    }
  }
  const std::lock_guard guard(mutex_);
  if (BootClock::now() < deadline_) deadline_ = sent + ttl_ - safety_margin(ttl_);
}

void DomainHold::acquire() {
  const Moment sent = BootClock::now();
  const auto count = static_cast<int>(leases().size());
  if (count >= slots_) return;
  std::vector<store::AcquiredSlot> acquired = leases_->acquire(slots_ - count);
  const std::lock_guard guard(mutex_);
  for (store::AcquiredSlot& slot : acquired) {
    held_.push_back(slot.lease);
    keys_.insert(keys_.end(), slot.keys.begin(), slot.keys.end());
  }
  if (count == 0) deadline_ = sent + ttl_ - safety_margin(ttl_);
}

void DomainHold::leave() noexcept {
  if (std::exchange(left_, true)) return;
  keeping_.request_stop();
  if (keeping_.joinable()) keeping_.join();
  try {
    leases_->leave();
  } catch (const std::exception& error) {
    // They end by themselves then, and so does the lock.
    logger_.debug("a domain's leases could not be given back",
                  {{"lock", name_}, {"error", error.what()}});
  }
  lock_->release();
}

}  // namespace outbox::jobs
