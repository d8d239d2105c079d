// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/notices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outbox::broker::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

TEST(Notices, tell_the_first_of_a_subject_at_once_and_then_one_in_ten_seconds) {
  Notices notices;
  const Notices::Moment start{};
  notices.add("down", "one", start);
  notices.add("down", "two", start + 1s);
  notices.add("down", "three", start + 9s);
  EXPECT_THAT(notices.take(), ElementsAre("one"));
  notices.add("down", "four", start + 10s);
  EXPECT_THAT(notices.take(), ElementsAre("four (2 more like this were left out)"));
  EXPECT_THAT(notices.take(), IsEmpty());
}

TEST(Notices, keep_subjects_apart) {
  Notices notices;
  const Notices::Moment start{};
  notices.add("down", "broker away", start);
  notices.add("login", "wrong password", start);
  EXPECT_THAT(notices.take(), ElementsAre("broker away", "wrong password"));
  EXPECT_EQ(notices.latest(), "wrong password");
}

TEST(Notices, stay_bounded_with_any_number_of_subjects) {
  Notices notices;
  for (int i = 0; i < 1000; ++i)
    notices.add(std::to_string(i), "text", Notices::Moment{});
  EXPECT_EQ(notices.take().size(), 50U);
}

}  // namespace
}  // namespace outbox::broker::kafka
