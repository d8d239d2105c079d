// SPDX-License-Identifier: Apache-2.0
//
// Orders. Each change and its events are one transaction, the caller's. They throw Problem.
#pragma once

#include <cstdint>
#include <vector>

#include <nlohmann/json.hpp>

#include <outbox/transaction.hpp>

namespace shop {

struct WantedItem {
  std::int64_t product_id = 0;
  std::int64_t qty = 0;
};

/// At today's prices. Refused where a product has less than is wanted; it is taken from the stock
/// when the order is paid, by the stock consumer. Returns the order as order() does.
nlohmann::json create_order(outbox::Transaction& transaction, std::int64_t user_id,
                            std::vector<WantedItem> items);

nlohmann::json pay_order(outbox::Transaction& transaction, std::int64_t order_id);

/// One that was paid gives its stock back.
nlohmann::json cancel_order(outbox::Transaction& transaction, std::int64_t order_id);

[[nodiscard]] nlohmann::json order(outbox::Transaction& transaction, std::int64_t order_id);

/// The latest first, without their items.
[[nodiscard]] nlohmann::json orders(outbox::Transaction& transaction, std::int64_t limit);

}  // namespace shop
