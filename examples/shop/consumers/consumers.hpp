// SPDX-License-Identifier: Apache-2.0
//
// The shop's consumers (B7 to B11, E4). Each is a group of its own and gets all messages of its
// topics; what they write and the claim on the event are one transaction.
#pragma once

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <outbox/consumer.hpp>

#include "cache.hpp"

namespace shop {

/// The event is understood and cannot be done, now or later: it goes to the dead letters at once.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ConsumerPlaces {
  std::string database_url;
  outbox::KafkaConnection kafka;
  std::shared_ptr<Cache> cache;  ///< For the cache consumer.
};

/// stock, analytics, cache, flash-queue, product-metrics.
[[nodiscard]] const std::vector<std::string>& consumer_names();

/// Throws std::invalid_argument for a name that is none of them.
[[nodiscard]] std::unique_ptr<outbox::Consumer> make_consumer(const std::string& name,
                                                              const ConsumerPlaces& places);

/// The options and handlers alone, for those who change something of them.
[[nodiscard]] outbox::ConsumerOptions consumer_options(const std::string& name,
                                                       const ConsumerPlaces& places);
void register_handlers(const std::string& name, const ConsumerPlaces& places,
                       outbox::Consumer& consumer);

using Events = std::span<const outbox::ReceivedEvent>;

/// ORDER_PAID, ORDER_CANCELED, RESTOCKED (B8).
void handle_stock(Events events, outbox::Transaction& transaction);
/// ORDER_PAID (B9).
void handle_analytics(Events events, outbox::Transaction& transaction);
/// PRICE_UPDATED, STOCK_UPDATED, PRODUCT_UPDATED (B10, E6).
void handle_cache(Events events, outbox::Transaction& transaction, Cache& cache);
/// QUEUE_ADMITTED, QUEUE_LEFT (B11).
void handle_flash_queue(Events events, outbox::Transaction& transaction);
/// LikeAddedEvent, LikeRemovedEvent, ProductViewEvent, OrderCreatedEvent, OrderCancelledEvent (E4).
void handle_metrics(Events events, outbox::Transaction& transaction);

}  // namespace shop
