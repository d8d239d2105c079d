// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/relay_prepare/rows.hpp"

namespace outbox::relay {
namespace {

using namespace testing;

void put_varint(std::string& out, std::int64_t value) {
  auto rest = (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
  for (; rest >= 0x80; rest >>= 7U)
    out += static_cast<char>(rest | 0x80U);
  out += static_cast<char>(rest);
}

void put_text(std::string& out, const std::optional<std::string>& text) {
  put_varint(out, text ? static_cast<std::int64_t>(text->size()) : -1);
  if (text) out += *text;
}

// A record batch of magic 2 with one record, written out as Kafka's protocol guide lays it down.
std::string record_batch(const std::string& key, const Message& message,
                         const std::string& lease_epoch) {
  std::string record;
  record += '\0';         // Attributes.
  put_varint(record, 0);  // Timestamp delta.
  put_varint(record, 0);  // Offset delta.
  put_text(record, key);
  put_text(record, message.value);
  put_varint(record, static_cast<std::int64_t>(message.headers.size()) + 1);
  for (const auto& [name, text] : message.headers) {
    put_text(record, name);
    put_text(record, text);
  }
  put_text(record, "lease_epoch");
  put_text(record, lease_epoch);
  // Base offset, length, leader epoch, magic, checksum, attributes, last offset delta, two times,
  // producer id and epoch, sequence, count.
  std::string batch(8 + 4 + 4 + 1 + 4 + 2 + 4 + 8 + 8 + 8 + 2 + 4 + 4, '\0');
  put_varint(batch, static_cast<std::int64_t>(record.size()));
  return batch + record;
}

TEST(WireBytes, are_those_of_a_record_batch_with_this_one_record) {
  for (const std::size_t size : {0U, 1U, 63U, 64U, 300U, 8'191U, 8'192U, 1'048'575U, 1'048'576U}) {
    const std::string payload(size, 'x');
    OutboxRow row = with_payload(payload, PayloadKind::bytes);
    row.headers_json = R"({"none":null,"empty":"","long":")"
                       "0123456789012345678901234567890123456789"
                       R"(0123456789012345678901234567890123456789"})";
    const Message message = prepare(row);
    EXPECT_EQ(message.wire_bytes, record_batch("4711", message, "7").size()) << size;
    EXPECT_LT(message.wire_bytes, record_batch("4711", message, "9223372036854775807").size());
  }
}

TEST(WireBytes, count_a_tombstone_and_a_long_key) {
  OutboxRow row = without_payload();
  const std::string key(100, 'k');
  row.key = key;
  const Message message = prepare(row);
  EXPECT_EQ(message.wire_bytes, record_batch(key, message, "7").size());
}

TEST(WireBytes, count_the_envelope) {
  for (const EnvelopeKind kind : {EnvelopeKind::standard, EnvelopeKind::cloudevents,
                                  EnvelopeKind::cloudevents_structured, EnvelopeKind::debezium}) {
    const Message message = prepare(order_row(), options_of(kind));
    EXPECT_EQ(message.wire_bytes, record_batch("4711", message, "7").size());
  }
}

}  // namespace
}  // namespace outbox::relay
