// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <outbox/error.hpp>

#include "commands.hpp"
#include "consumers/consumers.hpp"
#include "schema.hpp"
#include "stop_signal.hpp"

namespace shop {

const Flag redis_flag{"redis", "REDIS_URL", "redis://localhost:6379",
                      "the cache, redis://host:port"};

namespace {

std::string counters_json(const std::string& name, const outbox::ConsumerCounters& counters) {
  return nlohmann::json{{"consumer", name},
                        {"handled", counters.handled},
                        {"duplicates", counters.duplicates},
                        {"ignored", counters.ignored},
                        {"failures", counters.failures},
                        {"dead_lettered", counters.dead_lettered},
                        {"rebalances", counters.rebalances},
                        {"lag", counters.lag}}
      .dump();
}

void print(const std::string& name, const outbox::ConsumerCounters& counters, bool as_json) {
  if (as_json) {
    fmt::print("{}\n", counters_json(name, counters));
    return;
  }
  fmt::print("{}: {} handled, {} duplicates skipped, {} without a handler\n", name,
             counters.handled, counters.duplicates, counters.ignored);
  fmt::print("{} attempts failed, {} events dead-lettered, {} times partitions were taken away\n",
             counters.failures, counters.dead_lettered, counters.rebalances);
}

/// Ends the start where the database is not ready. One that is away is waited for by the consumer.
void expect_tables(const std::string& url) {
  try {
    outbox::Database database({.url = url, .connections_max = 1});
    expect_outbox(database);
    make_tables(database);
  } catch (const outbox::Error& error) {
    if (error.kind() != outbox::ErrorKind::unreachable) throw;
    fmt::print(stderr, "shop: {}; waiting for it\n", error.what());
  }
}

int run_consume(const Options& options) {
  if (options.words().size() != 1) {
    throw outbox::Error(outbox::ErrorKind::usage, "which consumer?",
                        "stock, analytics, cache, flash-queue or product-metrics");
  }
  const std::string name = options.words()[0];
  const bool as_json = options.as_json();
  ConsumerPlaces places;
  places.database_url = options.needed("database");
  places.kafka.bootstrap_servers = options.needed("kafka");
  if (name == "cache") places.cache = make_redis_cache(options.needed("redis"));
  outbox::ConsumerOptions made;
  try {
    made = consumer_options(name, places);
  } catch (const std::invalid_argument& error) {
    throw outbox::Error(outbox::ErrorKind::usage, error.what());
  }
  made.batch_size = static_cast<int>(options.number("batch", 1, 10'000));
  made.workers = static_cast<int>(options.number("workers", 1, 64));
  made.instance_id = options.text("instance");

  StopSignal stop;
  expect_tables(places.database_url);
  outbox::Consumer consumer(std::move(made));
  register_handlers(name, places, consumer);
  fmt::print(stderr, "shop: consuming as {}-consumer\n", name);
  consumer.run(stop.token());
  print(name, consumer.counters(), as_json);
  return 0;
}

}  // namespace

const Command consume_command{
    .name = "consume",
    .words = "NAME",
    .help =
        "One of the consumers: stock, analytics, cache, flash-queue, product-metrics\n\n"
        "Consumes until SIGTERM or Ctrl-C. Several of one name share the partitions.",
    .flags = {database_flag,
              kafka_flag,
              redis_flag,
              {"batch", "", "500", "events in one transaction, at most"},
              {"workers", "", "1", "partitions worked at the same time"},
              {"instance", "", "", "static membership under this name: a restart moves nothing"},
              output_flag},
    .run = run_consume};

}  // namespace shop
