// SPDX-License-Identifier: Apache-2.0
#include "demo_figures.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>

#include "orders.hpp"
#include "problem.hpp"

namespace shop {

namespace {

using outbox::Row;
using outbox::Transaction;

/// Ends a transaction that is given up on purpose.
struct GaveUp {};

double percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void read_latencies(Transaction& transaction, bool of_all, DemoView& view) {
  constexpr std::int64_t recent = 500;
  constexpr std::int64_t all = 1'000'000;
  std::vector<double> latencies;
  for (const Row& row : transaction.execute(
           "SELECT (julianday(p.processed_at) - julianday(o.created_at)) * 86400000.0 "
           "FROM (SELECT event_id, processed_at FROM processed_events ORDER BY processed_at DESC "
           "LIMIT $1) p JOIN outbox_events o ON o.event_id = p.event_id",
           of_all ? all : recent)) {
    latencies.push_back(std::max(0.0, row.number(0)));
  }
  std::sort(latencies.begin(), latencies.end());
  view.latency_p50_ms = percentile(latencies, 0.5);
  view.latency_p99_ms = percentile(latencies, 0.99);
}

}  // namespace

void GivenUp::keep_giving_up(outbox::Database& database, const std::stop_token& end) {
  constexpr std::chrono::milliseconds pause{250};
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!end.stop_requested()) {
    give_up_one(database);
    never.wait_for(lock, end, pause, [] { return false; });
  }
}

void GivenUp::give_up_one(outbox::Database& database) {
  try {
    database.transaction([this](Transaction& transaction) {
      const auto order = create_order(transaction, 1, {{1, 1}});
      const std::lock_guard lock(mutex_);
      // Noted while they stand there: a relay that saw them now would be caught.
      for (const Row& row : transaction.execute(
               "SELECT event_id FROM outbox_events WHERE aggregate_type = 'order' AND "
               "aggregate_id = $1",
               std::to_string(order.at("order_id").get<std::int64_t>()))) {
        event_ids_.insert(row.text(0));
      }
      throw GaveUp();
    });
  } catch (const GaveUp&) {
    const std::lock_guard lock(mutex_);
    count_ += 1;
  } catch (const Problem&) {
    return;  // Sold out for now.
  }
}

void GivenUp::look_for(std::span<const outbox::ReceivedEvent> events) {
  const std::lock_guard lock(mutex_);
  for (const outbox::ReceivedEvent& event : events)
    seen_ += event_ids_.contains(to_string(event.event_id)) ? 1 : 0;
}

std::int64_t GivenUp::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

std::int64_t GivenUp::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void read_figures(outbox::Database& database, bool of_all, DemoView& view) {
  database.transaction([&](Transaction& transaction) {
    view.written = transaction.execute("SELECT count(*) FROM outbox_events").at(0).integer(0);
    view.orders = transaction.execute("SELECT count(*) FROM orders").at(0).integer(0);
    for (const Row& row : transaction.execute(
             "SELECT p.name, sum(s.revenue), p.stock FROM product_daily_stats s JOIN products p "
             "ON p.id = s.product_id GROUP BY p.id ORDER BY 2 DESC LIMIT 6")) {
      view.sales.push_back({row.text(0), row.integer(1), row.integer(2)});
    }
    read_latencies(transaction, of_all, view);
  });
}

std::int64_t unsettled_events(outbox::Database& database) {
  return database.transaction([](Transaction& transaction) {
    return transaction.execute("SELECT count(*) FROM outbox_events WHERE status <> 'PUBLISHED'")
        .at(0)
        .integer(0);
  });
}

}  // namespace shop
