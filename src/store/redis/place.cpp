// SPDX-License-Identifier: Apache-2.0
#include "store/redis/place.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include <outbox/error.hpp>

namespace outbox::store::redis {

namespace {

constexpr std::string_view scheme = "redis://";

struct Refusal {
  const std::string& option;

  [[noreturn]] void because(const std::string& why) const {
    throw Error(ErrorKind::configuration, option + ": " + why,
                "give redis://[:password@]host[:port][/database]");
  }
};

std::optional<int> number(std::string_view digits, int highest) {
  int value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stopped != end || value < 0 || value > highest) return std::nullopt;
  return value;
}

std::string decoded(std::string_view text, const Refusal& refusal) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    unsigned value = 0;
    const char* const begin = text.data() + i + 1;
    if (i + 2 >= text.size() || std::from_chars(begin, begin + 2, value, 16).ptr != begin + 2) {
      refusal.because("a % in the login is not followed by two hexadecimal digits");
    }
    plain += static_cast<char>(value);
    i += 2;
  }
  return plain;
}

}  // namespace

bool is_redis_url(const std::string& url) noexcept {
  return url.starts_with(scheme) || url.starts_with("rediss://");
}

Place parse_place(const std::string& url, const std::string& option) {
  const Refusal refusal{option};
  std::string_view rest = url;
  if (rest.starts_with("rediss://")) refusal.because("TLS to Redis is not offered");
  if (!rest.starts_with(scheme)) refusal.because("this is no Redis address");
  rest.remove_prefix(scheme.size());
  Place place;
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = rest.substr(0, at);
    const auto colon = login.find(':');
    if (colon == std::string_view::npos) refusal.because("the login has no colon");
    place.user = decoded(login.substr(0, colon), refusal);
    place.password = decoded(login.substr(colon + 1), refusal);
    rest.remove_prefix(at + 1);
  }
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    const std::string_view digits = rest.substr(slash + 1);
    const auto database = digits.empty() ? 0 : number(digits, 1'000'000);
    if (!database) refusal.because("the database behind the slash is no number");
    place.database = *database;
    rest = rest.substr(0, slash);
  }
  const auto colon = rest.rfind(':');
  // An IPv6 address stands in brackets, with colons of its own.
  const auto bracket = rest.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const auto port = number(rest.substr(colon + 1), 65535);
    if (!port || *port == 0) refusal.because("the port is no number from 1 to 65535");
    place.port = *port;
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (rest.empty()) refusal.because("the host is missing");
  place.host = rest;
  return place;
}

}  // namespace outbox::store::redis
