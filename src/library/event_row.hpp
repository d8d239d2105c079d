// SPDX-License-Identifier: Apache-2.0
//
// The event's row as a witness of its transaction, where the database itself keeps no outcomes, and
// what PublishResult::transaction_mark is made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <outbox/publish.hpp>
#include <outbox/publish_result.hpp>
#include <outbox/transaction.hpp>

namespace outbox::library {

/// The parts of a mark, `/` between them, as many as are asked for. Those that it does not have are
/// empty: it is a text that came back from outside.
[[nodiscard]] std::vector<std::string> parts_of_mark(std::string_view mark, std::size_t count);

/// The database's own time in SQL, in whole seconds since 1970.
[[nodiscard]] std::string_view seconds_sql(Dialect dialect);

class EventRow {
 public:
  EventRow(const PublishOptions& options, Dialect dialect);

  /// By the row's id, where one is known, so that no large table is read through.
  [[nodiscard]] bool is_there(Transaction& transaction, const std::string& row_id,
                              const Uuid& event_id) const;

  /// What it means that the row is not there: rolled back, or unknown where a relay deletes what it
  /// has published, or so long after `marked_at_s`, the database's time in the mark, that clean-up
  /// may have.
  [[nodiscard]] Outcome when_missing(Transaction& transaction,
                                     const std::string& marked_at_s) const;

 private:
  [[nodiscard]] bool is_recent(Transaction& transaction, const std::string& marked_at_s) const;
  [[nodiscard]] bool is_kept(Transaction& transaction) const;

  Dialect dialect_;
  std::string table_;
  std::string relays_;
};

}  // namespace outbox::library
