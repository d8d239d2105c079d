// SPDX-License-Identifier: Apache-2.0
#include "figures.hpp"

namespace shop {
namespace {

using nlohmann::json;
using outbox::Row;
using outbox::Transaction;

json orders_by_status(Transaction& transaction) {
  json counts = {{"CREATED", 0}, {"PAID", 0}, {"CANCELED", 0}};
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
  return transaction
      .execute(
          "SELECT count(*) FROM outbox_events "
          "WHERE status IN ('PENDING', 'PROCESSING', 'FAILED')")
      .at(0)
      .integer(0);
}

}  // namespace

json figures(Transaction& transaction) {
  return {{"orders", orders_by_status(transaction)},
          {"daily_sales", sales_by_day(transaction)},
          {"products", products_with_metrics(transaction)},
          {"outbox", {{"pending", waiting_events(transaction)}}}};
}

}  // namespace shop
