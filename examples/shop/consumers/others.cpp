// SPDX-License-Identifier: Apache-2.0
//
// The cache of products (B10, E6), the flash-sale queue (B11) and the products' metrics (E4).
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include <outbox/json.hpp>

#include "../events.hpp"
#include "consumers.hpp"
#include "rows.hpp"

namespace shop {

using nlohmann::json;

// The product is read anew, so that the cache gets what stands in the database now, however old
// the event is. What changes meanwhile has an event of its own that comes later.
void handle_cache(Events events, outbox::Transaction& transaction, Cache& cache) {
  std::set<std::int64_t> ids;
  for (const outbox::ReceivedEvent& event : events)
    ids.insert(event.payload_as<ProductChanged>().product_id);
  json rows = json::array();
  for (const std::int64_t id : ids)
    rows.push_back({{"id", id}});
  for (const outbox::Row& row : transaction.execute(
           "SELECT p.id, p.name, p.price, p.stock, p.is_sold_out FROM products p WHERE p.id IN "
           "(SELECT r.id FROM " +
               rows_of_json(transaction.dialect(), {{"id", "bigint"}}) + ")",
           rows.dump())) {
    const json product = {{"id", row.integer(0)},
                          {"name", row.text(1)},
                          {"price", row.integer(2)},
                          {"stock", row.integer(3)},
                          {"is_sold_out", row.boolean(4)}};
    cache.put(row.integer(0), product.dump());
    ids.erase(row.integer(0));
  }
  for (const std::int64_t id : ids)
    cache.remove(id);
}

void handle_flash_queue(Events events, outbox::Transaction& transaction) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::string> last;
  for (const outbox::ReceivedEvent& event : events) {
    const auto entry = event.payload_as<QueueEvent>();
    last[{entry.flash_sale_id, entry.user_id}] =
        event.event_type == "QUEUE_ADMITTED" ? "ADMITTED" : "LEFT";
  }
  json rows = json::array();
  for (const auto& [who, status] : last) {
    rows.push_back({{"flash_sale_id", who.first}, {"user_id", who.second}, {"status", status}});
  }
  transaction.execute(
      "INSERT INTO flash_sale_queue_entries (flash_sale_id, user_id, status) "
      "SELECT r.flash_sale_id, r.user_id, r.status FROM " +
          rows_of_json(transaction.dialect(),
                       {{"flash_sale_id", "bigint"}, {"user_id", "bigint"}, {"status", "text"}}) +
          " WHERE true ON CONFLICT (flash_sale_id, user_id) DO UPDATE SET status = excluded.status",
      rows.dump());
}

namespace {

struct Metrics {
  std::int64_t likes = 0;
  std::int64_t views = 0;
  std::int64_t sales = 0;
  std::int64_t amount = 0;
};

void add_catalog(const outbox::ReceivedEvent& event, std::map<std::int64_t, Metrics>& products) {
  Metrics& metrics = products[event.payload_as<CatalogEvent>().product_id];
  if (event.event_type == "LikeAddedEvent") metrics.likes += 1;
  if (event.event_type == "LikeRemovedEvent") metrics.likes -= 1;
  if (event.event_type == "ProductViewEvent") metrics.views += 1;
}

void add_order(const outbox::ReceivedEvent& event, std::map<std::int64_t, Metrics>& products) {
  const int sign = event.event_type == "OrderCreatedEvent" ? 1 : -1;
  for (const OrderLine& line : event.payload_as<OrderMetricsEvent>().items) {
    Metrics& metrics = products[line.product_id];
    metrics.sales += sign * line.quantity;
    metrics.amount += sign * line.quantity * line.price;
  }
}

}  // namespace

void handle_metrics(Events events, outbox::Transaction& transaction) {
  std::map<std::int64_t, Metrics> products;
  for (const outbox::ReceivedEvent& event : events) {
    if (event.event_type == "PaymentCompletedEvent") continue;  // Acknowledged, changes nothing.
    if (event.event_type.starts_with("Order")) {
      add_order(event, products);
    } else {
      add_catalog(event, products);
    }
  }
  json rows = json::array();
  for (const auto& [id, metrics] : products) {
    rows.push_back({{"product_id", id},
                    {"likes", metrics.likes},
                    {"views", metrics.views},
                    {"sales", metrics.sales},
                    {"amount", metrics.amount}});
  }
  if (rows.empty()) return;
  transaction.execute(
      "INSERT INTO product_metrics AS m (product_id, like_count, view_count, sales_count, "
      "total_sales_amount) SELECT r.product_id, r.likes, r.views, r.sales, r.amount FROM " +
          rows_of_json(transaction.dialect(), {{"product_id", "bigint"},
                                               {"likes", "bigint"},
                                               {"views", "bigint"},
                                               {"sales", "bigint"},
                                               {"amount", "bigint"}}) +
          " WHERE true ON CONFLICT (product_id) DO UPDATE SET "
          "like_count = m.like_count + excluded.like_count, "
          "view_count = m.view_count + excluded.view_count, "
          "sales_count = m.sales_count + excluded.sales_count, "
          "total_sales_amount = m.total_sales_amount + excluded.total_sales_amount",
      rows.dump());
}

}  // namespace shop
