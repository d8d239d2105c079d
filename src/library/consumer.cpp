// SPDX-License-Identifier: Apache-2.0
#include <outbox/consumer.hpp>

#include <mutex>
#include <optional>
#include <outbox/error.hpp>
#include <utility>

#include "consume/runtime.hpp"
#include "core/log.hpp"
#include "library/connections.hpp"
#include "library/guarded_transaction.hpp"
#include "library/transaction_mariadb.hpp"
#include "library/transaction_postgres.hpp"
#include "library/transaction_sqlite.hpp"

namespace outbox {

namespace {

consume::AttemptPolicy attempt_policy(const RetryPolicy& policy) {
  if (policy.max_attempts < 1) {
    throw Error(ErrorKind::configuration, "RetryPolicy::max_attempts is below 1",
                "1 means no retry");
  }
  if (policy.initial.count() < 0 || policy.max < policy.initial || policy.jitter < 0 ||
      policy.jitter > 1) {
    throw Error(ErrorKind::configuration, "a RetryPolicy's waiting times make no sense",
                "initial from 0, max at least initial, jitter from 0 to 1");
  }
  consume::AttemptPolicy made;
  made.attempts_max = policy.max_attempts;
  made.backoff = {Backoff::Kind::exponential, policy.initial, policy.max, policy.jitter};
  return made;
}

Dialect dialect_of(config::DatabaseKind kind) {
  if (kind == config::DatabaseKind::sqlite) return Dialect::sqlite;
  return kind == config::DatabaseKind::mariadb ? Dialect::mariadb : Dialect::postgres;
}

// Calls `work` with the public face of the inbox's transaction.
template <class Work>
void with_public_transaction(Dialect dialect, store::InboxTransaction& inbox,
                             const PublishOptions& publish, const Work& work) {
  if (dialect == Dialect::sqlite) {
    library::SqliteTransaction transaction(inbox.sqlite(), publish);
    work(transaction);
    return;
  }
  if (dialect == Dialect::mariadb) {
    // A connection that broke is the inbox's to close, with its next statement.
    library::MariadbTransaction transaction(
        {.native = [&inbox] { return inbox.mariadb(); }, .lost = [] {}}, publish);
    work(transaction);
    return;
  }
  library::PostgresTransaction transaction(
      {[&inbox](std::string_view sql, std::span<const std::optional<std::string>> parameters) {
         return inbox.execute(sql, parameters);
       },
       [&inbox] { return inbox.postgres(); }},
      publish);
  work(transaction);
}

}  // namespace

class Consumer::Parts {
 public:
  explicit Parts(ConsumerOptions given)
      : options(std::move(given)),
        place(library::find_database(options.database_url, "ConsumerOptions::database_url")),
        broker(library::make_broker(options.kafka)),
        log(library::log_level_of(options.log_level, "ConsumerOptions::log_level")) {
    if (options.consumer_name.empty()) options.consumer_name = options.group_id;
    if (options.delay_topic.empty()) options.delay_topic = options.group_id + ".retry";
    policies.push_back(attempt_policy(options.retry));
    require(!options.group_id.empty(), "group_id is not set");
    require(!options.topics.empty(), "topics is empty");
    require(options.batch_size >= 1, "batch_size is below 1");
    require(options.workers >= 1, "workers is below 1");
    require(!options.dead_letter_topic.empty(), "dead_letter_topic is empty");
    require(options.offset_reset == "earliest" || options.offset_reset == "latest" ||
                options.offset_reset == "error",
            "offset_reset is none of earliest, latest and error");
  }

  static void require(bool holds, const std::string& what) {
    if (!holds) throw Error(ErrorKind::configuration, "ConsumerOptions::" + what);
  }

  void add(const std::vector<std::string>& types, BatchHandler handler, bool batch) {
    const auto entry = std::make_shared<const consume::EventHandler>(consume::EventHandler{
        [this, handler = std::move(handler)](std::span<const ReceivedEvent> events,
                                             store::InboxTransaction& inbox) {
          with_public_transaction(
              guarded.dialect(), inbox, options.publish, [&](Transaction& inner) {
                guarded.with(inner,
                             [&](Transaction& transaction) { handler(events, transaction); });
              });
        },
        batch});
    if (types.empty()) handlers.add_for_others(entry);
    for (const std::string& type : types)
      handlers.add(type, entry);
  }

