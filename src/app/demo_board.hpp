// SPDX-License-Identifier: Apache-2.0
//
// What the demo shows while it runs, on standard error: on a terminal a few lines that are drawn
// anew, elsewhere one line a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "app/demo_figures.hpp"
#include "app/demo_shop.hpp"
#include "core/clock.hpp"

namespace outbox::app {

struct DemoPlace {
  std::string bootstrap_servers;
  std::string database_path;
};

struct DemoView {
  DemoFigures figures;
  std::int64_t relayed = 0;
  std::int64_t duplicates = 0;
  std::chrono::milliseconds running{};
  std::string state;  ///< `running`, `finishing`.
  std::vector<ProductSales> sales;
};

class DemoBoard {
 public:
  /// Looks at the terminal once; `place` is what others can connect to.
  explicit DemoBoard(DemoPlace place);
  ~DemoBoard();
  DemoBoard(const DemoBoard&) = delete;
  DemoBoard& operator=(const DemoBoard&) = delete;

  /// How long to wait between two calls of show().
  [[nodiscard]] std::chrono::milliseconds interval() const;
  void show(const DemoView& view);
  /// Leaves the last picture where it is; what is printed next stands below it.
  void finish();

 private:
  struct Rates {
    double written = 0;
    double relayed = 0;
    double consumed = 0;
  };

  void greet() const;
  [[nodiscard]] Rates rates_of(const DemoView& view);
  [[nodiscard]] std::vector<std::string> lines_of(const DemoView& view, const Rates& rates) const;
  [[nodiscard]] std::vector<std::string> sales_lines(const DemoView& view) const;
  void draw(const std::vector<std::string>& lines);
  [[nodiscard]] std::string paint(std::string_view style, std::string_view text) const;

  const DemoPlace place_;
  bool redraws_ = false;
  bool colour_ = false;
  std::size_t lines_drawn_ = 0;
  DemoView before_;
  Rates rates_;
};

/// The summary, aligned, for people.
[[nodiscard]] std::string demo_summary(const DemoView& view, const DemoProof& proof, bool colour);

/// `12,345`.
[[nodiscard]] std::string grouped(std::int64_t number);

}  // namespace outbox::app
