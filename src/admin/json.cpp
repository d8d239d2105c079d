// SPDX-License-Identifier: Apache-2.0
#include "admin/json.hpp"

#include "core/base64.hpp"
#include "core/clock.hpp"
#include "core/json_text.hpp"

namespace outbox::admin {
namespace {

// Deeper ones are shown as text: who walks through the document need not go as deep as a payload.
constexpr std::size_t nesting_max = 100;

}  // namespace

std::string clean_utf8(std::string_view text) {
  std::string out;
  while (const auto fault = find_utf8_fault(text)) {
    out += text.substr(0, fault->offset);
    out += "\xEF\xBF\xBD";
    text.remove_prefix(fault->offset + 1);
  }
  out += text;
  return out;
}

Json text_json(std::string_view text) {
  return clean_utf8(text);
}

Json text_or_null(std::string_view text) {
  return text.empty() ? Json() : text_json(text);
}

Json text_or_null(const std::string& text) {
  return text_or_null(std::string_view(text));
}

Json text_or_null(const std::optional<std::string>& text) {
  return text ? text_json(*text) : Json();
}

Json time_json(const std::optional<std::int64_t>& unix_us) {
  return unix_us ? Json(format_timestamp(*unix_us).text) : Json();
}

std::string to_text(const Json& document, int indent) {
  return document.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void add_payload(Json& document, const PayloadPart& payload) {
  if (!payload.text) {
    document["payload"] = nullptr;
    return;
  }
  const std::string& text = *payload.text;
  if (payload.may_be_json && !payload.is_cut && !find_json_fault(text, nesting_max)) {
    // A number that no double holds is an error of its own.
    Json value = Json::parse(text, nullptr, false);
    if (!value.is_discarded()) {
      document["payload"] = std::move(value);
      return;
    }
  }
  // A cut may go through a character, which makes no bytes of a text.
  const auto fault = find_utf8_fault(text);
  if (fault && !(payload.is_cut && fault->offset + 4 > text.size())) {
    std::string encoded;
    append_base64(encoded, text);
    document["payload_base64"] = std::move(encoded);
    return;
  }
  document["payload"] = text_json(fault ? std::string_view(text).substr(0, fault->offset) : text);
}

}  // namespace outbox::admin
