// SPDX-License-Identifier: Apache-2.0
#include "gateway/endpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace outbox::gateway {
namespace {

using http::Response;

constexpr std::string_view text = "text/plain; charset=utf-8";
constexpr std::string_view subprotocol = "outbox";
constexpr std::array<std::string_view, 6> parameters = {
    "resume", "progress", "token", "aggregate_type", "aggregate_id", "event_type"};

Response refusal(int status, std::string body, http::NamedTexts headers = {}) {
  return {status, std::move(body) + "\n", std::string(text), std::move(headers)};
}

/// A mistyped filter would otherwise send everything.
std::string unknown_parameter(const http::Request& request) {
  for (const auto& [name, value] : request.query) {
    if (std::find(parameters.begin(), parameters.end(), name) == parameters.end()) return name;
  }
  return {};
}

Filter filter_of(const http::Request& request) {
  return {request.list("event_type"), request.list("aggregate_type"), request.list("aggregate_id")};
}

/// Where the client was; no value where it begins now and does not want to come back.
std::optional<std::string> resume_of(const http::Request& request, bool is_web_socket) {
  if (!is_web_socket) {
    // A browser that comes back by itself knows better than the address it was given once.
    if (const auto last = request.header("Last-Event-ID"); last && !last->empty()) {
      return std::string(*last);
    }
  }
  const auto parameter = request.parameter("resume");
  return parameter ? std::optional(std::string(*parameter)) : std::nullopt;
}

bool is_yes(std::optional<std::string_view> value) {
  return value && *value != "0" && *value != "false";
}

std::string subprotocol_of(const http::Request& request) {
  const auto offered = request.header("Sec-WebSocket-Protocol");
  if (!offered) return {};
  const auto words = http::split_list(*offered);
  const bool is_offered = std::find(words.begin(), words.end(), subprotocol) != words.end();
  return is_offered ? std::string(subprotocol) : std::string();
}

/// So that a page of another origin may read the answer, which was allowed.
http::NamedTexts cross_origin(const std::string& origin) {
  if (origin.empty()) return {};
  return {{"Access-Control-Allow-Origin", origin}, {"Vary", "Origin"}};
}

}  // namespace

Endpoints::Endpoints(const AccessOptions& access, Hub& hub, std::function<bool()> brokers_away)
    : tokens_(access.tokens),
      allowed_origins_(access.allowed_origins),
      hub_(hub),
      brokers_away_(std::move(brokers_away)) {}

void Endpoints::tick() {
  hub_.tick(BootClock::now());
}

http::Answer Endpoints::answer(const http::Request& request) {
  const bool is_web_socket = request.path == "/ws";
  if (is_web_socket || request.path == "/events") return stream(request, is_web_socket);
  if (request.path != "/health") {
    return refusal(404, "there are /ws for WebSocket, /events for server-sent events, /health");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    return refusal(405, "use GET", {{"Allow", "GET, HEAD"}});
  }
  return health();
}

http::Response Endpoints::health() const {
  const bool is_away = brokers_away_();
  Response response;
  response.status = is_away ? 503 : 200;
  response.content_type = "application/json";
  response.headers = {{"Cache-Control", "no-store"}};
  response.body = fmt::format("{{\"status\":\"{}\",\"clients\":{}}}\n",
                              is_away ? "brokers away" : "ok", hub_.clients());
  return response;
}

http::Answer Endpoints::stream(const http::Request& request, bool is_web_socket) {
  const std::string origin(request.header("Origin").value_or(""));
  if (!origin.empty() &&
      !http::is_origin_allowed(origin, request.header("Host").value_or(""), allowed_origins_)) {
    return refusal(403, "pages of this origin may not connect: name it in gateway.allowed-origins");
  }
  if (request.method == "OPTIONS") {
    http::NamedTexts headers = cross_origin(origin);
    headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Last-Event-ID");
    headers.emplace_back("Access-Control-Allow-Methods", "GET");
    return Response{204, {}, std::string(text), std::move(headers)};
  }
  if (request.method != "GET") return refusal(405, "use GET", {{"Allow", "GET, OPTIONS"}});
  if (!tokens_.empty()) {
    const auto token = http::token_of(request);
    if (!token || !tokens_.accept(*token)) {
      http::NamedTexts headers = cross_origin(origin);
      headers.emplace_back("WWW-Authenticate", "Bearer");
      return refusal(401,
                     "a token is needed: the header Authorization: Bearer TOKEN, the WebSocket "
                     "subprotocols outbox and bearer.TOKEN, or the parameter token",
                     std::move(headers));
    }
  }
  if (is_web_socket && !request.wants_web_socket) {
    return refusal(426, "this is for WebSocket clients; others use /events",
                   {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}});
  }
  return subscribe(request, is_web_socket, origin);
}

http::Answer Endpoints::subscribe(const http::Request& request, bool is_web_socket,
                                  const std::string& origin) {
  if (const std::string name = unknown_parameter(request); !name.empty()) {
    return refusal(400, fmt::format("there is no parameter '{:.60}': there are {}", name,
                                    fmt::join(parameters, ", ")));
  }
  ClientTerms terms;
  terms.filter = filter_of(request);
  const std::optional<std::string> resume = resume_of(request, is_web_socket);
  if (resume && !resume->empty()) {
    terms.resume = hub_.slots().parse(*resume);
    terms.resume_text = *resume;
    if (!terms.resume) {
      return refusal(400,
                     "this is no position: give back what came in `position` or `id:`, or "
                     "leave it empty to begin now");
    }
  }
  terms.form = !is_web_socket ? Form::event_stream : resume ? Form::resumable : Form::plain;
  terms.wants_progress = !is_web_socket || (resume && is_yes(request.parameter("progress")));
  http::Upgrade upgrade;
  upgrade.client = hub_.make_client(std::move(terms));
  upgrade.is_web_socket = is_web_socket;
  if (is_web_socket) {
    upgrade.subprotocol = subprotocol_of(request);
  } else {
    upgrade.headers = cross_origin(origin);
  }
  return upgrade;
}

}  // namespace outbox::gateway
