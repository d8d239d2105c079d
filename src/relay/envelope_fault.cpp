// SPDX-License-Identifier: Apache-2.0
#include "relay/envelope_fault.hpp"

#include <iterator>

#include <fmt/format.h>

namespace outbox::relay {

std::string quoted(std::string_view text) {
  constexpr std::size_t bytes_max = 120;
  const bool cut = text.size() > bytes_max;
  if (cut) {
    std::size_t end = bytes_max;
    // Not in the middle of a character.
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
      --end;
    text = text.substr(0, end);
  }
  const bool is_utf8 = !find_utf8_fault(text);
  std::string out = "'";
  for (const char c : text) {
    const unsigned byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !is_utf8)) {
      fmt::format_to(std::back_inserter(out), "\\x{:02X}", byte);
    } else {
      out += c;
    }
  }
  out += cut ? "...'" : "'";
  return out;
}

std::string describe(const TextFault& fault) {
  return fmt::format("{} at byte {}", fault.what, fault.offset);
}

}  // namespace outbox::relay
