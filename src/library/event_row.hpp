// SPDX-License-Identifier: Apache-2.0
//
// The event's row as a witness of its transaction, where the database itself keeps no outcomes.
#pragma once

#include <string>

#include <outbox/publish.hpp>
#include <outbox/publish_result.hpp>
#include <outbox/transaction.hpp>

namespace outbox::library {

/// `quote` is the dialect's for names.
class EventRow {
 public:
  EventRow(const PublishOptions& options, char quote);

  /// By the row's id, where one is known, so that no large table is read through.
  [[nodiscard]] bool is_there(Transaction& transaction, const std::string& row_id,
                              const Uuid& event_id) const;

  /// What it means that the row is not there: rolled back, or unknown where a relay deletes what it
  /// has published.
  [[nodiscard]] Outcome when_missing(Transaction& transaction) const;

 private:
  std::string table_;
  std::string relays_;
};

}  // namespace outbox::library
