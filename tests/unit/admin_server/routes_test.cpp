// SPDX-License-Identifier: Apache-2.0
//
// The table of routes and openapi.json promise the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "admin/api.hpp"
#include "admin/openapi.hpp"

namespace outbox::admin {
namespace {

const Json& contract() {
  static const Json document = Json::parse(openapi_text());
  return document;
}

/// Without the reference that may stand in its place.
const Json& resolved(const Json& schema) {
  if (!schema.contains("$ref")) return schema;
  const std::string pointer = schema.at("$ref").get<std::string>().substr(1);
  return contract().at(Json::json_pointer(pointer));
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result)
    letter = static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter | 0x20 : letter);
  return result;
}

void expect_limits(const Field& field, const Json& schema, const std::string& where) {
  if (field.kind == FieldKind::integer) {
    EXPECT_EQ(schema.at("type"), "integer") << where;
    EXPECT_EQ(schema.at("minimum"), field.least) << where;
    EXPECT_EQ(schema.at("maximum"), field.most) << where;
  } else if (field.kind == FieldKind::text && !schema.contains("pattern")) {
    EXPECT_EQ(schema.at("type"), "string") << where;
    EXPECT_EQ(schema.value("minLength", 0), field.least) << where;
    EXPECT_EQ(schema.value("maxLength", 0), field.most) << where;
  }
}

void expect_words(const Field& field, const Json& schema, const std::string& where) {
  std::string words;
  for (const Json& word : schema.at("enum"))
    words += (words.empty() ? "" : "|") + word.get<std::string>();
  EXPECT_EQ(words, field.words) << where;
}

void expect_field(const Field& field, const Json& given, const std::string& where);

void expect_fields(std::span<const Field> fields, const Json& schema, const std::string& where) {
  EXPECT_FALSE(schema.at("additionalProperties").get<bool>()) << where;
  const Json required = schema.value("required", Json::array());
  std::set<std::string> names;
  for (const Field& field : fields) {
    const std::string name(field.name);
    names.insert(name);
    ASSERT_TRUE(schema.at("properties").contains(name)) << where << " " << name;
    expect_field(field, schema.at("properties").at(name), where + "." + name);
    const bool is_required = std::find(required.begin(), required.end(), name) != required.end();
    EXPECT_EQ(is_required, field.required) << where << "." << name;
  }
  for (const auto& [name, property] : schema.at("properties").items())
    EXPECT_TRUE(names.contains(name)) << where << "." << name << " is not taken";
}

void expect_field(const Field& field, const Json& given, const std::string& where) {
  const Json& schema = resolved(given);
  switch (field.kind) {
    case FieldKind::text:
    case FieldKind::integer:
      return expect_limits(field, schema, where);
    case FieldKind::word:
      return expect_words(field, schema, where);
    case FieldKind::words:
      return expect_words(field, schema.at("items"), where);
    case FieldKind::texts: {
      EXPECT_EQ(schema.at("type"), "array") << where;
      EXPECT_EQ(schema.value("maxItems", 0U), field.entries_max) << where;
      EXPECT_EQ(schema.at("items").value("maxLength", 0), field.most) << where;
      return;
    }
    case FieldKind::time:
      EXPECT_EQ(schema.at("format"), "date-time") << where;
      return;
    case FieldKind::uuid:
      EXPECT_EQ(schema.at("format"), "uuid") << where;
      return;
    case FieldKind::boolean:
      EXPECT_EQ(schema.at("type"), "boolean") << where;
      return;
    case FieldKind::strings:
    case FieldKind::object:
      EXPECT_EQ(schema.at("type"), "object") << where;
      return;
    case FieldKind::value:
      EXPECT_FALSE(schema.contains("type")) << where;
      return;
    case FieldKind::fields:
      return expect_fields(field.inner, schema, where);
  }
}

