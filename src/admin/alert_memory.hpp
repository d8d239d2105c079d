// SPDX-License-Identifier: Apache-2.0
//
// What was told stands in the locks of a store: one lock a rule's channel, held by a token that all
// instances share, for as long as the channel knows that the rule fires. While the store is away
// each instance tells by itself: better twice than never.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <outbox/uuid.hpp>

#include "admin/alert_states.hpp"
#include "core/log.hpp"
#include "store/locks.hpp"

namespace outbox::admin {

/// Thread-safety: one thread at a time.
class LockedAlertMemory : public AlertMemory {
 public:
  /// An empty function: nothing is remembered beyond this process. Borrows `logger`.
  LockedAlertMemory(std::function<std::unique_ptr<store::Locks>()> make_locks, std::string host,
                    Logger& logger);
  /// Gives the lead up.
  ~LockedAlertMemory() override;
  LockedAlertMemory(const LockedAlertMemory&) = delete;
  LockedAlertMemory& operator=(const LockedAlertMemory&) = delete;

  /// To be asked for at the beginning of each look.
  void renew_lead();

  bool leads() override { return leads_; }
  std::optional<bool> was_told(const AlertRule& rule, AlertChannel channel) override;
  bool remember(const AlertRule& rule, AlertChannel channel,
                std::chrono::milliseconds how_long) override;
  bool forget(const AlertRule& rule, AlertChannel channel) override;

 private:
  [[nodiscard]] std::string lock_of(const AlertRule& rule, AlertChannel channel) const;
  /// None: the store did not answer, now or a moment ago.
  std::optional<bool> ask(const std::function<bool(store::Locks&)>& question);

  const std::function<std::unique_ptr<store::Locks>()> make_locks_;
  const std::string host_;
  Logger& logger_;
  const Uuid token_;
  std::unique_ptr<store::Locks> locks_;
  Moment ask_at_{};
  bool leads_ = false;
};

}  // namespace outbox::admin
