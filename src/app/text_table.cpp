// SPDX-License-Identifier: Apache-2.0
#include "app/text_table.hpp"

#include <algorithm>

#include "app/plain_text.hpp"

namespace outbox::app {
namespace {

constexpr std::size_t gap = 2;

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::size_t taken = width_of(text);
  const std::string space(width > taken ? width - taken : 0, ' ');
  return right ? space + text : text + space;
}

}  // namespace

std::string TextTable::text(const Look& look, std::size_t indent) const {
  std::vector<std::size_t> widths;
  std::size_t line_width = indent;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = width_of(columns_[i].title);
    for (const auto& line : lines_)
      width = std::max(width, width_of(line[i]));
    widths.push_back(width);
    line_width += width + (i == 0 ? 0 : gap);
  }
  while (look.columns > 0 && line_width > look.columns) {
    std::size_t widest = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const bool may_give = columns_[i].least_width > 0 && widths[i] > columns_[i].least_width;
      if (may_give && (widest == columns_.size() || widths[i] > widths[widest])) widest = i;
    }
    if (widest == columns_.size()) break;
    --widths[widest];
    --line_width;
  }
  std::string text;
  const auto add_line = [&](const auto& cell_of) {
    std::string one(indent, ' ');
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = cut_to(cell_of(i), widths[i]);
      if (i > 0) one.append(gap, ' ');
      one += padded(cell, widths[i], columns_[i].right);
    }
    one.erase(one.find_last_not_of(' ') + 1);
    return one;
  };
  const std::string titles = add_line([this](std::size_t i) { return columns_[i].title; });
  text += painted(look, Colour::faint, titles) + "\n";
  for (const auto& line : lines_)
    text += add_line([&line](std::size_t i) { return line[i]; }) + "\n";
  return text;
}

std::string painted(const Look& look, Colour colour, const std::string& text) {
  if (!look.colour || colour == Colour::none) return text;
  const char* code = "";
  switch (colour) {
    case Colour::red:
      code = "31";
      break;
    case Colour::yellow:
      code = "33";
      break;
    case Colour::green:
      code = "32";
      break;
    case Colour::faint:
      code = "2";
      break;
    case Colour::bold:
      code = "1";
      break;
    case Colour::none:
      break;
  }
  return "\x1b[" + std::string(code) + "m" + text + "\x1b[0m";
}

std::string paragraph(const std::string& text, std::size_t indent, std::size_t columns) {
  const std::string space(indent, ' ');
  if (columns == 0) return space + text + "\n";
  std::string result;
  std::string line = space;
  std::size_t width = indent;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = cut_to(text.substr(at, end - at), columns - indent);
    at = end + 1;
    if (word.empty()) continue;
    if (width > indent && width + 1 + width_of(word) > columns) {
      result += line + "\n";
      line = space;
      width = indent;
    }
    if (width > indent) {
      line += ' ';
      ++width;
    }
    line += word;
    width += width_of(word);
  }
  return result + line + "\n";
}

}  // namespace outbox::app
