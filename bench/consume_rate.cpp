// SPDX-License-Identifier: Apache-2.0
//
// How fast the shop's stock consumer takes events, and what the same claims and statements cost
// without Kafka. The handler is the shop's own, examples/shop/consumers/stock.cpp.
//
//   bench_consume_rate fill       --bootstrap-servers H:P --topic T [--messages N]
//   bench_consume_rate consume    --bootstrap-servers H:P --topic T --database URL [--messages N]
//                                 [--batch-size N] [--workers N]
//   bench_consume_rate statements --database URL [--messages N] [--batch-size N]
//
// The database holds outboxd's tables and the shop's, and products 1 to 1,000. Prints one JSON
// object on one line. Events: eight in ten ORDER_PAID of two items, one ORDER_CANCELED of the order
// before it, one RESTOCKED; the same for the same number.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <outbox/consumer.hpp>
#include <outbox/error.hpp>
#include <outbox/json.hpp>

#include "../examples/shop/consumers/consumers.hpp"
#include "../examples/shop/events.hpp"
#include "broker/kafka/home.hpp"
#include "consume/read_event.hpp"
#include "core/murmur2.hpp"
#include "library/connections.hpp"
#include "library/transaction_postgres.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int products = 1000;
constexpr int partitions = 6;

struct Request {
  std::string mode;
  std::string bootstrap_servers;
  std::string topic;
  std::string database;
  std::int64_t messages = 200000;
  int batch_size = 500;
  int workers = 1;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

outbox::Uuid id_of(std::int64_t number) {
  outbox::Uuid id;
  for (int i = 0; i < 8; ++i)
    id.bytes[static_cast<std::size_t>(15 - i)] = static_cast<std::uint8_t>(number >> (8 * i));
  // Random ones as they are in use: spread over the inbox's index.
  return outbox::named_uuid(id, "bench");
}

outbox::broker::IncomingMessage message_of(std::int64_t number) {
  outbox::broker::IncomingMessage message;
  std::string type = "ORDER_PAID";
  std::int64_t order = number;
  nlohmann::json payload;
  if (number % 10 == 4) {
    type = "RESTOCKED";
    payload = shop::Restocked{number % products + 1, 10};
  } else {
    if (number % 10 == 8) {
      type = "ORDER_CANCELED";
      order = number - 1;
    }
    shop::OrderEvent event;
    event.order_id = order;
    event.user_id = order % 5000;
    event.items = {{order % products + 1, 1, 1990}, {(order * 7 + 3) % products + 1, 2, 250}};
    event.total_amount = 2490;
    event.date = "2026-11-21";
    payload = event;
  }
  message.key = std::to_string(order);
  message.value = payload.dump();
  message.headers = {{"event_id", to_string(id_of(number))},
                     {"event_type", type},
                     {"aggregate_type", "order"},
                     {"aggregate_id", *message.key},
                     {"occurred_at", "2026-11-21T10:15:00.123456Z"},
                     {"row_id", std::to_string(number)},
                     {"outbox_id", "018f4e5a-7b1c-4d2e-9f3a-5b6c7d8e9f0a"},
                     {"lease_epoch", "1"}};
  return message;
}

outbox::broker::Home broker_of(const Request& request) {
  return outbox::library::make_broker({.bootstrap_servers = request.bootstrap_servers});
}

void fill(const Request& request) {
  const auto producer = broker_of(request).producer("filler");
  std::int64_t acknowledged = 0;
  const auto gather = [&](std::chrono::milliseconds wait) {
    for (const auto& delivery : producer->poll(wait).deliveries) {
      if (delivery.status != outbox::broker::DeliveryStatus::acknowledged) {
        throw std::runtime_error("a message was refused: " + delivery.failure.reason);
      }
      acknowledged += 1;
    }
  };
  for (std::int64_t i = 0; i < request.messages; ++i) {
    const outbox::broker::IncomingMessage made = message_of(i);
    std::vector<outbox::broker::Header> headers;
    for (const auto& header : made.headers)
      headers.push_back({header.name, header.value});
    outbox::broker::OutgoingMessage message;
    message.topic = request.topic;
    message.partition = outbox::partition_of(*made.key, partitions);
    message.key = *made.key;
    message.value = *made.value;
    message.headers = headers;
    while (producer->produce(message) != outbox::broker::Handover::accepted)
      gather(std::chrono::milliseconds(10));
  }
  while (acknowledged < request.messages)
    gather(std::chrono::milliseconds(100));
  fmt::print("{{\"messages\":{}}}\n", acknowledged);
}

void print_rate(std::int64_t events, double seconds, double cpu) {
  fmt::print(
      "{{\"events\":{},\"seconds\":{:.4f},\"events_per_second\":{:.1f},\"cpu_seconds\":{:.3f}"
      "}}\n",
      events, seconds, static_cast<double>(events) / seconds, cpu);
}

// From the end of the first transaction to the end of the one that completes the number, so that
// joining the group does not count.
void consume(const Request& request) {
  outbox::ConsumerOptions options;
  options.database_url = request.database;
  options.kafka.bootstrap_servers = request.bootstrap_servers;
  options.topics = {request.topic};
  options.group_id = "bench-" + to_string(outbox::random_uuid());
  options.consumer_name = "stock-consumer";
  options.batch_size = request.batch_size;
  options.workers = request.workers;
  outbox::Consumer consumer(options);
  consumer.on_batch({"ORDER_PAID", "ORDER_CANCELED", "RESTOCKED"}, shop::handle_stock);
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Clock::time_point> first;
  std::int64_t before = 0;
  std::int64_t handled = 0;
  consumer.on_commit([&](std::span<const outbox::ReceivedEvent> events) {
    const std::lock_guard lock(mutex);
    handled += static_cast<std::int64_t>(events.size());
    if (!first) {
      first = Clock::now();
      before = handled;
    }
    changed.notify_all();
  });
  std::jthread thread([&](const std::stop_token& stop) { consumer.run(stop); });
  double seconds = 0;
  {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, std::chrono::minutes(5),
                          [&] { return handled >= request.messages; })) {
      throw std::runtime_error(fmt::format("only {} events were handled", handled));
    }
    seconds = seconds_since(*first);
  }
  thread.request_stop();
  thread.join();
  if (consumer.counters().failures > 0) throw std::runtime_error("a handler failed");
  print_rate(handled - before, seconds, cpu_seconds());
}

