// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/admin/fakes.hpp"

namespace outbox::testing {
namespace {

using namespace admin;
using namespace std::chrono_literals;

TEST(Office, gives_up_on_a_store_that_does_not_answer_and_hears_the_others) {
  const FakeSite fake({"eu", "us"});
  Site site = fake.site();
  site.quick_timeout = 300ms;
  Office office(std::move(site));
  std::unique_lock held(fake.stores.at("eu")->gate);
  const Moment begin = BootClock::now();
  const auto told = office.ask_all<std::size_t>(
      office.site().chosen(std::nullopt), Pace::quick,
      [](StoreSeams& seams) { return seams.controls().pauses().size(); });
  EXPECT_LT(BootClock::now() - begin, 3s);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_FALSE(told[0].answer);
  EXPECT_EQ(told[0].error_kind, ErrorKind::unreachable);
  EXPECT_NE(told[0].error.find("store eu"), std::string::npos);
  EXPECT_TRUE(told[1].answer);
  held.unlock();
  // The thread is back: it answers again.
  EXPECT_EQ(
      office.ask<std::size_t>("eu", Pace::slow,
                              [](StoreSeams& seams) { return seams.controls().pauses().size(); }),
      0U);
}

TEST(Office, keeps_no_more_questions_waiting_than_it_may) {
  const FakeSite fake;
  Site site = fake.site();
  site.quick_timeout = 1ms;
  Office office(std::move(site));
  const std::unique_lock held(fake.first().gate);
  const auto ask = [&] {
    return error_of([&] {
      return office.ask<std::size_t>("global", Pace::quick, [](StoreSeams& seams) {
        return seams.controls().pauses().size();
      });
    });
  };
  std::string last;
  for (int i = 0; i < 100; ++i)
    last = ask().what();
  EXPECT_NE(last.find("does not keep up"), std::string::npos);
}

TEST(Office, passes_on_what_a_store_throws_and_names_unknown_stores) {
  const FakeSite fake;
  fake.first().is_down = true;
  Office office(fake.site());
  const auto ask = [&](const std::string& store) {
    return error_of([&] {
      return office.ask<std::size_t>(
          store, Pace::quick, [](StoreSeams& seams) { return seams.controls().pauses().size(); });
    });
  };
  EXPECT_STREQ(ask("global").what(), "the database is away");
  EXPECT_EQ(ask("nowhere").kind(), ErrorKind::not_found);
  EXPECT_NE(std::string(ask("nowhere").what()).find("global"), std::string::npos);
}

}  // namespace
}  // namespace outbox::testing
