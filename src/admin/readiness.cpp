// SPDX-License-Identifier: Apache-2.0
#include "admin/readiness.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds kept_for{1};

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return clean_utf8(text);
}

}  // namespace

std::vector<ReadyLine> Readiness::look() {
  const std::lock_guard lock(mutex_);  // Who comes meanwhile wants the same answer.
  if (looked_at_ == Moment{} || BootClock::now() - looked_at_ > kept_for) {
    lines_ = ask();
    looked_at_ = BootClock::now();
  }
  return lines_;
}

std::vector<ReadyLine> Readiness::ask() {
  std::vector<ReadyLine> lines;
  const std::function<std::int64_t(StoreSeams&)> clock = [](StoreSeams& seams) {
    return seams.diagnosis().clock_us();
  };
  std::vector<const StoreSite*> stores;  // May be none.
  for (const StoreSite& store : office_.site().stores)
    stores.push_back(&store);
  for (const auto& told : office_.ask_all(stores, Pace::quick, clock))
    lines.push_back({"store " + told.store->name, told.answer ? "" : one_line(told.error)});
  if (!office_.site().has_broker) return lines;
  ReadyLine broker{"broker", {}};
  try {
    constexpr std::chrono::seconds patience{4};
    (void)office_.ask_broker<broker::ClusterView>(
        Pace::quick, [patience](BrokerSeams& seams) { return seams.admin().cluster(patience); });
  } catch (const std::exception& error) {
    broker.error = one_line(error.what());
  }
  lines.push_back(std::move(broker));
  return lines;
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
      text += fmt::format("[+]{} ok\n", line.subject);
    }
  }
  return text + (is_ready(lines) ? "ready\n" : "not ready\n");
}

}  // namespace outbox::admin
