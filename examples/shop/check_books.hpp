// SPDX-License-Identifier: Apache-2.0
//
// What the check goes by: the outbox, the inbox and the dead letters, put side by side.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "check.hpp"

namespace shop {

/// A row of the outbox.
struct ToldEvent {
  std::string event_id;
  std::string claim_id;  ///< What the inbox of product-metrics knows it by (E3).
  std::string type;
  std::string topic;
  std::string aggregate_id;
  std::string status;
  double created_ms = 0;
  std::string payload;  ///< Of those that are looked into: RESTOCKED, QUEUE_*, likes and views.
};

/// What became of an event at one consumer.
enum class Fate : std::uint8_t { handled, refused, waiting };

struct Books {
  std::vector<ToldEvent> events;  ///< In the order of their rows.
  /// By consumer, by the inbox's id: when it was claimed, in ms.
  std::map<std::string, std::unordered_map<std::string, double>> inbox;
  /// By consumer, by event id: why.
  std::map<std::string, std::unordered_map<std::string, std::string>> dead_letters;
  std::unordered_set<std::string> event_ids;

  [[nodiscard]] Fate fate(const std::string& consumer, const ToldEvent& event) const;
};

/// True where the consumer has a handler for it.
[[nodiscard]] bool is_for(const std::string& consumer, const ToldEvent& event);

/// The outbox and the inbox, of one snapshot with all else that the transaction reads.
[[nodiscard]] Books read_books(outbox::Transaction& transaction);

/// Adds to report.differences what the consumers keep and should not (check_aggregates.cpp).
void check_stock(outbox::Transaction& transaction, const Books& books, CheckReport& report);
void check_sales(outbox::Transaction& transaction, const Books& books, CheckReport& report);
void check_metrics(outbox::Transaction& transaction, const Books& books, CheckReport& report);
void check_flash_queue(outbox::Transaction& transaction, const Books& books, CheckReport& report);
void check_cache(outbox::Transaction& transaction, const Books& books, Cache& cache,
                 CheckReport& report);

}  // namespace shop
