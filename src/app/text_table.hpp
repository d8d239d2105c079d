// SPDX-License-Identifier: Apache-2.0
//
// Lines of columns for people.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace outbox::app {

/// How a text form is to look.
struct Look {
  std::size_t columns = 0;  ///< A terminal's width; zero: lines are not cut, as into a pipe.
  bool colour = false;
};

struct Column {
  std::string title;
  bool right = false;           ///< Numbers.
  std::size_t least_width = 0;  ///< Not zero: it gives way where the line is too narrow, so far.
};

class TextTable {
 public:
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell a column, plain texts.
  void add(std::vector<std::string> cells) { lines_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const { return lines_.empty(); }

  /// With the titles, each line ended. Columns that may give way are cut, the widest first, until
  /// the line fits.
  [[nodiscard]] std::string text(const Look& look, std::size_t indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> lines_;
};

enum class Colour { none, red, yellow, green, faint, bold };

/// The text in that colour, where `look` has colours.
[[nodiscard]] std::string painted(const Look& look, Colour colour, const std::string& text);

/// Breaks a plain text at spaces into lines of at most `columns` behind `indent` spaces; one line
/// where columns is zero. Each line is ended.
[[nodiscard]] std::string paragraph(const std::string& text, std::size_t indent,
                                    std::size_t columns);

}  // namespace outbox::app
