// SPDX-License-Identifier: Apache-2.0
#include "orders.hpp"

#include <algorithm>

#include "problem.hpp"
#include "schema.hpp"
#include "telling.hpp"

namespace shop {
namespace {

using nlohmann::json;
using outbox::Row;
using outbox::Rows;
using outbox::Transaction;

/// An order as its events tell of it.
struct Order {
  std::int64_t version = 0;
  OrderEvent told;
  std::string paid_on;
};

OrderMetricsEvent metrics_of(const OrderEvent& order) {
  OrderMetricsEvent event{order.order_id, order.user_id, {}, order.total_amount};
  for (const Item& item : order.items)
    event.items.push_back({item.product_id, item.qty, item.price});
  return event;
}

/// What a request for the order is answered with; `paid_on` is empty where nobody has paid.
json json_of(const OrderEvent& order, const std::string& status, const std::string& paid_on) {
  json body = order;
  body.erase("date");
  body["status"] = status;
  if (!paid_on.empty()) body["paid_on"] = paid_on;
  return body;
}

/// The three events of a change, written by one statement: for the stock and the sales (B5), for
/// the metrics (E4), and for whoever watches the page.
struct Names {
  const char* event;
  const char* metrics_event;
  const char* status;
};
void tell(Transaction& transaction, const Names& names, const Order& order) {
  const Aggregate aggregate{"order", order.told.order_id};
  json notice = order.told;
  notice["status"] = names.status;
  notice["type"] = "order";
  transaction.publish(
      std::vector{make_event(names.event, aggregate, order_topic, order.told),
                  make_versioned_event(names.metrics_event, aggregate, order_metrics_topic,
                                       metrics_of(order.told), order.version),
                  make_event(names.event, aggregate, realtime_topic, notice)});
}

/// The item at today's price.
Item priced(Transaction& transaction, const WantedItem& wanted) {
  const Rows rows =
      transaction.execute("SELECT price, stock FROM products WHERE id = $1", wanted.product_id);
  const std::string name = "product " + std::to_string(wanted.product_id);
  if (rows.empty()) throw Problem(422, "unknown_product", "there is no " + name);
  if (rows[0].integer(1) < wanted.qty) {
    throw Problem(409, "too_little_stock",
                  name + " has " + rows[0].text(1) + " left, and " + std::to_string(wanted.qty) +
                      " are wanted");
  }
  return {wanted.product_id, wanted.qty, rows[0].integer(0)};
}

std::vector<Item> items_of(Transaction& transaction, std::int64_t order_id) {
  std::vector<Item> items;
  for (const Row& row :
       transaction.execute("SELECT product_id, qty, price FROM order_items WHERE order_id = $1 "
                           "ORDER BY product_id",
                           order_id)) {
    items.push_back({row.integer(0), row.integer(1), row.integer(2)});
  }
  return items;
}

Row order_row(Transaction& transaction, std::int64_t order_id) {
  const Rows rows = transaction.execute(
      "SELECT status, user_id, total_amount, paid_on FROM orders WHERE id = $1", order_id);
  if (!rows.empty()) return rows[0];
  throw Problem(404, "unknown_order", "there is no order " + std::to_string(order_id));
}

/// The order after `update`, which returns version, user, total, today and paid_on; a Problem where
/// it found no order in a status from which this may be done.
Order changed(Transaction& transaction, const Rows& updated, std::int64_t order_id,
              const char* what) {
  if (updated.empty()) {
    const std::string status = order_row(transaction, order_id).text(0);
    throw Problem(409, "wrong_status",
                  "order " + std::to_string(order_id) + " is " + status + " and cannot be " + what);
  }
  const Row& row = updated[0];
  return {.version = row.integer(0),
          .told = {.order_id = order_id,
                   .user_id = row.integer(1),
                   .items = items_of(transaction, order_id),
                   .total_amount = row.integer(2),
                   .date = row.text(3)},
          .paid_on = row.is_null(4) ? std::string() : row.text(4)};
}

std::string today(const Transaction& transaction) {
  return std::string(today_sql(transaction.dialect()));
}

}  // namespace

json create_order(Transaction& transaction, std::int64_t user_id, std::vector<WantedItem> items) {
  // In the order of their ids, so that two orders never wait for each other in a circle.
  std::sort(items.begin(), items.end(), [](const WantedItem& one, const WantedItem& other) {
    return one.product_id < other.product_id;
  });
  Order order{
      .version = 1,
      .told = {.order_id = 0, .user_id = user_id, .items = {}, .total_amount = 0, .date = {}},
      .paid_on = {}};
  for (const WantedItem& wanted : items) {
    const Item item = priced(transaction, wanted);
    order.told.items.push_back(item);
    order.told.total_amount += item.price * item.qty;
  }
  const Row row = transaction
                      .execute(
                          "INSERT INTO orders (user_id, status, total_amount, event_version) "
                          "VALUES ($1, 'CREATED', $2, 1) RETURNING id, " +
                              today(transaction),
                          user_id, order.told.total_amount)
                      .at(0);
  order.told.order_id = row.integer(0);
  order.told.date = row.text(1);
  for (const Item& item : order.told.items) {
    transaction.execute(
        "INSERT INTO order_items (order_id, product_id, qty, price) VALUES ($1, $2, $3, $4)",
        order.told.order_id, item.product_id, item.qty, item.price);
  }
  tell(transaction, {"ORDER_CREATED", "OrderCreatedEvent", "CREATED"}, order);
  return json_of(order.told, "CREATED", {});
}

json pay_order(Transaction& transaction, std::int64_t order_id) {
  // The row is locked from here on, and the events are drawn behind the lock: paying and canceling
  // are told in the order in which they happened.
  const Rows updated = transaction.execute(
      "UPDATE orders SET status = 'PAID', event_version = event_version + 1, paid_on = " +
          today(transaction) +
          " WHERE id = $1 AND status = 'CREATED' "
          "RETURNING event_version, user_id, total_amount, paid_on, paid_on",
      order_id);
  const Order order = changed(transaction, updated, order_id, "paid");
  tell(transaction, {"ORDER_PAID", "PaymentCompletedEvent", "PAID"}, order);
  return json_of(order.told, "PAID", order.paid_on);
}

json cancel_order(Transaction& transaction, std::int64_t order_id) {
  const Rows updated = transaction.execute(
      "UPDATE orders SET status = 'CANCELED', event_version = event_version + 1 "
      "WHERE id = $1 AND status IN ('CREATED', 'PAID') "
      "RETURNING event_version, user_id, total_amount, " +
          today(transaction) + ", paid_on",
      order_id);
  const Order order = changed(transaction, updated, order_id, "canceled");
  tell(transaction, {"ORDER_CANCELED", "OrderCancelledEvent", "CANCELED"}, order);
  return json_of(order.told, "CANCELED", order.paid_on);
}

json order(Transaction& transaction, std::int64_t order_id) {
  const Row row = order_row(transaction, order_id);
  const OrderEvent order{.order_id = order_id,
                         .user_id = row.integer(1),
                         .items = items_of(transaction, order_id),
                         .total_amount = row.integer(2),
                         .date = {}};
  return json_of(order, row.text(0), row.is_null(3) ? std::string() : row.text(3));
}

json orders(Transaction& transaction, std::int64_t limit) {
  json list = json::array();
  for (const Row& row : transaction.execute(
           "SELECT id, status, user_id, total_amount FROM orders ORDER BY id DESC LIMIT $1",
           limit)) {
    list.push_back({{"order_id", row.integer(0)},
                    {"status", row.text(1)},
                    {"user_id", row.integer(2)},
                    {"total_amount", row.integer(3)}});
  }
  return list;
}

}  // namespace shop
