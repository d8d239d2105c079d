// SPDX-License-Identifier: Apache-2.0
#include "core/timestamp.hpp"

#include <gtest/gtest.h>

#include "core/clock.hpp"

namespace outbox {
namespace {

TEST(ReadTimestamp, reads_what_format_timestamp_writes) {
  for (const std::int64_t us :
       {std::int64_t{0}, std::int64_t{1'732'184'100'123'456}, std::int64_t{-86'400'000'001},
        std::int64_t{4'102'444'799'999'999}}) {
    EXPECT_EQ(read_timestamp(format_timestamp(us).text), us) << format_timestamp(us).text;
  }
}

TEST(ReadTimestamp, takes_zones_fractions_and_a_blank) {
  EXPECT_EQ(read_timestamp("1970-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(read_timestamp("1969-12-31 22:00:00.5-0200"), 500'000);
  EXPECT_EQ(read_timestamp("1970-01-01T00:00:00.1234567Z"), 123'456);
  EXPECT_EQ(read_timestamp("1970-01-01 05:30:00+05:30"), 0);
  EXPECT_EQ(read_timestamp("1970-01-01 02:00:00+02"), 0);
}

TEST(ReadTimestamp, takes_nothing_else) {
  for (const char* text : {"", "now", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z",
                           "1970-02-30T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:00:00ZZ",
                           "1970-01-01T00:00:00+1", "x970-01-01T00:00:00Z"}) {
    EXPECT_EQ(read_timestamp(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace outbox
