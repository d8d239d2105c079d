// SPDX-License-Identifier: Apache-2.0
#include "app/demo_shop.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>

#include <nlohmann/json.hpp>

#include <outbox/error.hpp>

#include "store/sqlite/connection.hpp"

namespace outbox::app {

namespace {

using store::sqlite::Access;
using store::sqlite::Connection;
using store::sqlite::Query;
using store::sqlite::Transaction;

constexpr std::chrono::seconds busy_timeout{30};
constexpr std::size_t under_way_max = 2000;
constexpr int customers = 100;
constexpr double rolled_back_share = 0.05;

struct Product {
  std::string_view name;
  std::int64_t price_cents;
};
constexpr std::array products = {
    Product{"Espresso", 280},     Product{"Flat white", 390}, Product{"Green tea", 340},
    Product{"Cinnamon bun", 420}, Product{"Lemon cake", 460},
};

class OrderWriter {
 public:
  OrderWriter(const std::string& path, DemoLedger& ledger)
      : connection_(path, Access::write, busy_timeout), ledger_(ledger) {}

  void write_next() {
    const std::int64_t order = ++last_order_;
    const Uuid event_id = random_uuid();
    const bool gives_up = std::uniform_real_distribution<>(0, 1)(random_) < rolled_back_share;
    Transaction transaction(connection_);
    insert(order, event_id);
    if (gives_up) {
      ledger_.rolled_back(event_id);
      return;  // The transaction goes, and the order and its event with it.
    }
    ledger_.committing(order);
    transaction.commit();
    ledger_.committed(order);
  }

  [[nodiscard]] std::int64_t orders() const { return last_order_; }

 private:
  void insert(std::int64_t order, const Uuid& event_id) {
    const Product& product = products[pick(products.size(), 2)];
    const std::string customer = fmt::format("customer-{:03}", pick(customers, 1) + 1);
    const auto quantity = static_cast<std::int64_t>(pick(3, 1) + 1);
    const std::int64_t amount_cents = quantity * product.price_cents;
    const std::string id_text = to_string(event_id);
    connection_
        .query(
            "INSERT INTO orders (number, customer, product, quantity, amount_cents) "
            "VALUES (?1, ?2, ?3, ?4, ?5)",
            order, customer, product.name, quantity, amount_cents)
        .run();
    const std::string payload = fmt::format(
        R"({{"order":{},"customer":"{}","product":"{}","quantity":{},"amount_cents":{}}})", order,
        customer, product.name, quantity, amount_cents);
    connection_
        .query(
            "INSERT INTO outbox_events (event_id, aggregate_type, aggregate_id, event_key, "
            "event_type, payload, topic) VALUES (?1, 'order', ?2, ?3, 'ORDER_PLACED', ?4, ?5)",
            id_text, std::to_string(order), customer, payload, demo_topic)
        .run();
    connection_.query("INSERT INTO demo_ledger (event_id, number) VALUES (?1, ?2)", id_text, order)
        .run();
  }

  // Of several draws the least, so that the first are picked more often.
  std::size_t pick(std::size_t count, int draws) {
    std::uniform_int_distribution<std::size_t> draw(0, count - 1);
    std::size_t least = draw(random_);
    for (int i = 1; i < draws; ++i)
      least = std::min(least, draw(random_));
    return least;
  }

