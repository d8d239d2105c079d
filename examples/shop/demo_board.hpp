// SPDX-License-Identifier: Apache-2.0
//
// What the demo shows while it runs, on standard error: on a terminal a few lines that are drawn
// anew, elsewhere one line a second.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"

namespace shop {

/// What others can connect to.
struct DemoAddresses {
  std::string page;
  std::string gateway;
  std::string bootstrap_servers;
  std::string database_path;
};

struct DemoView {
  std::int64_t written = 0;      ///< Events committed, with the change that they tell of.
  std::int64_t rolled_back = 0;  ///< Orders given up on purpose, their events with them.
  std::int64_t relayed = 0;
  std::int64_t consumed = 0;    ///< Effects: an event counts once a consumer.
  std::int64_t duplicates = 0;  ///< Skipped by the inbox.
  std::int64_t orders = 0;
  double latency_p50_ms = 0;  ///< Commit to effect.
  double latency_p99_ms = 0;
  std::chrono::milliseconds running{};
  std::string state;  ///< `running`, `finishing`, `finished`.
  struct Sale {
    std::string product;
    std::int64_t revenue = 0;
    std::int64_t stock = 0;
  };
  std::vector<Sale> sales;
};

class DemoBoard {
 public:
  /// Looks at the terminal once.
  explicit DemoBoard(DemoAddresses addresses);
  ~DemoBoard();
  DemoBoard(const DemoBoard&) = delete;
  DemoBoard& operator=(const DemoBoard&) = delete;

  /// How long to wait between two calls of show().
  [[nodiscard]] std::chrono::milliseconds interval() const;
  void show(const DemoView& view);
  /// Leaves the last picture where it is; what is printed next stands below it.
  void finish();

 private:
  void greet() const;
  [[nodiscard]] std::vector<std::string> lines_of(const DemoView& view) const;
  void draw(const std::vector<std::string>& lines);
  [[nodiscard]] std::string paint(std::string_view style, std::string_view text) const;

  const DemoAddresses addresses_;
  bool redraws_ = false;
  bool colour_ = false;
  std::size_t lines_drawn_ = 0;
  std::int64_t written_before_ = 0;
  std::chrono::milliseconds running_before_{};
  std::chrono::milliseconds told_at_{};
  double rate_ = 0;
};

/// What came of it, judged.
struct DemoProof {
  CheckReport report;
  std::int64_t rolled_back_seen = 0;  ///< Must stay zero: events of orders that never were.
  std::int64_t not_sent = 0;          ///< Must be zero at the end.

  [[nodiscard]] std::int64_t lost() const { return report.lost + not_sent; }
  [[nodiscard]] bool is_good() const {
    return lost() == 0 && rolled_back_seen == 0 && report.difference_count() == 0;
  }
};

/// The summary, aligned, for people; colours where `file_descriptor` is a terminal.
[[nodiscard]] std::string demo_summary(const DemoView& view, const DemoProof& proof,
                                       int file_descriptor);

}  // namespace shop
