// SPDX-License-Identifier: Apache-2.0
//
// Whether the stores and the brokers answer, for `/readyz`. They are asked on a thread of its own
// while somebody wants to know; who does gets what they answered last, however long one of them
// takes now.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "admin/office.hpp"
#include "core/clock.hpp"

namespace outbox::admin {

struct ReadyLine {
  std::string subject;  ///< `store global`, `broker`
  std::string error;    ///< Empty: it answers.
  Duration age{};       ///< Since that was found out.
};

/// Thread-safety: any thread.
class Readiness {
 public:
  using Answer = std::function<void(const std::vector<ReadyLine>& lines)>;

  /// Borrows the office.
  explicit Readiness(Office& office);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  /// Calls `answer` with a line for each store and the brokers, in order: at once, or from the
  /// thread here within a second (five the first time). They are asked at most once a second,
  /// however many want to know: those who ask need no token.
  void ask(Answer answer);

 private:
  struct Subject {
    std::string name;
    std::function<PendingAnswer<bool>()> begin;
    std::optional<PendingAnswer<bool>> pending = {};
    Moment asked_at{};
    std::string error = {};
    std::optional<Moment> answered_at = {};
  };

  void run(const std::stop_token& stop);
  [[nodiscard]] std::vector<ReadyLine> look();
  static void settle(Subject& subject, Moment deadline);
  [[nodiscard]] ReadyLine line_of(const Subject& subject, Moment now) const;

  Office& office_;
  std::vector<Subject> subjects_;  // The thread's alone.
  bool has_looked_ = false;        // The same.
  std::mutex mutex_;
  std::condition_variable_any wanted_;
  std::vector<Answer> wishes_;
  std::vector<ReadyLine> lines_;
  Moment looked_at_{};
  std::jthread thread_;  // Last: it uses all of it.
};

/// `[+]store global ok` lines and a verdict, as Kubernetes has them. Why something failed is told
/// where `tells_why`, since it may name hosts.
[[nodiscard]] std::string readiness_text(const std::vector<ReadyLine>& lines, bool verbose,
                                         bool tells_why);
[[nodiscard]] bool is_ready(const std::vector<ReadyLine>& lines);

}  // namespace outbox::admin
