// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace outbox {

/// True where `text` matches `pattern`, in which `*` stands for any text, also none.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text) noexcept;

}  // namespace outbox
