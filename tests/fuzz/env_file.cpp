// SPDX-License-Identifier: Apache-2.0
#include "config/env_file.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = outbox::fuzz::text_of(data, size);
  outbox::fuzz::may_refuse([&] {
    for (const outbox::config::EnvEntry& entry : outbox::config::parse_env_file(text, ".env")) {
      outbox::fuzz::require(!entry.name.empty() && entry.line > 0,
                            "an entry has a name and a line");
    }
  });
  return 0;
}
