// SPDX-License-Identifier: Apache-2.0
#include "core/base64.hpp"

#include <cstddef>

namespace outbox {

void append_base64(std::string& out, std::string_view bytes) {
  constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4 + 2);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) {
      return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U;
    };
    const unsigned word = byte(0) << 16U | byte(1) << 8U | byte(2);
    out += letters[word >> 18U];
    out += letters[word >> 12U & 63U];
    out += at + 1 < bytes.size() ? letters[word >> 6U & 63U] : '=';
    out += at + 2 < bytes.size() ? letters[word & 63U] : '=';
  }
}

std::string decode_base64(std::string_view text) {
  std::string bytes;
  unsigned gathered = 0;
  int bits = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    if (c >= '0' && c <= '9') value = c - '0' + 52;
    if (c == '+' || c == '-') value = 62;
    if (c == '/' || c == '_') value = 63;
    if (value < 0) break;
    gathered = (gathered << 6U) | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>((gathered >> static_cast<unsigned>(bits)) & 0xffU));
  }
  return bytes;
}

}  // namespace outbox
