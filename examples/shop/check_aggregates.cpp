// SPDX-License-Identifier: Apache-2.0
//
// What the consumers keep, worked out anew from the orders, the likes and the restocks, and
// compared. An event that a consumer refused counts as never told to it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "check_books.hpp"
#include "consumers/rows.hpp"
#include "events.hpp"

namespace shop {

namespace {

using nlohmann::json;
using outbox::Row;
using outbox::Transaction;

/// Aggregates whose event of that type the consumer refused: orders, mostly.
std::set<std::string> refused_of(const Books& books, const std::string& consumer,
                                 const std::string& type) {
  std::set<std::string> ids;
  const auto letters = books.dead_letters.find(consumer);
  if (letters == books.dead_letters.end()) return ids;
  for (const ToldEvent& event : books.events) {
    if (event.type == type && is_for(consumer, event) &&
        books.fate(consumer, event) == Fate::refused) {
      ids.insert(event.aggregate_id);
    }
  }
  return ids;
}

struct OrderLineRow {
  std::string order_id;
  std::string status;
  std::string user_id;
  std::string paid_on;  ///< Empty: never paid.
  std::int64_t product_id = 0;
  std::int64_t quantity = 0;
  std::int64_t amount = 0;
};

std::vector<OrderLineRow> read_order_lines(Transaction& transaction) {
  std::vector<OrderLineRow> lines;
  for (const Row& row : transaction.execute(
           "SELECT o.id, o.status, o.user_id, o.paid_on, i.product_id, i.qty, i.price FROM orders "
           "o JOIN order_items i ON i.order_id = o.id")) {
    lines.push_back({row.text(0), row.text(1), row.text(2), row.is_null(3) ? "" : row.text(3),
                     row.integer(4), row.integer(5), row.integer(5) * row.integer(6)});
  }
  return lines;
}

/// Rows of two columns of numbers behind a name, compared field by field.
using Table = std::map<std::string, std::vector<std::int64_t>>;

void compare(const std::string& kind, const std::vector<std::string>& fields, const Table& kept,
             const Table& due, CheckReport& report) {
  const std::vector<std::int64_t> zeros(fields.size());
  Table all = due;
  all.insert(kept.begin(), kept.end());
  for (const auto& [name, unused] : all) {
    const auto has = kept.find(name);
    const auto should = due.find(name);
    const auto& left = has == kept.end() ? zeros : has->second;
    const auto& right = should == due.end() ? zeros : should->second;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (left[i] == right[i]) continue;
      report.differences[kind].push_back(
          fmt::format("{}: {} is {}, should be {}", name, fields[i], left[i], right[i]));
    }
  }
}

Table read_table(Transaction& transaction, const std::string& sql) {
  Table table;
  for (const Row& row : transaction.execute(sql)) {
    auto& values = table[row.text(0)];
    for (std::size_t i = 1; i < row.size(); ++i)
      values.push_back(row.integer(i));
  }
  return table;
}

void add(Table& table, const std::string& name, const std::vector<std::int64_t>& values) {
  auto& sums = table[name];
  sums.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    sums[i] += values[i];
}

std::string product_name(std::int64_t id) {
  return fmt::format("product {}", id);
}

}  // namespace

void check_stock(Transaction& transaction, const Books& books, CheckReport& report) {
  const std::set<std::string> paid_refused = refused_of(books, "stock", "ORDER_PAID");
  const std::set<std::string> cancel_refused = refused_of(books, "stock", "ORDER_CANCELED");
  Table stock = read_table(transaction,
                           "SELECT 'product ' || product_id, sum(delta) FROM stock_history "
                           "WHERE reason = 'CREATED' GROUP BY product_id");
  Table by_order;
  for (const OrderLineRow& line : read_order_lines(transaction)) {
    if (line.paid_on.empty() || paid_refused.contains(line.order_id)) continue;
    if (line.status == "CANCELED" && !cancel_refused.contains(line.order_id)) continue;
    add(stock, product_name(line.product_id), {-line.quantity});
    add(by_order, fmt::format("order {}, product {}", line.order_id, line.product_id),
        {-line.quantity});
  }
  for (const ToldEvent& event : books.events) {
    if (event.type != "RESTOCKED" || books.fate("stock", event) == Fate::refused) continue;
    const auto restocked = json::parse(event.payload).get<Restocked>();
    add(stock, product_name(restocked.product_id), {restocked.qty});
  }
  compare("stock", {"stock"},
          read_table(transaction, "SELECT 'product ' || id, stock FROM products"), stock, report);
  compare("stock_history", {"the sum of its changes"},
          read_table(transaction,
                     "SELECT 'product ' || product_id, sum(delta) FROM stock_history "
                     "GROUP BY product_id"),
          stock, report);
  compare("stock_history", {"what it took"},
          read_table(transaction,
                     "SELECT 'order ' || order_id || ', product ' || product_id, sum(delta) "
                     "FROM stock_history WHERE order_id IS NOT NULL GROUP BY order_id, product_id"),
          by_order, report);
  for (const Row& row :
       transaction.execute("SELECT id FROM products WHERE is_sold_out <> (stock = 0)")) {
    report.differences["stock"].push_back("product " + row.text(0) +
                                          ": is_sold_out does not follow its stock");
  }
  for (const Row& row : transaction.execute("SELECT DISTINCT event_id FROM stock_history h WHERE "
                                            "NOT EXISTS (SELECT 1 FROM outbox_events o WHERE "
                                            "o.event_id = h.event_id)")) {
    report.differences["stock_history"].push_back("event " + row.text(0) +
                                                  " had an effect and is not in the outbox");
  }
  report.orders = transaction.execute("SELECT count(*) FROM orders").at(0).integer(0);
}

