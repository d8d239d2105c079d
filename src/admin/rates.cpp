// SPDX-License-Identifier: Apache-2.0
#include "admin/rates.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "core/clock.hpp"

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds window{5};

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "";
  return name.data();
}

double per_second(double count, Duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  return std::round(std::max(count, 0.0) / seconds * 10) / 10;
}

/// All that waits in the stores; none where a store is down or was not counted to the end.
std::optional<std::int64_t> pending_of(const Json& status, bool& is_alone) {
  std::int64_t sum = 0;
  for (const Json& store : status.at("stores")) {
    if (store.value("state", "") != "up") return std::nullopt;
    for (const Json& relay : store.at("relays")) {
      const Json& backlog = relay.at("backlog");
      if (!backlog.at("exact").get<bool>()) return std::nullopt;
      sum += backlog.at("pending").get<std::int64_t>();
      const auto& members = relay.at("members");
      const auto live = std::count_if(members.begin(), members.end(), [](const Json& member) {
        return member.at("live").get<bool>();
      });
      is_alone = is_alone && live <= 1;
    }
  }
  return sum;
}

}  // namespace

Json instance_json(const Instance& instance) {
  const std::int64_t started_at = instance.started_at_us();
  return {
      {"id", instance.id()},
      {"host", text_json(host_name())},
      {"pid", getpid()},
      {"started_at", time_json(started_at)},
      {"uptime_seconds", std::round(static_cast<double>(wall_clock_us() - started_at) / 1e5) / 10}};
}

Json RateMeter::measure(const Instance& instance, const Json& status, Moment now) {
  Sample sample{.at = now, .pending = {}};
  for (const RelayFigures& relay : instance.relays())
    sample.published += relay.acknowledged;
  for (const ConsumerFigures& consumer : instance.consumers())
    sample.handled += consumer.handled;
  sample.pending = pending_of(status, sample.is_alone);
  while (samples_.size() > 1 && now - samples_.front().at > window)
    samples_.pop_front();
  samples_.push_back(sample);
  const Sample& before = samples_.front();
  const Duration time = now - before.at;
  if (time < std::chrono::milliseconds(200)) return nullptr;
  // A relay that was stopped takes its figures along.
  const auto grown = [](std::uint64_t to, std::uint64_t from) {
    return to >= from ? static_cast<double>(to - from) : 0.0;
  };
  const double published = grown(sample.published, before.published);
  Json written = nullptr;
  if (sample.pending && before.pending && sample.is_alone && before.is_alone) {
    written = per_second(published + static_cast<double>(*sample.pending - *before.pending), time);
  }
  return {{"written_per_second", std::move(written)},
          {"published_per_second", per_second(published, time)},
          {"handled_per_second", per_second(grown(sample.handled, before.handled), time)}};
}

}  // namespace outbox::admin
