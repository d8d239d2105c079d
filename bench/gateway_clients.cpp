// SPDX-License-Identifier: Apache-2.0
//
// Many WebSocket clients of one gateway, and the producer of what some of them get: each active
// client has an aggregate of its own and gets so many messages a second, the others filter by
// aggregates that never come. Prints one line of JSON: how many messages arrived, and how long
// after they were handed to the producer.
#include <arpa/inet.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string servers;
  std::string topic;
  int port = 0;
  int idle = 5'000;
  int active = 500;
  int rate = 20;  // Messages a second to each active client.
  int seconds = 30;
  int warm_up_seconds = 5;  // Not counted.
  int payload_bytes = 300;
};

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

struct Client {
  int descriptor = -1;
  std::string received;
  std::int64_t count = 0;
  std::int64_t last = -1;  // The number of its last message.
};

int connect_to(const Options& options, const std::string& aggregate) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(options.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    fail("connect");
  }
  const std::string request = "GET /ws?aggregate_id=" + aggregate +
                              " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  if (write(descriptor, request.data(), request.size()) < 0) fail("write");
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    char letter = 0;
    if (read(descriptor, &letter, 1) != 1) fail("the handshake");
    head += letter;
  }
  if (!head.starts_with("HTTP/1.1 101")) throw std::runtime_error(head);
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return descriptor;
}

/// The clients, on one thread.
class Clients {
 public:
  explicit Clients(const Options& options) : options_(options), poll_(epoll_create1(0)) {
    clients_.resize(static_cast<std::size_t>(options.idle + options.active));
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      const bool is_active = i < static_cast<std::size_t>(options.active);
      clients_[i].descriptor = connect_to(options, (is_active ? "a" : "idle") + std::to_string(i));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      if (epoll_ctl(poll_, EPOLL_CTL_ADD, clients_[i].descriptor, &event) != 0) fail("epoll");
    }
  }

  /// Until the time is over, or everything has arrived that was announced.
  void run(Clock::time_point until, const std::atomic<std::int64_t>& announced) {
    std::array<epoll_event, 512> events{};
    while (Clock::now() < until && (announced < 0 || received_ < announced)) {
      const int ready = epoll_wait(poll_, events.data(), events.size(), 50);
      for (int i = 0; i < ready; ++i)
        take(clients_[events[static_cast<std::size_t>(i)].data.u64]);
    }
  }

  void count_from(std::int64_t at_ns) { count_from_ns_ = at_ns; }

  void print() {
    std::sort(latencies_ns_.begin(), latencies_ns_.end());
    const auto at = [&](double part) {
      if (latencies_ns_.empty()) return 0.0;
      const auto index = static_cast<std::size_t>(part * static_cast<double>(latencies_ns_.size()));
      return static_cast<double>(latencies_ns_[std::min(index, latencies_ns_.size() - 1)]) / 1e6;
    };
    std::printf(
        "{\"received\": %lld, \"out_of_order\": %lld, \"lost_clients\": %lld, "
        "\"counted\": %zu, \"p50_ms\": %.2f, \"p95_ms\": %.2f, \"p99_ms\": %.2f, "
        "\"max_ms\": %.2f, ",
        static_cast<long long>(received_), static_cast<long long>(out_of_order_),
        static_cast<long long>(lost_), latencies_ns_.size(), at(0.5), at(0.95), at(0.99), at(1.0));
  }

 private:
  void take(Client& client) {
    std::array<char, 65536> space{};
    const ssize_t size = read(client.descriptor, space.data(), space.size());
    if (size <= 0) {
      if (size < 0 && errno == EAGAIN) return;
      epoll_ctl(poll_, EPOLL_CTL_DEL, client.descriptor, nullptr);
      ++lost_;
      return;
    }
    const std::int64_t now = now_ns();
    client.received.append(space.data(), static_cast<std::size_t>(size));
    std::string_view rest = client.received;
    while (const std::size_t used = take_frame(client, rest, now))
      rest.remove_prefix(used);
    client.received.erase(0, client.received.size() - rest.size());
  }

  /// The bytes of the frame that `bytes` begins with; 0 where it is not whole.
  std::size_t take_frame(Client& client, std::string_view bytes, std::int64_t now) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (bytes.size() < 2) return 0;
    std::size_t head = 2;
    std::size_t size = byte(1) & 127U;
    if (size == 126) {
      if (bytes.size() < 4) return 0;
      head = 4;
      size = byte(2) * 256U + byte(3);
    }
    if (bytes.size() < head + size) return 0;
    const unsigned opcode = byte(0) & 15U;
    const std::string_view payload = bytes.substr(head, size);
    if (opcode == 9) pong(client, payload);
    if (opcode == 1) take_message(client, payload, now);
    return head + size;
  }

  static void pong(const Client& client, std::string_view payload) {
    std::string frame = {static_cast<char>(0x8A), static_cast<char>(0x80 | payload.size())};
    frame += std::string(4, '\0');  // A mask that changes nothing.
    frame += payload;
    if (write(client.descriptor, frame.data(), frame.size()) < 0) fail("pong");
  }

  /// {"n":12,"at":345, ...
  void take_message(Client& client, std::string_view payload, std::int64_t now) {
    const std::int64_t number = std::atoll(payload.data() + 5);
    const std::int64_t at = std::atoll(payload.data() + payload.find("\"at\":") + 5);
    if (number <= client.last) ++out_of_order_;
    client.last = number;
    ++received_;
    if (count_from_ns_ > 0 && at >= count_from_ns_) latencies_ns_.push_back(now - at);
  }

  const Options& options_;
  int poll_;
  std::vector<Client> clients_;
  std::vector<std::int64_t> latencies_ns_;
  std::atomic<std::int64_t> count_from_ns_{0};
  std::int64_t received_ = 0;
  std::int64_t out_of_order_ = 0;
  std::int64_t lost_ = 0;
};

