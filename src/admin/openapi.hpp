// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace outbox::admin {

/// openapi.json, as it stands beside this file; embedded by CMakeLists.txt.
[[nodiscard]] std::string_view openapi_text();

}  // namespace outbox::admin
