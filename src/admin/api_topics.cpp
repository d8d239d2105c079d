// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include <outbox/error.hpp>

#include "admin/api.hpp"
#include "admin/topics.hpp"

namespace outbox::admin {
namespace {

constexpr std::array name_path = {Field{.name = "name", .required = true, .least = 1, .most = 249}};
constexpr std::array messages_query = {
    Field{.name = "partition", .kind = FieldKind::integer, .least = 0, .most = 1'000'000},
    Field{.name = "limit", .kind = FieldKind::integer, .least = 1, .most = 200},
};

std::string topic_of(const Input& input) {
  std::string name = input.text_or("name", "");
  const bool is_name = std::all_of(name.begin(), name.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '.' || letter == '_' || letter == '-';
  });
  if (!is_name) {
    throw Error(ErrorKind::usage, "'name' is no name that a topic can have",
                "topics are called by letters a-z, A-Z, digits, '.', '_' and '-'");
  }
  return name;
}

Reply list(const Call& call) {
  return {.document = list_topics(call.services->office)};
}

Reply show(const Call& call) {
  return {.document = show_topic(call.services->office, topic_of(call.input))};
}

Reply messages(const Call& call) {
  MessagesRequest request;
  request.topic = topic_of(call.input);
  if (const auto partition = call.input.integer("partition")) {
    request.partition = static_cast<int>(*partition);
  }
  request.limit = static_cast<std::size_t>(call.input.integer("limit").value_or(50));
  return {.document = last_messages(call.services->office, request)};
}

constexpr std::array all = {
    Route{.name = "topics",
          .method = "GET",
          .path = "/api/v1/topics",
          .pace = Pace::slow,
          .handler = list},
    Route{.name = "topic",
          .method = "GET",
          .path = "/api/v1/topics/{name}",
          .pace = Pace::slow,
          .path_fields = name_path,
          .handler = show},
    Route{.name = "messages",
          .method = "GET",
          .path = "/api/v1/topics/{name}/messages",
          .pace = Pace::slow,
          .path_fields = name_path,
          .query = messages_query,
          .handler = messages},
};

}  // namespace

std::span<const Route> topic_routes() {
  return all;
}

}  // namespace outbox::admin
