// SPDX-License-Identifier: Apache-2.0
//
// Named locks that end by themselves (C7): rows of outboxd_locks, judged by the database's clock
// (habits: store/leases.hpp). A lock only keeps others from beginning; what a holder does after its
// time is over is kept out by the fencing number, which grows with each acquisition of the name.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <outbox/uuid.hpp>

namespace outbox::store {

class Locks {
 public:
  virtual ~Locks() = default;

  /// Takes `name` where nobody holds it or its holder's time is over; the fencing number, from 1
  /// on, or none where another holds it. Asking again with the token that holds it is a renewal:
  /// the same number. Never waits for a holder.
  virtual std::optional<std::int64_t> acquire(const std::string& name, const Uuid& token,
                                              std::chrono::milliseconds ttl) = 0;

  /// From the database's now. False where it is no longer this token's; it may be another's by
  /// then.
  virtual bool renew(const std::string& name, const Uuid& token, std::chrono::milliseconds ttl) = 0;

  /// Frees it; false where it was no longer this token's, and then nothing is changed.
  virtual bool release(const std::string& name, const Uuid& token) = 0;
};

}  // namespace outbox::store
