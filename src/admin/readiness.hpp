// SPDX-License-Identifier: Apache-2.0
//
// Whether the stores and the brokers answer, for `/readyz`.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "admin/office.hpp"
#include "core/clock.hpp"

namespace outbox::admin {

struct ReadyLine {
  std::string subject;  ///< `store global`, `broker`
  std::string error;    ///< Empty: it answers.
};

/// Thread-safety: any thread.
class Readiness {
 public:
  explicit Readiness(Office& office) : office_(office) {}

  /// Of each store and the brokers, in order. Asked anew after a second, however many want to know:
  /// those who ask need no token.
  [[nodiscard]] std::vector<ReadyLine> look();

 private:
  [[nodiscard]] std::vector<ReadyLine> ask();

  Office& office_;
  std::mutex mutex_;
  std::vector<ReadyLine> lines_;
  Moment looked_at_{};
};

/// `[+]store global ok` lines and a verdict, as Kubernetes has them. Why something failed is told
/// where `tells_why`, since it may name hosts.
[[nodiscard]] std::string readiness_text(const std::vector<ReadyLine>& lines, bool verbose,
                                         bool tells_why);
[[nodiscard]] bool is_ready(const std::vector<ReadyLine>& lines);

}  // namespace outbox::admin
