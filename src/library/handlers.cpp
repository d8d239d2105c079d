// SPDX-License-Identifier: Apache-2.0
#include <outbox/handlers.hpp>

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <outbox/error.hpp>

#include "core/log.hpp"
#include "jobs/domain_worker.hpp"
#include "jobs/job_runner.hpp"
#include "jobs/limits.hpp"
#include "jobs/turns.hpp"
#include "library/connections.hpp"
#include "library/table_shapes.hpp"

namespace outbox {

namespace {

using Handler = std::shared_ptr<const HandlerCall::Plain>;

constexpr std::chrono::seconds look_for_types{2};
constexpr std::int64_t rows_looked_at = 10'000;
constexpr std::size_t types_max = 1'000;
constexpr std::chrono::seconds repeat_log{60};
constexpr std::chrono::milliseconds lock_ttl_min{100};
constexpr std::chrono::milliseconds lock_ttl_max = std::chrono::days(365);
// So that looking, which reads all that is pending, takes a twentieth of one connection's time.
constexpr int rest_after_look = 20;
constexpr std::chrono::microseconds rest_max = std::chrono::seconds(10);

HandlersOptions checked(HandlersOptions options) {
  const auto require = [](bool holds, const std::string& what) {
    if (!holds) throw Error(ErrorKind::configuration, "HandlersOptions::" + what);
  };
  require(options.handler_timeout.count() >= 1, "handler_timeout is below 1 ms");
  require(options.lock_ttl >= lock_ttl_min, "lock_ttl is below 100 ms");
  require(options.lock_ttl <= lock_ttl_max,
          "lock_ttl is above 365 days: by it the lock outlives an instance that died");
  require(options.lock_timeout.count() >= 0, "lock_timeout is below zero");
  require(options.polling_interval.count() >= 1, "polling_interval is below 1 ms");
  require(options.pause_after_error.count() >= 0, "pause_after_error is below zero");
  require(options.max_attempts >= 1, "max_attempts is below 1: 1 means no retry");
  require(options.retry_initial.count() >= 0 && options.retry_max >= options.retry_initial,
          "retry_max is below retry_initial, or that below zero");
  require(options.retry_jitter >= 0 && options.retry_jitter <= 1,
          "retry_jitter is not from 0 to 1");
  require(options.workers >= 1, "workers is below 1");
  require(options.domains_max >= 1, "domains_max is below 1");
  require(options.batch_size >= 1, "batch_size is below 1");
  require(options.stuck_max >= 1, "stuck_max is below 1");
  require(options.pass_limit >= 1, "pass_limit is 0");
  for (std::chrono::milliseconds* const time :
       {&options.handler_timeout, &options.lock_timeout, &options.polling_interval,
        &options.pause_after_error, &options.retry_initial, &options.retry_max}) {
    *time = jobs::bounded(*time);
  }
  return options;
}

}  // namespace

class Handlers::Parts {
 public:
  explicit Parts(HandlersOptions given)
      : options(checked(std::move(given))),
        place(library::find_database(options.database_url, "HandlersOptions::database_url")),
        log(library::log_level_of(options.log_level, "HandlersOptions::log_level")) {
    home_options.table = library::find_table_shape(options.preset, options.table);
    home_options.relay_name = "handlers";
    home_options.member_name = "handlers";
    if (!home_options.table.columns.aggregate_type) {
      throw Error(ErrorKind::configuration,
                  "HandlersOptions::preset " + options.preset +
                      ": its table has no aggregate type, by which events have domains");
    }
  }

  ~Parts() { ending.request_stop(); }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  void expect_not_begun(const char* what) const {
    if (begun) throw Error(ErrorKind::usage, std::string(what) + " came after the first delivery");
  }

  [[nodiscard]] std::string domain_of(const std::string& aggregate_type) const {
    const std::string upper = jobs::upper_case(aggregate_type);
    const auto found = mapped.find(upper);
    return found == mapped.end() ? upper : found->second;
  }

