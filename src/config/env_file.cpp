// SPDX-License-Identifier: Apache-2.0
#include "config/env_file.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "config/values.hpp"

namespace outbox::config {
namespace {

// Walks the text once; a value in quotes may hold line ends, so lines cannot be split first.
class Reader {
 public:
  Reader(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  std::vector<EnvEntry> read() {
    std::vector<EnvEntry> entries;
    while (place_ < text_.size()) {
      skip_blanks();
      if (at_end_of_line() || text_[place_] == '#') {
        skip_line();
        continue;
      }
      EnvEntry entry = read_entry();
      std::erase_if(entries, [&](const EnvEntry& known) { return known.name == entry.name; });
      entries.push_back(std::move(entry));
    }
    return entries;
  }

 private:
  [[nodiscard]] bool at_end_of_line() const {
    return place_ >= text_.size() || text_[place_] == '\n' || text_[place_] == '\r';
  }

  void skip_blanks() {
    while (place_ < text_.size() && (text_[place_] == ' ' || text_[place_] == '\t'))
      ++place_;
  }

  void skip_line() {
    while (place_ < text_.size() && text_[place_] != '\n')
      ++place_;
    if (place_ < text_.size()) ++place_;
    ++line_;
  }

  [[noreturn]] void fail(int line, const std::string& what) const {
    throw Error(ErrorKind::configuration, fmt::format("{}:{}: {}", file_, line, what),
                "write NAME=value, and quote a value that has quotes or ' #' in it");
  }

  EnvEntry read_entry() {
    EnvEntry entry;
    entry.line = line_;
    constexpr std::string_view exported = "export ";
    if (text_.substr(place_).starts_with(exported)) {
      place_ += exported.size();
      skip_blanks();
    }
    const std::size_t start = place_;
    while (!at_end_of_line() && text_[place_] != '=')
      ++place_;
    entry.name = trimmed(text_.substr(start, place_ - start));
    const bool named =
        !entry.name.empty() && entry.name.find_first_of(" \t#'\"") == std::string::npos;
    if (at_end_of_line() || !named) fail(entry.line, "not an assignment");
    ++place_;
    const bool space_before =
        place_ < text_.size() && (text_[place_] == ' ' || text_[place_] == '\t');
    skip_blanks();
    if (!at_end_of_line() && (text_[place_] == '"' || text_[place_] == '\'')) {
      entry.value = read_quoted(entry.line);
    } else {
      entry.value = read_bare(space_before);
    }
    skip_line();
    return entry;
  }

  std::string read_bare(bool space_before) {
    const std::size_t start = place_;
    while (!at_end_of_line())
      ++place_;
    // The blank before a `#` at the value's very start was skipped already.
    const std::string_view value = text_.substr(start, place_ - start);
    if (space_before && value.starts_with('#')) return {};
    const std::string_view no_quotes = value;
    for (std::size_t at = 1; at < no_quotes.size(); ++at) {
      const bool after_blank = no_quotes[at - 1] == ' ' || no_quotes[at - 1] == '\t';
      if (no_quotes[at] == '#' && after_blank) return std::string(trimmed(value.substr(0, at)));
    }
    return std::string(trimmed(value));
  }

  std::string read_quoted(int line) {
    const char quote = text_[place_++];
    std::string value;
    for (;; ++place_) {
      if (place_ >= text_.size()) fail(line, "a quote is opened and never closed");
      char letter = text_[place_];
      if (letter == quote) break;
      if (letter == '\n') ++line_;
      if (letter == '\\' && quote == '"' && place_ + 1 < text_.size()) {
        letter = unescaped(text_[++place_]);
      } else if (letter == '\\' && quote == '\'' && place_ + 1 < text_.size() &&
                 (text_[place_ + 1] == '\'' || text_[place_ + 1] == '\\')) {
        letter = text_[++place_];
      }
      value += letter;
    }
    ++place_;
    skip_blanks();
    if (!at_end_of_line() && text_[place_] != '#') fail(line, "text after the closing quote");
    return value;
  }

  static char unescaped(char letter) {
    switch (letter) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      default:
        return letter;
    }
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t place_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<EnvEntry> parse_env_file(std::string_view text, std::string_view file) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return Reader(text, file).read();
}

}  // namespace outbox::config
