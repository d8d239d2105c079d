// SPDX-License-Identifier: Apache-2.0
#include "http/access.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <outbox/error.hpp>

namespace outbox::http {
namespace {

constexpr std::string_view bearer_protocol = "bearer.";

/// `127.0.0.1`, `[::1]` or `localhost`, with or without a port.
bool is_no_name(std::string_view host) {
  if (host.starts_with('[')) return host.find(']') != std::string_view::npos;
  const std::string_view name = host.substr(0, host.find(':'));
  if (equal_without_case(name, "localhost")) return true;
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char letter) {
    return letter == '.' || (letter >= '0' && letter <= '9');
  });
}

}  // namespace

Tokens::Tokens(std::string_view text) {
  std::string spaced(text);
  std::replace_if(
      spaced.begin(), spaced.end(),
      [](char letter) {
        return letter == '\n' || letter == '\r' || letter == ' ' || letter == '\t';
      },
      ',');
  for (const std::string& token : split_list(spaced))
    digests_.push_back(digest_of(token));
  // What was meant to close the door must not leave it open.
  if (!text.empty() && digests_.empty()) {
    throw Error(ErrorKind::configuration, "the token that clients are to give is blank",
                "give one, or several with commas; leave it out to let everyone read");
  }
}

Tokens::Digest Tokens::digest_of(std::string_view token) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

bool Tokens::accept(std::string_view token) const {
  const Digest given = digest_of(token);
  bool accepted = false;
  for (const Digest& digest : digests_)
    accepted |= CRYPTO_memcmp(given.data(), digest.data(), digest.size()) == 0;
  return accepted;
}

std::optional<std::string> token_of(const Request& request) {
  constexpr std::string_view scheme = "bearer ";
  if (const auto header = request.header("Authorization")) {
    if (!equal_without_case(header->substr(0, scheme.size()), scheme)) return std::nullopt;
    const auto parts = split_list(header->substr(scheme.size()));
    return parts.size() == 1 ? std::optional(parts.front()) : std::nullopt;
  }
  if (const auto offered = request.header("Sec-WebSocket-Protocol")) {
    for (const std::string& protocol : split_list(*offered)) {
      if (protocol.starts_with(bearer_protocol)) return protocol.substr(bearer_protocol.size());
    }
  }
  if (const auto parameter = request.parameter("token")) return std::string(*parameter);
  return std::nullopt;
}

bool is_origin_allowed(std::string_view origin, std::string_view host,
                       const std::vector<std::string>& allowed) {
  for (const std::string& one : allowed) {
    if (one == "*" || equal_without_case(one, origin)) return true;
  }
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view from = origin.substr(scheme + 3);
  return is_no_name(from) && equal_without_case(from, host);
}

}  // namespace outbox::http
