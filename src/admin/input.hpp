// SPDX-License-Identifier: Apache-2.0
//
// What a request gives, held against what its route allows: names, types and limits. Whatever is
// not allowed is refused by name, before any of it reaches a service.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.hpp"

namespace outbox::admin {

enum class FieldKind : std::uint8_t {
  text,
  integer,
  boolean,
  time,  ///< RFC 3339.
  uuid,
  word,     ///< One of `words`.
  words,    ///< Some of `words`: with commas in a query, an array in a body.
  texts,    ///< The same of any texts.
  strings,  ///< A body's object whose values are texts.
  object,   ///< A body's object of anything.
  value,    ///< Any JSON.
  fields,   ///< A body's object of the fields `inner`.
};

struct Field {
  std::string_view name;
  FieldKind kind = FieldKind::text;
  bool required = false;
  /// Of a text its characters, of an integer its value, of texts the characters of each.
  std::int64_t least = 0;
  std::int64_t most = 0;
  std::string_view words = {};  ///< `a|b|c`
  std::span<const Field> inner = {};
  std::size_t entries_max = 0;  ///< Of texts in a body.
};

/// The values that were given, all of them allowed. Asking for one of another kind is a mistake.
class Input {
 public:
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  [[nodiscard]] std::string text_or(std::string_view name, const std::string& otherwise) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  /// Microseconds since 1970.
  [[nodiscard]] std::optional<std::int64_t> time_us(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
  /// The JSON as it stood in the body, no digit changed.
  [[nodiscard]] std::optional<std::string> raw(std::string_view name) const;
  [[nodiscard]] const Input* fields(std::string_view name) const;

  /// Each of these throws Error(usage) naming what is wrong.
  void take_path(std::span<const Field> allowed, const http::NamedTexts& values);
  void take_query(std::span<const Field> allowed, const http::NamedTexts& query);
  void take_body(std::span<const Field> allowed, std::string_view body);

 private:
  struct Value {
    std::string text;  // Of objects and any value: JSON.
    std::int64_t number = 0;
    std::vector<std::string> list;
    std::shared_ptr<Input> fields;
  };
  [[nodiscard]] const Value* find(std::string_view name) const;
  void put_text(const Field& field, std::string text, std::string_view separators);
  void put_json(const Field& field, std::string_view json);
  void put_array(const Field& field, std::string_view json);
  void take_object(std::span<const Field> allowed, std::string_view object,
                   const std::string& where);

  std::map<std::string, Value, std::less<>> values_;
};

/// Microseconds since 1970 of an RFC 3339 time, with any offset; none for anything else.
[[nodiscard]] std::optional<std::int64_t> parse_rfc3339(std::string_view text);

}  // namespace outbox::admin
