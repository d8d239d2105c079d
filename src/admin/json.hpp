// SPDX-License-Identifier: Apache-2.0
//
// The documents that the services of this folder answer with: the API sends them, the command line
// prints them. Fields are snake_case; ids of rows are texts, because a bigint does not fit into a
// JavaScript number.
//
// Errors, keys and headers may hold any bytes, and nlohmann's dump() throws on those that are no
// UTF-8: texts from outside go in through text_json(), documents go out through to_text().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace outbox::admin {

using Json = nlohmann::ordered_json;

/// Valid UTF-8: what is none becomes U+FFFD.
[[nodiscard]] std::string clean_utf8(std::string_view text);

/// The text, cleaned.
[[nodiscard]] Json text_json(std::string_view text);
/// The same, null where it is empty.
[[nodiscard]] Json text_or_null(std::string_view text);
[[nodiscard]] Json text_or_null(const std::string& text);
[[nodiscard]] Json text_or_null(const std::optional<std::string>& text);

/// RFC 3339 in UTC with microseconds, of microseconds since 1970; null where there is none.
[[nodiscard]] Json time_json(const std::optional<std::int64_t>& unix_us);

/// The document as text; never throws for what stands in it. `indent` below zero: one line.
[[nodiscard]] std::string to_text(const Json& document, int indent = -1);

/// A payload, or the beginning of one.
struct PayloadPart {
  std::optional<std::string> text;  ///< None: NULL.
  bool may_be_json = true;
  bool is_cut = false;
};

/// Adds `payload`: the JSON value where it is one and whole, else the text; null where there is
/// none. Bytes that are no text become `payload_base64`.
void add_payload(Json& document, const PayloadPart& payload);

}  // namespace outbox::admin
