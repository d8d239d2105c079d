// SPDX-License-Identifier: Apache-2.0
//
// The seam for what operators do: pauses that every instance heeds, and the log of who did what
// (habits: store/leases.hpp). All by the database's clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace outbox::store {

enum class PauseKind : std::uint8_t {
  relay,     ///< A named relay, on all instances: reads nothing new, keeps its leases.
  topic,     ///< Events to this topic wait.
  key,       ///< Events of this wire key wait.
  consumer,  ///< A consumer group, on all instances: keeps its membership.
};

struct Pause {
  PauseKind kind = PauseKind::relay;
  std::string name;
  std::string who;
  std::string reason;
  std::int64_t since_us = 0;  ///< Microseconds since 1970 UTC; set by the store.

  friend bool operator==(const Pause&, const Pause&) = default;
};

/// One line of the audit log. Lines are never changed; retention takes them after a year.
struct AuditEntry {
  std::int64_t number = 0;  ///< Ascending; set by the store.
  std::int64_t at_us = 0;   ///< Set by the store.
  std::string who;          ///< The token's name, or `user@host` on the command line.
  std::string action;       ///< Such as `pause`, `replay`, `edit`, `discard`, `cleanup`.
  std::string target;       ///< What it was done to.
  std::string reason;
  std::string details_json;  ///< An object: counts, filters, what stood there before.
};

/// A topic that a relay holds: missing, not authorised, too few replicas.
struct HeldTopic {
  std::string relay;
  std::string member;
  std::string topic;
  std::string reason;
  std::int64_t since_us = 0;  ///< Set by the store.
};

class Controls {
 public:
  virtual ~Controls() = default;

  /// All that stand, the oldest first; at most 10,000.
  virtual std::vector<Pause> pauses() = 0;

  /// False: it was paused already, and stays so by whom it was.
  virtual bool pause(const Pause& pause) = 0;

  /// False: it was not paused.
  virtual bool resume(PauseKind kind, const std::string& name) = 0;

  virtual void note(const AuditEntry& entry) = 0;

  /// The newest first, before the number `before`; at most `entries_max`.
  virtual std::vector<AuditEntry> audit(std::optional<std::int64_t> before,
                                        std::size_t entries_max) = 0;

  /// Of members that are alive, of all relays.
  virtual std::vector<HeldTopic> held_topics() = 0;

  /// This relay's member holds the topic, or, where `reason` is empty, no longer.
  virtual void note_held_topic(const std::string& topic, const std::string& reason) = 0;
};

}  // namespace outbox::store
