// SPDX-License-Identifier: Apache-2.0
//
// What all instances on one outbox must agree on, kept in outboxd_meta (habits: store/leases.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <outbox/uuid.hpp>

namespace outbox::store {

/// The terms on which this instance wants to take part.
struct Terms {
  std::string relay_name;                    ///< "default" where there is one relay only.
  std::vector<std::string> aggregate_types;  ///< Its share; empty: all.
  std::string capture;                       ///< lease | row
  std::string settle;                        ///< mark | delete
  std::string delivery = "idempotent";       ///< idempotent | transactional
  int slots = 32;                            ///< Used where none is stored yet.
};

struct Agreed {
  Uuid outbox_id;  ///< Of this outbox; a new one after a restore or a sequence that went back.
  int slots = 32;  ///< As stored.
  /// Of the number of slots: another one wherever keys may have moved between slots.
  int generation = 1;
};

class Agreement {
 public:
  virtual ~Agreement() = default;

  /// Checks that the table and its columns are there (Error not_found names what is missing and
  /// `outboxd migrate` or the preset that fits), that this is a writable primary, and that the
  /// terms fit what living instances go by; stores them where none live. Error(conflict) names the
  /// setting, the other value and who goes by it.
  virtual Agreed agree(const Terms& terms) = 0;

  /// The partition count that keys are hashed over; none yet for a topic never sent to.
  virtual std::optional<int> partition_count(const std::string& topic) = 0;

  /// Stores `count` where `expected` (0: none) still stands; returns what stands afterwards.
  virtual int adopt_partition_count(const std::string& topic, int expected, int count) = 0;
};

}  // namespace outbox::store
