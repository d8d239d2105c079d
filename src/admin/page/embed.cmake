# SPDX-License-Identifier: Apache-2.0
# outbox_embed_page(<target>): puts the dashboard's files into the library, byte for byte, behind
# page_files() of admin/page.hpp. The page needs no build step: what is here is what is served.

function(outbox_page_type name result)
  if(name MATCHES "\\.html$")
    set(type "text/html; charset=utf-8")
  elseif(name MATCHES "\\.js$")
    set(type "text/javascript; charset=utf-8")
  elseif(name MATCHES "\\.css$")
    set(type "text/css; charset=utf-8")
  elseif(name MATCHES "\\.svg$")
    set(type "image/svg+xml")
  else()
    set(type "text/plain; charset=utf-8")
  endif()
  set(${result} "${type}" PARENT_SCOPE)
endfunction()

function(outbox_embed_page target)
  set(folder "${PROJECT_SOURCE_DIR}/src/admin/page")
  file(GLOB files RELATIVE "${folder}" CONFIGURE_DEPENDS
    "${folder}/*.html" "${folder}/*.js" "${folder}/*.css" "${folder}/*.svg"
    "${folder}/vendor/*.js" "${folder}/vendor/*.css" "${folder}/vendor/LICENSE")
  list(SORT files)
  set(page_bytes "")
  set(page_entries "")
  set(number 0)
  set(paths "")
  foreach(name IN LISTS files)
    set(path "${folder}/${name}")
    list(APPEND paths "${path}")
    # An entity tag that changes with the bytes: it is read again when they do.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
    file(SHA256 "${path}" hash)
    string(SUBSTRING "${hash}" 0 16 hash)
    outbox_page_type("${name}" type)
    set(served "/assets/${name}")
    if(name STREQUAL "index.html")
      set(served "/")
    endif()
    string(APPEND page_bytes
      "asm(\".section .rodata\\n\"\n"
      "    \"outbox_page_${number}: .incbin \\\"${path}\\\"\\n\"\n"
      "    \"outbox_page_${number}_end: .byte 0\\n\"\n"
      "    \".previous\\n\");\n"
      "extern const char page_${number}[] asm(\"outbox_page_${number}\");\n"
      "extern const char page_${number}_end[] asm(\"outbox_page_${number}_end\");\n\n")
    string(APPEND page_entries
      "      {\"${served}\", \"${type}\",\n"
      "       text_between(page_${number}, page_${number}_end), \"\\\"${hash}\\\"\"},\n")
    math(EXPR number "${number} + 1")
  endforeach()
  set(generated "${CMAKE_CURRENT_BINARY_DIR}/page_files.cpp")
  file(CONFIGURE OUTPUT "${generated}" @ONLY CONTENT [[
// SPDX-License-Identifier: Apache-2.0
// Made by src/admin/page/embed.cmake of the files beside it; do not edit.
#include "admin/page.hpp"

// The assembler reads the files: nothing of them passes through a literal.
@page_bytes@
namespace outbox::admin {

namespace {

std::string_view text_between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::span<const PageFile> page_files() {
  static const PageFile files[] = {
@page_entries@  };
  return files;
}

}  // namespace outbox::admin
]])
  set_source_files_properties("${generated}" PROPERTIES OBJECT_DEPENDS "${paths}")
  target_sources(${target} PRIVATE "${generated}")
endfunction()
