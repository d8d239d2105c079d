// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace outbox {

/// Microseconds since 1970 UTC of an RFC 3339 time such as `2026-11-21T10:15:00.123456Z` or
/// `2026-11-21 12:15:00+02:00`; digits beyond the sixth are cut off. None for anything else, a time
/// without a zone included.
[[nodiscard]] std::optional<std::int64_t> read_timestamp(std::string_view text) noexcept;

}  // namespace outbox
