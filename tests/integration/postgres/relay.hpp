// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "conformance/store/postgres_under_test.hpp"
#include "store/postgres/home.hpp"

namespace outbox::testing {

/// A member of a relay on a schema of the test's own.
inline Member join(const store::HomeOptions& options, int slots_max = 1000) {
  Member member{.home = store::postgres::make_home(options),
                .leases = {},
                .capture = {},
                .settlement = {},
                .held = {}};
  member.home.agreement()->agree(
      {.relay_name = options.relay_name,
       .aggregate_types = options.aggregate_types,
       .capture = options.capture == store::CaptureMode::row ? "row" : "lease",
       .settle = options.settle == store::SettleMode::remove ? "delete" : "mark",
       .slots = options.slots});
  member.leases = member.home.leases();
  member.capture = member.home.capture();
  member.settlement = member.home.settlement();
  member.leases->join();
  for (const store::AcquiredSlot& slot : member.leases->acquire(slots_max)) {
    member.held.push_back(slot.lease);
  }
  return member;
}

inline store::HomeOptions options_of(const PostgresSchema& schema,
                                     const std::string& member = "publisher-00000001") {
  store::HomeOptions options;
  options.url = schema.url();
  options.member_name = member;
  return options;
}

inline std::vector<std::string> keys_of(const RowBatch& batch) {
  std::vector<std::string> keys;
  for (const OutboxRow& row : batch.rows)
    keys.emplace_back(row.key);
  return keys;
}

/// The error that a call ends with; a failure of the test where there is none.
template <class Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error came";
  return {ErrorKind::failed, "none"};
}

}  // namespace outbox::testing
