// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace outbox {

/// Text that every database takes: valid UTF-8 without zeros, at most `characters_max` characters.
/// What a broker or a payload put into a reason must never keep a row from being settled.
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t characters_max);

}  // namespace outbox
