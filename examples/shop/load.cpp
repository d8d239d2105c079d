// SPDX-License-Identifier: Apache-2.0
#include "load.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <outbox/error.hpp>

#include <fmt/format.h>

#include "commands.hpp"
#include "shopper.hpp"
#include "stop_signal.hpp"

namespace shop {
namespace {

using Clock = std::chrono::steady_clock;

/// Gives out the actions, so many and no faster than wanted.
class Pace {
 public:
  Pace(const LoadOptions& options, std::stop_token stop)
      : options_(options), stop_(std::move(stop)), begin_(Clock::now()) {}

  /// False: the load is over.
  bool next() {
    const std::int64_t number = given_++;
    if (stop_.stop_requested() || (options_.actions && number >= *options_.actions)) return false;
    if (options_.actions_per_second > 0) wait_until(begin_ + due(number));
    return !stop_.stop_requested() && (!options_.duration || elapsed() < *options_.duration);
  }

  [[nodiscard]] Clock::duration elapsed() const { return Clock::now() - begin_; }

 private:
  [[nodiscard]] std::chrono::nanoseconds due(std::int64_t number) const {
    return std::chrono::nanoseconds(1'000'000'000 / options_.actions_per_second) * number;
  }

  void wait_until(Clock::time_point moment) {
    if (options_.duration) moment = std::min(moment, begin_ + *options_.duration);
    std::unique_lock lock(mutex_);
    never_.wait_until(lock, stop_, moment, [] { return false; });
  }

  const LoadOptions& options_;
  const std::stop_token stop_;
  const Clock::time_point begin_;
  std::atomic<std::int64_t> given_ = 0;
  std::mutex mutex_;
  std::condition_variable_any never_;  // Nothing but the stop and the time end its waiting.
};

double percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto place = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1));
  return sorted[place];
}

void add(LoadFigures& sum, const LoadFigures& one) {
  for (const auto member :
       {&LoadFigures::actions, &LoadFigures::requests, &LoadFigures::orders_created,
        &LoadFigures::orders_paid, &LoadFigures::orders_canceled, &LoadFigures::restocks,
        &LoadFigures::likes_and_views, &LoadFigures::queue_steps, &LoadFigures::price_changes,
        &LoadFigures::repeated, &LoadFigures::refused, &LoadFigures::failed,
        &LoadFigures::contradicted}) {
    sum.*member += one.*member;
  }
}

void print(const LoadFigures& figures, bool as_json) {
  if (as_json) {
    fmt::print("{}\n", to_json_text(figures));
    return;
  }
  fmt::print(
      "{} actions in {:.1f} s, {:.0f} a second; answers p50 {:.1f} ms, p99 {:.1f} ms\n"
      "orders: {} created, {} paid, {} canceled; {} restocks, {} price changes\n"
      "{} likes and views, {} steps of the flash sale's queue\n"
      "{} requests sent twice, {} of them answered differently; {} refused, {} failed\n",
      figures.actions, figures.seconds, static_cast<double>(figures.actions) / figures.seconds,
      figures.latency_p50_ms, figures.latency_p99_ms, figures.orders_created, figures.orders_paid,
      figures.orders_canceled, figures.restocks, figures.price_changes, figures.likes_and_views,
      figures.queue_steps, figures.repeated, figures.contradicted, figures.refused, figures.failed);
}

int run_load_command(const Options& options) {
  const StopSignal signal;
  LoadOptions load;
  load.url = options.text("url");
  load.shoppers = static_cast<int>(options.number("shoppers", 1, 100));
  load.duration = options.duration("for");
  if (!options.text("count").empty()) load.actions = options.number("count", 1, 1'000'000'000);
  if (!load.duration && !load.actions) load.duration = std::chrono::seconds(10);
  load.actions_per_second = options.number("rate", 0, 1'000'000);
  load.seed = static_cast<std::uint64_t>(options.number("seed", 0, seed_max));
  const bool as_json = options.as_json();
  const LoadFigures figures = run_load(load, signal.token());
  print(figures, as_json);
  return figures.contradicted == 0 ? 0 : 1;
}

}  // namespace

LoadFigures run_load(const LoadOptions& options, const std::stop_token& stop) {
  const std::vector<std::int64_t> products = product_ids(options.url);
  if (products.empty()) {
    throw outbox::Error(outbox::ErrorKind::failed, "the shop has no products", "run shop seed");
  }
  std::vector<Shopper> shoppers;
  shoppers.reserve(static_cast<std::size_t>(options.shoppers));
  for (int number = 0; number < options.shoppers; ++number)
    shoppers.emplace_back(options.url, products, options.seed, number);
  Pace pace(options, stop);
  {
    std::vector<std::jthread> threads;
    threads.reserve(shoppers.size());
    for (Shopper& shopper : shoppers) {
      threads.emplace_back([&pace, &shopper] {
        while (pace.next())
          shopper.act();
      });
    }
  }
  LoadFigures sum;
  sum.seconds = std::chrono::duration<double>(pace.elapsed()).count();
  std::vector<double> latencies;
  for (const Shopper& shopper : shoppers) {
    add(sum, shopper.figures());
    latencies.insert(latencies.end(), shopper.latencies_ms().begin(), shopper.latencies_ms().end());
  }
  std::sort(latencies.begin(), latencies.end());
  sum.latency_p50_ms = percentile(latencies, 0.5);
  sum.latency_p99_ms = percentile(latencies, 0.99);
  return sum;
}

const Command load_command{
    .name = "load",
    .words = "",
    .help =
        "Shoppers, for a while or for a number of actions\n\nEnds with 1 where a request that "
        "was sent twice with one Idempotency-Key got two answers.",
    .flags = {{"url", "SHOP_URL", "http://127.0.0.1:8080", "where the shop serves"},
              {"shoppers", "", "8", "at the same time"},
              {"for", "", "", "a duration, 10s unless --count is given"},
              {"count", "", "", "actions in all"},
              {"rate", "", "0", "actions a second, 0: as fast as they can"},
              {"seed", "", "1", "of the shoppers' wishes"},
              output_flag},
    .run = run_load_command};

}  // namespace shop
