// SPDX-License-Identifier: Apache-2.0
//
// Texts from databases and brokers for a line of a terminal. Whatever bytes they hold, they stay
// one line and move no cursor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace outbox::app {

/// Control characters, line ends and what turns the direction of writing become spaces; what is no
/// UTF-8 becomes U+FFFD.
[[nodiscard]] std::string plain(std::string_view text);

/// The same, `-` where there is nothing.
[[nodiscard]] std::string plain_or_dash(std::string_view text);

/// Columns that a plain text takes: letters of East Asia take two.
[[nodiscard]] std::size_t width_of(std::string_view text);

/// A plain text in at most so many columns, its end cut to `…`.
[[nodiscard]] std::string cut_to(std::string_view text, std::size_t columns);

/// What JSON may hold unescaped and a terminal may obey, escaped; a document stays what it is.
[[nodiscard]] std::string harmless_json(std::string text);

}  // namespace outbox::app
