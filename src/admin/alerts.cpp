// SPDX-License-Identifier: Apache-2.0
#include "admin/alerts.hpp"

#include <algorithm>
#include <exception>
#include <set>

#include <fmt/format.h>

#include <outbox/uuid.hpp>

#include "core/backoff.hpp"
#include "core/clock.hpp"

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds look_interval{5};
constexpr std::chrono::minutes recent{5};
constexpr std::chrono::seconds lead_ttl{20};
constexpr std::chrono::seconds try_again_after{15};
constexpr std::chrono::milliseconds probe_ttl{1'000};
constexpr Backoff sending_backoff{Backoff::Kind::exponential, std::chrono::milliseconds{1'000},
                                  std::chrono::milliseconds{60'000}, 0};
constexpr int attempts_max = 10;
constexpr std::size_t detail_max = 300;
constexpr const char* lead_lock = "outboxd_alerts";

/// The same for all instances: it says that somebody told it, whoever that was.
Uuid token_of(const std::string& name) {
  Uuid token;
  std::uint64_t hash = 14695981039346656037U;
  for (std::size_t i = 0; i < token.bytes.size(); ++i) {
    for (const char letter : name)
      hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211U;
    token.bytes[i] = static_cast<std::uint8_t>(hash >> 32U);
  }
  return token;
}

std::string cut(std::string detail) {
  if (detail.size() > detail_max) detail = clean_utf8(detail.substr(0, detail_max)) + "…";
  return detail;
}

void append(std::string& list, const std::string& entry) {
  if (list.size() > detail_max) return;
  if (!list.empty()) list += ", ";
  list += entry;
}

/// The sum over all stores that answered, and which of them have any.
template <class Of>
std::optional<AlertValue> sum_of(const Samples& samples, Of of) {
  AlertValue sum;
  bool any = false;
  for (const StoreSample& store : samples.stores) {
    if (!store.answered) continue;
    any = true;
    const auto value = static_cast<double>(of(store));
    sum.value += value;
    if (value > 0) append(sum.detail, fmt::format("store {}: {}", store.store, value));
  }
  return any ? std::optional(std::move(sum)) : std::nullopt;
}

AlertValue oldest_pending(const Samples& samples) {
  AlertValue oldest;
  for (const StoreSample& store : samples.stores) {
    if (!store.backlog.oldest_pending_age) continue;
    const double seconds = static_cast<double>(store.backlog.oldest_pending_age->count()) / 1000;
    if (seconds <= oldest.value) continue;
    oldest = {seconds, "store " + store.store};
  }
  return oldest;
}

AlertValue worst_slot(const Samples& samples) {
  AlertValue worst;
  for (const StoreSample& store : samples.stores) {
    for (const store::ReplicationSlot& slot : store.slots) {
      const auto bytes = static_cast<double>(slot.retained_bytes);
      if (bytes <= worst.value) continue;
      worst = {bytes, fmt::format("store {}, slot {} ({})", store.store, slot.name,
                                  slot.active ? "active" : "inactive")};
    }
  }
  return worst;
}

std::optional<AlertValue> stores_down(const Samples& samples) {
  if (samples.stores.empty()) return std::nullopt;
  AlertValue down;
  for (const StoreSample& store : samples.stores) {
    if (store.answered) continue;
    down.value += 1;
    append(down.detail, fmt::format("{}: {}", store.store, store.error));
  }
  return down;
}

AlertValue held_topics(const Samples& samples, const std::vector<RelayFigures>& relays) {
  std::set<std::string> held;
  for (const StoreSample& store : samples.stores) {
    for (const std::string& topic : store.held_topics)
      held.insert(store.store + ": " + topic);
  }
  for (const RelayFigures& relay : relays) {
    for (const std::string& topic : relay.held_topics)
      held.insert(relay.store + ": " + topic);
  }
  AlertValue value{static_cast<double>(held.size()), {}};
  for (const std::string& topic : held)
    append(value.detail, topic);
  return value;
}

}  // namespace

std::optional<AlertValue> value_of(AlertFigure figure, const Samples& samples,
                                   const std::vector<RelayFigures>& relays) {
  const bool any_answered = std::any_of(samples.stores.begin(), samples.stores.end(),
                                        [](const StoreSample& store) { return store.answered; });
  switch (figure) {
    case AlertFigure::failed_events:
      return sum_of(samples, [](const StoreSample& store) { return store.backlog.retrying; });
    case AlertFigure::dead_letters:
      return sum_of(samples, [](const StoreSample& store) { return store.backlog.dead; });
    case AlertFigure::pending:
      return sum_of(samples, [](const StoreSample& store) { return store.backlog.pending; });
    case AlertFigure::oldest_pending_seconds:
      return any_answered ? std::optional(oldest_pending(samples)) : std::nullopt;
    case AlertFigure::replication_slot_bytes:
      return any_answered ? std::optional(worst_slot(samples)) : std::nullopt;
    case AlertFigure::store_down:
      return stores_down(samples);
    case AlertFigure::broker_down:
      if (!samples.broker) return std::nullopt;
      return AlertValue{samples.broker->answered ? 0.0 : 1.0, samples.broker->error};
    case AlertFigure::held_topics:
      return held_topics(samples, relays);
    case AlertFigure::consumer_lag:
    case AlertFigure::consumer_dead_letters:
      break;
  }
  return std::nullopt;
}

Json message_json(const AlertMessage& message, const std::string& host, std::int64_t now_us) {
  const AlertRule& rule = *message.rule;
  const bool over = message.kind == MessageKind::resolved;
  Json json;
  json["alert"] = rule.name;
  json["state"] = word_of(message.kind);
  json["when"] = word_of(rule.when);
  json["value"] = message.value;
  json["threshold"] = rule.above;
  json["detail"] = text_json(cut(message.detail));
  json["since_at"] = message.since_us == 0 ? Json() : time_json(message.since_us);
  json["sent_at"] = time_json(now_us);
  json["host"] = text_json(host);
  const std::string where = message.detail.empty() ? "" : " (" + cut(message.detail) + ")";
  json["text"] =
      text_json(fmt::format("outboxd {}: {} is {}, {} {}{}", rule.name, word_of(rule.when),
                            message.value, over ? "no longer above" : "above", rule.above, where));
  return json;
}

/// What was told stands in the locks of a store: one lock a rule, held by a token that all
/// instances share, for as long as the rule fires. While the store is away each instance tells by
/// itself: better twice than never.
class Alerts::StoreMemory : public AlertMemory {
 public:
  StoreMemory(std::function<std::unique_ptr<store::Locks>()> make_locks, std::string host,
              Logger& logger)
      : make_locks_(std::move(make_locks)),
        host_(std::move(host)),
        logger_(logger),
        token_(random_uuid()) {}

  ~StoreMemory() override {
    if (leads_) {
      ask(false, [&](store::Locks& locks) { return locks.release(lead_lock, token_); });
    }
  }

  /// Asked for at the beginning of each look.
  void renew_lead() {
    leads_ = ask(true, [&](store::Locks& locks) {
      return locks.acquire(lead_lock, token_, lead_ttl).has_value();
    });
  }

  bool leads() override { return leads_; }

  bool remember(const AlertRule& rule, std::chrono::milliseconds how_long) override {
    const std::string lock = lock_of(rule);
    const Uuid told = token_of(lock);
    return ask(true, [&](store::Locks& locks) {
      // Held by the common token: it was told. A renewal would not say so, hence another one.
      const bool is_news = locks.acquire(lock, token_, probe_ttl).has_value();
      if (is_news) locks.release(lock, token_);
      locks.acquire(lock, told, how_long);
      return is_news;
    });
  }

  bool forget(const AlertRule& rule) override {
    const std::string lock = lock_of(rule);
    return ask(false, [&](store::Locks& locks) { return locks.release(lock, token_of(lock)); });
  }

 private:
  [[nodiscard]] std::string lock_of(const AlertRule& rule) const {
    const std::string name = "outboxd_alert:" + rule.name;
    return is_common(rule.when) ? name : name + "@" + host_;
  }

  bool ask(bool otherwise, const std::function<bool(store::Locks&)>& question) {
    if (!make_locks_ || BootClock::now() < ask_at_) return otherwise;
    try {
      if (locks_ == nullptr) locks_ = make_locks_();
      return question(*locks_);
    } catch (const std::exception& error) {
      locks_.reset();
      ask_at_ = BootClock::now() + try_again_after;
      logger_.debug("what was alerted could not be remembered", {{"error", error.what()}});
      return otherwise;
    }
  }

  const std::function<std::unique_ptr<store::Locks>()> make_locks_;
  const std::string host_;
  Logger& logger_;
  const Uuid token_;
  std::unique_ptr<store::Locks> locks_;
  Moment ask_at_;
  bool leads_ = false;
};

/// Sends the newest message of one rule, again and again until it is taken; a newer one takes the
/// place of one that waits.
class Alerts::Sender {
 public:
  Sender(AlertRule rule, AlertChannels channels, Logger& logger,
         std::function<void(const std::string&)> note)
      : rule_(std::move(rule)),
        channels_(std::move(channels)),
        logger_(logger),
        note_(std::move(note)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  void send(std::string body) {
    {
      const std::lock_guard lock(mutex_);
      body_ = std::move(body);
    }
    changed_.notify_all();
  }

 private:
  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return body_.has_value(); })) {
      const std::string body = std::move(*body_);
      body_.reset();
      lock.unlock();
      bool to_webhook = !rule_.webhook.empty();
      bool to_command = !rule_.command.empty();
      for (int attempt = 1; !stop.stop_requested(); ++attempt) {
        const std::string error = try_once(body, to_webhook, to_command);
        if (error.empty() || attempt == attempts_max) {
          note_(error);
          if (!error.empty()) {
            logger_.error("an alert could not be sent",
                          {{"alert", rule_.name}, {"error", error}, {"message", body}});
          }
          break;
        }
        logger_.warn("an alert was not taken, it is sent again",
                     {{"alert", rule_.name}, {"error", error}, {"attempt", attempt}});
        std::unique_lock waiting(mutex_);
        const auto pause = sending_backoff.delay(attempt, 0);
        if (changed_.wait_for(waiting, stop, pause, [this] { return body_.has_value(); })) break;
      }
      lock.lock();
    }
  }

  /// Clears what took it; the error of what did not.
  std::string try_once(const std::string& body, bool& to_webhook, bool& to_command) const {
    std::string failed;
    try {
      if (to_webhook) channels_.post(rule_.webhook, body);
      to_webhook = false;
    } catch (const std::exception& error) {
      failed = error.what();
    }
    try {
      if (to_command) channels_.run(rule_.command, body);
      to_command = false;
    } catch (const std::exception& error) {
      failed = error.what();
    }
    return failed;
  }

  const AlertRule rule_;
  const AlertChannels channels_;
  Logger& logger_;
  const std::function<void(const std::string&)> note_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<std::string> body_;
  std::jthread thread_;
};

