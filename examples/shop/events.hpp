// SPDX-License-Identifier: Apache-2.0
//
// What the shop says to the world: its topics, and the payloads of its events as C++ structs. Both
// sides use them, the API that publishes and the consumers that read. Amounts are in cents.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace shop {

inline constexpr const char* order_topic = "order.events";
inline constexpr const char* stock_topic = "stock.events";
inline constexpr const char* product_topic = "product.events";
inline constexpr const char* flash_sale_topic = "flashsale.events";
inline constexpr const char* realtime_topic = "realtime.events";
inline constexpr const char* catalog_metrics_topic = "catalog-events";
inline constexpr const char* order_metrics_topic = "order-events";

struct Item {
  std::int64_t product_id = 0;
  std::int64_t qty = 0;
  std::int64_t price = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Item, product_id, qty, price)

/// ORDER_CREATED, ORDER_PAID, ORDER_CANCELED.
struct OrderEvent {
  std::int64_t order_id = 0;
  std::int64_t user_id = 0;
  std::vector<Item> items;
  std::int64_t total_amount = 0;
  std::string date;  ///< The business day, `2026-11-21`; may be missing.
};
inline void to_json(nlohmann::json& json, const OrderEvent& event) {
  json = {{"order_id", event.order_id},
          {"user_id", event.user_id},
          {"items", event.items},
          {"total_amount", event.total_amount}};
  if (!event.date.empty()) json["date"] = event.date;
}
inline void from_json(const nlohmann::json& json, OrderEvent& event) {
  json.at("order_id").get_to(event.order_id);
  json.at("user_id").get_to(event.user_id);
  json.at("items").get_to(event.items);
  json.at("total_amount").get_to(event.total_amount);
  if (json.contains("date")) json.at("date").get_to(event.date);
}

/// RESTOCKED.
struct Restocked {
  std::int64_t product_id = 0;
  std::int64_t qty = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Restocked, product_id, qty)

/// PRODUCT_UPDATED, PRICE_UPDATED, STOCK_UPDATED: which product to look at again.
struct ProductChanged {
  std::int64_t product_id = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ProductChanged, product_id)

/// QUEUE_JOINED, QUEUE_ADMITTED, QUEUE_LEFT.
struct QueueEvent {
  std::int64_t flash_sale_id = 0;
  std::int64_t user_id = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(QueueEvent, flash_sale_id, user_id)

/// LikeAddedEvent, LikeRemovedEvent, ProductViewEvent, on `catalog-events`, key productId. Their
/// header `event_version` counts the product's events (E3).
struct CatalogEvent {
  std::int64_t productId = 0;
  std::int64_t userId = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CatalogEvent, productId, userId)

struct OrderLine {
  std::int64_t productId = 0;
  std::int64_t quantity = 0;
  std::int64_t price = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OrderLine, productId, quantity, price)

/// OrderCreatedEvent, OrderCancelledEvent, PaymentCompletedEvent, on `order-events`, key orderId.
struct OrderMetricsEvent {
  std::int64_t orderId = 0;
  std::int64_t userId = 0;
  std::vector<OrderLine> items;
  std::int64_t totalAmount = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OrderMetricsEvent, orderId, userId, items, totalAmount)

}  // namespace shop
