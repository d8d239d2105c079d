// SPDX-License-Identifier: Apache-2.0
#include "app/plain_text.hpp"

#include <array>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

namespace outbox::app {
namespace {

constexpr std::uint32_t replacement = 0xfffd;

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// C0, DEL and C1 are a terminal's orders; the others are invisible and turn or break a line.
constexpr std::array<Range, 7> turned_to_spaces = {{{0x00, 0x1f},
                                                    {0x7f, 0x9f},
                                                    {0x061c, 0x061c},
                                                    {0x200b, 0x200f},
                                                    {0x2028, 0x202e},
                                                    {0x2060, 0x206f},
                                                    {0xfeff, 0xfeff}}};
// The blocks that terminals draw two columns wide.
constexpr std::array<Range, 8> wide = {{{0x1100, 0x115f},
                                        {0x2e80, 0xa4cf},
                                        {0xac00, 0xd7a3},
                                        {0xf900, 0xfaff},
                                        {0xfe30, 0xfe6f},
                                        {0xff00, 0xff60},
                                        {0x1f300, 0x1faff},
                                        {0x20000, 0x3fffd}}};
constexpr std::array<Range, 2> combining = {{{0x0300, 0x036f}, {0x20d0, 0x20ff}}};

template <std::size_t size>
bool stands_in(const std::array<Range, size>& ranges, std::uint32_t letter) {
  for (const Range& range : ranges) {
    if (letter >= range.first && letter <= range.last) return true;
  }
  return false;
}

struct Letter {
  std::uint32_t code = replacement;
  std::size_t bytes = 1;
};

// The first letter; the replacement, of one byte, where it is no UTF-8.
Letter first_letter(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char head = byte(0);
  if (head < 0x80) return {head, 1};
  const std::size_t length = head >= 0xf0 ? 4 : head >= 0xe0 ? 3 : 2;
  if (head < 0xc2 || head > 0xf4 || text.size() < length) return {};
  std::uint32_t code = head & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return {};
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool is_none = (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff;
  if (too_long || is_none) return {};
  return {code, length};
}

std::size_t width_of_letter(std::uint32_t code) {
  if (stands_in(combining, code)) return 0;
  return stands_in(wide, code) ? 2 : 1;
}

}  // namespace

std::string plain(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    if (stands_in(turned_to_spaces, letter.code)) {
      result += ' ';
    } else if (letter.code == replacement) {
      result += "\xef\xbf\xbd";
    } else {
      result += text.substr(0, letter.bytes);
    }
    text.remove_prefix(letter.bytes);
  }
  return result;
}

std::string plain_or_dash(std::string_view text) {
  return text.empty() ? "-" : plain(text);
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    width += width_of_letter(letter.code);
    text.remove_prefix(letter.bytes);
  }
  return width;
}

std::string cut_to(std::string_view text, std::size_t columns) {
  if (width_of(text) <= columns) return std::string(text);
  std::string result;
  std::size_t width = 0;
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    width += width_of_letter(letter.code);
    if (width + 1 > columns) break;
    result += text.substr(0, letter.bytes);
    text.remove_prefix(letter.bytes);
  }
  return columns > 0 ? result + "…" : result;
}

std::string harmless_json(std::string text) {
  std::string result;
  result.reserve(text.size());
  std::string_view rest = text;
  while (!rest.empty()) {
    const Letter letter = first_letter(rest);
    // Below 0x20 there are only the line ends of a document in lines.
    const bool obeyed = letter.code >= 0x7f && stands_in(turned_to_spaces, letter.code);
    if (obeyed) {
      result += fmt::format("\\u{:04x}", letter.code);
    } else {
      result += rest.substr(0, letter.bytes);
    }
    rest.remove_prefix(letter.bytes);
  }
  return result;
}

}  // namespace outbox::app
