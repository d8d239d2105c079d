// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <outbox/error.hpp>

#include "admin/api.hpp"
#include "admin/doctor.hpp"
#include "admin/metrics.hpp"

namespace outbox::admin {
namespace {

constexpr std::array store_query = {store_field};
constexpr std::array stream_query = {Field{.name = "ticket", .least = 1, .most = 100}};
constexpr std::array ready_query = {Field{.name = "verbose", .most = 10}};
constexpr std::array asset_path = {
    Field{.name = "path", .required = true, .least = 1, .most = 200}};

Reply me(const Call& call) {
  return {.document = {{"name", text_json(call.actor.who)},
                       {"role", word_of(call.role)},
                       {"version", call.services->office.site().version}}};
}

Reply examine(const Call& call) {
  return {.document = doctor(call.services->office, call.input.text("store"))};
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

constexpr std::array all = {
    Route{.name = "me", .method = "GET", .path = "/api/v1/me", .from_memory = true, .handler = me},
    Route{.name = "doctor",
          .method = "GET",
          .path = "/api/v1/doctor",
          .pace = Pace::slow,
          .query = store_query,
          .handler = examine},
    Route{.name = "alerts",
          .method = "GET",
          .path = "/api/v1/alerts",
          .from_memory = true,
          .handler = alerts},
    Route{.name = "ticket", .method = "POST", .path = "/api/v1/tickets"},
    Route{.name = "stream", .method = "GET", .path = "/api/v1/stream", .query = stream_query},
    Route{.name = "openapi", .method = "GET", .path = "/openapi.json", .role = Role::anyone},
    Route{.name = "metrics",
          .method = "GET",
          .path = "/metrics",
          .from_memory = true,
          .handler = metrics},
    Route{.name = "livez", .method = "GET", .path = "/livez", .role = Role::anyone},
    Route{.name = "readyz",
          .method = "GET",
          .path = "/readyz",
          .role = Role::anyone,
          .query = ready_query},
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