void statements(const Request& request) {
  std::vector<outbox::broker::IncomingMessage> messages;
  std::vector<outbox::ReceivedEvent> events;
  for (std::int64_t i = 0; i < request.messages; ++i)
    messages.push_back(message_of(i));
  for (const auto& message : messages)
    events.push_back(*outbox::consume::read_event(message).event);
  outbox::store::HomeOptions store_options;
  store_options.consumer_name = "stock-consumer";
  const auto inbox =
      outbox::library::make_store(outbox::library::find_database(request.database, "--database"),
                                  store_options)
          .inbox();
  const auto batch = static_cast<std::size_t>(request.batch_size);
  const auto start = Clock::now();
  for (std::size_t at = 0; at < events.size(); at += batch) {
    const auto part = std::span(events).subspan(at, std::min(batch, events.size() - at));
    std::vector<outbox::Uuid> ids;
    for (const outbox::ReceivedEvent& event : part)
      ids.push_back(event.event_id);
    const auto open = inbox->begin();
    open->claim(ids);
    outbox::library::PostgresTransaction transaction(
        {[&](std::string_view sql, std::span<const std::optional<std::string>> parameters) {
           return open->execute(sql, parameters);
         },
         [&] { return open->postgres(); }},
        {});
    shop::handle_stock(part, transaction);
    open->commit();
  }
  print_rate(request.messages, seconds_since(start), cpu_seconds());
}

Request parse(int count, char** words) {
  Request request;
  if (count < 2) throw std::runtime_error("fill, consume or statements?");
  request.mode = words[1];
  for (int i = 2; i + 1 < count; i += 2) {
    const std::string name = words[i];
    const std::string value = words[i + 1];
    if (name == "--bootstrap-servers") {
      request.bootstrap_servers = value;
    } else if (name == "--topic") {
      request.topic = value;
    } else if (name == "--database") {
      request.database = value;
    } else if (name == "--messages") {
      request.messages = std::stoll(value);
    } else if (name == "--batch-size") {
      request.batch_size = std::stoi(value);
    } else if (name == "--workers") {
      request.workers = std::stoi(value);
    } else {
      throw std::runtime_error("what is " + name + "?");
    }
  }
  return request;
}

}  // namespace

int main(int count, char** words) {
  try {
    const Request request = parse(count, words);
    if (request.mode == "fill") {
      fill(request);
    } else if (request.mode == "consume") {
      consume(request);
    } else {
      statements(request);
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_consume_rate: {}\n", error.what());
    return 1;
  }
}
