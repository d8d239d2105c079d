// SPDX-License-Identifier: Apache-2.0
//
// "One process relays on this file": SQLite has no row locks and no clock of its own, so several
// relaying processes could not keep each other off by leases alone (design, Capture and settle).
#pragma once

#include <string>

namespace outbox::store::sqlite {

/// Held for as long as the object lives; the operating system frees it when the process ends,
/// however it ends. The lock's file stays behind: taking it away could leave two processes with a
/// lock each.
class RelayLock {
 public:
  /// Locks `<database_path>-relay`. Throws Error(conflict) naming the process that holds it.
  explicit RelayLock(const std::string& database_path);
  ~RelayLock();
  RelayLock(const RelayLock&) = delete;
  RelayLock& operator=(const RelayLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace outbox::store::sqlite
