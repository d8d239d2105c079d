// SPDX-License-Identifier: Apache-2.0
#include "library/event_row.hpp"

#include <charconv>
#include <chrono>
#include <optional>

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

char quote_of(Dialect dialect) {
  return dialect == Dialect::mariadb ? '`' : '"';
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::vector<std::string> parts_of_mark(std::string_view mark, std::size_t count) {
  std::vector<std::string> parts(count);
  for (std::string& part : parts) {
    const std::size_t slash = mark.find('/');
    part = mark.substr(0, slash);
    if (slash == std::string_view::npos) break;
    mark.remove_prefix(slash + 1);
  }
  return parts;
}

std::string_view seconds_sql(Dialect dialect) {
  switch (dialect) {
    case Dialect::postgres:
      return "floor(extract(epoch FROM clock_timestamp()))::bigint";
    case Dialect::sqlite:
      return "CAST(strftime('%s', 'now') AS INTEGER)";
    case Dialect::mariadb:
      break;
  }
  return "UNIX_TIMESTAMP()";
}

EventRow::EventRow(const PublishOptions& options, Dialect dialect)
    : dialect_(dialect),
      table_(publishing::quoted_table(options, quote_of(dialect))),
      relays_(relays_beside(options, quote_of(dialect))) {}

bool EventRow::is_there(Transaction& transaction, const std::string& row_id,
                        const Uuid& event_id) const {
  const std::string sql = fmt::format("SELECT 1 FROM {} WHERE event_id = $1", table_);
  if (row_id.empty()) return !transaction.execute(sql + " LIMIT 1", event_id).empty();
  return !transaction.execute(sql + " AND id = $2", event_id, row_id).empty();
}

Outcome EventRow::when_missing(Transaction& transaction, const std::string& marked_at_s) const {
  const bool is_proof = is_recent(transaction, marked_at_s) && is_kept(transaction);
  return is_proof ? Outcome::rolled_back : Outcome::unknown;
}

// No clean-up can have taken it yet: cleanup.retention-days allows an hour and more. The rest is
// for clocks that were set, or are a fail-over's.
bool EventRow::is_recent(Transaction& transaction, const std::string& marked_at_s) const {
  constexpr std::chrono::seconds kept_least = std::chrono::minutes(50);
  constexpr std::chrono::seconds set_back_most = std::chrono::minutes(1);
  const std::string sql = fmt::format("SELECT {}", seconds_sql(dialect_));
  const auto now = number_of(transaction.execute(sql).at(0).text(0));
  const auto marked_at = number_of(marked_at_s);
  return now && marked_at && *now - *marked_at < kept_least.count() &&
         *marked_at - *now < set_back_most.count();
}

// Under a savepoint, because PostgreSQL would take an error for the transaction's end.
bool EventRow::is_kept(Transaction& transaction) const {
  transaction.execute("SAVEPOINT outboxd_relays_read");
  try {
    const std::string sql = fmt::format("SELECT 1 FROM {} WHERE settle = 'delete'", relays_);
    return transaction.execute(sql).empty();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unreachable) throw;
    // No such table, or no right to read it: nothing is known of relays.
    transaction.execute("ROLLBACK TO SAVEPOINT outboxd_relays_read");
    return false;
  }
}

}  // namespace outbox::library