Alerts::Alerts(std::vector<AlertRule> rules, AlertSources sources, AlertChannels channels,
               Logger& logger)
    : sources_(std::move(sources)),
      logger_(logger),
      memory_(std::make_unique<StoreMemory>(sources_.locks, sources_.host, logger)),
      states_(std::move(rules), *memory_) {
  for (std::size_t i = 0; i < states_.rules().size(); ++i) {
    senders_.push_back(
        std::make_unique<Sender>(states_.rules()[i], channels, logger_,
                                 [this, i](const std::string& error) { states_.note(i, error); }));
  }
  if (!states_.rules().empty()) {
    watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  }
}

Alerts::~Alerts() {
  watcher_.request_stop();
  if (watcher_.joinable()) watcher_.join();
}

void Alerts::watch(const std::stop_token& stop) {
  do {
    memory_->renew_lead();
    const Samples samples = sources_.samples();
    const std::vector<RelayFigures> relays = sources_.instance->relays();
    const Moment now = BootClock::now();
    for (std::size_t i = 0; i < states_.rules().size(); ++i) {
      const AlertFigure figure = states_.rules()[i].when;
      const std::optional<AlertValue> value =
          is_common(figure) ? value_of(figure, samples, relays) : consumer_value(figure, now);
      const auto message = states_.step(i, value, now, wall_clock_us());
      if (!message) continue;
      logger_.warn("alert", {{"alert", message->rule->name},
                             {"state", word_of(message->kind)},
                             {"value", message->value},
                             {"threshold", message->rule->above},
                             {"detail", message->detail}});
      senders_[i]->send(to_text(message_json(*message, sources_.host, wall_clock_us())));
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, look_interval, [&] { return stop.stop_requested(); });
  } while (!stop.stop_requested());
}

