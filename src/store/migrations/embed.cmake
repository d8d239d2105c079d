# SPDX-License-Identifier: Apache-2.0
# outbox_embed_migrations(<target> <dialect>): compiles migrations/NNNN_name.<dialect>.sql into the
# home's library, so that the program is one file. The home calls
# outbox::store::<dialect>_migrations() of store/migrations/embedded.hpp.

function(outbox_embed_migrations target dialect)
  set(folder "${PROJECT_SOURCE_DIR}/src/store/migrations")
  file(GLOB files CONFIGURE_DEPENDS "${folder}/[0-9][0-9][0-9][0-9]_*.${dialect}.sql")
  list(SORT files)
  set(outbox_entries "")
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    get_filename_component(base "${file}" NAME)
    string(REGEX MATCH "^0*([0-9]+)_(.*)\\.${dialect}\\.sql$" matched "${base}")
    set(number "${CMAKE_MATCH_1}")
    set(name "${CMAKE_MATCH_2}")
    file(READ "${file}" sql)
    file(SHA256 "${file}" checksum)
    string(APPEND outbox_entries
      "    {${number}, \"${name}\",\n     \"${checksum}\",\n"
      "     R\"outboxsql(${sql})outboxsql\"},\n")
  endforeach()
  set(outbox_dialect "${dialect}")
  set(generated "${CMAKE_CURRENT_BINARY_DIR}/${dialect}_migrations.cpp")
  file(CONFIGURE OUTPUT "${generated}" @ONLY CONTENT [[
// SPDX-License-Identifier: Apache-2.0
// Made by src/store/migrations/embed.cmake of the .sql files beside it; do not edit.
#include "store/migrations/embedded.hpp"

namespace outbox::store {

std::span<const EmbeddedMigration> @outbox_dialect@_migrations() {
  static constexpr EmbeddedMigration migrations[] = {
@outbox_entries@  };
  return migrations;
}

}  // namespace outbox::store
]])
  target_sources(${target} PRIVATE "${generated}")
endfunction()
