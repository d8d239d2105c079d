// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "app/commands.hpp"
#include "app/handlers.hpp"
#include "app/roles.hpp"
#include "app/wire.hpp"
#include "config/suggest.hpp"
#include "consume/runtime.hpp"

namespace outbox::app {
namespace {

using config::ConsumerSettings;

std::vector<ConsumerSettings> chosen_consumers(const Arguments& arguments,
                                               const config::Settings& settings) {
  const std::vector<ConsumerSettings>& all = settings.consumers();
  if (all.empty()) {
    throw Error(ErrorKind::configuration, "the configuration declares no consumer",
                "write them under `consume:` in outboxd.yaml, as docs/consuming.md shows");
  }
  const std::vector<std::string> wanted = arguments.values("consumer");
  if (wanted.empty()) return all;
  std::vector<std::string> names;
  names.reserve(all.size());
  for (const ConsumerSettings& consumer : all)
    names.push_back(consumer.name);
  std::vector<ConsumerSettings> chosen;
  for (const std::string& name : wanted) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      throw Error(ErrorKind::configuration,
                  fmt::format("there is no consumer '{}'{}", name,
                              config::did_you_mean(config::nearest(name, names))),
                  fmt::format("declared are {}", fmt::join(names, ", ")));
    }
    const bool is_new = std::none_of(chosen.begin(), chosen.end(),
                                     [&](const auto& one) { return one.name == name; });
    if (is_new) chosen.push_back(all[static_cast<std::size_t>(found - names.begin())]);
  }
  return chosen;
}

consume::RuntimeOptions runtime_options(const ConsumerSettings& consumer) {
  consume::RuntimeOptions options;
  options.group_id = consumer.group_id;
  options.instance_id = consumer.instance_id;
  options.topics = consumer.topics;
  options.offset_reset = consumer.offset_reset;
  options.dead_letter_topic = consumer.dead_letter_topic;
  options.delay_topic = consumer.delay_topic;
  options.claim_key =
      consumer.claims_versions ? consume::ClaimKey::aggregate_version : consume::ClaimKey::event_id;
  options.dead_letter_unknown = consumer.dead_letters_unknown;
  options.workers = consumer.workers;
  options.work.batch_size = static_cast<std::size_t>(consumer.batch_size);
  options.work.ordered = consumer.ordered;
  const config::ConsumerRetry& retry = consumer.retry;
  consume::AttemptPolicy policy;
  policy.attempts_max = retry.attempts_max;
  policy.backoff = {Backoff::Kind::exponential, retry.initial, retry.max, retry.jitter};
  options.work.policies = {policy};
  return options;
}

consume::Handlers make_handlers(const ConsumerSettings& consumer) {
  consume::Handlers handlers;
  for (const config::HandlerSettings& settings : consumer.handlers) {
    const auto handler = make_handler(settings);
    if (settings.event_types.empty()) handlers.add_for_others(handler);
    for (const std::string& type : settings.event_types)
      handlers.add(type, handler);
  }
  return handlers;
}

// The consumers of one process, a thread each; the first that fails stops the others.
class Consumers {
 public:
  Consumers(const config::Settings& settings, StopSignals& signals, Logger& logger,
            InstanceBoard& board)
      : settings_(settings), signals_(signals), logger_(logger), board_(board) {}

  void run(const std::vector<ConsumerSettings>& consumers) {
    // Mistakes in any of them are told before the first one begins.
    std::vector<consume::Handlers> handlers;
    for (const ConsumerSettings& consumer : consumers) {
      handlers.push_back(make_handlers(consumer));
      check_statements(consumer);
    }
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < consumers.size(); ++i) {
        threads.emplace_back([&, i] { run_one(consumers[i], handlers[i]); });
      }
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void check_statements(const ConsumerSettings& consumer) {
    const store::Home store = make_consumer_store(settings_, consumer);
    relay::retry_until(std::chrono::steady_clock::now() + settings_.process().start_timeout,
                       signals_.token(), logger_, [&] {
                         const auto inbox = store.inbox();
                         const auto transaction = inbox->begin();
                         for (const config::HandlerSettings& handler : consumer.handlers)
                           app::check_statements(handler.statements, *transaction);
                       });
  }

  void run_one(const ConsumerSettings& consumer, const consume::Handlers& handlers) {
    try {
      consume(consumer, handlers);
    } catch (...) {  // Thread entry: carried over to the main thread.
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      signals_.fail();
    }
  }

  void consume(const ConsumerSettings& consumer, const consume::Handlers& handlers) {
    consume::Runtime runtime(make_consumer_store(settings_, consumer), make_broker(settings_),
                             runtime_options(consumer), handlers, logger_);
    logger_.info("consumer started",
                 {{"name", consumer.name},
                  {"group", consumer.group_id},
                  {"topics", fmt::format("{}", fmt::join(consumer.topics, ","))},
                  {"batch_size", consumer.batch_size},
                  {"workers", consumer.workers}});
    const auto place = board_.enter(InstanceBoard::ConsumerNames{consumer.name, consumer.group_id},
                                    runtime.counts());
    runtime.run(signals_.token());
    const consume::Counts& counts = runtime.counts();
    logger_.info("consumer stopped", {{"name", consumer.name},
                                      {"handled", counts.handled.load()},
                                      {"duplicates", counts.duplicates.load()},
                                      {"ignored", counts.ignored.load()},
                                      {"failures", counts.failures.load()},
                                      {"dead_lettered", counts.dead_lettered.load()}});
  }

  const config::Settings& settings_;
  StopSignals& signals_;
  Logger& logger_;
  InstanceBoard& board_;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

void consume_until_stopped(const config::Settings& settings,
                           const std::vector<ConsumerSettings>& consumers, StopSignals& signals,
                           Logger& logger, InstanceBoard& board) {
  Consumers(settings, signals, logger, board).run(consumers);
}

int command_consume(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  const std::vector<ConsumerSettings> consumers = chosen_consumers(arguments, settings);
  StopSignals signals(settings.process().shutdown_timeout);
  Logger logger(log_level(settings), log_format(settings));
  logger.info("outboxd consumes",
              {{"version", OUTBOX_VERSION}, {"database", settings.database().shown}});
  require_libraries();
  for (const std::string& warning : settings.warnings())
    logger.warn(warning);
  try {
    InstanceBoard board;
    consume_until_stopped(settings, consumers, signals, logger, board);
  } catch (const Error&) {
    // Stopping before the start was done is no failure.
    if (signals.token().stop_requested() && !signals.failed()) return 0;
    throw;
  }
  return 0;
}

}  // namespace outbox::app
