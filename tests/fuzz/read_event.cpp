// SPDX-License-Identifier: Apache-2.0
//
// What a consumer makes of a message: any bytes for a value, any headers.
#include "consume/read_event.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  outbox::fuzz::Parts parts(outbox::fuzz::text_of(data, size));
  outbox::broker::IncomingMessage message;
  message.topic = "orders";
  const int headers = parts.byte() % 16;
  for (int i = 0; i < headers; ++i) {
    outbox::broker::IncomingHeader header;
    header.name = std::string(parts.text());
    if (parts.byte() % 8 != 0) header.value = std::string(parts.text());
    message.headers.push_back(std::move(header));
  }
  if (parts.byte() % 8 != 0) message.key = std::string(parts.text());
  if (parts.byte() % 8 != 0) message.value = std::string(parts.rest());
  const outbox::consume::EventReading reading = outbox::consume::read_event(message);
  outbox::fuzz::require(reading.event.has_value() != !reading.fault.empty(),
                        "a message is an event, or why it is none is said");
  return 0;
}
