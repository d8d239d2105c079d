// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/incoming.hpp"

#include <algorithm>

namespace outbox::broker::kafka {
namespace {

std::string text_of(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

std::vector<IncomingHeader> headers_of(const rd_kafka_message_t& message) {
  std::vector<IncomingHeader> result;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return result;
  result.reserve(rd_kafka_header_cnt(headers));
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    IncomingHeader& header = result.emplace_back();
    header.name = name;
    if (value != nullptr) header.value = text_of(value, size);
  }
  return result;
}

}  // namespace

IncomingMessage incoming_of(const rd_kafka_message_t& message) {
  IncomingMessage taken;
  taken.topic = rd_kafka_topic_name(message.rkt);
  taken.partition = message.partition;
  taken.offset = message.offset;
  if (message.key != nullptr) taken.key = text_of(message.key, message.key_len);
  if (message.payload != nullptr) taken.value = text_of(message.payload, message.len);
  taken.headers = headers_of(message);
  taken.timestamp_ms = std::max<std::int64_t>(rd_kafka_message_timestamp(&message, nullptr), 0);
  return taken;
}

}  // namespace outbox::broker::kafka
