// SPDX-License-Identifier: Apache-2.0
//
// What the shop says to the world: its topics, and the payloads of its events as C++ structs. Both
// sides use them, the API that publishes and the consumers that read. Amounts are in cents.
#pragma once

#include <cstdint>
#include <stdexcept>
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

/// A whole number: `1.5`, which the JSON library would cut to 1, is an error.
inline std::int64_t whole(const nlohmann::json& json, const char* field) {
  const nlohmann::json& value = json.at(field);
  if (!value.is_number_integer()) {
    throw std::invalid_argument(std::string("field ") + field + " is no whole number");
  }
  return value.get<std::int64_t>();
}

inline constexpr std::int64_t quantity_max = 1'000'000;
inline constexpr std::int64_t price_max = 100'000'000'000;

/// The same within limits, so that no sum of them is negative or too large for its type.
inline std::int64_t whole_between(const nlohmann::json& json, const char* field, std::int64_t least,
                                  std::int64_t most) {
  const std::int64_t value = whole(json, field);
  if (value < least || value > most) {
    throw std::invalid_argument(std::string("field ") + field + " is " + std::to_string(value) +
                                ", and not from " + std::to_string(least) + " to " +
                                std::to_string(most));
  }
  return value;
}

struct Item {
  std::int64_t product_id = 0;
  std::int64_t qty = 0;
  std::int64_t price = 0;
};
inline void to_json(nlohmann::json& json, const Item& item) {
  json = {{"product_id", item.product_id}, {"qty", item.qty}, {"price", item.price}};
}
inline void from_json(const nlohmann::json& json, Item& item) {
  item = {whole(json, "product_id"), whole_between(json, "qty", 1, quantity_max),
          whole_between(json, "price", 0, price_max)};
}

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
  event.order_id = whole(json, "order_id");
  event.user_id = whole(json, "user_id");
  json.at("items").get_to(event.items);
  event.total_amount = whole(json, "total_amount");
  if (json.contains("date")) json.at("date").get_to(event.date);
}

/// RESTOCKED.
struct Restocked {
  std::int64_t product_id = 0;
  std::int64_t qty = 0;
};
inline void to_json(nlohmann::json& json, const Restocked& event) {
  json = {{"product_id", event.product_id}, {"qty", event.qty}};
}
inline void from_json(const nlohmann::json& json, Restocked& event) {
  event = {whole(json, "product_id"), whole_between(json, "qty", 1, 1000 * quantity_max)};
}

/// PRODUCT_UPDATED, PRICE_UPDATED, STOCK_UPDATED: which product to look at again.
struct ProductChanged {
  std::int64_t product_id = 0;
};
inline void to_json(nlohmann::json& json, const ProductChanged& event) {
  json = {{"product_id", event.product_id}};
}
inline void from_json(const nlohmann::json& json, ProductChanged& event) {
  event = {whole(json, "product_id")};
}

/// QUEUE_JOINED, QUEUE_ADMITTED, QUEUE_LEFT.
struct QueueEvent {
  std::int64_t flash_sale_id = 0;
  std::int64_t user_id = 0;
};
inline void to_json(nlohmann::json& json, const QueueEvent& event) {
  json = {{"flash_sale_id", event.flash_sale_id}, {"user_id", event.user_id}};
}
inline void from_json(const nlohmann::json& json, QueueEvent& event) {
  event = {whole(json, "flash_sale_id"), whole(json, "user_id")};
}

/// LikeAddedEvent, LikeRemovedEvent, ProductViewEvent, on `catalog-events`, key productId. Their
/// header `event_version` counts the product's events (E3).
struct CatalogEvent {
  std::int64_t product_id = 0;
  std::int64_t user_id = 0;
};
inline void to_json(nlohmann::json& json, const CatalogEvent& event) {
  json = {{"productId", event.product_id}, {"userId", event.user_id}};
}
inline void from_json(const nlohmann::json& json, CatalogEvent& event) {
  event = {whole(json, "productId"), whole(json, "userId")};
}

struct OrderLine {
  std::int64_t product_id = 0;
  std::int64_t quantity = 0;
  std::int64_t price = 0;
};
inline void to_json(nlohmann::json& json, const OrderLine& line) {
  json = {{"productId", line.product_id}, {"quantity", line.quantity}, {"price", line.price}};
}
inline void from_json(const nlohmann::json& json, OrderLine& line) {
  line = {whole(json, "productId"), whole_between(json, "quantity", 1, quantity_max),
          whole_between(json, "price", 0, price_max)};
}

/// OrderCreatedEvent, OrderCancelledEvent, PaymentCompletedEvent, on `order-events`, key orderId;
/// header `event_version` as above.
struct OrderMetricsEvent {
  std::int64_t order_id = 0;
  std::int64_t user_id = 0;
  std::vector<OrderLine> items;
  std::int64_t total_amount = 0;
};
inline void to_json(nlohmann::json& json, const OrderMetricsEvent& event) {
  json = {{"orderId", event.order_id},
          {"userId", event.user_id},
          {"items", event.items},
          {"totalAmount", event.total_amount}};
}
inline void from_json(const nlohmann::json& json, OrderMetricsEvent& event) {
  event.order_id = whole(json, "orderId");
  event.user_id = whole(json, "userId");
  json.at("items").get_to(event.items);
  event.total_amount = whole(json, "totalAmount");
}

}  // namespace shop