  Connection connection_;
  DemoLedger& ledger_;
  std::minstd_rand random_{20261121};
  std::int64_t last_order_ = 0;
};

std::int64_t number_of(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::int64_t count_in(Connection& connection, const std::string& sql) {
  Query query = connection.query(sql);
  return query.step() ? query.integer(0) : 0;
}

}  // namespace

void make_shop_tables(const std::string& database_path) {
  Connection connection(database_path, Access::write, busy_timeout);
  connection.run_script(
      "CREATE TABLE orders (number INTEGER PRIMARY KEY, customer TEXT NOT NULL, "
      "  product TEXT NOT NULL, quantity INTEGER NOT NULL, amount_cents INTEGER NOT NULL);"
      "CREATE TABLE demo_ledger (event_id TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;"
      // Without a unique key, so that an event's second effect would be seen and not refused.
      "CREATE TABLE demo_effects (event_id TEXT NOT NULL, number INTEGER NOT NULL);"
      "CREATE TABLE product_sales (product TEXT PRIMARY KEY, orders INTEGER NOT NULL, "
      "  revenue_cents INTEGER NOT NULL) WITHOUT ROWID;");
}

void write_orders(const std::string& database_path, double rate, DemoLedger& ledger,
                  const std::stop_token& stop) {
  OrderWriter writer(database_path, ledger);
  std::mutex mutex;
  std::condition_variable_any never;
  const auto pause = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / rate));
  Moment next = BootClock::now();
  while (!stop.stop_requested()) {
    // The first order goes alone: the rest begins once relay and consumer are known to run.
    if (!ledger.wait_for_room(writer.orders() == 1 ? 1 : under_way_max, stop)) return;
    const Moment now = BootClock::now();
    if (now < next) {
      std::unique_lock lock(mutex);
      never.wait_for(lock, stop, next - now, [] { return false; });
      continue;
    }
    writer.write_next();
    // After having waited for the consumer it goes on at its pace and makes up for nothing.
    next = std::max(next + pause, now - std::chrono::milliseconds(100));
  }
}

void count_order(const ReceivedEvent& event, store::InboxTransaction& transaction) {
  const auto payload = nlohmann::json::parse(event.payload.value_or(""));
  const std::array<std::optional<std::string>, 2> effect = {to_string(event.event_id),
                                                            std::string(event.aggregate_id)};
  transaction.execute("INSERT INTO demo_effects (event_id, number) VALUES ($1, $2)", effect);
  const std::array<std::optional<std::string>, 2> sale = {
      payload.at("product").get<std::string>(),
      std::to_string(payload.at("amount_cents").get<std::int64_t>())};
  transaction.execute(
      "INSERT INTO product_sales (product, orders, revenue_cents) VALUES ($1, 1, $2) "
      "ON CONFLICT (product) DO UPDATE SET orders = orders + 1, "
      "revenue_cents = revenue_cents + excluded.revenue_cents",
      sale);
}

DemoLedger::Consumed consumed_order(const ReceivedEvent& event) {
  const std::string_view key = event.key.value_or("");
  const std::size_t dash = key.rfind('-');
  const std::string_view digits = key.substr(dash + 1);
  return {number_of(event.aggregate_id), static_cast<std::size_t>(number_of(digits)),
          event.event_id};
}

std::vector<ProductSales> read_sales(const std::string& database_path) {
  Connection connection(database_path, Access::read, busy_timeout);
  Query query = connection.query(
      "SELECT product, orders, revenue_cents FROM product_sales ORDER BY revenue_cents DESC");
  std::vector<ProductSales> sales;
  while (query.step()) {
    sales.push_back({std::string(query.text(0)), query.integer(1), query.integer(2)});
  }
  return sales;
}

DemoProof prove(const std::string& database_path) {
  Connection connection(database_path, Access::read, busy_timeout);
  connection.run_script("BEGIN");  // One snapshot for all counts.
  DemoProof proof;
  proof.committed = count_in(connection, "SELECT count(*) FROM demo_ledger");
  proof.lost = count_in(connection,
                        "SELECT count(*) FROM (SELECT event_id FROM demo_ledger EXCEPT "
                        "SELECT event_id FROM demo_effects)");
  proof.effects_twice =
      count_in(connection, "SELECT count(*) - count(DISTINCT event_id) FROM demo_effects");
  proof.never_committed = count_in(connection,
                                   "SELECT count(*) FROM (SELECT event_id FROM demo_effects "
                                   "EXCEPT SELECT event_id FROM demo_ledger)");
  const std::string kept = "SELECT product, orders, revenue_cents FROM product_sales";
  const std::string true_sums =
      "SELECT product, count(*), sum(amount_cents) FROM orders GROUP BY product";
  proof.sales_agree =
      count_in(connection, "SELECT count(*) FROM (" + kept + " EXCEPT " + true_sums + ")") == 0 &&
      count_in(connection, "SELECT count(*) FROM (" + true_sums + " EXCEPT " + kept + ")") == 0;
  return proof;
}

}  // namespace outbox::app
