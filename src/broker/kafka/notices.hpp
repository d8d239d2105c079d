// SPDX-License-Identifier: Apache-2.0
//
// What librdkafka has to say, kept for the log and held back where it repeats itself: a broker that
// is away makes it say the same several times a second (design, promise 5: log rates have limits).
//
// Thread-safety: one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace outbox::broker::kafka {

class Notices {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  /// Keeps `text` unless one of the same subject was taken within the last 10 s; those held back
  /// are counted and told with the next one. At most 50 subjects are told apart, the rest is one
  /// subject.
  void add(std::string_view subject, std::string text, Moment now);

  /// What was kept since the last call.
  [[nodiscard]] std::vector<std::string> take();

  /// The latest text of all, for the reason of an error that has none of its own.
  [[nodiscard]] const std::string& latest() const noexcept { return latest_; }

 private:
  struct Subject {
    Moment told{};
    std::uint64_t held_back = 0;
  };

  std::map<std::string, Subject, std::less<>> subjects_;
  std::vector<std::string> kept_;
  std::string latest_;
};

}  // namespace outbox::broker::kafka
