// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/address.hpp"

#include <charconv>

#include <outbox/error.hpp>

namespace outbox::store::mariadb {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::configuration, "database.url: " + what,
              "write it as mariadb://user:password@host:3306/database");
}

int hex_value(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      result += text[at];
      continue;
    }
    const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
    if (high < 0 || low < 0) fail("a '%' is not followed by two hexadecimal digits");
    result += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return result;
}

int number(std::string_view text, const char* what) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < 1 || value > 65'535) {
    fail(std::string("the ") + what + " is no number from 1 to 65535");
  }
  return value;
}

void read_parameter(std::string_view name, std::string value, Address& address) {
  if (name == "socket") {
    address.socket = std::move(value);
  } else if (name == "tls") {
    address.tls = value != "off";
    address.tls_verify = value == "verify";
  } else if (name == "tls_ca") {
    address.tls_ca = std::move(value);
  } else if (name == "tls_certificate") {
    address.tls_certificate = std::move(value);
  } else if (name == "tls_key") {
    address.tls_key = std::move(value);
  } else if (name == "connect_timeout") {
    address.connect_timeout_s = number(value, "connect_timeout");
  } else {
    fail("the parameter '" + std::string(name) + "' is not known");
  }
}

void read_server(std::string_view text, Address& address) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) fail("a '[' without ']' in its host");
    address.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
  } else {
    const std::size_t colon = text.find(':');
    address.host = decoded(text.substr(0, colon));
    text.remove_prefix(colon == std::string_view::npos ? text.size() : colon);
  }
  if (text.starts_with(':')) address.port = number(text.substr(1), "port");
}

}  // namespace

Address parse_address(std::string_view url) {
  constexpr std::string_view scheme = "mariadb://";
  if (!url.starts_with(scheme)) fail("it is no MariaDB URL");
  url.remove_prefix(scheme.size());
  Address address;
  const std::size_t question = url.find('?');
  std::string_view query =
      question == std::string_view::npos ? std::string_view() : url.substr(question + 1);
  url = url.substr(0, question);
  const std::size_t slash = url.find('/');
  std::string_view authority = url.substr(0, slash);
  if (slash != std::string_view::npos) address.database = decoded(url.substr(slash + 1));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = authority.substr(0, at);
    const std::size_t colon = user.find(':');
    address.user = decoded(user.substr(0, colon));
    if (colon != std::string_view::npos) address.password = decoded(user.substr(colon + 1));
    authority.remove_prefix(at + 1);
  }
  read_server(authority, address);
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) fail("a parameter without '='");
    read_parameter(pair.substr(0, equals), decoded(pair.substr(equals + 1)), address);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return address;
}

}  // namespace outbox::store::mariadb
