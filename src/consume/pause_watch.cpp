// SPDX-License-Identifier: Apache-2.0
#include "consume/pause_watch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <outbox/error.hpp>

namespace outbox::consume {

namespace {

constexpr std::chrono::seconds look_interval{3};
constexpr std::chrono::milliseconds first_look_retry{250};
constexpr std::chrono::seconds first_look_max{30};
constexpr std::chrono::minutes repeat_interval{5};

}  // namespace

PauseWatch::PauseWatch(MakeControls make_controls, std::string group_id, Logger& log)
    : make_controls_(std::move(make_controls)), group_id_(std::move(group_id)), log_(log) {
  if (!make_controls_) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

void PauseWatch::wait_for_first_look(const std::stop_token& stop) {
  if (!make_controls_) return;
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, stop, first_look_max, [this] { return looked_; })) return;
  if (stop.stop_requested()) return;
  log_.warn("whether this consumer is paused cannot be told; it begins all the same",
            {{"group", group_id_}});
}

void PauseWatch::set_listener(std::function<void()> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

void PauseWatch::watch(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const bool answered = look();
    std::unique_lock lock(mutex_);
    looked_ = looked_ || answered;
    if (looked_) changed_.notify_all();
    const auto rest = looked_ ? std::chrono::milliseconds(look_interval) : first_look_retry;
    changed_.wait_for(lock, stop, rest, [] { return false; });
  }
}

// A schema without pauses is an answer too.
bool PauseWatch::look() {
  try {
    if (controls_ == nullptr) controls_ = make_controls_();
    const std::vector<store::Pause> pauses = controls_->pauses();
    const auto mine = std::find_if(pauses.begin(), pauses.end(), [this](const auto& pause) {
      return pause.kind == store::PauseKind::consumer && pause.name == group_id_;
    });
    take(mine == pauses.end() ? std::nullopt : std::optional(*mine));
    return true;
  } catch (const Error& error) {
    tell(error.what());
    return error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::configuration;
  } catch (const std::exception& error) {
    tell(error.what());
    return false;
  }
}

void PauseWatch::tell(const char* reason) {
  std::uint64_t suppressed = 0;
  if (!log_.may_repeat("looking for pauses", repeat_interval, suppressed)) return;
  log_.info("whether this consumer is paused cannot be told; what was known last stands",
            {{"group", group_id_}, {"paused", paused_ ? "yes" : "no"}, {"reason", reason}});
}

void PauseWatch::take(const std::optional<store::Pause>& pause) {
  if (pause.has_value() == paused_) return;
  paused_ = pause.has_value();
  if (pause) {
    log_.warn("consumer paused, its events wait",
              {{"group", group_id_}, {"who", pause->who}, {"reason", pause->reason}});
  } else {
    log_.info("consumer resumed", {{"group", group_id_}});
  }
  const std::lock_guard lock(mutex_);
  if (listener_) listener_();
}

}  // namespace outbox::consume
