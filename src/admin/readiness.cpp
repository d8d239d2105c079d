// SPDX-License-Identifier: Apache-2.0
#include "admin/readiness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds kept_for{1};
/// What takes longer is told as it was before, for as long as a question may take.
constexpr std::chrono::milliseconds look_patience{900};
constexpr std::chrono::seconds broker_patience{4};
constexpr std::size_t wishes_max = 256;
/// Older ones are told with their age.
constexpr std::chrono::seconds news{2};

std::int64_t in_seconds(Duration time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return clean_utf8(text);
}

}  // namespace

Readiness::Readiness(Office& office) : office_(office) {
  const std::function<bool(StoreSeams&)> clock = [](StoreSeams& seams) {
    static_cast<void>(seams.diagnosis().clock_us());
    return true;
  };
  for (const StoreSite& store : office_.site().stores) {
    subjects_.push_back({"store " + store.name, [this, name = store.name, clock] {
                           return office_.begin<bool>(name, Pace::quick, clock);
                         }});
  }
  if (office_.site().has_broker) {
    subjects_.push_back({"broker", [this] {
                           return office_.begin_broker<bool>(Pace::quick, [](BrokerSeams& seams) {
                             static_cast<void>(seams.admin().cluster(broker_patience));
                             return true;
                           });
                         }});
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Readiness::~Readiness() = default;

void Readiness::ask(Answer answer) {
  std::vector<ReadyLine> lines;
  {
    const std::lock_guard lock(mutex_);
    const bool is_fresh = looked_at_ != Moment{} && BootClock::now() - looked_at_ < kept_for;
    if (!is_fresh && wishes_.size() < wishes_max) {
      wishes_.push_back(std::move(answer));
      wanted_.notify_all();
      return;
    }
    lines = lines_;
  }
  answer(lines);
}

void Readiness::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (wanted_.wait(lock, stop, [this] { return !wishes_.empty(); })) {
    lock.unlock();
    std::vector<ReadyLine> lines = look();
    lock.lock();
    lines_ = lines;
    looked_at_ = BootClock::now();
    const std::vector<Answer> wishes = std::exchange(wishes_, {});
    lock.unlock();
    for (const Answer& answer : wishes)
      answer(lines);
    lock.lock();
  }
  for (const Answer& answer : wishes_)
    answer({{"instance", "it stops", {}}});
}

std::vector<ReadyLine> Readiness::look() {
  const Moment begun = BootClock::now();
  const Moment deadline =
      begun + (std::exchange(has_looked_, true) ? Duration(look_patience)
                                                : Duration(office_.site().quick_timeout));
  for (Subject& subject : subjects_) {
    if (subject.pending) continue;
    subject.asked_at = begun;
    try {
      subject.pending = subject.begin();
    } catch (const std::exception& error) {
      subject.error = one_line(error.what());
      subject.answered_at = begun;
    }
  }
  for (Subject& subject : subjects_) {
    if (subject.pending && subject.pending->is_there_by(deadline)) settle(subject, deadline);
  }
  std::vector<ReadyLine> lines;
  for (const Subject& subject : subjects_)
    lines.push_back(line_of(subject, BootClock::now()));
  return lines;
}

void Readiness::settle(Subject& subject, Moment deadline) {
  subject.answered_at = BootClock::now();
  subject.error.clear();
  try {
    static_cast<void>(subject.pending->wait_until(deadline));
  } catch (const std::exception& error) {
    subject.error = one_line(error.what());
  }
  subject.pending.reset();
}

ReadyLine Readiness::line_of(const Subject& subject, Moment now) const {
  const Duration asked_for = subject.pending ? now - subject.asked_at : Duration::zero();
  if (subject.answered_at && asked_for < office_.site().quick_timeout) {
    return {subject.name, subject.error, now - *subject.answered_at};
  }
  return {subject.name, fmt::format("no answer for {} s", in_seconds(asked_for)), {}};
}

bool is_ready(const std::vector<ReadyLine>& lines) {
  return std::all_of(lines.begin(), lines.end(),
                     [](const ReadyLine& line) { return line.error.empty(); });
}

std::string readiness_text(const std::vector<ReadyLine>& lines, bool verbose, bool tells_why) {
  std::string text;
  for (const ReadyLine& line : lines) {
    if (!line.error.empty()) {
      text += fmt::format("[-]{} failed{}{}\n", line.subject, tells_why ? ": " : "",
                          tells_why ? line.error : "");
    } else if (verbose) {
      const std::string age =
          line.age < news ? "" : fmt::format(", {} s ago", in_seconds(line.age));
      text += fmt::format("[+]{} ok{}\n", line.subject, age);
    }
  }
  return text + (is_ready(lines) ? "ready\n" : "not ready\n");
}

}  // namespace outbox::admin
