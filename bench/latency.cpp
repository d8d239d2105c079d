// SPDX-License-Identifier: Apache-2.0
//
// From commit to consumer, with one clock: this process inserts events at a steady pace, each in a
// transaction of its own, and consumes them from the topic to which a relay beside it sends them.
//
//   bench_latency --database URL --bootstrap-servers HOST:PORT --topic NAME [--partitions N]
//                 [--rate N] [--seconds N] [--warm-up-seconds N] [--payload-bytes N]
//
// Prints one JSON object on one line; exits with 1 where an event never came. An event's time runs
// from when its COMMIT had returned to when the consumer has the message in its hand.
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "postgres_session.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Moment = Clock::time_point;

struct Request {
  std::string database;
  std::string bootstrap_servers;
  std::string topic;
  int partitions = 6;
  std::size_t rate = 500;
  std::size_t seconds = 15;
  std::size_t warm_up_seconds = 2;
  std::size_t payload_bytes = 300;

  [[nodiscard]] std::size_t warm_up_events() const { return rate * warm_up_seconds; }
  [[nodiscard]] std::size_t all_events() const { return rate * (warm_up_seconds + seconds); }
};

struct Event {
  Moment sent;  ///< When its INSERT was handed to the database.
  Moment committed;
  Moment received;  ///< At the epoch: not yet.
};

constexpr const char* fetch_wait_max_ms = "10";
constexpr std::string_view payload_start = R"({"n":)";

class Writer {
 public:
  Writer(const Request& request, std::vector<Event>& events)
      : request_(request), events_(events), session_(request.database) {
    session_.prepare("insert",
                     "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, topic, "
                     "payload) VALUES ('order', $1, 'ORDER_PAID', $2, $3)");
  }

