// SPDX-License-Identifier: Apache-2.0
//
// The raw rate of librdkafka with the relay's own settings: how fast messages of 300 B are handed
// over and acknowledged, without and with the eight headers that every message of the relay
// carries. It is the ceiling against which `./dev bench relay` sets the relay.
//
//   bench_producer_rate --bootstrap-servers HOST:PORT [--messages N] [--payload-bytes N]
//                       [--partitions N] [--rounds N] [--queue-bytes N] [--rate N]
//                       [--property NAME=VALUE ...]
//
// Prints one JSON object on one line. CPU is that of this process, all threads, user and system.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <outbox/error.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "broker/home.hpp"
#include "broker/kafka/home.hpp"
#include "broker/kafka/version.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Request {
  outbox::broker::ConnectionOptions connection;
  std::uint64_t messages = 500000;
  std::size_t payload_bytes = 300;
  int partitions = 6;
  int rounds = 3;
  std::uint64_t rate =
      0;  ///< Messages a second, in bursts of 1,000 as a reader brings them; 0: all.
};

struct Result {
  double seconds = 0;
  double produce_seconds = 0;  ///< Spent in produce() alone, by its thread's CPU clock.
  double cpu_seconds = 0;
  std::uint64_t acknowledged = 0;
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

double thread_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

const std::array<outbox::broker::Header, 8> headers = {{
    {"event_id", "018f3a52-6c1e-7d54-9f0b-2a7c3b1d5e60"},
    {"event_type", "ORDER_PAID"},
    {"aggregate_type", "order"},
    {"aggregate_id", "order-0000123456"},
    {"occurred_at", "2026-11-21T10:15:00.123456Z"},
    {"row_id", "123456789"},
    {"outbox_id", "5f0c3a52-6c1e-4d54-9f0b-2a7c3b1d5e61"},
    {"lease_epoch", "17"},
}};

// Polls on a thread of its own, as the relay does, until all were acknowledged or the handle ended.
void count_deliveries(outbox::broker::Producer& producer, std::uint64_t wanted,
                      std::atomic<std::uint64_t>& acknowledged) {
  while (acknowledged.load() < wanted) {
    const outbox::broker::Poll poll = producer.poll(100ms);
    std::uint64_t count = 0;
    for (const outbox::broker::Delivery& delivery : poll.deliveries) {
      if (delivery.status == outbox::broker::DeliveryStatus::acknowledged) ++count;
    }
    acknowledged += count;
    acknowledged.notify_one();
    if (poll.fatal) {
      throw outbox::Error(outbox::ErrorKind::failed, poll.fatal->reason);
    }
  }
}

Result run(outbox::broker::Producer& producer, const Request& request, const std::string& topic,
           bool with_headers) {
  const std::string payload(request.payload_bytes, 'x');
  std::atomic<std::uint64_t> acknowledged{0};
  Result result;
  const auto start = Clock::now();
  const double cpu_start = cpu_seconds();
  {
    const std::jthread poller([&] { count_deliveries(producer, request.messages, acknowledged); });
    const double thread_start = thread_cpu_seconds();
    for (std::uint64_t i = 0; i < request.messages; ++i) {
      if (request.rate > 0 && i % 1000 == 0) {
        std::this_thread::sleep_until(start +
                                      std::chrono::microseconds(i * 1000000 / request.rate));
      }
      const std::string key = std::to_string(i % 10000);
      outbox::broker::OutgoingMessage message;
      message.topic = topic;
      message.partition = static_cast<int>(i % static_cast<std::uint64_t>(request.partitions));
      message.key = key;
      message.value = payload;
      if (with_headers) message.headers = headers;
      message.tag = i;
      std::uint64_t seen = acknowledged.load();
      while (producer.produce(message) == outbox::broker::Handover::queue_full) {
        acknowledged.wait(seen);
        seen = acknowledged.load();
      }
    }
    result.produce_seconds = thread_cpu_seconds() - thread_start;
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  result.cpu_seconds = cpu_seconds() - cpu_start;
  result.acknowledged = acknowledged.load();
  return result;
}

std::string json_of(std::vector<Result> results, const Request& request) {
  std::ranges::sort(results, {}, &Result::seconds);
  const Result& median = results[results.size() / 2];
  const auto count = static_cast<double>(request.messages);
  return fmt::format(R"({{"messages_per_second":{:.0f},"cpu_seconds_per_100k":{:.3f},)"
                     R"("producing_thread_us":{:.2f}}})",
                     count / median.seconds, median.cpu_seconds / count * 1e5,
                     median.produce_seconds / count * 1e6);
}

void bench(const Request& request) {
  const outbox::broker::Home home = outbox::broker::kafka::make_home(request.connection);
  const std::string topic =
      fmt::format("bench-producer-{}-{}", getpid(), Clock::now().time_since_epoch().count());
  const auto admin = home.admin();
  const auto failure = admin->create({{topic, request.partitions, 1, {}}}, 30s).front();
  if (failure) throw outbox::Error(outbox::ErrorKind::failed, failure->reason);

  const auto producer = home.producer("bench");
  std::vector<Result> plain;
  std::vector<Result> full;
  run(*producer, request, topic, true);  // Warms the broker up; not counted.
  for (int round = 0; round < request.rounds; ++round) {
    plain.push_back(run(*producer, request, topic, false));
    full.push_back(run(*producer, request, topic, true));
  }
  const std::string line = fmt::format(
      R"({{"librdkafka":"{}","messages":{},"payload_bytes":{},"partitions":{},"rounds":{},)"
      R"("without_headers":{},"with_headers":{}}})",
      outbox::broker::kafka::library_version(), request.messages, request.payload_bytes,
      request.partitions, request.rounds, json_of(plain, request), json_of(full, request));
  std::puts(line.c_str());
}

Request request_of(const std::vector<std::string>& arguments) {
  Request request;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    const std::string& value = arguments[i + 1];
    if (name == "--bootstrap-servers") {
      request.connection.bootstrap_servers = value;
    } else if (name == "--messages") {
      request.messages = std::stoull(value);
    } else if (name == "--payload-bytes") {
      request.payload_bytes = std::stoull(value);
    } else if (name == "--partitions") {
      request.partitions = std::stoi(value);
    } else if (name == "--rounds") {
      request.rounds = std::stoi(value);
    } else if (name == "--queue-bytes") {
      request.connection.queue_bytes_max = std::stoull(value);
    } else if (name == "--rate") {
      request.rate = std::stoull(value);
    } else if (name == "--property") {
      const auto equals = value.find('=');
      request.connection.properties[value.substr(0, equals)] = value.substr(equals + 1);
    } else {
      throw outbox::Error(outbox::ErrorKind::usage, "unknown option " + name);
    }
  }
  if (request.connection.bootstrap_servers.empty() || request.rounds < 1) {
    throw outbox::Error(outbox::ErrorKind::usage, "--bootstrap-servers HOST:PORT is needed");
  }
  return request;
}

}  // namespace

int main(int count, char** values) {
  try {
    bench(request_of(std::vector<std::string>(values + 1, values + count)));
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_producer_rate: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
