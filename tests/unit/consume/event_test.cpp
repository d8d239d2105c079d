// SPDX-License-Identifier: Apache-2.0
#include "consume/event.hpp"

#include <gmock/gmock.h>

namespace outbox::consume {
namespace {

using ::testing::HasSubstr;

TEST(ReadEvent, takes_identity_and_types_from_the_headers_of_every_envelope) {
  broker::IncomingMessage message;
  message.headers = {{"event_id", "018f4e5a-7b1c-4d2e-9f3a-5b6c7d8e9f0a"},
                     {"event_type", "ORDER_PAID"},
                     {"aggregate_type", "order"},
                     {"aggregate_id", "17"},
                     {"replay", "1"}};
  const EventReading reading = read_event(message);
  ASSERT_TRUE(reading.event.has_value());
  EXPECT_EQ(to_string(reading.event->event_id), "018f4e5a-7b1c-4d2e-9f3a-5b6c7d8e9f0a");
  EXPECT_EQ(reading.event->event_type, "ORDER_PAID");
  EXPECT_EQ(reading.event->aggregate_id, "17");
  EXPECT_TRUE(reading.event->replay);
}

TEST(ReadEvent, says_what_is_wrong_with_a_message_that_is_none_of_ours) {
  broker::IncomingMessage message;
  EXPECT_THAT(read_event(message).fault, HasSubstr("no header event_id"));
  message.headers = {{"event_id", "42"}};
  EXPECT_THAT(read_event(message).fault, HasSubstr("'42' is no UUID"));
  message.headers = {{"event_id", std::nullopt}};
  EXPECT_FALSE(read_event(message).event.has_value());
  message.headers = {{"event_id", "00000000-0000-0000-0000-000000000000"}};
  EXPECT_FALSE(read_event(message).event.has_value());
}

}  // namespace
}  // namespace outbox::consume
