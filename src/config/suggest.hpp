// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace outbox::config {

/// The candidate that a mistyped name most likely means: the one in the fewest edits (a swap of two
/// neighbours is one), at most a third of its letters. Empty where none is that near.
[[nodiscard]] std::string nearest(std::string_view typed, std::span<const std::string> candidates);

/// ` (did you mean 'x'?)`, or nothing where there is no suggestion.
[[nodiscard]] std::string did_you_mean(const std::string& suggestion);

}  // namespace outbox::config
