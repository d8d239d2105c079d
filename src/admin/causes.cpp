// SPDX-License-Identifier: Apache-2.0
#include "admin/causes.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "admin/json.hpp"

namespace outbox::admin {
namespace {

constexpr std::string_view gap = "\xE2\x80\xA6";  // …
constexpr std::size_t characters_max = 300;
constexpr std::size_t bytes_looked_at = 4'000;
constexpr std::size_t id_bytes_min = 16;
constexpr std::size_t digest_bytes_min = 8;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hexadecimal(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Bytes of other alphabets are letters; so is the gap, which makes a cause its own cause.
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string with_single_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_space = static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
    if (!is_space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (!out.empty() && out.back() == ' ')
    out.pop_back();
  return out;
}

void cut(std::string& text, std::size_t most) {
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool is_start = (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
    if (is_start && characters++ == most) {
      text.resize(at);
      return;
    }
  }
}

class Replacing {
 public:
  explicit Replacing(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool begins = at_ == 0 || !is_word(text_[at_ - 1]);
      if (begins && (c == '\'' || c == '"' || c == '`') && quoted(c)) continue;
      const bool signs = begins && c == '-' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]);
      if (signs || (begins && is_digit(c))) {
        number(signs);
      } else if (begins && is_word(c)) {
        word();
      } else {
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::size_t word_end(std::size_t from) const {
    while (from < text_.size() && is_word(text_[from]))
      ++from;
    return from;
  }

  // An apostrophe inside of a word opens and closes nothing.
  bool quoted(char quote) {
    for (std::size_t end = at_ + 1; end < text_.size(); ++end) {
      if (text_[end] != quote) continue;
      if (end + 1 < text_.size() && is_word(text_[end + 1])) continue;
      at_ = end + 1;
      put_gap();
      return true;
    }
    return false;
  }

  // With what hangs on to it: units, times, addresses with ports, versions, 1,000.
  void number(bool signs) {
    if (uuid()) return;
    std::size_t end = at_ + (signs ? 1 : 0);
    for (;;) {
      end = word_end(end);
      constexpr std::string_view joints = ".,:+-/";
      const bool goes_on = end + 1 < text_.size() &&
                           joints.find(text_[end]) != std::string_view::npos &&
                           is_digit(text_[end + 1]);
      if (!goes_on) break;
      ++end;
    }
    at_ = end;
    put_gap();
  }

  bool uuid() {
    constexpr std::array<std::size_t, 5> groups = {8, 4, 4, 4, 12};
    std::size_t at = at_;
    for (std::size_t group = 0; group < groups.size(); ++group) {
      if (group > 0 && (at >= text_.size() || text_[at++] != '-')) return false;
      for (std::size_t i = 0; i < groups.at(group); ++i) {
        if (at >= text_.size() || !is_hexadecimal(text_[at++])) return false;
      }
    }
    if (at < text_.size() && is_word(text_[at])) return false;
    at_ = at;
    put_gap();
    return true;
  }

  void word() {
    if (uuid()) return;
    const std::size_t end = word_end(at_);
    const std::string_view whole = text_.substr(at_, end - at_);
    at_ = end;
    std::size_t runs = 0;
    for (std::size_t i = 0; i < whole.size(); ++i)
      runs += is_digit(whole[i]) && (i == 0 || !is_digit(whole[i - 1])) ? 1 : 0;
    const bool is_digest =
        whole.size() >= digest_bytes_min && std::ranges::all_of(whole, is_hexadecimal);
    if (runs > 0 && (runs > 1 || is_digest || whole.size() >= id_bytes_min)) return put_gap();
    for (std::size_t i = 0; i < whole.size(); ++i) {
      if (!is_digit(whole[i])) {
        out_ += whole[i];
      } else if (i == 0 || !is_digit(whole[i - 1])) {
        put_gap();
      }
    }
  }

  // A list of values is one gap, however long it is.
  void put_gap() {
    out_ += gap;
    for (const std::string_view between : {", ", ",", " ", ""}) {
      const std::string pair = std::string(gap) + std::string(between) + std::string(gap);
      while (out_.ends_with(pair))
        out_.resize(out_.size() - pair.size() + gap.size());
    }
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

void add(std::uint64_t& hash, std::string_view text) {
  constexpr std::uint64_t prime = 0x100000001b3ULL;  // FNV-1a
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * prime;
  hash = (hash ^ 0xFFU) * prime;  // No byte of UTF-8: where one text ends.
}

}  // namespace

std::string cause_of(std::string_view error) {
  std::string text = with_single_spaces(clean_utf8(error.substr(0, bytes_looked_at)));
  std::string cause = Replacing(text).run();
  // What is cut off may have held apart what now stands at the end: once more until all stays.
  for (int round = 0; round < 4; ++round) {
    cut(cause, characters_max);
    cause = with_single_spaces(cause);
    std::string again = Replacing(cause).run();
    if (again == cause) break;
    cause = std::move(again);
  }
  return cause.empty() ? "unknown" : cause;
}

std::string group_id_of(const GroupName& name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::string_view part : {name.source, name.where, name.topic, name.cause})
    add(hash, part);
  return fmt::format("{:016x}", hash);
}

}  // namespace outbox::admin
