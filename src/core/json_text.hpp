// SPDX-License-Identifier: Apache-2.0
//
// JSON as text: checked, walked through and written without a number ever becoming a double.
// Libraries that parse into values change `1.10` to `1.1`, round long decimals and refuse `1e400`
// or integers above 64 bits; a payload has to leave as it came in (design: "not parsed and written
// again"), and reading it that way costs several times as much.
//
// Thread-safety: free functions without state; a JsonWalk belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace outbox {

/// Deeper texts are refused, so that no reader behind us overflows its stack.
inline constexpr std::size_t json_nesting_max = 512;

/// Why a text is not what it should be, and at which byte (from 0).
struct TextFault {
  std::size_t offset = 0;
  std::string_view what;  ///< E.g. `a value is missing`; lives for ever.
};

/// Checks that `text` is exactly one JSON value (RFC 8259, with white space around it), is valid
/// UTF-8 and nested at most `nesting_max` deep, which is at most json_nesting_max. No value: it is.
/// Lone surrogates in `\u` escapes pass, as they do in PostgreSQL's `json`.
[[nodiscard]] std::optional<TextFault> find_json_fault(
    std::string_view text, std::size_t nesting_max = json_nesting_max) noexcept;

/// The first byte that is not UTF-8 (RFC 3629: no overlong forms, no surrogates), if there is one.
[[nodiscard]] std::optional<TextFault> find_utf8_fault(std::string_view text) noexcept;

/// Appends `text`, which must be UTF-8, as the inside of a JSON string: no quotes around it.
void append_json_escaped(std::string& out, std::string_view text);

/// Appends `text`, which must be UTF-8, as a JSON string.
void append_json_string(std::string& out, std::string_view text);

/// What a checked JSON value is, by its first character.
enum class JsonType : std::uint8_t { object, array, string, number, boolean, null };

/// `value` must be checked and not start with white space.
[[nodiscard]] JsonType json_type(std::string_view value) noexcept;

/// Without the white space around it.
[[nodiscard]] std::string_view trim_json(std::string_view text) noexcept;

/// The text that a checked JSON string stands for; `inside` is without its quotes. A lone surrogate
/// becomes U+FFFD, because UTF-8 has no form for it.
[[nodiscard]] std::string decode_json_string(std::string_view inside);

/// Goes through the members of an object or the elements of an array that was checked before:
///
///     for (JsonWalk walk(object); walk.next();) use(walk.name(), walk.value());
///
/// The views point into the text given.
class JsonWalk {
 public:
  /// `container` starts with `{` or `[`.
  explicit JsonWalk(std::string_view container) noexcept;

  /// To the next member; false: there is none.
  bool next() noexcept;

  /// The member's name as it stands between its quotes, escapes and all; empty in an array.
  [[nodiscard]] std::string_view name() const noexcept { return name_; }

  /// The value as it stands, without white space around it.
  [[nodiscard]] std::string_view value() const noexcept { return value_; }

 private:
  std::string_view text_;
  std::size_t at_ = 1;
  bool is_object_;
  std::string_view name_;
  std::string_view value_;
};

}  // namespace outbox
