# SPDX-License-Identifier: Apache-2.0
# Makes the target outbox_rdkafka: librdkafka 2.8.0 or newer, for the homes of src/broker alone.
# Looked for in OUTBOX_RDKAFKA_ROOT, then .cache/librdkafka (which ./dev setup fills with Debian
# 13's source package, rebuilt), then in the system.

find_package(PkgConfig REQUIRED)
set(outbox_rdkafka_least 2.8.0)
add_library(outbox_rdkafka INTERFACE)

set(outbox_rdkafka_found "")
foreach(folder IN ITEMS "${OUTBOX_RDKAFKA_ROOT}" "${PROJECT_SOURCE_DIR}/.cache/librdkafka")
  if(folder AND EXISTS "${folder}/lib/librdkafka.a"
     AND EXISTS "${folder}/include/librdkafka/rdkafka.h")
    set(outbox_rdkafka_found "${folder}")
    break()
  endif()
endforeach()
if(OUTBOX_RDKAFKA_ROOT AND NOT outbox_rdkafka_found STREQUAL OUTBOX_RDKAFKA_ROOT)
  message(FATAL_ERROR "OUTBOX_RDKAFKA_ROOT is ${OUTBOX_RDKAFKA_ROOT}, which has no "
    "lib/librdkafka.a or no include/librdkafka/rdkafka.h")
endif()

if(outbox_rdkafka_found)
  # What the static library itself needs; the version is RD_KAFKA_VERSION, 0xMMmmrrff.
  file(STRINGS "${outbox_rdkafka_found}/include/librdkafka/rdkafka.h" version_line
    REGEX "^#define RD_KAFKA_VERSION +0x[0-9a-f]+")
  string(REGEX REPLACE ".*0x(..)(..)(..)(..).*" "\\1;\\2;\\3" version_bytes "${version_line}")
  set(outbox_rdkafka_version "")
  foreach(byte IN LISTS version_bytes)
    math(EXPR number "0x${byte}")
    list(APPEND outbox_rdkafka_version ${number})
  endforeach()
  list(JOIN outbox_rdkafka_version "." outbox_rdkafka_version)
  pkg_check_modules(outbox_rdkafka_needs REQUIRED IMPORTED_TARGET
    libssl libcrypto libsasl2 libcurl zlib libzstd liblz4)
  add_library(outbox_rdkafka_static STATIC IMPORTED)
  set_target_properties(outbox_rdkafka_static PROPERTIES
    IMPORTED_LOCATION "${outbox_rdkafka_found}/lib/librdkafka.a"
    INTERFACE_INCLUDE_DIRECTORIES "${outbox_rdkafka_found}/include")
  target_link_libraries(outbox_rdkafka INTERFACE outbox_rdkafka_static
    PkgConfig::outbox_rdkafka_needs Threads::Threads m ${CMAKE_DL_LIBS})
else()
  pkg_check_modules(outbox_rdkafka_system IMPORTED_TARGET rdkafka>=${outbox_rdkafka_least})
  if(outbox_rdkafka_system_FOUND)
    set(outbox_rdkafka_found "the system")
    set(outbox_rdkafka_version "${outbox_rdkafka_system_VERSION}")
    target_link_libraries(outbox_rdkafka INTERFACE PkgConfig::outbox_rdkafka_system)
  endif()
endif()

if(NOT outbox_rdkafka_found OR outbox_rdkafka_version VERSION_LESS outbox_rdkafka_least)
  message(FATAL_ERROR "librdkafka ${outbox_rdkafka_least} or newer was not found "
    "(found: '${outbox_rdkafka_version}'). Run ./dev setup, which builds it, or set "
    "OUTBOX_RDKAFKA_ROOT to a folder with include/librdkafka and lib/librdkafka.a.")
endif()
message(STATUS "librdkafka ${outbox_rdkafka_version} from ${outbox_rdkafka_found}")