  [[nodiscard]] std::size_t policy_of(const std::exception& error) const {
    for (std::size_t i = 0; i < matches.size(); ++i) {
      if (matches[i](error)) return i + 1;
    }
    return 0;
  }

  [[nodiscard]] consume::RuntimeOptions runtime_options() const {
    consume::RuntimeOptions made;
    made.group_id = options.group_id;
    made.instance_id = options.instance_id;
    made.topics = options.topics;
    made.offset_reset = options.offset_reset;
    made.dead_letter_topic = options.dead_letter_topic;
    made.delay_topic = options.delay_topic;
    made.claim_key = options.inbox_key == InboxKey::event_id ? consume::ClaimKey::event_id
                                                             : consume::ClaimKey::aggregate_version;
    made.dead_letter_unknown = options.unknown_events == UnknownEvents::dead_letter;
    made.workers = options.workers;
    made.work.batch_size = static_cast<std::size_t>(options.batch_size);
    made.work.ordered = options.ordered;
    made.work.policies = policies;
    made.in_hand_bytes_max = options.in_hand_bytes_max;
    made.policy_of = [this](const std::exception& error) { return policy_of(error); };
    made.after_commit = after_commit;
    return made;
  }

  std::shared_ptr<consume::Runtime> make_runtime() {
    store::HomeOptions store_options;
    store_options.consumer_name = options.consumer_name;
    store_options.member_name = options.group_id;
    const auto made =
        std::make_shared<consume::Runtime>(library::make_store(place, std::move(store_options)),
                                           broker, runtime_options(), handlers, log);
    const std::lock_guard lock(mutex);
    runtime = made;
    return made;
  }

  ConsumerOptions options;
  const library::DatabasePlace place;
  const broker::Home broker;
  Logger log;
  library::GuardedTransactions guarded{dialect_of(place.kind)};
  consume::Handlers handlers;
  std::vector<consume::AttemptPolicy> policies;
  std::vector<Matches> matches;
  std::function<void(std::span<const ReceivedEvent>)> after_commit;
  std::mutex mutex;
  std::shared_ptr<consume::Runtime> runtime;  ///< Of the last run.
};

Consumer::Consumer(ConsumerOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}

Consumer::~Consumer() = default;

Consumer& Consumer::on(std::string event_type, Handler handler) {
  if (event_type.empty()) throw Error(ErrorKind::usage, "on(): the event type is empty");
  parts_->add(
      {std::move(event_type)},
      [handler = std::move(handler)](std::span<const ReceivedEvent> events,
                                     Transaction& transaction) {
        for (const ReceivedEvent& event : events)
          handler(event, transaction);
      },
      false);
  return *this;
}

Consumer& Consumer::on_batch(std::vector<std::string> event_types, BatchHandler handler) {
  if (event_types.empty()) throw Error(ErrorKind::usage, "on_batch(): no event type is given");
  parts_->add(event_types, std::move(handler), true);
  return *this;
}

Consumer& Consumer::on_any(Handler handler) {
  parts_->add(
      {},
      [handler = std::move(handler)](std::span<const ReceivedEvent> events,
                                     Transaction& transaction) {
        for (const ReceivedEvent& event : events)
          handler(event, transaction);
      },
      false);
  return *this;
}

Consumer& Consumer::on_any_batch(BatchHandler handler) {
  parts_->add({}, std::move(handler), true);
  return *this;
}

Consumer& Consumer::retry_where(Matches matches, RetryPolicy policy) {
  parts_->policies.push_back(attempt_policy(policy));
  parts_->matches.push_back(std::move(matches));
  return *this;
}

Consumer& Consumer::on_commit(std::function<void(std::span<const ReceivedEvent>)> hook) {
  parts_->after_commit = std::move(hook);
  return *this;
}

void Consumer::run(std::stop_token stop) {
  parts_->make_runtime()->run(stop);
}

ConsumerCounters Consumer::counters() const {
  const std::lock_guard lock(parts_->mutex);
  if (parts_->runtime == nullptr) return {};
  const consume::Counts& counts = parts_->runtime->counts();
  return {counts.handled, counts.duplicates, counts.ignored, counts.failures,  counts.dead_lettered,
          counts.delayed, counts.rebalances, counts.lag,     counts.working_us};
}

}  // namespace outbox
