// SPDX-License-Identifier: Apache-2.0
#include "config/database_url.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = outbox::fuzz::text_of(data, size);
  outbox::fuzz::may_refuse([&] {
    const auto address = outbox::config::parse_database_url(text, "");
    for (const std::string& host : address.hosts)
      static_cast<void>(outbox::config::is_loopback(host));
  });
  return 0;
}
