// SPDX-License-Identifier: Apache-2.0
//
// The business of the demo: a shop that takes orders, and what its consumer keeps of them. The
// writer is a back end like any other: a connection of its own, and the order and its event in one
// transaction.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/received_event.hpp>
#include "app/demo_figures.hpp"
#include "store/inbox.hpp"

namespace outbox::app {

inline constexpr std::string_view demo_topic = "demo.orders";
inline constexpr std::string_view demo_dead_letter_topic = "demo.dead-letters";

/// Makes the shop's own tables; the outbox's come from the migrations.
void make_shop_tables(const std::string& database_path);

/// Writes orders at `rate` a second until `stop`; about one in twenty is rolled back on purpose,
/// after its event was inserted. Waits while too many are under way.
void write_orders(const std::string& database_path, double rate, DemoLedger& ledger,
                  const std::stop_token& stop);

/// The consumer's work for one event, in the transaction that claims it. Throws where the payload
/// is none of the shop's.
void count_order(const ReceivedEvent& event, store::InboxTransaction& transaction);

/// What the ledger needs to know of an event that was consumed.
[[nodiscard]] DemoLedger::Consumed consumed_order(const ReceivedEvent& event);

struct ProductSales {
  std::string product;
  std::int64_t orders = 0;
  std::int64_t revenue_cents = 0;
};

/// What the consumer keeps, as it stands in the database, the best sold first.
[[nodiscard]] std::vector<ProductSales> read_sales(const std::string& database_path);

/// The truth, computed from the tables alone once everything is still.
struct DemoProof {
  std::int64_t committed = 0;      ///< Events in the ledger, which each order's transaction wrote.
  std::int64_t lost = 0;           ///< Committed, but without effect.
  std::int64_t effects_twice = 0;  ///< Effects beyond the first of an event.
  std::int64_t never_committed = 0;  ///< Effects of events that no transaction committed.
  bool sales_agree = false;          ///< The consumer's sums are those of the orders themselves.
};
[[nodiscard]] DemoProof prove(const std::string& database_path);

}  // namespace outbox::app
