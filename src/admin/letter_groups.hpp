// SPDX-License-Identifier: Apache-2.0
//
// Counting dead letters by their causes, a few seconds at a time: a count goes on where it was,
// and what it came to is good for a while.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "admin/letter_scan.hpp"

namespace outbox::admin {

/// Letters with one cause.
struct LetterGroup {
  LetterSource source = LetterSource::relay;
  std::string store;
  std::string consumer;
  std::string topic;
  std::string cause;
  std::int64_t letters = 0;
  std::optional<std::int64_t> first_at_us;
  std::optional<std::int64_t> last_at_us;
  std::string example_id;
  std::string example_type;
  std::optional<std::string> example_key;
  std::string example_error;
};

/// One count, from the first letter to the last. Used by one thread.
class GroupCount {
 public:
  static constexpr std::size_t groups_max = 10'000;

  GroupCount(Office& office, const LetterFilter& filter)
      : access_(office), scan_(office.site(), access_, filter, {}) {}

  /// Counts until the deadline, or the end.
  void count(Moment deadline);
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  /// When it ended.
  [[nodiscard]] Moment ended_at() const noexcept { return ended_at_; }

  /// DeadLetters::groups()'s document of those that `filter` lets through.
  [[nodiscard]] Json document(const LetterFilter& filter) const;

 private:
  void add(const Letter& letter);

  OfficeAccess access_;
  LetterScan scan_;
  std::map<std::string, LetterGroup> groups_;
  std::int64_t other_ = 0;  ///< Letters of groups beyond groups_max.
  bool has_ended_ = false;
  Moment ended_at_{};
};

/// The counts of a process. Thread-safe.
class DeadLetters::Counts {
 public:
  Json groups(Office& office, const LetterFilter& filter);

  /// Something was replayed, changed or discarded.
  void forget();

 private:
  std::mutex mutex_;
  std::unique_ptr<GroupCount> under_way_;
  std::unique_ptr<GroupCount> latest_;  ///< The last one that came to its end.
  std::mutex stale_mutex_;
  bool is_stale_ = false;
};

}  // namespace outbox::admin
