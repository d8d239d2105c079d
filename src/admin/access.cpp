// SPDX-License-Identifier: Apache-2.0
#include "admin/access.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <outbox/uuid.hpp>

#include "admin/problem.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t tickets_max = 1'000;

std::string_view without_port(std::string_view host) {
  const std::size_t end = host.starts_with('[') ? host.find(']') : 0;
  if (end == std::string_view::npos) return host;
  const std::size_t colon = host.find(':', end);
  return host.substr(0, colon);
}

/// The only names of this machine that no name server can point elsewhere.
bool is_loopback_name(std::string_view name) {
  return http::equal_without_case(name, "localhost") || name == "127.0.0.1" || name == "[::1]";
}

bool holds(const std::vector<std::string>& list, std::string_view text) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& entry) {
    return http::equal_without_case(entry, text);
  });
}

}  // namespace

const char* word_of(Role role) noexcept {
  switch (role) {
    case Role::anyone:
      return "anyone";
    case Role::read:
      return "read";
    case Role::operate:
      return "operate";
  }
  return "";
}

Access::Access(const AccessOptions& options)
    : allowed_hosts_(options.allowed_hosts),
      allowed_origins_(options.allowed_origins),
      is_loopback_(options.is_loopback) {
  for (const NamedToken& one : options.read_tokens)
    known_.push_back({{one.name, Role::read}, http::Tokens(one.token)});
  for (const NamedToken& one : options.operate_tokens)
    known_.push_back({{one.name, Role::operate}, http::Tokens(one.token)});
}

bool Access::is_host_allowed(std::string_view host) const {
  if (holds(allowed_hosts_, host) || holds(allowed_hosts_, without_port(host))) return true;
  if (is_loopback_name(without_port(host))) return true;
  return !is_loopback_ && allowed_hosts_.empty();
}

bool Access::is_foreign_origin_allowed(std::string_view origin) const {
  return holds(allowed_origins_, origin);
}

std::optional<http::Response> Access::refuse_place(const http::Request& request) const {
  const std::string_view host = request.header("Host").value_or("");
  // What probes a container calls it by its address; they learn a word.
  const bool is_probe = request.path == "/livez" || request.path == "/readyz";
  if (!is_host_allowed(host) && (is_loopback_ || !is_probe)) {
    return problem(403, fmt::format("this server is not called '{}'", host),
                   "call it localhost or 127.0.0.1, or name the host in admin.allowed-hosts");
  }
  const auto origin = request.header("Origin");
  if (!origin || is_foreign_origin_allowed(*origin)) return std::nullopt;
  const std::size_t scheme = origin->find("://");
  const bool is_own = scheme != std::string_view::npos &&
                      http::equal_without_case(origin->substr(scheme + 3), host);
  if (is_own) return std::nullopt;
  return problem(403, fmt::format("pages of '{}' may not use this server", *origin),
                 "name the origin in admin.allowed-origins");
}

http::NamedTexts Access::shared_headers(const http::Request& request) const {
  const auto origin = request.header("Origin");
  if (!origin || !is_foreign_origin_allowed(*origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(*origin)},
          {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
          {"Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE"},
          {"Access-Control-Max-Age", "600"},
          {"Vary", "Origin"}};
}

std::optional<Caller> Access::caller_of(const http::Request& request) const {
  if (known_.empty()) return Caller{"local", Role::operate};
  // Never from the URL: those end in logs and histories.
  if (!request.header("Authorization")) return std::nullopt;
  const auto token = http::token_of(request);
  if (!token) return std::nullopt;
  std::optional<Caller> found;
  for (const Known& known : known_) {
    if (known.token.accept(*token)) found = known.caller;
  }
  return found;
}

std::optional<Caller> Access::use_ticket(const http::Request& request, Moment now) {
  const auto ticket = request.parameter("ticket");
  if (!ticket) return std::nullopt;
  auto found = tickets_.extract(std::string(*ticket));
  if (found.empty() || found.mapped().until < now) return std::nullopt;
  return found.mapped().caller;
}

std::variant<Caller, http::Response> Access::admit(const http::Request& request, Role needed,
                                                   Moment now) {
  const bool is_stream = request.path == "/api/v1/stream";
  std::optional<Caller> caller = is_stream ? use_ticket(request, now) : std::nullopt;
  if (!caller) caller = caller_of(request);
  if (!caller && needed == Role::anyone) return Caller{"", Role::anyone};
  if (!caller) {
    http::Response refusal = problem(
        401, is_stream ? "no token, or no ticket that is still good" : "no token, or a wrong one",
        "send `Authorization: Bearer TOKEN` with one of admin.read-tokens or "
        "admin.operate-tokens");
    refusal.headers.emplace_back("WWW-Authenticate", "Bearer");
    return refusal;
  }
  if (caller->role < needed) {
    return problem(403, fmt::format("'{}' may only look", caller->who),
                   "use one of admin.operate-tokens");
  }
  return *caller;
}

std::optional<std::string> Access::make_ticket(const Caller& caller, Moment now) {
  std::erase_if(tickets_, [now](const auto& one) { return one.second.until < now; });
  if (tickets_.size() >= tickets_max) return std::nullopt;
  std::string ticket = to_string(random_uuid());
  tickets_.insert_or_assign(ticket, Ticket{caller, now + ticket_time});
  return ticket;
}

}  // namespace outbox::admin
