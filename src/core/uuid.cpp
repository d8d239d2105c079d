// SPDX-License-Identifier: Apache-2.0
#include <outbox/uuid.hpp>

#include <openssl/evp.h>
#include <sys/random.h>

#include <algorithm>
#include <span>

#include <outbox/error.hpp>

#include "core/uuids.hpp"

namespace outbox {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

int hex_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

constexpr bool dash_before(std::size_t byte) {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

// Requests of up to so many bytes are answered whole (getrandom(2)).
constexpr std::size_t random_at_once = 256;

void fill_random(std::span<std::uint8_t> bytes) {
  const auto got = getrandom(bytes.data(), bytes.size(), 0);
  if (got != static_cast<ssize_t>(bytes.size())) {
    throw Error(ErrorKind::failed, "the operating system gave no random numbers");
  }
}

void stamp(Uuid& uuid, int version) noexcept {
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0F) | (version << 4));
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3F) | 0x80);
}

}  // namespace

void format_to(const Uuid& uuid, char* out) noexcept {
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (dash_before(i)) *out++ = '-';
    *out++ = hex_digits[uuid.bytes[i] >> 4];
    *out++ = hex_digits[uuid.bytes[i] & 0x0F];
  }
}

std::string to_string(const Uuid& uuid) {
  std::string text(36, '\0');
  format_to(uuid, text.data());
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) noexcept {
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
  if (text.size() != 36) return std::nullopt;
  Uuid uuid;
  const char* next = text.data();
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (dash_before(i) && *next++ != '-') return std::nullopt;
    const int high = hex_value(*next++);
    const int low = hex_value(*next++);
    if (high < 0 || low < 0) return std::nullopt;
    uuid.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return uuid;
}

Uuid random_uuid() {
  Uuid uuid;
  fill_random(uuid.bytes);
  stamp(uuid, 4);
  return uuid;
}

std::vector<Uuid> random_uuids(std::size_t count) {
  std::vector<Uuid> uuids(count);
  std::array<std::uint8_t, random_at_once> bytes{};
  constexpr std::size_t size = sizeof(Uuid::bytes);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = i * size % bytes.size();
    if (at == 0) fill_random(std::span(bytes).first(std::min((count - i) * size, bytes.size())));
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, uuids[i].bytes.begin());
    stamp(uuids[i], 4);
  }
  return uuids;
}

Uuid time_ordered_uuid(std::int64_t unix_milliseconds) {
  Uuid uuid;
  fill_random(uuid.bytes);
  for (int i = 0; i < 6; ++i) {
    uuid.bytes[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(unix_milliseconds >> (8 * (5 - i)));
  }
  stamp(uuid, 7);
  return uuid;
}

Uuid named_uuid(const Uuid& space, std::string_view name) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  std::string input(reinterpret_cast<const char*>(space.bytes.data()), space.bytes.size());
  input += name;
  if (EVP_Digest(input.data(), input.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw Error(ErrorKind::failed, "OpenSSL could not compute SHA-1 for a derived event id");
  }
  Uuid uuid;
  std::copy_n(digest.begin(), uuid.bytes.size(), uuid.bytes.begin());
  stamp(uuid, 5);
  return uuid;
}

}  // namespace outbox