std::optional<AlertValue> Alerts::consumer_value(AlertFigure figure, Moment now) {
  const std::vector<ConsumerFigures> consumers = sources_.instance->consumers();
  if (figure == AlertFigure::consumer_lag) {
    AlertValue worst;
    for (const ConsumerFigures& consumer : consumers) {
      if (static_cast<double>(consumer.lag) <= worst.value) continue;
      worst = {static_cast<double>(consumer.lag), "consumer " + consumer.name};
    }
    return worst;
  }
  std::uint64_t total = 0;
  for (const ConsumerFigures& consumer : consumers)
    total += consumer.dead_lettered;
  if (has_looked_ && total > consumer_dead_letters_) {
    new_consumer_dead_letters_.emplace_back(now, total - consumer_dead_letters_);
  }
  has_looked_ = true;
  consumer_dead_letters_ = total;
  AlertValue sum;
  while (!new_consumer_dead_letters_.empty() &&
         now - new_consumer_dead_letters_.front().first > recent) {
    new_consumer_dead_letters_.pop_front();
  }
  for (const auto& [at, letters] : new_consumer_dead_letters_)
    sum.value += static_cast<double>(letters);
  return sum;
}

std::vector<AlertFigures> Alerts::figures() const {
  return states_.figures();
}

Json Alerts::document() const {
  Json items = Json::array();
  for (const AlertFigures& alert : figures()) {
    Json item;
    item["name"] = alert.name;
    item["when"] = alert.when;
    item["state"] = word_of(alert.state);
    item["value"] = alert.value ? Json(*alert.value) : Json();
    item["detail"] = text_or_null(std::string_view(alert.detail));
    item["threshold"] = alert.threshold;
    item["since_at"] = time_json(alert.since_us);
    item["error"] = text_or_null(std::string_view(alert.error));
    items.push_back(std::move(item));
  }
  Json document;
  document["items"] = std::move(items);
  return document;
}

}  // namespace outbox::admin
