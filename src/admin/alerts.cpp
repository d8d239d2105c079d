// SPDX-License-Identifier: Apache-2.0
#include "admin/alerts.hpp"

#include <fmt/format.h>

#include "admin/alert_memory.hpp"
#include "admin/alert_sender.hpp"
#include "core/clock.hpp"

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds look_interval{5};
constexpr std::chrono::minutes recent{5};
constexpr std::size_t detail_max = 300;
/// How long messages that no channel took yet are tried at the end.
constexpr std::chrono::seconds hand_over_time{3};

std::string cut(std::string detail) {
  if (detail.size() > detail_max) detail = clean_utf8(detail.substr(0, detail_max)) + "…";
  return detail;
}

}  // namespace

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

Alerts::Alerts(std::vector<AlertRule> rules, AlertSources sources, AlertChannels channels,
               Logger& logger)
    : sources_(std::move(sources)),
      logger_(logger),
      memory_(std::make_unique<LockedAlertMemory>(sources_.locks, sources_.host, logger)),
      states_(std::move(rules), *memory_) {
  for (std::size_t i = 0; i < states_.rules().size(); ++i)
    senders_.push_back(make_senders(i, channels));
  if (!states_.rules().empty()) {
    watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  }
}

Alerts::~Alerts() {
  watcher_.request_stop();
  if (watcher_.joinable()) watcher_.join();
  for (const auto& of_rule : senders_) {
    for (const auto& [channel, sender] : of_rule)
      sender->request_stop();
  }
  const Moment deadline = BootClock::now() + hand_over_time;
  for (const auto& of_rule : senders_) {
    for (const auto& [channel, sender] : of_rule)
      sender->wait_until(deadline);
  }
  cut_.request_stop();
  senders_.clear();
  // What nobody took is not remembered as told: whoever comes after us tells it.
  states_.remember_all();
}

Alerts::SendersOfRule Alerts::make_senders(std::size_t index, const AlertChannels& channels) {
  const AlertRule& rule = states_.rules()[index];
  SendersOfRule senders;
  const auto add = [&](AlertChannel channel, AlertSender::Send send) {
    senders.emplace(channel, std::make_unique<AlertSender>(
                                 rule.name + ", " + word_of(channel), std::move(send),
                                 AlertSender::Outcome{[this, index, channel](MessageKind kind) {
                                                        states_.taken(index, channel, kind,
                                                                      BootClock::now());
                                                        look_now();
                                                      },
                                                      [this, index](const std::string& error) {
                                                        states_.refused(index, error);
                                                      }},
                                 logger_));
  };
  if (!rule.webhook.empty()) {
    add(AlertChannel::webhook,
        [post = channels.post, url = rule.webhook](const std::string& body) { post(url, body); });
  }
  if (!rule.command.empty()) {
    add(AlertChannel::command, [run = channels.run, command = rule.command, cut = cut_.get_token()](
                                   const std::string& body) { run(command, body, cut); });
  }
  return senders;
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
      carry_out(i, states_.step(i, value, now, wall_clock_us()));
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, look_interval, [this] { return look_wanted_; });
    look_wanted_ = false;
  } while (!stop.stop_requested());
}

/// Channels are told the same as a rule, which the log then says once.
void Alerts::carry_out(std::size_t index, const std::vector<AlertOrder>& orders) {
  std::optional<MessageKind> logged;
  for (const AlertOrder& order : orders) {
    AlertSender& sender = *senders_[index].at(order.channel);
    if (!order.message) {
      sender.drop();
      continue;
    }
    const AlertMessage& message = *order.message;
    sender.send(message.kind, to_text(message_json(message, sources_.host, wall_clock_us())));
    if (std::exchange(logged, message.kind) == message.kind) continue;
    const bool is_over = message.kind == MessageKind::resolved;
    logger_.log(is_over ? LogLevel::info : LogLevel::warn, "alert",
                {{"alert", message.rule->name},
                 {"state", word_of(message.kind)},
                 {"value", message.value},
                 {"threshold", message.rule->above},
                 {"detail", message.detail}});
  }
}

void Alerts::look_now() {
  {
    const std::lock_guard lock(mutex_);
    look_wanted_ = true;
  }
  changed_.notify_all();
}

std::optional<AlertValue> Alerts::consumer_value(AlertFigure figure, Moment now) {
  const std::vector<ConsumerFigures> consumers = sources_.instance->consumers();
  if (consumers.empty()) return std::nullopt;  // Not begun yet, as a rule.
  if (figure == AlertFigure::consumer_lag) {
    AlertValue worst;
    for (const ConsumerFigures& consumer : consumers) {
      if (static_cast<double>(consumer.lag) <= worst.value) continue;
      worst = {static_cast<double>(consumer.lag), "consumer " + consumer.name, true};
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
