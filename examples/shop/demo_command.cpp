// SPDX-License-Identifier: Apache-2.0
//
// The whole chain in one process, without any server: API, relay, the five consumers, the gateway
// and a few shoppers, on one SQLite file and the broker inside the process.
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <outbox/embedded_broker.hpp>
#include <outbox/error.hpp>
#include <outbox/gateway.hpp>
#include <outbox/migrate.hpp>
#include <outbox/relay.hpp>

#include "commands.hpp"
#include "consumers/consumers.hpp"
#include "demo_board.hpp"
#include "demo_figures.hpp"
#include "events.hpp"
#include "load.hpp"
#include "schema.hpp"
#include "seed.hpp"
#include "serve.hpp"
#include "stop_signal.hpp"

namespace shop {

namespace {

using Clock = std::chrono::steady_clock;
using outbox::Transaction;

// After Ctrl-C the process must be gone within ten seconds; left alone it may wait for the slowest
// disk.
constexpr std::chrono::seconds drain_after_signal{5};
constexpr std::chrono::seconds drain_usual{30};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "outboxd-demo-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw outbox::Error(outbox::ErrorKind::failed, "no temporary folder could be made at " + name,
                          "set TMPDIR to a folder that can be written");
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// A part of the demo on a thread of its own; the first that fails ends the demo.
class Role {
 public:
  Role(std::function<void(std::stop_token)> work, std::stop_source& demo_end)
      : thread_([this, work = std::move(work), &demo_end](const std::stop_token& stop) {
          try {
            work(stop);
          } catch (...) {  // Thread entry: carried over to the main thread.
            failure_ = std::current_exception();
            demo_end.request_stop();
          }
        }) {}

  Role(const Role&) = delete;  // Its thread keeps its address.
  Role& operator=(const Role&) = delete;

  /// Asks it to stop and waits; throws what ended it.
  void end() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  std::exception_ptr failure_;
  std::jthread thread_;  // Last, so that it ends before what it writes to.
};

struct DemoOptions {
  std::optional<std::chrono::milliseconds> duration;
  std::int64_t rate = 0;
  std::string listen;
  bool as_json = false;
};

outbox::EmbeddedBrokerOptions broker_options() {
  outbox::EmbeddedBrokerOptions options;
  options.topics = {order_topic,
                    stock_topic,
                    product_topic,
                    flash_sale_topic,
                    realtime_topic,
                    "deadletter.events",
                    catalog_metrics_topic,
                    order_metrics_topic,
                    std::string(catalog_metrics_topic) + "-dlq",
                    std::string(order_metrics_topic) + "-dlq"};
  return options;
}

class Demo {
 public:
  Demo(const DemoOptions& options, std::stop_token stop)
      : options_(options),
        stop_(std::move(stop)),
        path_(folder_.file("demo.db")),
        database_({.url = path_}),
        broker_(broker_options()) {
    kafka_.bootstrap_servers = broker_.bootstrap_servers();
  }

  int run() {
    prepare();
    const std::stop_callback ends(stop_, [this] { end_.request_stop(); });
    Role relaying([this](const std::stop_token& end) { relay_->run(end); }, end_);
    std::vector<std::unique_ptr<Role>> consuming;
    for (const auto& consumer : consumers_) {
      consuming.push_back(std::make_unique<Role>(
          [&consumer](const std::stop_token& end) { consumer->run(end); }, end_));
    }
    Role pushing([this](const std::stop_token& end) { push(end); }, end_);
    const std::string gateway = wait_for(gateway_address_);
    Role serving([this, gateway](const std::stop_token& end) { serve_api(gateway, end); }, end_);
    const std::string page = wait_for(page_address_);
    page_ = page;
    if (!end_.stop_requested()) work({page, gateway, broker_.bootstrap_servers(), path_});
    serving.end();
    pushing.end();
    for (const auto& role : consuming)
      role->end();
    relaying.end();
    if (proof_ == std::nullopt) return 0;  // Ctrl-C while it starts: there is nothing to sum up.
    return conclude();
  }

 private:
  void prepare() {
    outbox::migrate(path_);
    make_tables(database_);
    seed(database_, {.products = 20, .stock = 500});
    // One reader on a local file: looking often costs next to nothing.
    outbox::RelayOptions relay;
    relay.database_url = path_;
    relay.kafka = kafka_;
    relay.polling_interval = std::chrono::milliseconds(10);
    relay_ = std::make_unique<outbox::Relay>(relay);
    for (const std::string& name : consumer_names()) {
      consumers_.push_back(make_consumer(name, {path_, kafka_, cache_}));
      consumers_.back()->on_commit(
          [this](std::span<const outbox::ReceivedEvent> events) { given_up_.look_for(events); });
    }
  }

  /// The shoppers and what is shown of them, until the end; then what is under way arrives.
  void work(const DemoAddresses& addresses) {
    DemoBoard board(addresses);
    started_ = Clock::now();
    Role shopping(
        [this, &addresses](const std::stop_token& end) {
          LoadOptions load;
          load.url = addresses.page;
          load.shoppers = 4;
          load.actions_per_second = options_.rate;
          load_ = run_load(load, end);
        },
        end_);
    Role giving_up([this](const std::stop_token& end) { given_up_.keep_giving_up(database_, end); },
                   end_);
    watch(board);
    giving_up.end();
    shopping.end();
    drain(board);
    last_ = view("finished");
    board.show(last_);
    board.finish();
  }

