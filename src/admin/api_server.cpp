// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <outbox/error.hpp>

#include "admin/api.hpp"
#include "admin/metrics.hpp"

namespace outbox::admin {
namespace {

constexpr std::array stream_query = {Field{.name = "ticket", .least = 1, .most = 100}};
constexpr std::array ready_query = {Field{.name = "verbose", .most = 10}};
constexpr std::array asset_path = {
    Field{.name = "path", .required = true, .least = 1, .most = 200}};

Reply me(const Call& call) {
  return {.document = {{"name", text_json(call.actor.who)},
                       {"role", word_of(call.role)},
                       {"version", call.services->office.site().version}}};
}

/// What is not there says so instead of looking empty.
Reply told_by(const std::function<Json()>& source, const char* what) {
  if (!source) {
    throw Error(ErrorKind::not_found, std::string("this process has no ") + what, "");
  }
  return {.document = source()};
}

Reply doctor(const Call& call) {
  return told_by(call.services->doctor, "doctor");
}

Reply alerts(const Call& call) {
  if (!call.services->alerts) return {.document = {{"items", Json::array()}}};
  return {.document = call.services->alerts()};
}

Reply metrics(const Call& call) {
  if (!call.services->metrics_text) {
    throw Error(ErrorKind::not_found, "this process has no metrics", "");
  }
  return {.text = call.services->metrics_text(), .content_type = std::string(metrics_content_type)};
}

Reply ready(const Call& call) {
  const std::vector<ReadyLine> lines = call.services->readiness.look();
  return {.status = is_ready(lines) ? 200 : 503,
          .text = readiness_text(lines, call.input.has("verbose"), call.role != Role::anyone),
          .content_type = "text/plain; charset=utf-8"};
}

constexpr std::array all = {
    Route{.name = "me", .method = "GET", .path = "/api/v1/me", .handler = me},
    Route{.name = "doctor",
          .method = "GET",
          .path = "/api/v1/doctor",
          .pace = Pace::slow,
          .handler = doctor},
    Route{.name = "alerts", .method = "GET", .path = "/api/v1/alerts", .handler = alerts},
    Route{.name = "ticket", .method = "POST", .path = "/api/v1/tickets"},
    Route{.name = "stream", .method = "GET", .path = "/api/v1/stream", .query = stream_query},
    Route{.name = "openapi", .method = "GET", .path = "/openapi.json", .role = Role::anyone},
    Route{.name = "metrics", .method = "GET", .path = "/metrics", .handler = metrics},
    Route{.name = "livez", .method = "GET", .path = "/livez", .role = Role::anyone},
    Route{.name = "readyz",
          .method = "GET",
          .path = "/readyz",
          .role = Role::anyone,
          .query = ready_query,
          .handler = ready},
    Route{.name = "dashboard", .method = "GET", .path = "/", .role = Role::anyone},
    Route{.name = "assets",
          .method = "GET",
          .path = "/assets/{path}",
          .role = Role::anyone,
          .path_fields = asset_path},
};

}  // namespace

std::span<const Route> server_routes() {
  return all;
}

}  // namespace outbox::admin