void expect_parameters(const Route& route, const Json& operation) {
  std::map<std::string, const Json*> wanted;
  const Json parameters = operation.value("parameters", Json::array());
  for (const Json& parameter : parameters) {
    const std::string place = parameter.at("in").get<std::string>();
    wanted[place + " " + parameter.at("name").get<std::string>()] = &parameter;
  }
  const auto check = [&](const char* place, std::span<const Field> fields) {
    for (const Field& field : fields) {
      const std::string name = std::string(place) + " " + std::string(field.name);
      const std::string where = std::string(route.name) + ": " + name;
      const auto found = wanted.find(name);
      ASSERT_NE(found, wanted.end()) << where << " is not in openapi.json";
      expect_field(field, found->second->at("schema"), where);
      EXPECT_EQ(found->second->value("required", false), field.required) << where;
      wanted.erase(found);
    }
  };
  check("path", route.path_fields);
  check("query", route.query);
  for (const auto& [name, parameter] : wanted)
    ADD_FAILURE() << route.name << ": " << name << " is in openapi.json and not taken";
}

TEST(Routes, are_those_of_the_contract_with_their_roles_parameters_and_fields) {
  std::set<std::string> known;
  for (const Route& route : routes()) {
    const std::string path(route.path);
    ASSERT_TRUE(contract().at("paths").contains(path)) << path;
    const Json& methods = contract().at("paths").at(path);
    const std::string method = lower(route.method);
    ASSERT_TRUE(methods.contains(method)) << path << " " << method;
    const Json& operation = methods.at(method);
    known.insert(method + " " + path);
    EXPECT_EQ(operation.at("operationId"), route.name);
    EXPECT_EQ(operation.at("x-role"), word_of(route.role)) << path;
    expect_parameters(route, operation);
    EXPECT_EQ(operation.contains("requestBody"), !route.body.empty()) << path;
    if (route.body.empty()) continue;
    const Json& body = operation.at("requestBody").at("content").at("application/json");
    expect_fields(route.body, resolved(body.at("schema")), std::string(route.name));
  }
  for (const auto& [path, methods] : contract().at("paths").items()) {
    for (const auto& [method, operation] : methods.items())
      EXPECT_TRUE(known.contains(method + " " + path)) << method << " " << path;
  }
}

TEST(Routes, that_change_something_take_the_role_operate) {
  for (const Route& route : routes()) {
    if (route.method == "GET" || route.name == "ticket") continue;
    EXPECT_EQ(route.role, Role::operate) << route.name;
  }
}

std::string found_name(std::string_view method, std::string_view path) {
  const RouteFound found = find_route(method, path);
  return found.route == nullptr ? "" : std::string(found.route->name);
}

TEST(Routes, are_found_by_the_longest_path_that_fits) {
  EXPECT_EQ(found_name("GET", "/api/v1/dead-letters/groups"), "dead_letter_groups");
  EXPECT_EQ(found_name("GET", "/api/v1/dead-letters/row.global.1"), "dead_letter");
  EXPECT_EQ(found_name("POST", "/api/v1/dead-letters/replay"), "replay_dead_letters");
  EXPECT_EQ(found_name("POST", "/api/v1/events/7/retry"), "retry_event");
  EXPECT_EQ(found_name("GET", "/api/v1/topics/a.b/messages"), "messages");
  EXPECT_EQ(found_name("HEAD", "/api/v1/status"), "status");
  EXPECT_EQ(found_name("GET", "/"), "dashboard");
  for (const char* path : {"", "//", "/api/v1", "/api/v1/", "/api/v1/events/", "/api/v2/status",
                           "/api/v1/status/", "/api//v1/status", "/../etc/passwd"}) {
    EXPECT_EQ(found_name("GET", path), "") << path;
  }
}

TEST(Routes, take_a_key_with_slashes_as_the_last_part) {
  const RouteFound found = find_route("DELETE", "/api/v1/pauses/key/a/b//c");
  ASSERT_NE(found.route, nullptr);
  EXPECT_EQ(found.path_values, (http::NamedTexts{{"kind", "key"}, {"name", "a/b//c"}}));
}

TEST(Routes, say_which_methods_a_path_takes) {
  EXPECT_EQ(find_route("PUT", "/api/v1/pauses").allowed_methods, "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(find_route("PUT", "/api/v1/pauses").route, nullptr);
  EXPECT_EQ(find_route("PUT", "/nothing").allowed_methods, "");
}

}  // namespace
}  // namespace outbox::admin
