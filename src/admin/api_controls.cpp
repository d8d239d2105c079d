// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <future>

#include <outbox/error.hpp>

#include "admin/api.hpp"
#include "admin/controls.hpp"
#include "admin/watch.hpp"

namespace outbox::admin {
namespace {

constexpr std::string_view kinds = "relay|topic|key|consumer";
/// A clean-up that takes longer goes on as a job.
constexpr std::chrono::seconds clean_up_patience{8};

constexpr std::array store_query = {store_field};
constexpr std::array pause_body = {
    Field{.name = "kind", .kind = FieldKind::word, .required = true, .words = kinds},
    Field{.name = "name", .required = true, .least = 1, .most = 1'000},
    store_field,
    reason_field,
};
constexpr std::array resume_path = {
    Field{.name = "kind", .kind = FieldKind::word, .required = true, .words = kinds},
    Field{.name = "name", .required = true, .least = 1, .most = 1'000},
};
constexpr std::array clean_up_body = {
    store_field,
    Field{.name = "dry_run", .kind = FieldKind::boolean},
    reason_field,
};
constexpr std::array audit_query = {store_field, limit_field, cursor_field};

Reply pauses(const Call& call) {
  return {.document = list_pauses(call.services->office, call.input.text("store"))};
}

PauseRequest pause_of(const Input& input) {
  return {pause_kind_of(input.text_or("kind", "")), input.text_or("name", ""), input.text("store"),
          input.text_or("reason", "")};
}

Reply begin_pause(const Call& call) {
  PauseOutcome outcome = pause(call.services->office, pause_of(call.input), call.actor);
  return {.status = outcome.changed ? 201 : 200, .document = std::move(outcome.document)};
}

Reply end_pause(const Call& call) {
  if (!resume(call.services->office, pause_of(call.input), call.actor).changed) {
    throw Error(ErrorKind::not_found,
                "no " + call.input.text_or("kind", "") + " '" + call.input.text_or("name", "") +
                    "' is paused",
                "GET /api/v1/pauses lists what is");
  }
  return {.status = 204};
}

Reply clean(const Call& call) {
  const CleanupRequest request{call.input.text("store"), call.input.flag("dry_run"),
                               call.input.text_or("reason", "")};
  auto result = std::make_shared<std::promise<Json>>();
  auto outcome = result->get_future();
  Json job = call.jobs.start(
      {"cleanup", call.actor, request.reason,
       [services = call.services, request, actor = call.actor, result](const Running& running) {
         try {
           Json done = clean_up(services->office, request, actor, running);
           result->set_value(done);
           return done;
         } catch (const std::exception&) {
           result->set_exception(std::current_exception());
           throw;
         }
       }});
  if (outcome.wait_for(clean_up_patience) == std::future_status::ready) {
    return {.document = outcome.get()};
  }
  return {.status = 202, .document = {{"job", std::move(job)}}};
}

Reply audit(const Call& call) {
  AuditRequest request;
  request.store = call.input.text("store");
  request.limit = static_cast<std::size_t>(call.input.integer("limit").value_or(100));
  request.cursor = call.input.text_or("cursor", "");
  return {.document = list_audit(call.services->office, request)};
}

constexpr std::array all = {
    Route{.name = "pauses",
          .method = "GET",
          .path = "/api/v1/pauses",
          .query = store_query,
          .handler = pauses},
    Route{.name = "pause",
          .method = "POST",
          .path = "/api/v1/pauses",
          .role = Role::operate,
          .body = pause_body,
          .handler = begin_pause},
    Route{.name = "resume",
          .method = "DELETE",
          .path = "/api/v1/pauses/{kind}/{name}",
          .role = Role::operate,
          .path_fields = resume_path,
          .query = store_query,
          .handler = end_pause},
    Route{.name = "cleanup",
          .method = "POST",
          .path = "/api/v1/cleanup",
          .role = Role::operate,
          .pace = Pace::slow,
          .body = clean_up_body,
          .handler = clean},
    Route{.name = "audit",
          .method = "GET",
          .path = "/api/v1/audit",
          .query = audit_query,
          .handler = audit},
};

}  // namespace

std::span<const Route> control_routes() {
  return all;
}

}  // namespace outbox::admin
