// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_file.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = outbox::fuzz::text_of(data, size);
  outbox::fuzz::may_refuse([&] {
    for (const outbox::config::YamlEntry& entry :
         outbox::config::parse_yaml_file(text, "outboxd.yaml")) {
      outbox::fuzz::require(!entry.name.empty(), "an entry has a name");
    }
    static_cast<void>(outbox::config::yaml_to_json(text));
  });
  return 0;
}
