// SPDX-License-Identifier: Apache-2.0
//
// Stock (B8). A batch is worked in memory between two reads and two writes: the products are read
// and locked, each event is applied in its order, and then products and history are written by one
// statement each. With a batch of one it does the same, so there is one way for both.
#include <map>
#include <set>
#include <tuple>

#include <nlohmann/json.hpp>

#include <outbox/json.hpp>

#include "../events.hpp"
#include "consumers.hpp"
#include "rows.hpp"

namespace shop {

namespace {

using nlohmann::json;

class StockKeeper {
 public:
  StockKeeper(Events events, outbox::Transaction& transaction)
      : events_(events), transaction_(transaction) {}

  void run() {
    read_events();
    lock_products();
    read_what_orders_took();
    for (const Work& work : works_)
      apply(work);
    if (history_.empty()) return;
    write();
    tell();
  }

 private:
  /// An event, reduced to what it does to each product. A null order: it was RESTOCKED.
  struct Work {
    const outbox::ReceivedEvent* event = nullptr;
    std::optional<std::int64_t> order_id;
    std::map<std::int64_t, std::int64_t> quantities;
  };
  struct Product {
    std::int64_t stock = 0;
    bool changed = false;
  };
  struct OrderHistory {
    bool canceled = false;
    std::map<std::int64_t, std::int64_t> taken;
  };

  void read_events() {
    for (const outbox::ReceivedEvent& event : events_) {
      Work work{&event, {}, {}};
      if (event.event_type == "RESTOCKED") {
        const auto restocked = event.payload_as<Restocked>();
        add(work, restocked.product_id, restocked.qty);
      } else {
        const auto order = event.payload_as<OrderEvent>();
        work.order_id = order.order_id;
        for (const Item& item : order.items)
          add(work, item.product_id, item.qty);
      }
      works_.push_back(std::move(work));
    }
  }

  static void add(Work& work, std::int64_t product_id, std::int64_t quantity) {
    if (quantity <= 0) {
      throw Refused("the quantity of product " + std::to_string(product_id) + " is not positive");
    }
    work.quantities[product_id] += quantity;
  }

  // In the order of their ids, so that two members of the group never wait for each other in a
  // circle.
  void lock_products() {
    json ids = json::array();
    for (const Work& work : works_) {
      for (const auto& [id, quantity] : work.quantities) {
        if (products_.try_emplace(id).second) ids.push_back({{"id", id}});
      }
    }
    std::set<std::int64_t> found;
    const std::string rows = rows_of_json(transaction_.dialect(), {{"id", "bigint"}});
    for (const outbox::Row& row : transaction_.execute(
             "SELECT p.id, p.stock FROM products p WHERE p.id IN (SELECT r.id FROM " + rows +
                 ") ORDER BY p.id" + for_update(transaction_.dialect(), "p"),
             ids.dump())) {
      products_[row.integer(0)].stock = row.integer(1);
      found.insert(row.integer(0));
    }
    for (const auto& [id, product] : products_) {
      if (!found.contains(id)) throw Refused("there is no product " + std::to_string(id));
    }
  }

  void read_what_orders_took() {
    json ids = json::array();
    for (const Work& work : works_) {
      if (work.order_id) ids.push_back({{"id", *work.order_id}});
    }
    if (ids.empty()) return;
    const std::string rows = rows_of_json(transaction_.dialect(), {{"id", "bigint"}});
    for (const outbox::Row& row : transaction_.execute(
             "SELECT order_id, product_id, -sum(delta), "
             "max(CASE WHEN reason = 'ORDER_CANCELED' THEN 1 ELSE 0 END) FROM stock_history "
             "WHERE order_id IN (SELECT r.id FROM " +
                 rows + ") GROUP BY order_id, product_id",
             ids.dump())) {
      OrderHistory& order = orders_[row.integer(0)];
      order.taken[row.integer(1)] = row.integer(2);
      order.canceled = order.canceled || row.integer(3) == 1;
    }
  }

