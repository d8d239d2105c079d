// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace outbox::config {

/// One assignment of a file of variables.
struct EnvEntry {
  std::string name;
  std::string value;
  int line = 0;
};

/// Reads `NAME=value` lines as python-dotenv does: `export ` in front is taken; `#` begins a
/// comment at a line's start and after white space; '...' is literal, in "..." stand \n, \t, \" and
/// \\, and it may go over several lines. No `${}` is expanded. Of a name that stands twice the last
/// counts, so only that one is returned. Throws Error(configuration) naming `file` and the line
/// that is none of these.
[[nodiscard]] std::vector<EnvEntry> parse_env_file(std::string_view text, std::string_view file);

}  // namespace outbox::config
