// SPDX-License-Identifier: Apache-2.0
#include "admin/input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include <outbox/error.hpp>
#include <outbox/uuid.hpp>

#include "core/json_text.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t nesting_max = 100;
constexpr std::size_t shown_max = 60;

std::string shown(std::string_view text) {
  return "'" + std::string(text.substr(0, shown_max)) + (text.size() > shown_max ? "…'" : "'");
}

[[noreturn]] void refuse(const Field& field, const std::string& what) {
  throw Error(ErrorKind::usage, fmt::format("'{}' {}", field.name, what),
              "see /openapi.json for what it takes");
}

std::string names_of(std::span<const Field> fields) {
  std::string names;
  for (const Field& field : fields)
    names += (names.empty() ? "" : ", ") + std::string(field.name);
  return names.empty() ? "none" : names;
}

const Field& allowed_field(std::span<const Field> allowed, std::string_view name,
                           const std::string& where) {
  for (const Field& field : allowed) {
    if (field.name == name) return field;
  }
  throw Error(ErrorKind::usage, fmt::format("{} has {}, which is not known", where, shown(name)),
              "it may have: " + names_of(allowed));
}

std::int64_t characters_of(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char letter) {
    return (static_cast<unsigned char>(letter) & 0xC0U) != 0x80U;
  });
}

void check_text(const Field& field, std::string_view text) {
  if (find_utf8_fault(text)) refuse(field, "is no UTF-8");
  if (text.find('\0') != std::string_view::npos) refuse(field, "holds a NUL character");
  const std::int64_t size = characters_of(text);
  if (size < field.least) refuse(field, field.least == 1 ? "is empty" : "is too short");
  if (field.most > 0 && size > field.most) {
    refuse(field, fmt::format("is longer than {} characters", field.most));
  }
}

bool is_word(std::string_view words, std::string_view word) {
  while (!word.empty()) {
    const std::size_t bar = words.find('|');
    if (words.substr(0, bar) == word) return true;
    if (bar == std::string_view::npos) break;
    words.remove_prefix(bar + 1);
  }
  return false;
}

void check_word(const Field& field, std::string_view word) {
  if (!is_word(field.words, word)) {
    refuse(field, fmt::format("is {}, but has to be one of {}", shown(word), field.words));
  }
}

std::int64_t parse_integer(const Field& field, std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, number);
  if (fault != std::errc() || at != end || number < field.least || number > field.most) {
    refuse(field, fmt::format("is {}, but has to be a whole number from {} to {}", shown(text),
                              field.least, field.most));
  }
  return number;
}

bool parse_boolean(const Field& field, std::string_view text) {
  if (text != "true" && text != "false") {
    refuse(field, fmt::format("is {}, but has to be true or false", shown(text)));
  }
  return text == "true";
}

bool is_of_texts(FieldKind kind) {
  return kind == FieldKind::words || kind == FieldKind::texts;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

void check_entries(const Field& field, const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    if (field.kind == FieldKind::words) check_word(field, entry);
    check_text(field, entry);
  }
}

std::string text_of_json(const Field& field, std::string_view json) {
  if (json_type(json) != JsonType::string) refuse(field, "has to be a text");
  return decode_json_string(json.substr(1, json.size() - 2));
}

void check_strings(const Field& field, std::string_view object) {
  for (JsonWalk walk(object); walk.next();) {
    if (json_type(walk.value()) != JsonType::string) refuse(field, "has to hold texts alone");
    const Field one{.name = field.name, .most = field.most};
    check_text(one, decode_json_string(walk.name()));
    check_text(one, text_of_json(field, walk.value()));
  }
}

}  // namespace

const Input::Value* Input::find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

std::optional<std::string> Input::text(std::string_view name) const {
  const Value* value = find(name);
  return value == nullptr ? std::nullopt : std::optional(value->text);
}

std::string Input::text_or(std::string_view name, const std::string& otherwise) const {
  const Value* value = find(name);
  return value == nullptr ? otherwise : value->text;
}

std::optional<std::int64_t> Input::integer(std::string_view name) const {
  const Value* value = find(name);
  return value == nullptr ? std::nullopt : std::optional(value->number);
}

bool Input::flag(std::string_view name) const {
  const Value* value = find(name);
  return value != nullptr && value->number != 0;
}

std::optional<std::int64_t> Input::time_us(std::string_view name) const {
  return integer(name);
}

std::vector<std::string> Input::list(std::string_view name) const {
  const Value* value = find(name);
  return value == nullptr ? std::vector<std::string>() : value->list;
}

std::optional<std::string> Input::raw(std::string_view name) const {
  return text(name);
}

const Input* Input::fields(std::string_view name) const {
  const Value* value = find(name);
  return value == nullptr ? nullptr : value->fields.get();
}

