// SPDX-License-Identifier: Apache-2.0
//
// Values of the services' documents as people read them. A field that is missing or null is `-`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "admin/json.hpp"

namespace outbox::app {

/// Null where the object has none of that name.
[[nodiscard]] const admin::Json& field(const admin::Json& object, std::string_view name);

/// The elements of a list; none where the field is no list.
[[nodiscard]] const admin::Json& list_of(const admin::Json& object, std::string_view name);

/// A plain text: of a text itself, of others their JSON; empty where there is none.
[[nodiscard]] std::string text_of(const admin::Json& object, std::string_view name);
[[nodiscard]] std::string text_or_dash(const admin::Json& object, std::string_view name);

[[nodiscard]] bool is_true(const admin::Json& object, std::string_view name);
[[nodiscard]] std::optional<double> number_of(const admin::Json& object, std::string_view name);

/// `1,204,331`
[[nodiscard]] std::string grouped(std::int64_t number);
[[nodiscard]] std::string count_text(const admin::Json& object, std::string_view name);
/// `310 MiB`
[[nodiscard]] std::string bytes_text(const admin::Json& object, std::string_view name);
/// Of milliseconds: `850 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`
[[nodiscard]] std::string duration_text(double milliseconds);
[[nodiscard]] std::string duration_text(const admin::Json& object, std::string_view name);
/// `2026-11-21 15:00:07`, of RFC 3339; UTC.
[[nodiscard]] std::string time_text(const admin::Json& object, std::string_view name);
/// `12.5`, `1,204`; per second.
[[nodiscard]] std::string rate_text(double per_second);

}  // namespace outbox::app