  [[nodiscard]] Handler find(std::string_view domain, std::string_view event_type) const {
    const auto own = by_domain.find({std::string(domain), std::string(event_type)});
    if (own != by_domain.end()) return own->second;
    const auto type = by_type.find(std::string(event_type));
    return type != by_type.end() ? type->second : any;
  }

  /// The domains that have a handler, each with the aggregate types known to be its own.
  [[nodiscard]] std::map<std::string, std::set<std::string>> domains() const {
    std::map<std::string, std::set<std::string>> all;
    for (const auto& entry : by_domain)
      all.try_emplace(entry.first.first);
    if (any != nullptr || !by_type.empty()) {
      for (const std::string& type : seen)
        all.try_emplace(domain_of(type));
    }
    const auto add = [&](const std::string& type) {
      const auto domain = all.find(domain_of(type));
      if (domain != all.end()) domain->second.insert(type);
    };
    std::vector<std::string> names;
    for (const auto& entry : all)
      names.push_back(entry.first);
    for (const auto& entry : mapped)
      names.push_back(entry.first);
    for (const std::string& name : names) {
      for (const std::string& type : jobs::usual_spellings(name))
        add(type);
    }
    for (const std::string& type : seen)
      add(type);
    // One from which all of its types were mapped away has nothing to work.
    std::erase_if(all, [](const auto& entry) { return entry.second.empty(); });
    return all;
  }

  /// The types of pending rows other than `known`, which gets them, too. Asked for until nothing
  /// new comes, for one answer shows the first rows alone.
  std::vector<std::string> find_types(std::set<std::string>& known, std::size_t count_max) {
    if (backlog == nullptr) backlog = library::make_store(place, home_options).backlog();
    std::vector<std::string> found;
    for (bool fresh = true; fresh && found.size() < count_max;) {
      fresh = false;
      for (store::TypeCount& type :
           backlog->pending_types(rows_looked_at, {known.begin(), known.end()})) {
        if (!known.insert(type.aggregate_type).second) continue;
        fresh = true;
        found.push_back(std::move(type.aggregate_type));
      }
    }
    return found;
  }

  /// Looks for aggregate types that were not seen yet; the workers' list afterwards. What is known
  /// is worked where the database is too slow to look for more: then `failed` says why.
  std::vector<jobs::DomainWorker*> refresh(std::exception_ptr& failed) {
    try {
      if (seen.size() < types_max) find_types(seen, types_max - seen.size());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unreachable) throw;
      failed = std::current_exception();
    }
    if (seen.size() >= types_max) {
      warn_of_limit(
          "no more aggregate types are looked for; give the events of one domain one type",
          types_max);
    }
    std::vector<jobs::DomainWorker*> all;
    // Not while the database is asked, for whoever wants the counters would wait for it.
    const std::lock_guard lock(mutex);
    for (const auto& [domain, types] : domains()) {
      auto& worker = workers[domain];
      if (worker == nullptr) worker = std::make_unique<jobs::DomainWorker>(terms_of(domain), log);
      worker->set_types({types.begin(), types.end()});
      all.push_back(worker.get());
    }
    return all;
  }

  /// Gives a place, or one in the line, to every domain where there are enough; else to those that
  /// have events and neither.
  void seat(const std::vector<jobs::DomainWorker*>& all, jobs::Turns& turns) {
    if (all.size() <= static_cast<std::size_t>(options.domains_max)) {
      for (jobs::DomainWorker* const worker : all)
        turns.want(*worker);
      return;
    }
    warn_of_limit("there are more domains than HandlersOptions::domains_max, they take turns",
                  all.size());
    const std::set<jobs::DomainWorker*> served = turns.served();
    std::set<std::string> known;
    std::map<std::string, jobs::DomainWorker*> waiting;
    {
      const std::lock_guard lock(mutex);
      for (const auto& [domain, types] : domains()) {
        jobs::DomainWorker* const worker = workers.at(domain).get();
        if (served.contains(worker) || !worker->may_try())
          known.insert(types.begin(), types.end());
        else
          waiting.emplace(domain, worker);
      }
    }
    for (const std::string& type : find_types(known, types_max)) {
      const auto worker = waiting.find(domain_of(type));
      if (worker != waiting.end()) turns.want(*worker->second);
    }
  }

