// SPDX-License-Identifier: Apache-2.0
//
// Sales by day and by product (B9), from paid orders. Summed up in memory first, so that a batch is
// three statements whatever its size.
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include <outbox/json.hpp>

#include "../events.hpp"
#include "consumers.hpp"
#include "rows.hpp"

namespace shop {

namespace {

using nlohmann::json;

struct Day {
  std::int64_t orders = 0;
  std::int64_t revenue = 0;
  std::int64_t new_customers = 0;
};

struct Sold {
  std::int64_t count = 0;
  std::int64_t revenue = 0;
};

struct Sums {
  std::map<std::string, Day> days;
  std::set<std::pair<std::string, std::int64_t>> customers;
  std::map<std::pair<std::int64_t, std::string>, Sold> products;
};

Sums add_up(Events events) {
  Sums sums;
  for (const outbox::ReceivedEvent& event : events) {
    const auto order = event.payload_as<OrderEvent>();
    const std::string date =
        order.date.empty() ? std::string(event.occurred_at.substr(0, 10)) : order.date;
    if (date.size() != 10) {
      throw Refused("neither the payload nor the event says on which date the order was paid");
    }
    Day& day = sums.days[date];
    day.orders += 1;
    sums.customers.emplace(date, order.user_id);
    for (const Item& item : order.items) {
      day.revenue += item.price * item.qty;
      Sold& sold = sums.products[{item.product_id, date}];
      sold.count += item.qty;
      sold.revenue += item.price * item.qty;
    }
  }
  return sums;
}

// A customer counts once a day, however many orders: only those that are new to it are returned.
void note_customers(Sums& sums, outbox::Transaction& transaction) {
  json rows = json::array();
  for (const auto& [date, user_id] : sums.customers)
    rows.push_back({{"date", date}, {"user_id", user_id}});
  for (const outbox::Row& row : transaction.execute(
           "INSERT INTO daily_customers (date, user_id) SELECT r.date, r.user_id FROM " +
               rows_of_json(transaction.dialect(), {{"date", "date"}, {"user_id", "bigint"}}) +
               " WHERE true ON CONFLICT DO NOTHING RETURNING date",
           rows.dump())) {
    sums.days.at(row.text(0)).new_customers += 1;
  }
}

void write_days(const Sums& sums, outbox::Transaction& transaction) {
  json rows = json::array();
  for (const auto& [date, day] : sums.days) {
    rows.push_back({{"date", date},
                    {"orders", day.orders},
                    {"revenue", day.revenue},
                    {"customers", day.new_customers}});
  }
  const outbox::Rows now = transaction.execute(
      "INSERT INTO daily_sales AS d (date, total_orders, total_revenue, unique_customers) "
      "SELECT r.date, r.orders, r.revenue, r.customers FROM " +
          rows_of_json(transaction.dialect(), {{"date", "date"},
                                               {"orders", "bigint"},
                                               {"revenue", "bigint"},
                                               {"customers", "bigint"}}) +
          " WHERE true ON CONFLICT (date) DO UPDATE SET "
          "total_orders = d.total_orders + excluded.total_orders, "
          "total_revenue = d.total_revenue + excluded.total_revenue, "
          "unique_customers = d.unique_customers + excluded.unique_customers "
          "RETURNING date, total_orders, total_revenue, unique_customers",
      rows.dump());
  json notice = json::array();
  for (const outbox::Row& row : now) {
    notice.push_back({{"date", row.text(0)},
                      {"total_orders", row.integer(1)},
                      {"total_revenue", row.integer(2)},
                      {"unique_customers", row.integer(3)}});
  }
  outbox::Event event;
  event.event_type = "SALES_CHANGED";
  event.aggregate_type = "sales";
  event.aggregate_id = "all";
  event.topic = realtime_topic;
  event.payload.bytes = json{{"type", "sales"}, {"days", std::move(notice)}}.dump();
  transaction.publish(event);
}

void write_products(const Sums& sums, outbox::Transaction& transaction) {
  json rows = json::array();
  for (const auto& [name, sold] : sums.products) {
    rows.push_back({{"product_id", name.first},
                    {"date", name.second},
                    {"count", sold.count},
                    {"revenue", sold.revenue}});
  }
  transaction.execute(
      "INSERT INTO product_daily_stats AS s (product_id, date, purchase_count, revenue) "
      "SELECT r.product_id, r.date, r.count, r.revenue FROM " +
          rows_of_json(transaction.dialect(), {{"product_id", "bigint"},
                                               {"date", "date"},
                                               {"count", "bigint"},
                                               {"revenue", "bigint"}}) +
          " WHERE true ON CONFLICT (product_id, date) DO UPDATE SET "
          "purchase_count = s.purchase_count + excluded.purchase_count, "
          "revenue = s.revenue + excluded.revenue",
      rows.dump());
}

}  // namespace

void handle_analytics(Events events, outbox::Transaction& transaction) {
  Sums sums = add_up(events);
  note_customers(sums, transaction);
  write_days(sums, transaction);
  write_products(sums, transaction);
}

}  // namespace shop
