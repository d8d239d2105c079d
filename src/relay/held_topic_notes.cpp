// SPDX-License-Identifier: Apache-2.0
#include "relay/held_topic_notes.hpp"

#include <chrono>
#include <exception>

namespace outbox::relay {

namespace {

constexpr std::chrono::seconds repeat_interval{60};
constexpr std::size_t held_topics_max = 1000;

}  // namespace

bool HeldTopicNotes::notice(const Notice& notice) {
  const std::lock_guard lock(mutex_);
  if (notice.kind == NoticeKind::topic_open) return held_.erase(notice.subject) > 0;
  if (notice.kind != NoticeKind::topic_held) return false;
  if (held_.size() >= held_topics_max && !held_.contains(notice.subject)) return false;
  held_[notice.subject] = notice.detail.empty() ? "held" : notice.detail;
  return true;
}

void HeldTopicNotes::let_go() {
  const std::lock_guard lock(mutex_);
  held_.clear();
}

void HeldTopicNotes::write() {
  std::map<std::string, std::string> held;
  {
    const std::lock_guard lock(mutex_);
    held = held_;
  }
  if (held == written_ || !make_controls_) return;
  try {
    if (controls_ == nullptr) controls_ = make_controls_();
    for (auto entry = written_.begin(); entry != written_.end();) {
      if (held.contains(entry->first)) {
        ++entry;
        continue;
      }
      controls_->note_held_topic(entry->first, {});
      entry = written_.erase(entry);
    }
    for (const auto& [topic, reason] : held) {
      const auto before = written_.find(topic);
      if (before != written_.end() && before->second == reason) continue;
      controls_->note_held_topic(topic, reason);
      written_[topic] = reason;
    }
  } catch (const std::exception& error) {
    std::uint64_t suppressed = 0;
    if (!logger_.may_repeat("noting held topics", repeat_interval, suppressed)) return;
    logger_.info("held topics could not be noted in the store; relaying goes on",
                 {{"error", error.what()}});
  }
}

}  // namespace outbox::relay