void Input::put_text(const Field& field, std::string text, std::string_view separators) {
  Value value;
  switch (field.kind) {
    case FieldKind::integer:
      value.number = parse_integer(field, text);
      break;
    case FieldKind::boolean:
      value.number = parse_boolean(field, text) ? 1 : 0;
      break;
    case FieldKind::word:
      check_word(field, text);
      break;
    case FieldKind::time: {
      const auto time = parse_rfc3339(text);
      if (!time) refuse(field, fmt::format("is {}, which is no RFC 3339 time", shown(text)));
      value.number = *time;
      break;
    }
    case FieldKind::uuid:
      if (text.size() != 36 || !parse_uuid(text))
        refuse(field, fmt::format("is {}, which is no UUID", shown(text)));
      break;
    default:
      break;
  }
  if (is_of_texts(field.kind) && !separators.empty()) {
    value.list = split(text);
    check_entries(field, value.list);
  } else if (field.kind == FieldKind::text) {
    check_text(field, text);
  }
  value.text = std::move(text);
  values_.insert_or_assign(std::string(field.name), std::move(value));
}

void Input::put_array(const Field& field, std::string_view json) {
  if (json_type(json) != JsonType::array) refuse(field, "has to be an array of texts");
  Value value;
  for (JsonWalk walk(json); walk.next();) {
    if (value.list.size() >= field.entries_max) {
      refuse(field, fmt::format("has more than {} entries", field.entries_max));
    }
    value.list.push_back(text_of_json(field, walk.value()));
  }
  if (value.list.empty()) refuse(field, "is empty");
  check_entries(field, value.list);
  values_.insert_or_assign(std::string(field.name), std::move(value));
}

void Input::put_json(const Field& field, std::string_view json) {
  const JsonType type = json_type(json);
  switch (field.kind) {
    case FieldKind::integer:
      if (type != JsonType::number) refuse(field, "has to be a whole number");
      return put_text(field, std::string(json), {});
    case FieldKind::boolean:
      if (type != JsonType::boolean) refuse(field, "has to be true or false");
      return put_text(field, std::string(json), {});
    case FieldKind::words:
    case FieldKind::texts:
      return put_array(field, json);
    case FieldKind::strings:
    case FieldKind::object:
    case FieldKind::fields: {
      if (type != JsonType::object) refuse(field, "has to be an object");
      if (field.kind == FieldKind::strings) check_strings(field, json);
      Value value{.text = std::string(json), .number = 0, .list = {}, .fields = {}};
      if (field.kind == FieldKind::fields) {
        value.fields = std::make_shared<Input>();
        value.fields->take_object(field.inner, json, fmt::format("'{}'", field.name));
      }
      values_.insert_or_assign(std::string(field.name), std::move(value));
      return;
    }
    case FieldKind::value:
      values_.insert_or_assign(std::string(field.name), Value{std::string(json), 0, {}, {}});
      return;
    default:
      return put_text(field, text_of_json(field, json), {});
  }
}

void Input::take_path(std::span<const Field> allowed, const http::NamedTexts& values) {
  for (const auto& [name, value] : values)
    put_text(allowed_field(allowed, name, "the path"), value, {});
}

void Input::take_query(std::span<const Field> allowed, const http::NamedTexts& query) {
  for (const auto& [name, value] : query) {
    const Field& field = allowed_field(allowed, name, "the query");
    if (has(name)) refuse(field, "stands there twice");
    put_text(field, value, ",");
  }
  for (const Field& field : allowed) {
    if (field.required && !has(field.name)) refuse(field, "is missing");
  }
}

void Input::take_body(std::span<const Field> allowed, std::string_view body) {
  if (const auto fault = find_json_fault(body, nesting_max)) {
    throw Error(ErrorKind::usage,
                fmt::format("the body is no JSON: {} at byte {}", fault->what, fault->offset),
                "send one JSON object in UTF-8");
  }
  body = trim_json(body);
  if (json_type(body) != JsonType::object) {
    throw Error(ErrorKind::usage, "the body is no JSON object",
                "it may have: " + names_of(allowed));
  }
  take_object(allowed, body, "the body");
}

void Input::take_object(std::span<const Field> allowed, std::string_view object,
                        const std::string& where) {
  std::vector<std::string> seen;
  for (JsonWalk walk(object); walk.next();) {
    const std::string name = decode_json_string(walk.name());
    const Field& field = allowed_field(allowed, name, where);
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) refuse(field, "is there twice");
    seen.push_back(name);
    put_json(field, walk.value());
  }
  for (const Field& field : allowed) {
    if (field.required && std::find(seen.begin(), seen.end(), field.name) == seen.end()) {
      refuse(field, "is missing");
    }
  }
}

}  // namespace outbox::admin
