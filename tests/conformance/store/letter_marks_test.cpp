// SPDX-License-Identifier: Apache-2.0
//
// Issue 6, part 1: two operators who replay the same letters do it once.
#include <gmock/gmock.h>

#include "conformance/store/operators_case.hpp"

namespace outbox::testing {
namespace {

using store::LetterMark;
using store::LetterPlace;
using store::LetterState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t minute_ms = 60'000;

LetterPlace at(std::int64_t offset, int partition = 0, const std::string& topic = "orders.dlq") {
  return {.topic = topic, .partition = partition, .offset = offset};
}

LetterMark mark(const LetterPlace& place, LetterState state) {
  return {.place = place, .state = state, .who = "ann's", .reason = "it's \\", .at_us = 0};
}

std::vector<LetterPlace> places_of(const std::vector<LetterMark>& marks) {
  std::vector<LetterPlace> places;
  for (const LetterMark& one : marks)
    places.push_back(one.place);
  return places;
}

TEST_P(StoreConformance, a_letter_is_claimed_by_one_of_all) {
  const auto mine = store_->open(options()).letter_marks();
  const auto other = store_->open(options()).letter_marks();
  const std::vector<LetterPlace> both = {at(7), at(3)};
  const std::vector<LetterPlace> overlapping = {at(3), at(4)};
  EXPECT_THAT(mine->claim(both, "ann", minute_ms), ElementsAre(true, true));
  EXPECT_THAT(other->claim(overlapping, "bob", minute_ms), ElementsAre(false, true));
  const auto marks = mine->marks(at(0), 10);
  EXPECT_THAT(places_of(marks), ElementsAre(at(3), at(4), at(7)));
  EXPECT_EQ(marks[0].state, LetterState::replaying);
  EXPECT_EQ(marks[0].who, "ann");
  EXPECT_EQ(marks[1].who, "bob");
  EXPECT_GT(marks[0].at_us, 1'700'000'000'000'000);
}

TEST_P(StoreConformance, a_claim_that_nobody_ended_is_taken_over_once_it_is_old) {
  const auto marks = store_->open(options()).letter_marks();
  const std::vector<LetterPlace> place = {at(1)};
  EXPECT_THAT(marks->claim(place, "ann", minute_ms), ElementsAre(true));
  EXPECT_THAT(marks->claim(place, "bob", minute_ms), ElementsAre(false));
  EXPECT_THAT(marks->claim(place, "bob", -1000), ElementsAre(true));
  EXPECT_EQ(marks->marks(at(0), 10).at(0).who, "bob");
  const std::vector<LetterMark> ended = {mark(at(1), LetterState::replayed)};
  marks->settle(ended);
  EXPECT_THAT(marks->claim(place, "cid", -1000), ElementsAre(false)) << "it has ended";
}

TEST_P(StoreConformance, a_mark_says_how_it_ended_until_it_is_forgotten) {
  const auto marks = store_->open(options()).letter_marks();
  const std::vector<LetterPlace> claimed = {at(1)};
  marks->claim(claimed, "ann", minute_ms);
  const std::vector<LetterMark> ended = {mark(at(2), LetterState::discarded),
                                         mark(at(1), LetterState::replayed)};
  marks->settle(ended);
  const auto found = marks->marks(at(0), 10);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].state, LetterState::replayed);
  EXPECT_EQ(found[0].who, "ann's");
  EXPECT_EQ(found[0].reason, "it's \\");
  EXPECT_EQ(found[1].state, LetterState::discarded);
  marks->forget(claimed);
  EXPECT_THAT(places_of(marks->marks(at(0), 10)), ElementsAre(at(2)));
  EXPECT_THAT(marks->claim(claimed, "bob", minute_ms), ElementsAre(true));
}

TEST_P(StoreConformance, marks_come_by_topic_partition_and_offset_page_by_page) {
  const auto marks = store_->open(options()).letter_marks();
  const std::vector<LetterPlace> places = {at(5, 1), at(9), at(10), at(1, 1),
                                           at(1, 0, "Orders.dlq")};
  marks->claim(places, "ann", minute_ms);
  EXPECT_THAT(places_of(marks->marks(at(10), 10)), ElementsAre(at(10), at(1, 1), at(5, 1)));
  EXPECT_THAT(places_of(marks->marks(at(0), 2)), ElementsAre(at(9), at(10)));
  EXPECT_THAT(marks->marks(at(0, 0, "none"), 2), IsEmpty());
  marks->forget_before(at(10));
  marks->forget_before(at(5, 1));
  EXPECT_THAT(places_of(marks->marks(at(0), 10)), ElementsAre(at(10), at(5, 1)));
  EXPECT_THAT(marks->marks(at(0, 0, "Orders.dlq"), 10), SizeIs(1));
}

TEST_P(StoreConformance, a_mark_of_a_message_that_stood_there_before_holds_nobody_up) {
  const auto marks = store_->open(options()).letter_marks();
  LetterPlace before = at(0);
  before.message_at_ms = 1'700'000'000'000;
  LetterPlace now = at(0);
  now.message_at_ms = 1'700'000'000'001;
  marks->settle(std::vector{mark(before, LetterState::replayed)});
  EXPECT_EQ(marks->marks(at(0), 1).at(0).place.message_at_ms, before.message_at_ms);
  EXPECT_FALSE(marks->marks(at(0), 1).at(0).place.is_of(now));
  EXPECT_THAT(marks->claim(std::vector{before}, "ann", minute_ms), ElementsAre(false));
  EXPECT_THAT(marks->claim(std::vector{at(0)}, "ann", minute_ms), ElementsAre(false));
  EXPECT_THAT(marks->claim(std::vector{now}, "ann", minute_ms), ElementsAre(true));
  EXPECT_EQ(marks->marks(at(0), 1).at(0).state, LetterState::replaying);
  EXPECT_TRUE(marks->marks(at(0), 1).at(0).place.is_of(now));
  EXPECT_THAT(marks->claim(std::vector{now}, "bob", minute_ms), ElementsAre(false));
}

}  // namespace
}  // namespace outbox::testing
