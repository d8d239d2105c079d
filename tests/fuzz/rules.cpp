// SPDX-License-Identifier: Apache-2.0
#include "config/rules.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = outbox::fuzz::text_of(data, size);
  outbox::fuzz::may_refuse([&] {
    static_cast<void>(outbox::config::parse_routes(text));
    static_cast<void>(outbox::config::parse_transform(text));
  });
  return 0;
}
