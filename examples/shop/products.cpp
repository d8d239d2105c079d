// SPDX-License-Identifier: Apache-2.0
#include "products.hpp"

#include "problem.hpp"
#include "telling.hpp"

namespace shop {
namespace {

using nlohmann::json;
using outbox::Row;
using outbox::Rows;
using outbox::Transaction;

Aggregate aggregate_of(std::int64_t product_id) {
  return {"product", product_id};
}

[[noreturn]] void no_such_product(std::int64_t product_id) {
  throw Problem(404, "unknown_product", "there is no product " + std::to_string(product_id));
}

json product_of(const Row& row) {
  return {{"id", row.integer(0)},
          {"name", row.text(1)},
          {"price", row.integer(2)},
          {"stock", row.integer(3)},
          {"is_sold_out", row.boolean(4)}};
}

/// Locks the product's row, so that its events are written one after the other, and returns their
/// number.
std::int64_t next_version(Transaction& transaction, std::int64_t product_id) {
  const Rows rows = transaction.execute(
      "UPDATE products SET event_version = event_version + 1 WHERE id = $1 "
      "RETURNING event_version",
      product_id);
  if (rows.empty()) no_such_product(product_id);
  return rows[0].integer(0);
}

void tell_catalog(Transaction& transaction, const char* event_type, const CatalogEvent& event,
                  std::int64_t version) {
  transaction.publish(make_versioned_event(event_type, aggregate_of(event.product_id),
                                           catalog_metrics_topic, event, version));
}

}  // namespace

std::int64_t create_product(Transaction& transaction, const NewProduct& product) {
  const std::int64_t id = transaction
                              .execute(
                                  "INSERT INTO products (name, price, stock, is_sold_out) "
                                  "VALUES ($1, $2, $3, $4) RETURNING id",
                                  product.name, product.price, product.stock, product.stock == 0)
                              .at(0)
                              .integer(0);
  const outbox::Uuid event_id = transaction.publish(
      make_event("PRODUCT_UPDATED", aggregate_of(id), product_topic, ProductChanged{id}));
  if (product.stock > 0) {
    transaction.execute(
        "INSERT INTO stock_history (product_id, event_id, reason, stock_before, stock_after, delta)"
        " VALUES ($1, $2, 'CREATED', 0, $3, $3)",
        id, event_id, product.stock);
  }
  return id;
}

void change_price(Transaction& transaction, std::int64_t product_id, std::int64_t price) {
  const Rows rows = transaction.execute("UPDATE products SET price = $1 WHERE id = $2 RETURNING id",
                                        price, product_id);
  if (rows.empty()) no_such_product(product_id);
  const Aggregate aggregate = aggregate_of(product_id);
  const json notice = {{"type", "price"}, {"product_id", product_id}, {"price", price}};
  transaction.publish(
      std::vector{make_event("PRICE_UPDATED", aggregate, product_topic, ProductChanged{product_id}),
                  make_event("PRICE_UPDATED", aggregate, realtime_topic, notice)});
}

void restock(Transaction& transaction, std::int64_t product_id, std::int64_t quantity) {
  if (transaction.execute("SELECT id FROM products WHERE id = $1", product_id).empty()) {
    no_such_product(product_id);
  }
  transaction.publish(make_event("RESTOCKED", aggregate_of(product_id), stock_topic,
                                 Restocked{product_id, quantity}));
}

bool like(Transaction& transaction, std::int64_t product_id, std::int64_t user_id) {
  // The product's row first, as everyone does who locks it: nobody waits in a circle.
  const std::int64_t version = next_version(transaction, product_id);
  const Rows added = transaction.execute(
      "INSERT INTO product_likes (product_id, user_id) VALUES ($1, $2) "
      "ON CONFLICT DO NOTHING RETURNING user_id",
      product_id, user_id);
  if (added.empty()) return false;
  tell_catalog(transaction, "LikeAddedEvent", {product_id, user_id}, version);
  return true;
}

bool unlike(Transaction& transaction, std::int64_t product_id, std::int64_t user_id) {
  const std::int64_t version = next_version(transaction, product_id);
  const Rows removed = transaction.execute(
      "DELETE FROM product_likes WHERE product_id = $1 AND user_id = $2 RETURNING user_id",
      product_id, user_id);
  if (removed.empty()) return false;
  tell_catalog(transaction, "LikeRemovedEvent", {product_id, user_id}, version);
  return true;
}

void view(Transaction& transaction, std::int64_t product_id, std::int64_t user_id) {
  const std::int64_t version = next_version(transaction, product_id);
  tell_catalog(transaction, "ProductViewEvent", {product_id, user_id}, version);
}

json product(Transaction& transaction, std::int64_t product_id) {
  const Rows rows = transaction.execute(
      "SELECT id, name, price, stock, is_sold_out FROM products WHERE id = $1", product_id);
  if (rows.empty()) no_such_product(product_id);
  return product_of(rows[0]);
}

json products(Transaction& transaction, std::int64_t after, std::int64_t limit) {
  const Rows rows = transaction.execute(
      "SELECT id, name, price, stock, is_sold_out FROM products WHERE id > $1 ORDER BY id "
      "LIMIT $2",
      after, limit);
  json list = json::array();
  for (const Row& row : rows)
    list.push_back(product_of(row));
  return list;
}

}  // namespace shop
