// SPDX-License-Identifier: Apache-2.0
//
// Texts into values and back. A text that is none is an empty optional; who calls knows the setting
// and where the text came from, and says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace outbox::config {

[[nodiscard]] std::string_view trimmed(std::string_view text);

/// true/false, yes/no, on/off, 1/0, in any case.
[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text);

/// Decimal digits with an optional sign, nothing else.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);

/// A plain decimal number: `0.2`, `5`; no exponent, no infinity.
[[nodiscard]] std::optional<double> parse_decimal(std::string_view text);

/// Milliseconds of `200ms`, `1.5s`, `2m`, `1h`, `30d`, or of a bare number that counts `bare_unit`.
[[nodiscard]] std::optional<double> parse_duration_ms(std::string_view text,
                                                      std::string_view bare_unit);

/// Bytes of `16MiB`, `1MB`, `512k`, or of a bare number. MiB counts 1024s, MB counts 1000s.
[[nodiscard]] std::optional<double> parse_size(std::string_view text);

/// The parts between commas, trimmed; nothing where one of them is empty.
[[nodiscard]] std::optional<std::vector<std::string>> parse_list(std::string_view text);

/// `50ms`, `5s`, `10m`, `30d`: the largest unit that leaves a whole number.
[[nodiscard]] std::string format_duration(double milliseconds);

/// `16MiB`, `64KiB`, `100`.
[[nodiscard]] std::string format_size(double bytes);

/// What Kafka takes as a topic's name and the relay may send to: no internal topic.
[[nodiscard]] bool is_topic_name(std::string_view text);

/// A name that needs no more than quoting in SQL.
[[nodiscard]] bool is_sql_name(std::string_view text);

/// Takes the comment off `1  # every second`: a `#` begins one after white space only, and never
/// inside quotes. Quotes around the whole value are taken off too.
[[nodiscard]] std::string without_comment(std::string_view text);

}  // namespace outbox::config
