// SPDX-License-Identifier: Apache-2.0
//
// Typed payloads as JSON, by nlohmann-json: any type that it converts, by to_json and from_json or
// its macros.
//
//     struct Restocked { std::int64_t product_id; int qty; };
//     NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Restocked, product_id, qty)
//
//     outbox::set_payload(event, Restocked{7, 100});             // publishing
//     const auto restocked = event.payload_as<Restocked>();      // consuming
//
// Reading throws std::exception, naming the field, where one is missing or of another type: a
// number where a text should be is an error, not zero. Between kinds of numbers nlohmann-json
// converts in silence: 1.5 read as an integer is 1, and what does not fit wraps. Read integers as
// std::int64_t, and write money as integers or as texts.
//
// A back end that only publishes needs no library of ours for this header; parse_json is in
// outbox_library.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include <nlohmann/json.hpp>

#include <outbox/error.hpp>
#include <outbox/event.hpp>

namespace outbox {

/// How deeply arrays and objects may nest in a payload that is read; deeper ones are an error, so
/// that a hostile one cannot exhaust the stack.
inline constexpr int json_depth_max = 64;

/// A text is no type of its own: it may be JSON already, which must not become a JSON string.
template <class T>
inline constexpr bool is_text_v =
    std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view> ||
    std::is_convertible_v<const T&, const char*>;

/// Parses a JSON payload. Throws Error(failed) with the place of the fault.
[[nodiscard]] nlohmann::json parse_json(std::string_view bytes);

/// For every type that nlohmann-json converts.
template <class T>
struct Serializer<T, std::enable_if_t<nlohmann::detail::has_to_json<nlohmann::json, T>::value>> {
  /// Throws what nlohmann-json throws, for texts that are no UTF-8. Does not compile for a text.
  static Payload write(const T& value) {
    static_assert(!is_text_v<T>,
                  "a text that is JSON already: event.payload = outbox::json_payload(text); a text "
                  "that is to become a JSON string: set_payload(event, nlohmann::json(text))");
    return {nlohmann::json(value).dump(), {}};
  }

  /// Throws std::exception, naming the field.
  static T read(std::string_view bytes, std::string_view /*content_type*/) {
    return parse_json(bytes).template get<T>();
  }
};

/// JSON itself, for payloads without a type of their own.
template <>
struct Serializer<nlohmann::json> {
  /// Throws for texts that are no UTF-8.
  static Payload write(const nlohmann::json& value) { return {value.dump(), {}}; }

  /// Throws Error(failed) with the place of the fault.
  static nlohmann::json read(std::string_view bytes, std::string_view /*content_type*/) {
    return parse_json(bytes);
  }
};

}  // namespace outbox
