// SPDX-License-Identifier: Apache-2.0
//
// Who may do what. Being on this machine proves nothing about a request: a browser reaches loopback
// on behalf of any page, also under a name that was pointed at us after the page was loaded. So the
// names under which we are called, the pages that call and the form of what changes anything are
// checked even where no token is asked for (CWE-352, CWE-350).
//
// Thread-safety: all calls from the server's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/clock.hpp"
#include "http/access.hpp"
#include "http/request.hpp"

namespace outbox::admin {

enum class Role : std::uint8_t { anyone, read, operate };

/// `anyone`, `read`, `operate`
[[nodiscard]] const char* word_of(Role role) noexcept;

struct Caller {
  std::string who;  ///< The token's name; `local` where none is asked for.
  Role role = Role::anyone;
};

struct NamedToken {
  std::string name;
  std::string token;  ///< Only its SHA-256 is kept.
};

struct AccessOptions {
  std::vector<NamedToken> read_tokens;
  std::vector<NamedToken> operate_tokens;
  std::vector<std::string> allowed_hosts;  ///< With or without a port.
  std::vector<std::string> allowed_origins;
  /// Nobody but this machine reaches the address, so that any other name is a page's trick.
  bool is_loopback = true;
};

class Access {
 public:
  explicit Access(const AccessOptions& options);

  /// Why this request, whatever it wants, is not listened to: its Host or its Origin.
  [[nodiscard]] std::optional<http::Response> refuse_place(const http::Request& request) const;

  /// Who asks, or why that is not good enough for `needed`.
  [[nodiscard]] std::variant<Caller, http::Response> admit(const http::Request& request,
                                                           Role needed, Moment now);

  /// Good for one stream, for a while; none where too many are out.
  [[nodiscard]] std::optional<std::string> make_ticket(const Caller& caller, Moment now);
  static constexpr std::chrono::seconds ticket_time{30};

  /// Headers by which the page of another origin, where that is allowed, may read an answer.
  [[nodiscard]] http::NamedTexts shared_headers(const http::Request& request) const;

 private:
  struct Known {
    Caller caller;
    http::Tokens token;
  };
  struct Ticket {
    Caller caller;
    Moment until;
  };
  [[nodiscard]] bool is_host_allowed(std::string_view host) const;
  [[nodiscard]] bool is_foreign_origin_allowed(std::string_view origin) const;
  [[nodiscard]] std::optional<Caller> caller_of(const http::Request& request) const;
  [[nodiscard]] std::optional<Caller> use_ticket(const http::Request& request, Moment now);

  std::vector<Known> known_;
  const std::vector<std::string> allowed_hosts_;
  const std::vector<std::string> allowed_origins_;
  const bool is_loopback_;
  std::map<std::string, Ticket, std::less<>> tickets_;
};

}  // namespace outbox::admin
