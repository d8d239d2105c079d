// SPDX-License-Identifier: Apache-2.0
//
// `$1`, `$2`, … in SQL that is not ours, which MariaDB does not know.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace outbox::store::mariadb {

/// The text with each placeholder outside of strings, quoted names and comments replaced by what
/// `write` appends for it; it gets the parameter's index, from 0. A `$` within a name is a part of
/// the name. Throws Error(usage) where a placeholder has no parameter, or a parameter no
/// placeholder. `backslash_escapes` is false in a session with NO_BACKSLASH_ESCAPES.
[[nodiscard]] std::string fill_placeholders(
    std::string_view sql, std::size_t parameters, bool backslash_escapes,
    const std::function<void(std::string& text, std::size_t index)>& write);

}  // namespace outbox::store::mariadb
