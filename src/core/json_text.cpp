// SPDX-License-Identifier: Apache-2.0
#include "core/json_text.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "core/json_scan.hpp"

namespace outbox {
namespace {

using namespace json_scan;

constexpr char32_t replacement = 0xFFFD;

void append_utf8(std::string& out, char32_t point) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xE0 | point >> 12);
    } else {
      put(0xF0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3F));
    }
    put(0x80 | (point >> 6 & 0x3F));
  }
  put(0x80 | (point & 0x3F));
}

char32_t read_hex(std::string_view digits) noexcept {
  char32_t value = 0;
  for (const char c : digits) {
    const auto digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
    value = value << 4 | static_cast<char32_t>(digit);
  }
  return value;
}

constexpr bool is_high(char32_t unit) noexcept {
  return unit >= 0xD800 && unit < 0xDC00;
}
constexpr bool is_low(char32_t unit) noexcept {
  return unit >= 0xDC00 && unit < 0xE000;
}

// Reads the `\u` escape at `at` (with its other half, if it has one) and moves behind it.
char32_t read_unicode_escape(std::string_view inside, std::size_t& at) noexcept {
  const char32_t first = read_hex(inside.substr(at + 2, 4));
  at += 6;
  if (is_low(first)) return replacement;
  if (!is_high(first)) return first;
  if (inside.substr(at, 2) != "\\u") return replacement;
  const char32_t second = read_hex(inside.substr(at + 2, 4));
  if (!is_low(second)) return replacement;
  at += 6;
  return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
}

// Behind the string whose opening quote stands at `at`.
std::size_t skip_string(std::string_view text, std::size_t at) noexcept {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at < text.size() ? at + 1 : text.size();
}

std::size_t skip_container(std::string_view text, std::size_t at) noexcept {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) break;
  }
  return at;
}

std::size_t skip_value(std::string_view text, std::size_t at) noexcept {
  if (at == text.size()) return at;
  if (text[at] == '"') return skip_string(text, at);
  if (text[at] == '{' || text[at] == '[') return skip_container(text, at);
  while (at < text.size() && text[at] != ',' && text[at] != '}' && text[at] != ']' &&
         !is_space(text[at])) {
    ++at;
  }
  return at;
}

std::size_t skip_spaces(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_space(text[at]))
    ++at;
  return at;
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); begin = ++at) {
    at = skip_plain(text, at);
    // Bytes above 0x7F go out as they are.
    while (at < text.size() && byte_of(text[at]) >= 0x80)
      at = skip_plain(text, at + 1);
    out.append(text, begin, at - begin);
    if (at == text.size()) return;
    switch (text[at]) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte_of(text[at]));
    }
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, text);
  out += '"';
}

JsonType json_type(std::string_view value) noexcept {
  switch (value.empty() ? 'n' : value.front()) {
    case '{':
      return JsonType::object;
    case '[':
      return JsonType::array;
    case '"':
      return JsonType::string;
    case 't':
    case 'f':
      return JsonType::boolean;
    case 'n':
      return JsonType::null;
    default:
      return JsonType::number;
  }
}

std::string_view trim_json(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

std::string decode_json_string(std::string_view inside) {
  std::string out;
  out.reserve(inside.size());
  for (std::size_t at = 0; at < inside.size();) {
    const std::size_t end = std::min(inside.find('\\', at), inside.size());
    out.append(inside, at, end - at);
    at = end;
    if (at + 1 >= inside.size()) break;
    const char kind = inside[at + 1];
    if (kind == 'u') {
      append_utf8(out, read_unicode_escape(inside, at));
      continue;
    }
    at += 2;
    switch (kind) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      default:
        out += kind;
    }
  }
  return out;
}

JsonWalk::JsonWalk(std::string_view container) noexcept
    : text_(container), is_object_(json_type(container) == JsonType::object) {}

bool JsonWalk::next() noexcept {
  at_ = skip_spaces(text_, at_);
  if (at_ < text_.size() && text_[at_] == ',') at_ = skip_spaces(text_, at_ + 1);
  if (at_ >= text_.size() || text_[at_] == '}' || text_[at_] == ']') return false;
  if (is_object_) {
    const std::size_t end = skip_string(text_, at_);
    name_ = text_.substr(at_ + 1, end - at_ - 2);
    at_ = skip_spaces(text_, skip_spaces(text_, end) + 1);
  }
  const std::size_t end = skip_value(text_, at_);
  value_ = text_.substr(at_, end - at_);
  at_ = end;
  return true;
}

}  // namespace outbox
