// SPDX-License-Identifier: Apache-2.0
#include "app/rates.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "app/show_values.hpp"

namespace outbox::app {
namespace {

using admin::Json;
using Figures = std::map<std::string, double>;

std::string relay_name(const Json& store, const Json& relay) {
  return text_of(store, "name") + "\n" + text_of(relay, "name");
}

Figures pending_of(const Json& status) {
  Figures figures;
  for (const Json& store : list_of(status, "stores")) {
    for (const Json& relay : list_of(store, "relays")) {
      const Json& backlog = field(relay, "backlog");
      const auto pending = number_of(backlog, "pending");
      if (pending && is_true(backlog, "exact")) figures[relay_name(store, relay)] = *pending;
    }
  }
  return figures;
}

// Ends of consumed partitions are exact; the count of a topic's messages shrinks with retention.
Figures messages_of(const Json& topics) {
  Figures figures;
  for (const Json& topic : list_of(topics, "items")) {
    if (const auto messages = number_of(topic, "messages"))
      figures[text_of(topic, "name")] = *messages;
  }
  return figures;
}

Figures committed_of(const Json& status) {
  Figures figures;
  for (const Json& group : list_of(status, "consumers")) {
    double sum = 0;
    for (const Json& partition : list_of(group, "partitions"))
      sum += number_of(partition, "committed").value_or(0);
    figures[text_of(group, "group_id")] = sum;
  }
  return figures;
}

Figures lag_of(const Json& status) {
  Figures figures;
  for (const Json& group : list_of(status, "consumers")) {
    if (const auto lag = number_of(group, "lag")) figures[text_of(group, "group_id")] = *lag;
  }
  return figures;
}

class Rates {
 public:
  Rates(const std::optional<LookAround>& before, const LookAround& now)
      : before_(before), now_(now), seconds_(before ? now.at_seconds - before->at_seconds : 0) {}

  [[nodiscard]] Json document() const {
    return {{"at", admin::time_json(now_.at_us)},
            {"interval_seconds", seconds_ > 0 ? Json(seconds_) : Json()},
            {"relays", relays()},
            {"topics", topics()},
            {"consumers", consumers()}};
  }

 private:
  [[nodiscard]] Json rate(const Figures& before, const Figures& now,
                          const std::string& name) const {
    const auto then = before.find(name);
    const auto here = now.find(name);
    if (seconds_ <= 0 || then == before.end() || here == now.end()) return {};
    return (here->second - then->second) / seconds_;
  }

  // At this pace; null where it does not shrink.
  [[nodiscard]] static Json clear_in(const Json& amount, const Json& per_second) {
    if (!amount.is_number() || !per_second.is_number()) return {};
    const double pace = per_second.get<double>();
    if (amount.get<double>() <= 0 || pace >= 0) return {};
    return amount.get<double>() / -pace;
  }

  [[nodiscard]] Json relays() const {
    const Figures then = before_ ? pending_of(before_->status) : Figures();
    const Figures here = pending_of(now_.status);
    Json list = Json::array();
    for (const Json& store : list_of(now_.status, "stores")) {
      for (const Json& relay : list_of(store, "relays")) {
        const Json& backlog = field(relay, "backlog");
        const Json change = rate(then, here, relay_name(store, relay));
        list.push_back({{"store", field(store, "name")},
                        {"name", field(relay, "name")},
                        {"paused", is_true(relay, "paused")},
                        {"pending", field(backlog, "pending")},
                        {"exact", is_true(backlog, "exact")},
                        {"pending_per_second", change},
                        {"clear_in_seconds", clear_in(field(backlog, "pending"), change)},
                        {"oldest_pending_age_ms", field(backlog, "oldest_pending_age_ms")},
                        {"retrying", field(backlog, "retrying")},
                        {"dead", field(backlog, "dead")}});
      }
    }
    return list;
  }

  [[nodiscard]] Json topics() const {
    const Figures then = before_ ? messages_of(before_->topics) : Figures();
    const Figures here = messages_of(now_.topics);
    Json list = Json::array();
    for (const Json& topic : list_of(now_.topics, "items")) {
      Json change = rate(then, here, text_of(topic, "name"));
      if (change.is_number()) change = std::max(0.0, change.get<double>());
      list.push_back({{"name", field(topic, "name")},
                      {"per_second", std::move(change)},
                      {"messages", field(topic, "messages")},
                      {"error", field(topic, "error")}});
    }
    return list;
  }

  [[nodiscard]] Json consumers() const {
    const Figures lag_then = before_ ? lag_of(before_->status) : Figures();
    const Figures lag_here = lag_of(now_.status);
    const Figures then = before_ ? committed_of(before_->status) : Figures();
    const Figures here = committed_of(now_.status);
    Json list = Json::array();
    for (const Json& group : list_of(now_.status, "consumers")) {
      const std::string name = text_of(group, "group_id");
      const Json lag_change = rate(lag_then, lag_here, name);
      list.push_back({{"group_id", field(group, "group_id")},
                      {"state", field(group, "state")},
                      {"paused", is_true(group, "paused")},
                      {"lag", field(group, "lag")},
                      {"lag_per_second", lag_change},
                      {"handled_per_second", rate(then, here, name)},
                      {"clear_in_seconds", clear_in(field(group, "lag"), lag_change)}});
    }
    return list;
  }

  const std::optional<LookAround>& before_;
  const LookAround& now_;
  const double seconds_;
};

}  // namespace

Json rates_between(const std::optional<LookAround>& before, const LookAround& now) {
  return Rates(before, now).document();
}

bool may_lead_to(std::string_view pattern, std::string_view topic) {
  const std::size_t open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == topic;
  const std::string_view begin = pattern.substr(0, open);
  const std::size_t last = pattern.rfind('}');
  const std::string_view end =
      last == std::string_view::npos ? std::string_view() : pattern.substr(last + 1);
  return topic.size() > begin.size() + end.size() && topic.starts_with(begin) &&
         topic.ends_with(end) && begin.size() + end.size() > 0;
}

}  // namespace outbox::app
