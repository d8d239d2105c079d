// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <outbox/error.hpp>

#include "admin/api.hpp"
#include "core/json_text.hpp"

namespace outbox::admin {
namespace {

constexpr Field source_field{.name = "source", .kind = FieldKind::word, .words = "relay|consumer"};
constexpr Field consumer_field{.name = "consumer", .least = 1, .most = 249};
constexpr Field topic_field{.name = "topic", .least = 1, .most = 249};
constexpr Field dead_letter_topic_field{.name = "dead_letter_topic", .least = 1, .most = 249};
constexpr Field key_field{.name = "key", .most = 1'000};
constexpr Field group_field{.name = "group", .least = 16, .most = 16};

constexpr std::array groups_query = {
    source_field,
    store_field,
    consumer_field,
    topic_field,
    Field{.name = "event_type", .kind = FieldKind::texts, .least = 1, .most = 255},
    dead_letter_topic_field,
    Field{.name = "settled_too", .kind = FieldKind::boolean},
    key_field,
    group_field,
    since_field,
    until_field,
};
constexpr std::array list_query = {
    source_field,
    store_field,
    consumer_field,
    topic_field,
    Field{.name = "event_type", .kind = FieldKind::texts, .least = 1, .most = 255},
    dead_letter_topic_field,
    Field{.name = "settled_too", .kind = FieldKind::boolean},
    key_field,
    group_field,
    since_field,
    until_field,
    limit_field,
    cursor_field,
};
constexpr std::array filter_fields = {
    source_field,
    store_field,
    consumer_field,
    topic_field,
    Field{.name = "event_types",
          .kind = FieldKind::texts,
          .least = 1,
          .most = 255,
          .entries_max = 100},
    dead_letter_topic_field,
    key_field,
    group_field,
    since_field,
    until_field,
};
constexpr std::array edit_fields = {
    Field{.name = "merge_patch", .kind = FieldKind::object},
    Field{.name = "payload", .kind = FieldKind::value},
    topic_field,
    Field{.name = "headers", .kind = FieldKind::strings},
};
constexpr std::array patch_body = {
    Field{.name = "payload", .kind = FieldKind::value},
    Field{.name = "merge_patch", .kind = FieldKind::object},
    topic_field,
    Field{.name = "headers", .kind = FieldKind::strings},
    Field{.name = "expected_version", .least = 16, .most = 16},
    reason_field,
};
constexpr Field ids_field{
    .name = "ids", .kind = FieldKind::texts, .least = 1, .most = 600, .entries_max = 10'000};
constexpr Field filter_field{.name = "filter", .kind = FieldKind::fields, .inner = filter_fields};
constexpr Field letters_max_field{
    .name = "letters_max", .kind = FieldKind::integer, .least = 1, .most = 1'000'000'000};
constexpr Field dry_run_field{.name = "dry_run", .kind = FieldKind::boolean};
constexpr std::array replay_body = {
    ids_field,
    filter_field,
    letters_max_field,
    Field{.name = "edit", .kind = FieldKind::fields, .inner = edit_fields},
    Field{.name = "rate", .kind = FieldKind::integer, .least = 1, .most = 1'000'000},
    dry_run_field,
    reason_field,
};
constexpr std::array discard_body = {ids_field, filter_field, letters_max_field, dry_run_field,
                                     reason_field};
constexpr std::array letter_path = {Field{.name = "id", .required = true, .least = 1, .most = 600}};
constexpr std::array job_path = {Field{.name = "id", .required = true, .least = 1, .most = 100}};

LetterFilter filter_of(const Input& input) {
  LetterFilter filter;
  if (const auto source = input.text("source")) {
    filter.source = *source == "relay" ? LetterSource::relay : LetterSource::consumer;
  }
  filter.store = input.text("store");
  filter.consumer = input.text("consumer");
  filter.topic = input.text("topic");
  filter.dead_letter_topic = input.text("dead_letter_topic");
  filter.event_types = input.list(input.has("event_types") ? "event_types" : "event_type");
  filter.key = input.text("key");
  filter.group = input.text("group");
  filter.since_us = input.time_us("since");
  filter.until_us = input.time_us("until");
  filter.settled_too = input.flag("settled_too");
  return filter;
}

LetterEdit edit_of(const Input& input) {
  LetterEdit edit;
  edit.merge_patch = input.raw("merge_patch");
  edit.payload = input.raw("payload");
  // A text is the payload itself: one that is no JSON could not be given otherwise.
  if (edit.payload && edit.payload->starts_with('"')) {
    edit.payload = decode_json_string(edit.payload->substr(1, edit.payload->size() - 2));
  }
  edit.topic = input.text("topic");
  edit.headers_json = input.raw("headers");
  if (edit.merge_patch && edit.payload) {
    throw Error(ErrorKind::usage, "both payload and merge_patch are given", "give one of them");
  }
  return edit;
}

LetterChoice choice_of(const Input& input) {
  if (input.has("ids") == input.has("filter")) {
    throw Error(ErrorKind::usage, "neither ids nor filter is given, or both",
                "give ids, or a filter; {\"filter\": {}} is all dead letters");
  }
  LetterChoice choice;
  choice.ids = input.list("ids");
  if (const Input* filter = input.fields("filter")) choice.filter = filter_of(*filter);
  choice.letters_max = input.integer("letters_max");
  return choice;
}

Reply list(const Call& call) {
  LettersPage page;
  page.filter = filter_of(call.input);
  page.limit = static_cast<std::size_t>(call.input.integer("limit").value_or(100));
  page.cursor = call.input.text_or("cursor", "");
  return {.document = call.services->letters.list(page)};
}

Reply groups(const Call& call) {
  return {.document = call.services->letters.groups(filter_of(call.input))};
}

Reply show(const Call& call) {
  return {.document = call.services->letters.show(call.input.text_or("id", ""))};
}

Reply edit(const Call& call) {
  LetterEdit wanted = edit_of(call.input);
  wanted.expected_version = call.input.text("expected_version");
  if (wanted.empty()) {
    throw Error(ErrorKind::usage, "nothing is to be changed",
                "give payload, merge_patch, topic or headers");
  }
  return {.document = call.services->letters.edit(call.input.text_or("id", ""), wanted, call.actor,
                                                  call.input.text_or("reason", ""))};
}

Reply started(const Call& call, const char* action, std::function<Json(const Running&)> work) {
  Json job =
      call.jobs.start({action, call.actor, call.input.text_or("reason", ""), std::move(work)});
  return {.status = 202, .document = {{"job", std::move(job)}}};
}

Reply replay(const Call& call) {
  ReplayRequest request;
  request.choice = choice_of(call.input);
  if (const Input* fields = call.input.fields("edit")) request.edit = edit_of(*fields);
  if (const auto rate = call.input.integer("rate")) {
    request.letters_per_second = static_cast<double>(*rate);
  }
  request.reason = call.input.text_or("reason", "");
  if (call.input.flag("dry_run")) return {.document = call.services->letters.plan_replay(request)};
  return started(call, "replay",
                 [services = call.services, request, actor = call.actor](const Running& running) {
                   return services->letters.replay(request, actor, running);
                 });
}

Reply discard(const Call& call) {
  const DiscardRequest request{choice_of(call.input), call.input.text_or("reason", "")};
  if (call.input.flag("dry_run")) return {.document = call.services->letters.plan_discard(request)};
  return started(call, "discard",
                 [services = call.services, request, actor = call.actor](const Running& running) {
                   return services->letters.discard(request, actor, running);
                 });
}

Reply list_jobs(const Call& call) {
  return {.document = call.jobs.list()};
}

Reply show_job(const Call& call) {
  return {.document = call.jobs.show(call.input.text_or("id", ""))};
}

Reply cancel_job(const Call& call) {
  return {.document = call.jobs.cancel(call.input.text_or("id", ""))};
}

constexpr std::array all = {
    Route{.name = "dead_letters",
          .method = "GET",
          .path = "/api/v1/dead-letters",
          .pace = Pace::slow,
          .query = list_query,
          .handler = list},
    Route{.name = "dead_letter_groups",
          .method = "GET",
          .path = "/api/v1/dead-letters/groups",
          .pace = Pace::slow,
          .query = groups_query,
          .handler = groups},
    Route{.name = "dead_letter",
          .method = "GET",
          .path = "/api/v1/dead-letters/{id}",
          .pace = Pace::slow,
          .path_fields = letter_path,
          .handler = show},
    Route{.name = "edit_dead_letter",
          .method = "PATCH",
          .path = "/api/v1/dead-letters/{id}",
          .role = Role::operate,
          .pace = Pace::slow,
          .path_fields = letter_path,
          .body = patch_body,
          .handler = edit},
    Route{.name = "replay_dead_letters",
          .method = "POST",
          .path = "/api/v1/dead-letters/replay",
          .role = Role::operate,
          .pace = Pace::slow,
          .body = replay_body,
          .handler = replay},
    Route{.name = "discard_dead_letters",
          .method = "POST",
          .path = "/api/v1/dead-letters/discard",
          .role = Role::operate,
          .pace = Pace::slow,
          .body = discard_body,
          .handler = discard},
    Route{.name = "jobs",
          .method = "GET",
          .path = "/api/v1/jobs",
          .from_memory = true,
          .handler = list_jobs},
    Route{.name = "job",
          .method = "GET",
          .path = "/api/v1/jobs/{id}",
          .from_memory = true,
          .path_fields = job_path,
          .handler = show_job},
    Route{.name = "cancel_job",
          .method = "DELETE",
          .path = "/api/v1/jobs/{id}",
          .role = Role::operate,
          .from_memory = true,
          .path_fields = job_path,
          .handler = cancel_job},
};

}  // namespace

std::span<const Route> letter_routes() {
  return all;
}

}  // namespace outbox::admin