  void run(const std::stop_token& stop) {
    const Moment start = Clock::now();
    const auto gap = std::chrono::nanoseconds(1'000'000'000 / request_.rate);
    constexpr std::size_t frame = 20;  // Of the JSON around the padding.
    const std::string padding(std::max(request_.payload_bytes, frame) - frame, 'x');
    for (std::size_t n = 0; n < events_.size() && !stop.stop_requested(); ++n) {
      const Moment due = start + gap * n;
      std::this_thread::sleep_until(due);
      const std::string key = fmt::format("order-{}", n % 10000);
      const std::string payload = fmt::format(R"({}{},"pad":"{}"}})", payload_start, n, padding);
      events_[n].sent = Clock::now();
      session_.run_prepared("insert", {{key}, {request_.topic}, {payload}});
      events_[n].committed = Clock::now();
      latest_ = std::max(latest_, events_[n].sent - due);
      if (n == request_.warm_up_events()) counted_from_ = events_[n].sent;
    }
    ended_ = Clock::now();
    done_ = true;
  }

  [[nodiscard]] bool done() const { return done_; }
  /// These two once it is done.
  [[nodiscard]] Clock::duration latest() const { return latest_; }
  [[nodiscard]] double rate() const {
    const auto counted = static_cast<double>(events_.size() - request_.warm_up_events());
    return counted / std::chrono::duration<double>(ended_ - counted_from_).count();
  }

 private:
  const Request& request_;
  std::vector<Event>& events_;
  outbox::bench::PostgresSession session_;
  Clock::duration latest_{};
  Moment counted_from_;
  Moment ended_;
  std::atomic<bool> done_{false};
};

struct Destroy {
  void operator()(rd_kafka_t* handle) const noexcept { rd_kafka_destroy(handle); }
  void operator()(rd_kafka_message_t* message) const noexcept { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_conf_t* configuration) const noexcept {
    rd_kafka_conf_destroy(configuration);
  }
  void operator()(rd_kafka_topic_partition_list_t* list) const noexcept {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
template <class Thing>
using Owned = std::unique_ptr<Thing, Destroy>;

// Reads all partitions of the topic, without a group, from their beginning, so that nothing is
// missed however late the brokers answer.
class Reader {
 public:
  Reader(const Request& request, std::vector<Event>& events) : events_(events) {
    Owned<rd_kafka_conf_t> configuration(rd_kafka_conf_new());
    char reason[512] = "";
    const auto set = [&](const char* name, const char* value) {
      if (rd_kafka_conf_set(configuration.get(), name, value, reason, sizeof reason) !=
          RD_KAFKA_CONF_OK) {
        throw std::runtime_error(reason);
      }
    };
    set("bootstrap.servers", request.bootstrap_servers.c_str());
    set("client.id", "bench-latency");
    set("group.id", "bench-latency");  // Asked for, and not used: nothing is committed.
    set("enable.auto.commit", "false");
    set("auto.offset.reset", "earliest");
    set("fetch.min.bytes", "1");
    set("fetch.wait.max.ms", fetch_wait_max_ms);
    set("socket.nagle.disable", "true");
    handle_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, configuration.get(), reason, sizeof reason));
    if (!handle_) throw std::runtime_error(reason);
    static_cast<void>(configuration.release());  // The handle owns it now.
    rd_kafka_poll_set_consumer(handle_.get());
    assign(request);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { rd_kafka_consumer_close(handle_.get()); }

  void poll(std::chrono::milliseconds timeout) {
    const Owned<rd_kafka_message_t> message(
        rd_kafka_consumer_poll(handle_.get(), static_cast<int>(timeout.count())));
    const Moment now = Clock::now();
    if (!message || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    const std::string_view value(static_cast<const char*>(message->payload), message->len);
    if (!value.starts_with(payload_start)) throw std::runtime_error("a message that is not ours");
    std::size_t n = 0;
    std::from_chars(value.data() + payload_start.size(), value.data() + value.size(), n);
    if (n >= events_.size()) throw std::runtime_error("an event that was never written");
    if (events_[n].received != Moment{}) {
      ++duplicates_;
      return;
    }
    events_[n].received = now;
    ++received_;
  }

  [[nodiscard]] std::size_t received() const { return received_; }
  [[nodiscard]] std::size_t duplicates() const { return duplicates_; }

 private:
  void assign(const Request& request) {
    const Owned<rd_kafka_topic_partition_list_t> list(
        rd_kafka_topic_partition_list_new(request.partitions));
    for (int partition = 0; partition < request.partitions; ++partition) {
      rd_kafka_topic_partition_list_add(list.get(), request.topic.c_str(), partition)->offset =
          RD_KAFKA_OFFSET_BEGINNING;
    }
    const rd_kafka_resp_err_t error = rd_kafka_assign(handle_.get(), list.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(error));
  }

  std::vector<Event>& events_;
  Owned<rd_kafka_t> handle_;
  std::size_t received_ = 0;
  std::size_t duplicates_ = 0;
};

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// The smallest time that `share` of all do not exceed. `sorted` is not empty.
double percentile(const std::vector<double>& sorted, double share) {
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[std::clamp<std::size_t>(static_cast<std::size_t>(rank), 1, sorted.size()) - 1];
}

// Sorted milliseconds of the events that count.
template <class Measure>
std::vector<double> measured(const std::vector<Event>& events, std::size_t from, Measure measure) {
  std::vector<double> times;
  for (std::size_t n = from; n < events.size(); ++n) {
    if (events[n].received != Moment{}) times.push_back(milliseconds(measure(events[n])));
  }
  std::ranges::sort(times);
  return times;
}

bool bench(const Request& request) {
  std::vector<Event> events(request.all_events());
  Reader reader(request, events);
  Writer writer(request, events);
  {
    std::exception_ptr failure;
    std::atomic<bool> failed{false};
    const std::jthread thread([&](const std::stop_token& stop) {
      try {
        writer.run(stop);
      } catch (...) {  // Thread entry: thrown on by the main thread.
        failure = std::current_exception();
        failed = true;
      }
    });
    Moment deadline = Moment::max();
    while (reader.received() < events.size() && Clock::now() < deadline) {
      reader.poll(10ms);
      if (failed) std::rethrow_exception(failure);
      if (deadline == Moment::max() && writer.done()) deadline = Clock::now() + 20s;
    }
  }
  const std::size_t first = request.warm_up_events();
  const std::vector<double> times =
      measured(events, first, [](const Event& event) { return event.received - event.committed; });
  const std::vector<double> transactions =
      measured(events, first, [](const Event& event) { return event.committed - event.sent; });
  if (times.empty()) throw std::runtime_error("nothing came within 20 s of the last insert");
  const std::size_t lost = events.size() - reader.received();
  const std::string line = fmt::format(
      R"({{"rate":{},"reached_rate":{:.1f},"seconds":{},"warm_up_seconds":{},)"
      R"("fetch_wait_max_ms":{},"events":{},"p50_ms":{:.2f},)"
      R"("p95_ms":{:.2f},"p99_ms":{:.2f},"max_ms":{:.2f},"transaction_p50_ms":{:.2f},)"
      R"("transaction_p99_ms":{:.2f},"writer_behind_max_ms":{:.2f},"lost":{},"duplicates":{}}})",
      request.rate, writer.rate(), request.seconds, request.warm_up_seconds, fetch_wait_max_ms,
      times.size(), percentile(times, 0.50), percentile(times, 0.95), percentile(times, 0.99),
      times.back(), percentile(transactions, 0.50), percentile(transactions, 0.99),
      milliseconds(writer.latest()), lost, reader.duplicates());
  std::puts(line.c_str());
  return lost == 0;
}

Request request_of(const std::vector<std::string>& arguments) {
  Request request;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    const std::string& value = arguments[i + 1];
    if (name == "--database") {
      request.database = value;
    } else if (name == "--bootstrap-servers") {
      request.bootstrap_servers = value;
    } else if (name == "--topic") {
      request.topic = value;
    } else if (name == "--partitions") {
      request.partitions = std::stoi(value);
    } else if (name == "--rate") {
      request.rate = std::stoull(value);
    } else if (name == "--seconds") {
      request.seconds = std::stoull(value);
    } else if (name == "--warm-up-seconds") {
      request.warm_up_seconds = std::stoull(value);
    } else if (name == "--payload-bytes") {
      request.payload_bytes = std::stoull(value);
    } else {
      throw std::runtime_error("unknown option " + name);
    }
  }
  if (request.database.empty() || request.bootstrap_servers.empty() || request.topic.empty()) {
    throw std::runtime_error("--database, --bootstrap-servers and --topic are needed");
  }
  if (request.rate < 1 || request.seconds < 1) {
    throw std::runtime_error("--rate and --seconds are at least 1");
  }
  return request;
}

}  // namespace

int main(int count, char** values) {
  try {
    return bench(request_of(std::vector<std::string>(values + 1, values + count))) ? EXIT_SUCCESS
                                                                                   : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_latency: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
