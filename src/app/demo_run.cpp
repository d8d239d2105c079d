// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <system_error>
#include <thread>

#include <outbox/error.hpp>

#include "app/cli.hpp"
#include "app/demo.hpp"
#include "app/demo_board.hpp"
#include "app/demo_shop.hpp"
#include "app/wire.hpp"
#include "broker/embedded/home.hpp"
#include "consume/runtime.hpp"
#include "relay/relay.hpp"
#include "relay/start.hpp"
#include "store/sqlite/home.hpp"

namespace outbox::app {

namespace {

// After Ctrl-C the process must be gone within ten seconds; left alone it may wait for the slowest
// disk.
constexpr std::chrono::seconds drain_after_signal{5};
constexpr std::chrono::seconds drain_usual{30};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "outboxd-demo-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw Error(ErrorKind::failed, "no temporary folder could be made at " + name,
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

/// A role of the demo on a thread of its own; the first that fails ends the demo.
class Role {
 public:
  Role(std::function<void(const std::stop_token&)> work, std::stop_source& demo_end)
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

class Demo {
 public:
  Demo(const DemoOptions& options, Logger& logger, const std::stop_token& stop)
      : options_(options), logger_(logger), stop_(stop), path_(folder_.file("demo.db")) {}

  int run() {
    try {
      prepare();
    } catch (const Error&) {
      if (stop_.stop_requested()) return 0;  // Ctrl-C while it starts: there is nothing to sum up.
      throw;
    }
    DemoBoard board({broker_.bootstrap_servers, path_});
    const std::stop_callback ends(stop_, [this] { end_.request_stop(); });
    started_ = BootClock::now();
    Role relaying([this](const std::stop_token& end) { relay_->run(end); }, end_);
    Role consuming([this](const std::stop_token& end) { consumer_->run(end); }, end_);
    Role writing(
        [this](const std::stop_token& end) { write_orders(path_, options_.rate, ledger_, end); },
        end_);
    watch(board);
    writing.end();
    drain(board);
    consuming.end();
    relaying.end();
    board.show(view("finished"));
    board.finish();
    return conclude();
  }

 private:
  void prepare() {
    store::HomeOptions store_options;
    store_options.url = path_;
    store_options.member_name = make_member_name();
    store_options.consumer_name = "demo-consumer";
    const store::Home store = store::sqlite::make_home(store_options);
    store.migrations()->apply();
    make_shop_tables(path_);

    broker::embedded::Options broker_options;
    broker_options.topics = {std::string(demo_topic), std::string(demo_dead_letter_topic)};
    broker_ = broker::embedded::make_home(broker_options);

    relay::StartOptions start;
    start.terms.relay_name = store_options.relay_name;
    start.terms.capture = "lease";
    start.terms.settle = "mark";
    relay::RelayOptions relay_options;
    relay_options.prepare.outbox_id = relay::start(store, broker_, start, logger_, stop_).outbox_id;
    relay_options.prepare.default_topic = demo_topic;
    // One reader on a local file: looking often costs next to nothing.
    relay_options.core.polling_interval = std::chrono::milliseconds(10);
    relay_ = std::make_unique<relay::Relay>(store, broker_, relay_options, logger_);

    consume::RuntimeOptions consume_options;
    consume_options.group_id = store_options.consumer_name;
    consume_options.topics = {std::string(demo_topic)};
    consume_options.dead_letter_topic = demo_dead_letter_topic;
    consume_options.after_commit = [this](std::span<const ReceivedEvent> handled) {
      std::vector<DemoLedger::Consumed> orders;
      for (const ReceivedEvent& event : handled)
        orders.push_back(consumed_order(event));
      ledger_.consumed(orders);
    };
    const auto count = [](std::span<const ReceivedEvent> events,
                          store::InboxTransaction& transaction) {
      for (const ReceivedEvent& event : events)
        count_order(event, transaction);
    };
    consume::Handlers handlers;
    handlers.add_for_others(
        std::make_shared<const consume::EventHandler>(consume::EventHandler{count, true}));
    consumer_ = std::make_unique<consume::Runtime>(store, broker_, std::move(consume_options),
                                                   std::move(handlers), logger_);
  }

  void watch(DemoBoard& board) {
    std::mutex mutex;
    std::condition_variable_any ended;
    std::unique_lock lock(mutex);
    const std::stop_token end = end_.get_token();
    while (!end.stop_requested()) {
      auto pause = board.interval();
      if (options_.duration.count() > 0) {
        const auto rest = options_.duration - running();
        if (rest.count() <= 0) return;
        pause = std::min(pause, rest);
      }
      ended.wait_for(lock, end, pause, [] { return false; });
      board.show(view("running"));
    }
  }

  void drain(DemoBoard& board) {
    const auto patience = stop_.stop_requested() ? drain_after_signal : drain_usual;
    const Moment deadline = BootClock::now() + patience;
    // A role that failed moves nothing any more; what did not arrive is then counted as lost.
    while (!ledger_.wait_until_drained(board.interval()) && BootClock::now() < deadline) {
      board.show(view("finishing"));
    }
  }

  [[nodiscard]] std::chrono::milliseconds running() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(BootClock::now() - started_);
  }

  [[nodiscard]] DemoView view(const std::string& state) {
    DemoView view;
    view.figures = ledger_.take_figures();
    view.relayed = static_cast<std::int64_t>(relay_->counters().acknowledged);
    view.duplicates = consumer_->counts().duplicates;
    view.running = running();
    view.state = state;
    if (state == "finished") {
      view.figures.recent_p50_ms = view.figures.latency_p50_ms;
      view.figures.recent_p99_ms = view.figures.latency_p99_ms;
    }
    view.sales = read_sales(path_);
    return view;
  }

  int conclude() {
    const DemoView last = view("finished");
    const DemoProof proof = prove(path_);
    const DemoFigures& figures = last.figures;
    std::FILE* const to = options_.json ? stderr : stdout;
    fmt::print(to, "{}", demo_summary(last, proof, colour_wanted(fileno(to))));
    if (options_.json) {
      fmt::print(R"({{"written":{},"rolled_back":{},"relayed":{},"consumed":{},)"
                 R"("duplicates":{},"lost":{},"latency_p50_ms":{:.3f},"latency_p99_ms":{:.3f}}})"
                 "\n",
                 figures.written, figures.rolled_back, last.relayed, figures.consumed,
                 last.duplicates, proof.lost, figures.latency_p50_ms, figures.latency_p99_ms);
    }
    const bool books_agree = proof.committed == figures.written;
    if (!books_agree) {
      logger_.error("the ledger and what the writer committed disagree",
                    {{"ledger", proof.committed}, {"written", figures.written}});
    }
    const bool good = books_agree && proof.lost == 0 && proof.never_committed == 0 &&
                      figures.rolled_back_seen == 0 && proof.effects_twice == 0 &&
                      figures.out_of_order == 0 && proof.sales_agree;
    return good ? 0 : 1;
  }

  const DemoOptions options_;
  Logger& logger_;
  const std::stop_token stop_;
  const TemporaryFolder folder_;
  const std::string path_;
  std::stop_source end_;
  DemoLedger ledger_;
  broker::Home broker_;
  std::unique_ptr<relay::Relay> relay_;
  std::unique_ptr<consume::Runtime> consumer_;
  Moment started_{};
};

}  // namespace

int run_demo(const DemoOptions& options, Logger& logger, const std::stop_token& stop) {
  return Demo(options, logger, stop).run();
}

}  // namespace outbox::app
