// SPDX-License-Identifier: Apache-2.0
//
// A UUID as defined by RFC 9562: the identity of an event, of an outbox and of a lease.
//
// Thread-safety: Uuid is a value. The makers below may be called from any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace outbox {

/// 128 bits in network order. Ordered bytewise, so that version 7 UUIDs sort by the time they were
/// made.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};  ///< In network order.

  /// All bits zero: "no UUID".
  [[nodiscard]] bool is_nil() const noexcept { return *this == Uuid{}; }

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

/// The 36 character form in lower case, e.g. `018f4e5a-…`.
[[nodiscard]] std::string to_string(const Uuid& uuid);

/// Writes exactly 36 characters to `out`, which must have room for them; no terminating zero.
void format_to(const Uuid& uuid, char* out) noexcept;

/// Reads the 36 character form, either case, with or without braces; anything else gives no value.
[[nodiscard]] std::optional<Uuid> parse_uuid(std::string_view text) noexcept;

/// A random version 4 UUID from the operating system's generator. Throws Error where there is none.
[[nodiscard]] Uuid random_uuid();

/// A version 7 UUID: milliseconds since 1970 in front, then random bits (RFC 9562, 5.7).
[[nodiscard]] Uuid time_ordered_uuid(std::int64_t unix_milliseconds);

/// The version 5 UUID of `name` within `space` (SHA-1, RFC 9562, 5.5): the same inputs give the
/// same UUID.
[[nodiscard]] Uuid named_uuid(const Uuid& space, std::string_view name);

}  // namespace outbox
