// SPDX-License-Identifier: Apache-2.0
//
// Who may connect: by a token, and, where the client is a page in a browser, by the page's origin.
// A browser sends cookies and reaches loopback addresses on behalf of any page, so that being on
// this machine proves nothing (CWE-1385).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.hpp"

namespace outbox::http {

/// Tokens that are accepted. Only their SHA-256 is kept and compared, in constant time.
class Tokens {
 public:
  /// Several are separated by commas or white space, so that one can be replaced without a break.
  /// Throws Error(configuration) where the text is not empty and holds none.
  explicit Tokens(std::string_view text);

  /// No token is asked for.
  [[nodiscard]] bool empty() const noexcept { return digests_.empty(); }
  [[nodiscard]] bool accept(std::string_view token) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  [[nodiscard]] static Digest digest_of(std::string_view token);

  std::vector<Digest> digests_;
};

/// The token of a request: `Authorization: Bearer TOKEN`, or, for browsers, which cannot set
/// headers there, the parameter `token` or a WebSocket subprotocol `bearer.TOKEN`.
[[nodiscard]] std::optional<std::string> token_of(const Request& request);

/// Whether a page of this origin may connect. `allowed` holds origins as browsers send them
/// (`https://shop.example`), or `*`. Besides those, a page that came from this very address may,
/// but only where the address is an IP address or `localhost`: a name could be rebound to us.
[[nodiscard]] bool is_origin_allowed(std::string_view origin, std::string_view host,
                                     const std::vector<std::string>& allowed);

}  // namespace outbox::http