  void warn_of_limit(const char* what, std::size_t count) {
    std::uint64_t suppressed = 0;
    if (!log.may_repeat(what, repeat_log, suppressed)) return;
    log.warn(what, {{"count", count}, {"domains_max", options.domains_max}});
  }

  [[nodiscard]] jobs::DomainTerms terms_of(const std::string& domain) const {
    jobs::DomainTerms terms;
    terms.delivery.domain = domain;
    terms.delivery.handler_timeout = options.handler_timeout;
    terms.delivery.polling_interval = options.polling_interval;
    terms.delivery.max_attempts = options.max_attempts;
    terms.delivery.backoff = {Backoff::Kind::exponential, options.retry_initial, options.retry_max,
                              options.retry_jitter};
    terms.delivery.batch_size = static_cast<std::size_t>(options.batch_size);
    terms.delivery.unhandled = options.unhandled;
    terms.delivery.has_version = home_options.table.columns.version.has_value();
    terms.delivery.find_handler = [this](std::string_view of, std::string_view event_type) {
      return find(of, event_type);
    };
    terms.delivery.ending = ending.get_token();
    terms.lock_ttl = options.lock_ttl;
    terms.lock_timeout = options.lock_timeout;
    terms.pause_after_error = options.pause_after_error;
    terms.workers = options.workers;
    terms.stuck_max = options.stuck_max;
    terms.home = home_options;
    terms.open_home = [this](const store::HomeOptions& home) {
      return library::make_store(place, home);
    };
    return terms;
  }

  [[nodiscard]] HandlersCounters counters() const {
    const std::lock_guard lock(mutex);
    HandlersCounters all;
    for (const auto& [domain, worker] : workers) {
      const jobs::DeliveryCounts& counts = worker->counts();
      all.published += counts.published;
      all.failed += counts.failed;
      all.retried += counts.retried;
      all.timed_out += counts.timed_out;
      all.unhandled += counts.unhandled;
      all.unsettled += counts.unsettled;
      all.errors += worker->errors();
      all.stuck += static_cast<std::int64_t>(worker->stuck());
      all.domains_held += worker->held() ? 1 : 0;
    }
    all.processed = all.published + all.failed + all.retried;
    return all;
  }

  const HandlersOptions options;
  const library::DatabasePlace place;
  Logger log;
  store::HomeOptions home_options;
  std::map<std::pair<std::string, std::string>, Handler> by_domain;
  std::map<std::string, Handler> by_type;
  Handler any;
  std::map<std::string, std::string> mapped;  ///< Domains by aggregate types in upper case.
  std::atomic<bool> begun = false;
  mutable std::mutex mutex;  ///< Of the list of workers.
  std::set<std::string> seen;
  std::unique_ptr<store::Backlog> backlog;
  std::stop_source ending;
  std::map<std::string, std::unique_ptr<jobs::DomainWorker>> workers;
};

Handlers::Handlers(HandlersOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}

Handlers::~Handlers() = default;

void Handlers::check_domain(const std::string& domain) {
  if (domain.empty()) throw Error(ErrorKind::usage, "on(): the domain is empty");
}

