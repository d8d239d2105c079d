// SPDX-License-Identifier: Apache-2.0
//
// What is different where a person looks on: widths, colours, screens that are redrawn, progress,
// questions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "app/text_table.hpp"
#include "core/clock.hpp"

namespace outbox::app {

[[nodiscard]] bool is_terminal(int descriptor);
/// Of a terminal its width, at least 80, and colours where wanted; of others lines without an end.
[[nodiscard]] Look look_of(int descriptor);

/// Waits; false where a stop was requested.
bool wait_for(std::chrono::milliseconds time, const std::stop_token& stop);

/// Standard output, drawn again and again. On a terminal in place, and what was there before comes
/// back at the end, with the last drawing behind it; elsewhere one block after another.
class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void draw(const std::string& text);

 private:
  const bool in_place_;
  std::string last_;
};

/// How far long work is, on standard error, where that is a terminal.
class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void show(std::optional<std::int64_t> total, std::int64_t done);
  /// Takes it away, for a line that is printed.
  void clear();

 private:
  const std::string what_;
  const bool wanted_;
  const Moment started_;
  Moment next_;
  bool stands_ = false;
};

/// The line that a progress bar shows.
[[nodiscard]] std::string progress_line(const std::string& what, std::optional<std::int64_t> total,
                                        std::int64_t done, double seconds);

/// Asks on the terminal; true for `yes` or `y`, false for all else and where a stop is requested.
[[nodiscard]] bool confirmed(const std::string& question, const std::stop_token& stop);

}  // namespace outbox::app
