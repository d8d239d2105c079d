// SPDX-License-Identifier: Apache-2.0
//
// The dashboard's files, embedded in the program: it needs no file and no other server.
#pragma once

#include <span>
#include <string_view>

namespace outbox::admin {

struct PageFile {
  std::string_view path;  ///< `/` for the page itself, else `/assets/…`, as browsers ask for it.
  std::string_view content_type;  ///< `text/html; charset=utf-8`
  std::string_view bytes;
  std::string_view etag;  ///< With its quotes: `"9f86d081884c7d65"`; changes with the bytes.
};

/// All of them; lives as long as the program.
[[nodiscard]] std::span<const PageFile> page_files();

}  // namespace outbox::admin
