// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "admin/api.hpp"
#include "admin/status.hpp"
#include "admin/watch.hpp"

namespace outbox::admin {
namespace {

constexpr std::array store_query = {store_field};
constexpr std::array backlog_query = {
    store_field,
    Field{.name = "by", .kind = FieldKind::word, .words = "type|topic|key|age"},
};

Reply status(const Call& call) {
  const auto store = call.input.text("store");
  if (store) return {.document = status_document(call.services->office, {}, store)};
  return {.text = call.watch.status(call.services), .content_type = "application/json"};
}

Reply stores(const Call& call) {
  return {.document = list_stores(call.services->office, call.input.text("store"))};
}

Reply relays(const Call& call) {
  return {.document = list_relays(call.services->office, call.input.text("store"))};
}

Reply consumers(const Call& call) {
  return {.document = list_consumers(call.services->office)};
}

Reply backlog(const Call& call) {
  return {.document = backlog_by(call.services->office, call.input.text_or("by", "type"),
                                 call.input.text("store"))};
}

Reply blocked(const Call& call) {
  return {.document = blocked_keys(call.services->office, call.input.text("store"))};
}

constexpr std::array all = {
    Route{.name = "status",
          .method = "GET",
          .path = "/api/v1/status",
          .query = store_query,
          .handler = status},
    Route{.name = "stores",
          .method = "GET",
          .path = "/api/v1/stores",
          .query = store_query,
          .handler = stores},
    Route{.name = "relays",
          .method = "GET",
          .path = "/api/v1/relays",
          .query = store_query,
          .handler = relays},
    Route{.name = "consumers", .method = "GET", .path = "/api/v1/consumers", .handler = consumers},
    Route{.name = "backlog",
          .method = "GET",
          .path = "/api/v1/backlog",
          .pace = Pace::slow,
          .query = backlog_query,
          .handler = backlog},
    Route{.name = "blocked_keys",
          .method = "GET",
          .path = "/api/v1/blocked-keys",
          .query = store_query,
          .handler = blocked},
};

}  // namespace

std::span<const Route> status_routes() {
  return all;
}

}  // namespace outbox::admin
