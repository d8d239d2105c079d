// SPDX-License-Identifier: Apache-2.0
//
// Seeded random events: what goes into a JSON envelope comes out of it, by another parser, as it
// was.
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "unit/relay_prepare/rows.hpp"

namespace outbox::relay {
namespace {

using namespace testing;
using nlohmann::json;
using Random = std::mt19937_64;

std::string random_text(Random& random, std::size_t length_max) {
  static const std::vector<std::string> pieces = {
      "a", "Z", "0", " ", "\"", "\\", "/", "\n",     "\t",     "\x01", "\x7F",
      "{", "}", ",", ":", "é",  "€",  "😀", "\uFFFD", "\u2028", "日本", "{event_type}"};
  std::string text;
  for (std::size_t left = random() % (length_max + 1); left > 0; --left) {
    text += pieces[random() % pieces.size()];
  }
  return text;
}

json random_json(Random& random, int depth) {
  switch (random() % (depth > 0 ? 8U : 6U)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random());
    case 3:
      return random();
    case 4:
      return static_cast<double>(static_cast<std::int64_t>(random())) / 1024.0;
    case 5:
      return random_text(random, 12);
    case 6: {
      json list = json::array();
      for (auto left = random() % 5; left > 0; --left)
        list.push_back(random_json(random, depth - 1));
      return list;
    }
    default: {
      json object = json::object();
      for (auto left = random() % 5; left > 0; --left) {
        object[random_text(random, 5)] = random_json(random, depth - 1);
      }
      return object;
    }
  }
}

// An event's texts, which the row only points to.
struct Event {
  std::string aggregate_type, aggregate_id, event_type, key, payload, headers;
  json parsed;
  json parsed_headers;

  explicit Event(Random& random) {
    aggregate_type = "t" + random_text(random, 8);
    aggregate_id = "a" + random_text(random, 8);
    event_type = "e" + random_text(random, 8);
    key = "k" + random_text(random, 8);
    parsed = random_json(random, 4);
    payload = parsed.dump(random() % 2 == 0 ? -1 : 2, ' ', random() % 2 == 0);
    parsed_headers = json::object();
    for (auto left = random() % 4; left > 0; --left) {
      parsed_headers["h" + random_text(random, 4)] = random_text(random, 10);
    }
    headers = parsed_headers.dump(-1, ' ', random() % 2 == 0);
  }

  [[nodiscard]] OutboxRow row() const {
    OutboxRow row = order_row();
    row.aggregate_type = aggregate_type;
    row.aggregate_id = aggregate_id;
    row.event_type = event_type;
    row.key = key;
    row.payload = payload;
    row.headers_json = headers;
    return row;
  }
};

constexpr int rounds = 3'000;

void expect_headers(const Message& message, const Event& event) {
  for (const auto& [name, text] : event.parsed_headers.items()) {
    ASSERT_EQ(message.header(name), text.get<std::string>());
  }
}

TEST(Property, a_standard_envelope_gives_back_what_went_in) {
  Random random(42);  // NOLINT: the same events each time
  for (int i = 0; i < rounds; ++i) {
    const Event event(random);
    const Message message = prepare(event.row(), options_of(EnvelopeKind::standard));
    ASSERT_EQ(message.defect, "") << i;
    ASSERT_EQ(json::parse(*message.value), (json{{"event_id", event_id_text},
                                                 {"occurred_at", "2026-11-21T10:00:00.123456Z"},
                                                 {"aggregate_type", event.aggregate_type},
                                                 {"aggregate_id", event.aggregate_id},
                                                 {"event_type", event.event_type},
                                                 {"payload", event.parsed},
                                                 {"version", 1}}))
        << i;
    expect_headers(message, event);
  }
}

TEST(Property, a_structured_cloud_event_gives_back_what_went_in) {
  Random random(43);  // NOLINT: the same events each time
  for (int i = 0; i < rounds; ++i) {
    const Event event(random);
    const Message message = prepare(event.row(), options_of(EnvelopeKind::cloudevents_structured));
    ASSERT_EQ(message.defect, "") << i;
    const json parsed = json::parse(*message.value);
    ASSERT_EQ(parsed["data"], event.parsed) << i;
    ASSERT_EQ(parsed["type"], event.event_type) << i;
    ASSERT_EQ(parsed["subject"], event.aggregate_id) << i;
    ASSERT_EQ(parsed["partitionkey"], event.key) << i;
    expect_headers(message, event);
  }
}

TEST(Property, bytes_come_back_from_base64) {
  Random random(44);  // NOLINT: the same events each time
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i)
      bytes += static_cast<char>(random());
    const Message message = prepare(with_payload(bytes, PayloadKind::bytes),
                                    options_of(EnvelopeKind::cloudevents_structured));
    std::string decoded;
    unsigned word = 0;
    int bits = 0;
    for (const char c : json::parse(*message.value)["data_base64"].get<std::string>()) {
      static const std::string letters =
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
      if (c == '=') break;
      word = word << 6U | static_cast<unsigned>(letters.find(c));
      bits += 6;
      if (bits >= 8) decoded += static_cast<char>(word >> static_cast<unsigned>(bits -= 8));
    }
    ASSERT_EQ(decoded, bytes);
  }
}

// A step that changes nothing leaves the same JSON, and what a step took apart is still JSON.
TEST(Property, transformers_leave_alone_what_no_step_names) {
  Random random(45);  // NOLINT: the same events each time
  PrepareOptions options = options_of();
  TransformStep step;
  step.kind = TransformKind::drop;
  step.fields = {"a", "é.a", "gone"};
  options.transform = {step};
  for (int i = 0; i < rounds; ++i) {
    Event event(random);
    if (!event.parsed.is_object()) event.parsed = json{{"é", event.parsed}, {"a", 1}};
    event.payload = event.parsed.dump();
    const Message message = prepare(event.row(), options);
    ASSERT_EQ(message.defect, "") << i;
    json expected = event.parsed;
    expected.erase("a");
    // Through arrays of arrays too.
    const std::function<void(json&)> strip = [&](json& value) {
      if (value.is_object()) value.erase("a");
      if (value.is_array()) std::for_each(value.begin(), value.end(), strip);
    };
    if (expected.contains("é")) strip(expected["é"]);
    expected.erase("é.a");
    ASSERT_EQ(json::parse(*message.value), expected) << event.payload;
  }
}

}  // namespace
}  // namespace outbox::relay