  void apply(const Work& work) {
    if (!work.order_id) {
      for (const auto& [id, quantity] : work.quantities)
        move(work, id, quantity);
      return;
    }
    const std::string name = "order " + std::to_string(*work.order_id);
    OrderHistory& order = orders_[*work.order_id];
    if (work.event->event_type == "ORDER_PAID") {
      if (order.canceled) throw Refused(name + " was canceled before");
      for (const auto& [id, quantity] : work.quantities) {
        if (products_.at(id).stock < quantity) {
          throw Refused("product " + std::to_string(id) + " has " +
                        std::to_string(products_.at(id).stock) + " left, " + name + " wants " +
                        std::to_string(quantity));
        }
        move(work, id, -quantity);
        order.taken[id] += quantity;
      }
      return;
    }
    // What it took, not what it says: it may never have been paid.
    for (const auto& [id, quantity] : work.quantities)
      move(work, id, std::exchange(order.taken[id], 0));
    order.canceled = true;
  }

  void move(const Work& work, std::int64_t id, std::int64_t delta) {
    Product& product = products_.at(id);
    json row = {{"product_id", id},
                {"event_id", to_string(work.event->event_id)},
                {"reason", work.event->event_type},
                {"stock_before", product.stock},
                {"stock_after", product.stock + delta},
                {"delta", delta}};
    if (work.order_id) row["order_id"] = *work.order_id;
    history_.push_back(std::move(row));
    product.stock += delta;
    product.changed = product.changed || delta != 0;
  }

  void write() {
    json products = json::array();
    for (const auto& [id, product] : products_) {
      if (product.changed) products.push_back({{"id", id}, {"stock", product.stock}});
    }
    const outbox::Dialect dialect = transaction_.dialect();
    transaction_.execute("UPDATE products SET stock = r.stock, is_sold_out = (r.stock = 0) FROM " +
                             rows_of_json(dialect, {{"id", "bigint"}, {"stock", "bigint"}}) +
                             " WHERE products.id = r.id",
                         products.dump());
    transaction_.execute(
        "INSERT INTO stock_history (product_id, order_id, event_id, reason, stock_before, "
        "stock_after, delta) SELECT r.product_id, r.order_id, r.event_id, r.reason, "
        "r.stock_before, r.stock_after, r.delta FROM " +
            rows_of_json(dialect, {{"product_id", "bigint"},
                                   {"order_id", "bigint"},
                                   {"event_id", "uuid"},
                                   {"reason", "text"},
                                   {"stock_before", "bigint"},
                                   {"stock_after", "bigint"},
                                   {"delta", "bigint"}}),
        history_.dump());
  }

  // Those who keep copies look again (E6), and whoever watches sees it at once.
  void tell() {
    std::vector<outbox::Event> events;
    json notice = json::array();
    for (const auto& [id, product] : products_) {
      if (!product.changed) continue;
      outbox::Event& event = events.emplace_back();
      event.event_type = "STOCK_UPDATED";
      event.aggregate_type = "product";
      event.aggregate_id = std::to_string(id);
      event.topic = product_topic;
      outbox::set_payload(event, ProductChanged{id});
      notice.push_back({{"product_id", id}, {"stock", product.stock}});
    }
    if (events.empty()) return;
    outbox::Event& shown = events.emplace_back();
    shown.event_type = "STOCK_CHANGED";
    shown.aggregate_type = "stock";
    shown.aggregate_id = "all";
    shown.topic = realtime_topic;
    shown.payload.bytes = json{{"type", "stock"}, {"products", std::move(notice)}}.dump();
    transaction_.publish(events);
  }

  Events events_;
  outbox::Transaction& transaction_;
  std::vector<Work> works_;
  std::map<std::int64_t, Product> products_;
  std::map<std::int64_t, OrderHistory> orders_;
  json history_ = json::array();
};

}  // namespace

void handle_stock(Events events, outbox::Transaction& transaction) {
  StockKeeper(events, transaction).run();
}

}  // namespace shop
