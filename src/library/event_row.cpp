// SPDX-License-Identifier: Apache-2.0
#include "library/event_row.hpp"

#include <outbox/error.hpp>

#include <fmt/format.h>

#include "publish/check.hpp"

namespace outbox::library {
namespace {

// outboxd_relays beside the outbox, in the same schema.
std::string relays_beside(PublishOptions options, char quote) {
  const std::size_t point = options.table.rfind('.');
  const std::size_t schema = point == std::string::npos ? 0 : point + 1;
  options.table = options.table.substr(0, schema) + "outboxd_relays";
  return publishing::quoted_table(options, quote);
}

}  // namespace

EventRow::EventRow(const PublishOptions& options, char quote)
    : table_(publishing::quoted_table(options, quote)), relays_(relays_beside(options, quote)) {}

bool EventRow::is_there(Transaction& transaction, const std::string& row_id,
                        const Uuid& event_id) const {
  const std::string sql = fmt::format("SELECT 1 FROM {} WHERE event_id = $1", table_);
  if (row_id.empty()) return !transaction.execute(sql + " LIMIT 1", event_id).empty();
  return !transaction.execute(sql + " AND id = $2", event_id, row_id).empty();
}

Outcome EventRow::when_missing(Transaction& transaction) const {
  try {
    const std::string sql = fmt::format("SELECT 1 FROM {} WHERE settle = 'delete'", relays_);
    return transaction.execute(sql).empty() ? Outcome::rolled_back : Outcome::unknown;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unreachable) throw;
    return Outcome::unknown;  // No such table, or no right to read it: nothing is known of relays.
  }
}

}  // namespace outbox::library
