// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "conformance/store/mariadb_under_test.hpp"
#include "store/mariadb/home.hpp"

namespace outbox::testing {

inline store::HomeOptions options_of(const MariadbDatabase& database,
                                     const std::string& member = "publisher-00000001") {
  store::HomeOptions options;
  options.url = database.url();
  options.member_name = member;
  return options;
}

/// A member of a relay on a database of the test's own, with all slots that are free.
inline Member join(const store::HomeOptions& options) {
  Member member{.home = store::mariadb::make_home(options),
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
  for (const store::AcquiredSlot& slot : member.leases->acquire(1000))
    member.held.push_back(slot.lease);
  return member;
}

/// Inserts as a back end does, one event a key.
inline void insert_keys(MariadbDatabase& database, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    database.execute(
        "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
        "VALUES ('order', '" +
        key + "', 'PAID', '{}')");
  }
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