void check_sales(Transaction& transaction, const Books& books, CheckReport& report) {
  const std::set<std::string> refused = refused_of(books, "analytics", "ORDER_PAID");
  Table days;
  Table products;
  std::set<std::pair<std::string, std::string>> orders;
  std::set<std::pair<std::string, std::string>> customers;
  for (const OrderLineRow& line : read_order_lines(transaction)) {
    if (line.paid_on.empty() || refused.contains(line.order_id)) continue;
    const bool new_order = orders.emplace(line.paid_on, line.order_id).second;
    const bool new_customer = customers.emplace(line.paid_on, line.user_id).second;
    add(days, line.paid_on, {new_order ? 1 : 0, line.amount, new_customer ? 1 : 0});
    add(products, fmt::format("product {} on {}", line.product_id, line.paid_on),
        {line.quantity, line.amount});
  }
  compare("daily_sales", {"total_orders", "total_revenue", "unique_customers"},
          read_table(transaction,
                     "SELECT date, total_orders, total_revenue, unique_customers FROM daily_sales"),
          days, report);
  compare("product_daily_stats", {"purchase_count", "revenue"},
          read_table(transaction,
                     "SELECT 'product ' || product_id || ' on ' || date, purchase_count, revenue "
                     "FROM product_daily_stats"),
          products, report);
}

void check_metrics(Transaction& transaction, const Books& books, CheckReport& report) {
  constexpr const char* consumer = "product-metrics";
  const std::set<std::string> created_refused = refused_of(books, consumer, "OrderCreatedEvent");
  const std::set<std::string> canceled_refused = refused_of(books, consumer, "OrderCancelledEvent");
  Table due = read_table(transaction,
                         "SELECT 'product ' || product_id, count(*), 0, 0, 0 FROM product_likes "
                         "GROUP BY product_id");
  for (const OrderLineRow& line : read_order_lines(transaction)) {
    // Created adds, canceled takes back; what was refused did neither.
    const int sign = (created_refused.contains(line.order_id) ? 0 : 1) -
                     (line.status == "CANCELED" && !canceled_refused.contains(line.order_id));
    add(due, product_name(line.product_id), {0, 0, sign * line.quantity, sign * line.amount});
  }
  for (const ToldEvent& event : books.events) {
    if (!is_for(consumer, event) || event.topic != catalog_metrics_topic) continue;
    const bool refused = books.fate(consumer, event) == Fate::refused;
    const std::string name = "product " + event.aggregate_id;
    if (event.type == "ProductViewEvent" && !refused) add(due, name, {0, 1, 0, 0});
    if (event.type == "LikeAddedEvent" && refused) add(due, name, {-1, 0, 0, 0});
    if (event.type == "LikeRemovedEvent" && refused) add(due, name, {1, 0, 0, 0});
  }
  compare("product_metrics", {"like_count", "view_count", "sales_count", "total_sales_amount"},
          read_table(transaction,
                     "SELECT 'product ' || product_id, like_count, view_count, sales_count, "
                     "total_sales_amount FROM product_metrics"),
          due, report);
}

void check_flash_queue(Transaction& transaction, const Books& books, CheckReport& report) {
  std::map<std::string, std::string> due;
  for (const ToldEvent& event : books.events) {
    if (event.topic != flash_sale_topic) continue;
    if (event.type != "QUEUE_JOINED" && books.fate("flash-queue", event) == Fate::refused) continue;
    const auto place = json::parse(event.payload).get<QueueEvent>();
    due[fmt::format("user {} in flash sale {}", place.user_id, place.flash_sale_id)] =
        event.type == "QUEUE_JOINED"     ? "WAITING"
        : event.type == "QUEUE_ADMITTED" ? "ADMITTED"
                                         : "LEFT";
  }
  for (const Row& row : transaction.execute(
           "SELECT 'user ' || user_id || ' in flash sale ' || flash_sale_id, status "
           "FROM flash_sale_queue_entries")) {
    const auto found = due.find(row.text(0));
    const std::string should = found == due.end() ? "absent" : found->second;
    if (should != row.text(1)) {
      report.differences["flash_queue"].push_back(
          fmt::format("{} is {}, should be {}", row.text(0), row.text(1), should));
    }
    if (found != due.end()) due.erase(found);
  }
  for (const auto& [who, status] : due) {
    report.differences["flash_queue"].push_back(
        fmt::format("{} is absent, should be {}", who, status));
  }
}

void check_cache(Transaction& transaction, const Books& books, Cache& cache, CheckReport& report) {
  std::set<std::string> told;
  for (const ToldEvent& event : books.events) {
    if (is_for("cache", event) && books.fate("cache", event) != Fate::refused)
      told.insert(event.aggregate_id);
  }
  for (const Row& row : transaction.execute(
           "SELECT id, name, price, stock, is_sold_out FROM products ORDER BY id")) {
    const json due = {{"id", row.integer(0)},
                      {"name", row.text(1)},
                      {"price", row.integer(2)},
                      {"stock", row.integer(3)},
                      {"is_sold_out", row.boolean(4)}};
    const auto kept = cache.get(row.integer(0));
    if (kept && json::parse(*kept, nullptr, false) != due) {
      report.differences["cache"].push_back(
          fmt::format("product {} is {}, should be {}", row.text(0), *kept, due.dump()));
    } else if (!kept && told.contains(row.text(0))) {
      report.differences["cache"].push_back("product " + row.text(0) + " is missing");
    }
  }
}

}  // namespace shop
