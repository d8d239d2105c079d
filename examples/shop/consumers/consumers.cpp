// SPDX-License-Identifier: Apache-2.0
#include "consumers.hpp"

#include <nlohmann/json.hpp>

#include "../events.hpp"

namespace shop {

const std::vector<std::string>& consumer_names() {
  static const std::vector<std::string> names = {"stock", "analytics", "cache", "flash-queue",
                                                 "product-metrics"};
  return names;
}

outbox::ConsumerOptions consumer_options(const std::string& name, const ConsumerPlaces& places) {
  outbox::ConsumerOptions options;
  options.database_url = places.database_url;
  options.kafka = places.kafka;
  options.group_id = name + "-consumer";
  if (name == "stock") {
    options.topics = {order_topic, stock_topic};
  } else if (name == "analytics") {
    options.topics = {order_topic};
  } else if (name == "cache") {
    options.topics = {product_topic};
  } else if (name == "flash-queue") {
    options.topics = {flash_sale_topic};
  } else if (name == "product-metrics") {
    options.topics = {catalog_metrics_topic, order_metrics_topic};
    options.inbox_key = outbox::InboxKey::aggregate_version;
    options.dead_letter_topic = "{topic}-dlq";
  } else {
    throw std::invalid_argument("there is no consumer '" + name +
                                "': stock, analytics, cache, flash-queue or product-metrics");
  }
  return options;
}

void register_handlers(const std::string& name, const ConsumerPlaces& places,
                       outbox::Consumer& consumer) {
  if (name == "stock") {
    consumer.on_batch({"ORDER_PAID", "ORDER_CANCELED", "RESTOCKED"}, handle_stock);
  } else if (name == "analytics") {
    consumer.on_batch({"ORDER_PAID"}, handle_analytics);
  } else if (name == "cache") {
    consumer.on_batch({"PRICE_UPDATED", "STOCK_UPDATED", "PRODUCT_UPDATED"},
                      [cache = places.cache](Events events, outbox::Transaction& transaction) {
                        handle_cache(events, transaction, *cache);
                      });
  } else if (name == "flash-queue") {
    consumer.on_batch({"QUEUE_ADMITTED", "QUEUE_LEFT"}, handle_flash_queue);
  } else {
    consumer.on_batch({"LikeAddedEvent", "LikeRemovedEvent", "ProductViewEvent",
                       "OrderCreatedEvent", "OrderCancelledEvent", "PaymentCompletedEvent"},
                      handle_metrics);
  }
  // What is wrong with the event itself is wrong at the next attempt too.
  consumer.retry<Refused>({.max_attempts = 1});
  consumer.retry<nlohmann::json::exception>({.max_attempts = 1});
  consumer.retry<std::invalid_argument>({.max_attempts = 1});
}

std::unique_ptr<outbox::Consumer> make_consumer(const std::string& name,
                                                const ConsumerPlaces& places) {
  auto consumer = std::make_unique<outbox::Consumer>(consumer_options(name, places));
  register_handlers(name, places, *consumer);
  return consumer;
}

}  // namespace shop
