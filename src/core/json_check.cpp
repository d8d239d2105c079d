// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bitset>

#include "core/json_scan.hpp"
#include "core/json_text.hpp"

namespace outbox {
namespace {

using namespace json_scan;

// What may come next. Containers are kept as one bit a level instead of by recursion, so that no
// text can overflow our own stack.
enum class Expect { value, value_or_end, name, name_or_end, comma_or_end };

class Checker {
 public:
  Checker(std::string_view text, std::size_t nesting_max) noexcept
      : text_(text), nesting_max_(std::min(nesting_max, json_nesting_max)) {}

  std::optional<TextFault> run() noexcept {
    while (what_.empty()) {
      skip_space();
      if (expect_ == Expect::comma_or_end && depth_ == 0) {
        if (at_ < text_.size()) fail("more text after the end of the value");
        break;
      }
      if (at_ == text_.size()) {
        fail(text_.empty() ? "it is empty" : "it ends too early");
        break;
      }
      step(text_[at_]);
    }
    if (what_.empty()) return std::nullopt;
    return TextFault{at_, what_};
  }

 private:
  void step(char c) noexcept {
    switch (expect_) {
      case Expect::value_or_end:
        if (c == ']') return close();
        [[fallthrough]];
      case Expect::value:
        return value(c);
      case Expect::name_or_end:
        if (c == '}') return close();
        [[fallthrough]];
      case Expect::name:
        return name(c);
      case Expect::comma_or_end:
        return comma_or_end(c);
    }
  }

  void value(char c) noexcept {
    expect_ = Expect::comma_or_end;
    if (c == '"') return string();
    if (c == '-' || is_digit(c)) return number();
    if (c == '{' || c == '[') return open(c == '{');
    if (c == 't') return word("true");
    if (c == 'f') return word("false");
    if (c == 'n') return word("null");
    fail("a value is missing");
  }

  void open(bool object) noexcept {
    if (depth_ == nesting_max_) return fail("it is nested too deep");
    objects_[depth_++] = object;
    ++at_;
    expect_ = object ? Expect::name_or_end : Expect::value_or_end;
  }

  void close() noexcept {
    --depth_;
    ++at_;
    expect_ = Expect::comma_or_end;
  }

  void name(char c) noexcept {
    if (c != '"') return fail("a field's name in quotes is missing");
    string();
    skip_space();
    if (!what_.empty()) return;
    if (at_ == text_.size() || text_[at_] != ':') return fail("a colon is missing");
    ++at_;
    expect_ = Expect::value;
  }

  void comma_or_end(char c) noexcept {
    const bool object = objects_[depth_ - 1];
    if (c == (object ? '}' : ']')) return close();
    if (c != ',') return fail("a comma or an end is missing");
    ++at_;
    expect_ = object ? Expect::name : Expect::value;
  }

  void string() noexcept {
    for (++at_;;) {
      at_ = skip_plain(text_, at_);
      if (at_ == text_.size()) return fail("a string has no end");
      const unsigned byte = byte_of(text_[at_]);
      if (byte == '"') break;
      if (byte < 0x20) return fail("a control character stands in a string");
      if (byte == '\\') {
        if (!escape()) return fail("a backslash is followed by the wrong character");
      } else {
        const std::size_t length = utf8_length(text_, at_);
        if (length == 0) return fail("it is not UTF-8");
        at_ += length;
      }
    }
    ++at_;
  }

  bool escape() noexcept {
    if (at_ + 1 >= text_.size()) return false;
    const char kind = text_[at_ + 1];
    if (kind != 'u') {
      at_ += 2;
      return std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos;
    }
    for (std::size_t i = 2; i < 6; ++i) {
      if (at_ + i >= text_.size()) return false;
      const char c = text_[at_ + i];
      if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) return false;
    }
    at_ += 6;
    return true;
  }

  void number() noexcept {
    if (text_[at_] == '-') ++at_;
    if (at_ < text_.size() && text_[at_] == '0') {
      ++at_;
    } else if (!digits()) {
      return fail("a number lacks its digits");
    }
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      if (!digits()) return fail("a number lacks its decimals");
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (!digits()) return fail("a number lacks its exponent");
    }
  }

  bool digits() noexcept {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_]))
      ++at_;
    return at_ > begin;
  }

  void word(std::string_view expected) noexcept {
    if (text_.substr(at_, expected.size()) != expected) return fail("a value is missing");
    at_ += expected.size();
  }

  void skip_space() noexcept {
    while (at_ < text_.size() && is_space(text_[at_]))
      ++at_;
  }

  void fail(std::string_view what) noexcept { what_ = what; }

  std::string_view text_;
  std::size_t nesting_max_;
  std::string_view what_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  Expect expect_ = Expect::value;
  std::bitset<json_nesting_max> objects_;
};

}  // namespace

std::optional<TextFault> find_json_fault(std::string_view text, std::size_t nesting_max) noexcept {
  return Checker(text, nesting_max).run();
}

std::optional<TextFault> find_utf8_fault(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if (byte_of(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return TextFault{at, "it is not UTF-8"};
    at += length;
  }
  return std::nullopt;
}

}  // namespace outbox