  void push(const std::stop_token& end) {
    outbox::GatewayOptions options;
    options.address = "127.0.0.1:0";
    options.kafka = kafka_;
    options.topics = {realtime_topic};
    // The page has another port, hence another origin; there is nothing to protect here.
    options.allowed_origins = {"*"};
    options.on_listening = [this](const std::string& address) {
      gateway_address_.set_value("ws://" + address + "/ws");
    };
    outbox::Gateway(options).run(end);
  }

  void serve_api(const std::string& gateway, const std::stop_token& end) {
    ServeOptions options;
    options.listen = options_.listen;
    options.gateway = gateway;
    serve(database_, options, end,
          [this](const std::string& url) { page_address_.set_value(url); });
  }

  /// Empty where the demo ends before.
  std::string wait_for(std::promise<std::string>& address) {
    std::future<std::string> coming = address.get_future();
    while (coming.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
      if (end_.stop_requested()) return {};
    }
    return coming.get();
  }

  void watch(DemoBoard& board) {
    std::mutex mutex;
    std::condition_variable_any ended;
    std::unique_lock lock(mutex);
    const std::stop_token end = end_.get_token();
    while (!end.stop_requested()) {
      auto pause = board.interval();
      if (options_.duration) {
        const auto rest = *options_.duration - running();
        if (rest.count() <= 0) return;
        pause = std::min(pause, rest);
      }
      ended.wait_for(lock, end, pause, [] { return false; });
      board.show(view("running"));
    }
  }

  void drain(DemoBoard& board) {
    const auto deadline =
        Clock::now() +
        (stop_.stop_requested() ? std::chrono::seconds(drain_after_signal) : drain_usual);
    std::mutex mutex;
    std::condition_variable never;
    do {
      prove();
      board.show(view("finishing"));
      std::unique_lock lock(mutex);
      if (!proof_->is_good()) never.wait_for(lock, std::chrono::milliseconds(200));
    } while (!proof_->is_good() && Clock::now() < deadline);
  }

  // The broker forgets what is old, so the topics are not read here: that everything was sent says
  // the relay, which settles on acknowledgement only, and that it arrived say the inboxes.
  void prove() {
    DemoProof proof;
    proof.report = check({database_, kafka_, *cache_, false});
    proof.not_sent = unsettled_events(database_);
    proof.rolled_back_seen = given_up_.seen();
    proof_ = std::move(proof);
  }

  [[nodiscard]] std::chrono::milliseconds running() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
  }

  [[nodiscard]] DemoView view(const std::string& state) {
    DemoView view;
    read_figures(database_, state == "finished", view);
    view.rolled_back = given_up_.count();
    view.relayed = relay_->counters().acknowledged;
    for (const auto& consumer : consumers_) {
      const outbox::ConsumerCounters counters = consumer->counters();
      view.consumed += counters.handled;
      view.duplicates += counters.duplicates;
    }
    view.running = running();
    view.state = state;
    return view;
  }

  int conclude() {
    std::FILE* const to = options_.as_json ? stderr : stdout;
    fmt::print(to, "{}", demo_summary(last_, *proof_, fileno(to)));
    if (options_.as_json) {
      fmt::print("{}\n",
                 nlohmann::json{{"written", last_.written},
                                {"rolled_back", last_.rolled_back},
                                {"relayed", last_.relayed},
                                {"consumed", last_.consumed},
                                {"duplicates", last_.duplicates},
                                {"lost", proof_->lost()},
                                {"latency_p50_ms", last_.latency_p50_ms},
                                {"latency_p99_ms", last_.latency_p99_ms},
                                {"orders", last_.orders},
                                {"refused", proof_->report.refused.size()},
                                {"rolled_back_sent", proof_->rolled_back_seen},
                                {"aggregates_differ", proof_->report.aggregate_difference_count()},
                                {"url", page_}}
                     .dump());
    }
    return proof_->is_good() ? 0 : 1;
  }

  const DemoOptions options_;
  const std::stop_token stop_;
  const TemporaryFolder folder_;
  const std::string path_;
  std::stop_source end_;
  outbox::Database database_;
  outbox::EmbeddedBroker broker_;
  outbox::KafkaConnection kafka_;
  const std::shared_ptr<Cache> cache_ = std::make_shared<MemoryCache>();
  std::unique_ptr<outbox::Relay> relay_;
  std::vector<std::unique_ptr<outbox::Consumer>> consumers_;
  std::promise<std::string> gateway_address_;
  std::promise<std::string> page_address_;
  std::string page_;
  GivenUp given_up_;
  LoadFigures load_;
  DemoView last_;
  std::optional<DemoProof> proof_;
  Clock::time_point started_{};
};

int run_demo(const Options& options) {
  constexpr std::int64_t rate_max = 1000;
  DemoOptions demo;
  demo.duration = options.duration("for");
  demo.rate = options.number("rate", 1, rate_max);
  demo.listen = options.text("listen");
  demo.as_json = options.as_json();
  const StopSignal stop;
  return Demo(demo, stop.token()).run();
}

}  // namespace

const Command demo_command{
    .name = "demo",
    .words = "",
    .help =
        "All of it in one process, without any server: a page to look at\n\n"
        "API, relay, consumers, gateway and shoppers on a SQLite file and a broker inside the\n"
        "process. Ends with 0 only if nothing was lost, nothing rolled back was sent, and all\n"
        "that the consumers keep is what the orders say.",
    .flags = {{"for", "", "", "a duration such as 10s; until Ctrl-C where none is given"},
              {"rate", "", "40", "what shoppers do in a second"},
              {"listen", "SHOP_LISTEN", "127.0.0.1:0", "of page and API; port 0: any that is free"},
              output_flag},
    .run = run_demo};

}  // namespace shop
