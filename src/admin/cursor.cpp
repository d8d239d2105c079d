// SPDX-License-Identifier: Apache-2.0
#include "admin/cursor.hpp"

#include <outbox/error.hpp>

#include "core/base64.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t cursor_bytes_max = 16'384;

}  // namespace

std::string cursor_text(const Json& place) {
  std::string text;
  append_base64(text, to_text(place));
  // The URL alphabet, without padding: it stands in queries.
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  while (text.ends_with('='))
    text.pop_back();
  return text;
}

Json read_cursor(const std::string& text) {
  if (text.empty()) return Json::object();
  if (text.size() <= cursor_bytes_max) {
    Json place = Json::parse(decode_base64(text), nullptr, false);
    if (place.is_object()) return place;
  }
  throw Error(ErrorKind::usage, "the cursor is none",
              "give next_cursor of the page before as it is, or none for the first page");
}

std::int64_t number_in(const Json& cursor, const char* name, std::int64_t otherwise) {
  const auto found = cursor.find(name);
  return found != cursor.end() && found->is_number_integer() ? found->get<std::int64_t>()
                                                             : otherwise;
}

std::string text_in(const Json& cursor, const char* name) {
  const auto found = cursor.find(name);
  return found != cursor.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace outbox::admin
