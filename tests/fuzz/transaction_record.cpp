// SPDX-License-Identifier: Apache-2.0
#include "relay/transaction_log.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = outbox::fuzz::text_of(data, size);
  outbox::fuzz::may_refuse([&] {
    const auto rows = outbox::relay::decode_sent(text);
    outbox::fuzz::require(outbox::relay::decode_sent(outbox::relay::encode_sent(1, rows)) == rows,
                          "a record that was read is written and read again");
  });
  return 0;
}