rd_kafka_t* make_producer(const Options& options) {
  char error[512] = "";
  rd_kafka_conf_t* properties = rd_kafka_conf_new();
  const std::array<std::pair<const char*, const char*>, 3> values = {
      {{"bootstrap.servers", options.servers.c_str()}, {"acks", "all"}, {"linger.ms", "1"}}};
  for (const auto& [name, value] : values)
    rd_kafka_conf_set(properties, name, value, error, sizeof(error));
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, properties, error, sizeof(error));
  if (producer == nullptr) throw std::runtime_error(error);
  return producer;
}

/// The message owns them once it is taken.
rd_kafka_headers_t* headers_of(const std::string& aggregate) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(3);
  rd_kafka_header_add(headers, "aggregate_type", -1, "order", -1);
  rd_kafka_header_add(headers, "event_type", -1, "ORDER_PAID", -1);
  rd_kafka_header_add(headers, "aggregate_id", -1, aggregate.c_str(), -1);
  return headers;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"  // librdkafka's macros
rd_kafka_resp_err_t hand_over(rd_kafka_t* producer, const std::string& topic,
                              const std::string& aggregate, const std::string& value) {
  return rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()),
                           RD_KAFKA_V_KEY(aggregate.data(), aggregate.size()),
                           RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                           RD_KAFKA_V_HEADERS(headers_of(aggregate)),
                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
}
#pragma GCC diagnostic pop

/// Keeps the pace to the millisecond. Returns how many messages were handed over.
std::int64_t produce(const Options& options, rd_kafka_t* producer) {
  const std::string filler(static_cast<std::size_t>(options.payload_bytes), 'x');
  const std::int64_t per_second = std::int64_t{options.active} * options.rate;
  const auto began = Clock::now();
  std::int64_t number = 0;
  const std::int64_t all = per_second * (options.seconds + options.warm_up_seconds);
  while (number < all) {
    const auto elapsed = std::chrono::duration<double>(Clock::now() - began).count();
    const auto due = static_cast<std::int64_t>(elapsed * static_cast<double>(per_second));
    for (; number < std::min(due, all); ++number) {
      const std::string aggregate = "a" + std::to_string(number % options.active);
      const std::string value = "{\"n\":" + std::to_string(number) +
                                ",\"at\":" + std::to_string(now_ns()) + ",\"text\":\"" + filler +
                                "\"}";
      const auto error = hand_over(producer, options.topic, aggregate, value);
      if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(error));
    }
    rd_kafka_poll(producer, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  rd_kafka_flush(producer, 10'000);
  return number;
}

Options parse(int count, char** words) {
  Options options;
  const std::map<std::string_view, int*> numbers = {
      {"--port", &options.port},       {"--idle", &options.idle},
      {"--active", &options.active},   {"--rate", &options.rate},
      {"--seconds", &options.seconds}, {"--payload-bytes", &options.payload_bytes}};
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = words[i];
    if (name == "--bootstrap-servers") options.servers = words[i + 1];
    if (name == "--topic") options.topic = words[i + 1];
    if (const auto found = numbers.find(name); found != numbers.end()) {
      *found->second = std::atoi(words[i + 1]);
    }
  }
  if (options.servers.empty() || options.topic.empty() || options.port == 0) {
    throw std::runtime_error("give --bootstrap-servers, --topic and --port");
  }
  return options;
}

void run(const Options& options) {
  const rlimit files{20'000, 20'000};
  setrlimit(RLIMIT_NOFILE, &files);
  const auto connecting = Clock::now();
  Clients clients(options);
  const double connect_seconds = std::chrono::duration<double>(Clock::now() - connecting).count();
  rd_kafka_t* producer = make_producer(options);
  std::atomic<std::int64_t> announced{-1};
  {
    clients.count_from(now_ns() + std::int64_t{options.warm_up_seconds} * 1'000'000'000);
    const std::jthread producing([&] { announced = produce(options, producer); });
    const int most = options.warm_up_seconds + options.seconds + 20;
    clients.run(Clock::now() + std::chrono::seconds(most), announced);
  }
  clients.print();
  std::printf("\"sent\": %lld, \"connect_seconds\": %.2f}\n", static_cast<long long>(announced),
              connect_seconds);
  rd_kafka_destroy(producer);
}

}  // namespace

int main(int count, char** words) {
  try {
    run(parse(count, words));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_gateway_clients: %s\n", error.what());
    return 1;
  }
  return 0;
}
