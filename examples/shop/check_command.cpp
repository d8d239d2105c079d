// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

#include "check.hpp"
#include "commands.hpp"
#include "stop_signal.hpp"

namespace shop {

namespace {

using Clock = std::chrono::steady_clock;

/// Until everything agrees or the time is over: what is under way is no difference yet.
CheckReport check_within(const CheckPlaces& places, std::chrono::milliseconds patience,
                         const std::stop_token& stop) {
  constexpr std::chrono::seconds pause{1};
  const auto deadline = Clock::now() + patience;
  std::mutex mutex;
  std::condition_variable_any never;
  while (true) {
    CheckReport report = check(places);
    if (report.difference_count() == 0 || Clock::now() >= deadline || stop.stop_requested())
      return report;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, pause, [] { return false; });
  }
}

int run_check(const Options& options) {
  const StopSignal stop;
  const bool as_json = options.as_json();
  const auto lines = static_cast<std::size_t>(options.number("lines", 0, 1'000'000));
  outbox::Database database(
      {.url = options.needed("database"), .statement_timeout = std::chrono::minutes(2)});
  outbox::KafkaConnection kafka;
  kafka.bootstrap_servers = options.needed("kafka");
  const auto cache = make_redis_cache(options.needed("redis"));
  const auto patience = options.duration("wait").value_or(std::chrono::milliseconds(0));
  const CheckReport report = check_within({database, kafka, *cache}, patience, stop.token());
  if (as_json) {
    fmt::print("{}\n", to_json_text(report, lines));
  } else {
    fmt::print("{}", to_text(report, lines));
  }
  return report.difference_count() == 0 ? 0 : 1;
}

}  // namespace

const Command check_command{
    .name = "check",
    .words = "",
    .help =
        "Compares database, Redis and Kafka, and ends with 1 where they differ\n\n"
        "Every event of the outbox has to stand in its topic and to be in effect once where\n"
        "it is consumed; stock, sales, metrics, queue and cache have to be what the orders\n"
        "say. Dead-lettered events are listed with their reasons.",
    .flags = {database_flag,
              kafka_flag,
              redis_flag,
              {"wait", "", "", "how long to wait for what is under way, such as 30s"},
              {"lines", "", "20", "of each kind of difference that are printed"},
              output_flag},
    .run = run_check};

}  // namespace shop
