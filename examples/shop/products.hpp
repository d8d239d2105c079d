// SPDX-License-Identifier: Apache-2.0
//
// Products: what there is, prices, restocking, likes and views. Each change and its events are one
// transaction, the caller's. They throw Problem.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include <outbox/transaction.hpp>

namespace shop {

struct NewProduct {
  std::string name;
  std::int64_t price = 0;
  std::int64_t stock = 0;
};

/// Returns the new id. The stock that it begins with stands in the stock's history too.
std::int64_t create_product(outbox::Transaction& transaction, const NewProduct& product);

/// PRICE_UPDATED.
void change_price(outbox::Transaction& transaction, std::int64_t product_id, std::int64_t price);

/// RESTOCKED; the stock consumer adds it.
void restock(outbox::Transaction& transaction, std::int64_t product_id, std::int64_t quantity);

/// True where that changed something: only then there is an event.
bool like(outbox::Transaction& transaction, std::int64_t product_id, std::int64_t user_id);
bool unlike(outbox::Transaction& transaction, std::int64_t product_id, std::int64_t user_id);

/// ProductViewEvent.
void view(outbox::Transaction& transaction, std::int64_t product_id, std::int64_t user_id);

[[nodiscard]] nlohmann::json product(outbox::Transaction& transaction, std::int64_t product_id);

/// Those above `after`, by id.
[[nodiscard]] nlohmann::json products(outbox::Transaction& transaction, std::int64_t after,
                                      std::int64_t limit);

}  // namespace shop
