# SPDX-License-Identifier: Apache-2.0
# outbox_embed_openapi(<target>): compiles openapi.json in, so that the program is one file.

function(outbox_embed_openapi target)
  set(file "${PROJECT_SOURCE_DIR}/src/admin/openapi.json")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  file(READ "${file}" outbox_openapi)
  set(generated "${CMAKE_CURRENT_BINARY_DIR}/openapi.cpp")
  file(CONFIGURE OUTPUT "${generated}" @ONLY CONTENT [[
// SPDX-License-Identifier: Apache-2.0
// Made by src/admin/openapi.cmake of openapi.json; do not edit.
#include "admin/openapi.hpp"

namespace outbox::admin {

std::string_view openapi_text() {
  return R"openapi(@outbox_openapi@)openapi";
}

}  // namespace outbox::admin
]])
  target_sources(${target} PRIVATE "${generated}")
endfunction()
