// SPDX-License-Identifier: Apache-2.0
#include "admin/alert_memory.hpp"

#include <exception>
#include <utility>

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds lead_ttl{20};
constexpr std::chrono::seconds try_again_after{15};
constexpr std::chrono::milliseconds probe_ttl{1'000};
constexpr const char* lead_lock = "outboxd_alerts";

/// The same for all instances: it says that somebody told it, whoever that was.
Uuid token_of(const std::string& name) {
  Uuid token;
  std::uint64_t hash = 14695981039346656037U;
  for (std::size_t i = 0; i < token.bytes.size(); ++i) {
    for (const char letter : name)
      hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211U;
    token.bytes[i] = static_cast<std::uint8_t>(hash >> 32U);
  }
  return token;
}

}  // namespace

LockedAlertMemory::LockedAlertMemory(std::function<std::unique_ptr<store::Locks>()> make_locks,
                                     std::string host, Logger& logger)
    : make_locks_(std::move(make_locks)),
      host_(std::move(host)),
      logger_(logger),
      token_(random_uuid()) {}

LockedAlertMemory::~LockedAlertMemory() {
  if (leads_) ask([&](store::Locks& locks) { return locks.release(lead_lock, token_); });
}

void LockedAlertMemory::renew_lead() {
  const auto got = ask(
      [&](store::Locks& locks) { return locks.acquire(lead_lock, token_, lead_ttl).has_value(); });
  leads_ = got.value_or(true);
}

std::optional<bool> LockedAlertMemory::was_told(const AlertRule& rule, AlertChannel channel) {
  if (!make_locks_) return false;
  const std::string lock = lock_of(rule, channel);
  return ask([&](store::Locks& locks) {
    // Held by the common token: it was told. A renewal would not say so, hence another one.
    const bool is_free = locks.acquire(lock, token_, probe_ttl).has_value();
    if (is_free) locks.release(lock, token_);
    return !is_free;
  });
}

bool LockedAlertMemory::remember(const AlertRule& rule, AlertChannel channel,
                                 std::chrono::milliseconds how_long) {
  if (!make_locks_) return true;
  const std::string lock = lock_of(rule, channel);
  const auto held = ask([&](store::Locks& locks) {
    return locks.acquire(lock, token_of(lock), how_long).has_value();
  });
  return held.value_or(false);
}

bool LockedAlertMemory::forget(const AlertRule& rule, AlertChannel channel) {
  if (!make_locks_) return true;
  const std::string lock = lock_of(rule, channel);
  const auto answer = ask([&](store::Locks& locks) {
    locks.release(lock, token_of(lock));
    return true;
  });
  return answer.has_value();
}

std::string LockedAlertMemory::lock_of(const AlertRule& rule, AlertChannel channel) const {
  const std::string name = "outboxd_alert:" + rule.name + ":" + word_of(channel);
  return is_common(rule.when) ? name : name + "@" + host_;
}

std::optional<bool> LockedAlertMemory::ask(const std::function<bool(store::Locks&)>& question) {
  if (!make_locks_ || BootClock::now() < ask_at_) return std::nullopt;
  try {
    if (locks_ == nullptr) locks_ = make_locks_();
    return question(*locks_);
  } catch (const std::exception& error) {
    locks_.reset();
    ask_at_ = BootClock::now() + try_again_after;
    logger_.debug("what was alerted could not be remembered", {{"error", error.what()}});
    return std::nullopt;
  }
}

}  // namespace outbox::admin
