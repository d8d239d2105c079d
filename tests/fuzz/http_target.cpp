// SPDX-License-Identifier: Apache-2.0
#include "fuzz.hpp"
#include "http/request.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  outbox::http::Request request;
  if (!outbox::http::read_target(outbox::fuzz::text_of(data, size), request)) return 0;
  outbox::fuzz::require(!request.path.empty() && request.path.front() == '/',
                        "a path begins with /");
  for (const auto& [name, value] : request.query)
    static_cast<void>(request.list(name));
  return 0;
}
