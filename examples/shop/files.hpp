// SPDX-License-Identifier: Apache-2.0
//
// Files of this folder that are compiled into the program, so that it is one file.
#pragma once

#include <string_view>

namespace shop::files {

[[nodiscard]] std::string_view postgres_schema();
[[nodiscard]] std::string_view sqlite_schema();
[[nodiscard]] std::string_view openapi();
[[nodiscard]] std::string_view page();

}  // namespace shop::files
