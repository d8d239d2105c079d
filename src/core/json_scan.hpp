// SPDX-License-Identifier: Apache-2.0
//
// The characters that JSON is made of, for json_text.cpp and json_check.cpp alone.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace outbox::json_scan {

constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

constexpr unsigned byte_of(char c) noexcept {
  return static_cast<unsigned char>(c);
}

/// The first position from `at` on whose character needs a look inside a string: a quote, a
/// backslash, a control character or a byte above 0x7F; text.size() where there is none. Eight
/// bytes at a time.
inline std::size_t skip_plain(std::string_view text, std::size_t at) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t highs = 0x8080808080808080U;
  const auto has_zero = [](std::uint64_t word) { return (word - ones) & ~word & highs; };
  while (at + 8 <= text.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t below_space = (word - ones * 0x20) & ~word & highs;
    if ((below_space | (word & highs) | has_zero(word ^ ones * '"') |
         has_zero(word ^ ones * '\\')) != 0) {
      break;
    }
    at += 8;
  }
  for (; at < text.size(); ++at) {
    const unsigned byte = byte_of(text[at]);
    if (byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80) break;
  }
  return at;
}

/// Bytes of the UTF-8 sequence that starts at `at` with a byte above 0x7F; 0 where it is none.
inline std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
  const auto follows = [&](std::size_t i) {
    return at + i < text.size() && (byte_of(text[at + i]) & 0xC0U) == 0x80U;
  };
  const unsigned first = byte_of(text[at]);
  if (first < 0xC2 || first > 0xF4 || !follows(1)) return 0;
  const unsigned second = byte_of(text[at + 1]);
  if (first < 0xE0) return 2;
  if (first < 0xF0) {
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
    return follows(2) ? 3 : 0;
  }
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  return follows(2) && follows(3) ? 4 : 0;
}

}  // namespace outbox::json_scan
