# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` leaves for other programs: the headers, liboutbox.a (everything behind
# them) and liboutbox_publish.a (for back ends that only insert), found by find_package(outbox) and
# by pkg-config. Each is one archive, so that nobody has to know our folders.
include(CMakePackageConfigHelpers)

# outbox_static_parts(<variable> <target>..): the static libraries of ours that these need.
function(outbox_static_parts variable)
  set(open ${ARGN})
  set(found "")
  while(open)
    list(POP_FRONT open target)
    if(NOT TARGET ${target} OR target IN_LIST found)
      continue()
    endif()
    get_target_property(type ${target} TYPE)
    get_target_property(imported ${target} IMPORTED)
    if(imported OR NOT target MATCHES "^outbox_")
      continue()
    endif()
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND found ${target})
      get_target_property(links ${target} LINK_LIBRARIES)
    else()
      get_target_property(links ${target} INTERFACE_LINK_LIBRARIES)
    endif()
    if(links)
      list(APPEND open ${links})
    endif()
  endwhile()
  set(${variable} ${found} PARENT_SCOPE)
endfunction()

# outbox_archive(<name> <target>..): lib<name>.a of all that these need, built and installed.
function(outbox_archive name)
  outbox_static_parts(parts ${ARGN})
  set(archive "${PROJECT_BINARY_DIR}/lib${name}.a")
  set(script "${PROJECT_BINARY_DIR}/${name}.mri")
  set(commands "CREATE ${archive}\n")
  set(files "")
  foreach(part IN LISTS parts)
    string(APPEND commands "ADDLIB $<TARGET_FILE:${part}>\n")
    list(APPEND files "$<TARGET_FILE:${part}>")
  endforeach()
  file(GENERATE OUTPUT "${script}" CONTENT "${commands}SAVE\nEND\n")
  add_custom_command(OUTPUT "${archive}"
    COMMAND ${CMAKE_COMMAND} -E rm -f "${archive}"
    COMMAND ${CMAKE_AR} -M < "${script}"
    COMMAND ${CMAKE_RANLIB} "${archive}"
    DEPENDS ${parts} ${files} "${script}" VERBATIM)
  add_custom_target(${name}_archive ALL DEPENDS "${archive}")
  install(FILES "${archive}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endfunction()

outbox_archive(outbox outbox_library)
outbox_archive(outbox_publish outbox_publish_mariadb outbox_publish_postgres outbox_publish_soci
  outbox_publish_sqlite)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/outbox" DESTINATION
  "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")

# librdkafka goes along where it is the rebuilt one: Debian 12's own is too old.
set(outbox_needs libpq libmariadb sqlite3 hiredis yaml-cpp libssl libcrypto)
set(outbox_installed_rdkafka "")
if(TARGET outbox_rdkafka_static)
  get_target_property(outbox_rdkafka_archive outbox_rdkafka_static IMPORTED_LOCATION)
  install(FILES "${outbox_rdkafka_archive}" DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    RENAME liboutbox_rdkafka.a)
  set(outbox_installed_rdkafka "liboutbox_rdkafka.a")
  set(outbox_pc_rdkafka "-loutbox_rdkafka")
  list(APPEND outbox_needs libsasl2 libcurl zlib libzstd liblz4)
else()
  set(outbox_pc_rdkafka "")
  list(APPEND outbox_needs rdkafka)
endif()
list(JOIN outbox_needs " " outbox_needs)

set(outbox_package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/outbox")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/outboxConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/outboxConfig.cmake" INSTALL_DESTINATION "${outbox_package_folder}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/outboxConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/outboxConfig.cmake"
  "${PROJECT_BINARY_DIR}/outboxConfigVersion.cmake" DESTINATION "${outbox_package_folder}")
file(RELATIVE_PATH outbox_pc_up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
foreach(name IN ITEMS outbox outbox-publish)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc"
    @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION
    "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
