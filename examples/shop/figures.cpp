// SPDX-License-Identifier: Apache-2.0
#include "figures.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace shop {
namespace {

using nlohmann::json;
using outbox::Row;
using outbox::Transaction;

std::int64_t number(Transaction& transaction, const std::string& sql) {
  return transaction.execute(sql).at(0).integer(0);
}

json orders_by_status(Transaction& transaction) {
  json counts = {{"CREATED", 0}, {"PAID", 0}, {"CANCELED", 0}, {"canceled_after_payment", 0}};
  counts["canceled_after_payment"] = number(transaction,
                                            "SELECT count(*) FROM orders WHERE status = 'CANCELED' "
                                            "AND paid_on IS NOT NULL");
  for (const Row& row :
       transaction.execute("SELECT status, count(*) FROM orders GROUP BY status")) {
    counts[row.text(0)] = row.integer(1);
  }
  return counts;
}

json sales_by_day(Transaction& transaction) {
  json days = json::array();
  for (const Row& row : transaction.execute(
           "SELECT date, total_orders, total_revenue, unique_customers FROM daily_sales "
           "ORDER BY date DESC LIMIT 14")) {
    days.push_back({{"date", row.text(0)},
                    {"total_orders", row.integer(1)},
                    {"total_revenue", row.integer(2)},
                    {"unique_customers", row.integer(3)}});
  }
  return days;
}

json products_with_metrics(Transaction& transaction) {
  json products = json::array();
  for (const Row& row : transaction.execute(
           "SELECT p.id, p.name, p.price, p.stock, p.is_sold_out, coalesce(m.like_count, 0), "
           "coalesce(m.view_count, 0), coalesce(m.sales_count, 0), "
           "coalesce(m.total_sales_amount, 0) FROM products p "
           "LEFT JOIN product_metrics m ON m.product_id = p.id ORDER BY p.id LIMIT 50")) {
    products.push_back({{"id", row.integer(0)},
                        {"name", row.text(1)},
                        {"price", row.integer(2)},
                        {"stock", row.integer(3)},
                        {"is_sold_out", row.boolean(4)},
                        {"like_count", row.integer(5)},
                        {"view_count", row.integer(6)},
                        {"sales_count", row.integer(7)},
                        {"total_sales_amount", row.integer(8)}});
  }
  return products;
}

std::int64_t waiting_events(Transaction& transaction) {
  return number(transaction, "SELECT count(*) FROM outbox_events_pending");
}

/// From the commit to the effect, of the latest payments: by the stock and by the sales.
void add_latencies(Transaction& transaction, json& pipeline) {
  const bool is_sqlite = transaction.dialect() == outbox::Dialect::sqlite;
  const std::string passed =
      is_sqlite ? "(julianday(p.processed_at) - julianday(o.created_at)) * 86400000.0"
                : "extract(epoch FROM p.processed_at - o.created_at) * 1000";
  std::vector<double> latencies;
  for (const Row& row : transaction.execute(
           "SELECT " + passed +
           " FROM (SELECT event_id, created_at FROM outbox_events WHERE topic = 'order.events' AND "
           "event_type = 'ORDER_PAID' ORDER BY id DESC LIMIT 300) o JOIN processed_events p ON "
           "p.event_id = o.event_id AND p.consumer_name IN "
           "('analytics-consumer', 'stock-consumer')")) {
    latencies.push_back(std::max(0.0, row.number(0)));
  }
  if (latencies.empty()) return;
  std::sort(latencies.begin(), latencies.end());
  const auto of = [&](double share) {
    return latencies[static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1))];
  };
  pipeline["latency_p50_ms"] = of(0.5);
  pipeline["latency_p99_ms"] = of(0.99);
}

/// What came of the latest payments, from the shop's own tables: none may be taken from the stock
/// twice, and after ten seconds each has to be in the sales.
void add_promises(Transaction& transaction, json& pipeline) {
  const bool is_sqlite = transaction.dialect() == outbox::Dialect::sqlite;
  pipeline["twice"] = number(
      transaction,
      "SELECT count(*) FROM (SELECT 1 FROM stock_history WHERE reason = 'ORDER_PAID' AND order_id "
      "> (SELECT coalesce(max(id), 0) - 1000 FROM orders) GROUP BY order_id, product_id HAVING "
      "count(*) > 1) twice");
  pipeline["missing"] = number(
      transaction,
      "SELECT count(*) FROM outbox_events o WHERE o.id > (SELECT coalesce(max(id), 0) - 5000 FROM "
      "outbox_events) AND o.topic = 'order.events' AND o.event_type = 'ORDER_PAID' AND " +
          std::string(is_sqlite ? "julianday(o.created_at) < julianday('now') - 10.0 / 86400"
                                : "o.created_at < clock_timestamp() - interval '10 seconds'") +
          " AND NOT EXISTS (SELECT 1 FROM processed_events p WHERE p.event_id = o.event_id AND "
          "p.consumer_name = 'analytics-consumer')");
}

json pipeline(Transaction& transaction, std::int64_t waiting) {
  const std::int64_t written = number(transaction, "SELECT count(*) FROM outbox_events");
  json pipeline = {
      {"written", written},
      {"relayed",
       number(transaction, "SELECT count(*) FROM outbox_events WHERE status = 'PUBLISHED'")},
      {"waiting", waiting},
      {"consumed", number(transaction, "SELECT count(*) FROM processed_events")},
      {"latency_p50_ms", nullptr},
      {"latency_p99_ms", nullptr}};
  add_latencies(transaction, pipeline);
  add_promises(transaction, pipeline);
  return pipeline;
}

}  // namespace

json figures(Transaction& transaction) {
  const std::int64_t waiting = waiting_events(transaction);
  return {{"orders", orders_by_status(transaction)},
          {"daily_sales", sales_by_day(transaction)},
          {"products", products_with_metrics(transaction)},
          {"outbox", {{"pending", waiting}}},
          {"pipeline", pipeline(transaction, waiting)}};
}

}  // namespace shop