Handlers& Handlers::add(std::string domain, std::string event_type, HandlerCall::Plain handler) {
  parts_->expect_not_begun("on()");
  const auto made = std::make_shared<const HandlerCall::Plain>(std::move(handler));
  const auto refuse_second = [](bool fresh, const std::string& what) {
    if (!fresh) throw Error(ErrorKind::usage, "on(): there is a handler for " + what + " already");
  };
  if (domain.empty() && event_type.empty()) {
    refuse_second(parts_->any == nullptr, "all events");
    parts_->any = made;
  } else if (event_type.empty()) {
    throw Error(ErrorKind::usage, "on(): the event type is empty");
  } else if (domain.empty()) {
    refuse_second(parts_->by_type.try_emplace(event_type, made).second, event_type);
  } else {
    const std::string upper = jobs::upper_case(domain);
    refuse_second(parts_->by_domain.try_emplace({upper, event_type}, made).second,
                  event_type + " in the domain " + upper);
  }
  return *this;
}

Handlers& Handlers::map(std::string aggregate_type, std::string domain) {
  parts_->expect_not_begun("map()");
  if (aggregate_type.empty() || domain.empty()) {
    throw Error(ErrorKind::usage, "map(): the aggregate type or the domain is empty");
  }
  const std::string type = jobs::upper_case(aggregate_type);
  const auto [entry, fresh] = parts_->mapped.try_emplace(type, jobs::upper_case(domain));
  if (!fresh) {
    throw Error(ErrorKind::usage,
                "map(): " + type + " belongs to the domain " + entry->second + " already");
  }
  return *this;
}

HandledCounts Handlers::publish_pending_events(const std::stop_token& stop) {
  parts_->begun = true;
  std::exception_ptr too_slow;
  const std::vector<jobs::DomainWorker*> workers = parts_->refresh(too_slow);
  const HandlersCounters before = parts_->counters();
  std::vector<std::exception_ptr> errors(workers.size());
  std::atomic<std::size_t> next = 0;
  {
    const auto places =
        std::min(workers.size(), static_cast<std::size_t>(parts_->options.domains_max));
    std::vector<std::jthread> threads;
    for (std::size_t place = 0; place < places; ++place) {
      threads.emplace_back([this, &stop, &errors, &workers, &next] {
        for (std::size_t i = next++; i < workers.size() && !stop.stop_requested(); i = next++) {
          try {
            (void)workers[i]->pass(stop, parts_->options.pass_limit);
          } catch (const std::exception&) {
            errors[i] = std::current_exception();
          }
        }
      });
    }
  }
  errors.push_back(too_slow);
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  const HandlersCounters after = parts_->counters();
  return {after.processed - before.processed, after.published - before.published,
          after.failed - before.failed, after.retried - before.retried};
}

void Handlers::run(const std::stop_token& stop) {
  parts_->begun = true;
  const HandlersOptions& options = parts_->options;
  jobs::Turns turns(static_cast<std::size_t>(options.domains_max), stop);
  bool answered = false;
  while (!stop.stop_requested()) {
    std::chrono::microseconds pause = look_for_types;
    const Moment begun = BootClock::now();
    try {
      std::exception_ptr too_slow;
      const std::vector<jobs::DomainWorker*> workers = parts_->refresh(too_slow);
      parts_->seat(workers, turns);
      if (too_slow) std::rethrow_exception(too_slow);
      answered = true;
      // Who waits for a turn is found by looking alone.
      if (workers.size() > static_cast<std::size_t>(options.domains_max))
        pause = std::min<std::chrono::microseconds>(pause, options.polling_interval);
    } catch (const Error& error) {
      if (!answered && error.kind() != ErrorKind::unreachable) throw;
      parts_->log.warn("aggregate types could not be looked for, trying again",
                       {{"error", error.what()}});
      pause = std::min<std::chrono::microseconds>(pause, options.pause_after_error);
    }
    const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(
        (BootClock::now() - begun) * rest_after_look);
    pause = std::max(pause, std::min(rest, rest_max));
    jobs::wait_or_stop(stop, pause);
  }
}

HandlersCounters Handlers::counters() const {
  return parts_->counters();
}

}  // namespace outbox
