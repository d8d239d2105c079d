// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include <outbox/cron.hpp>
#include <outbox/error.hpp>

namespace outbox::testing {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::sys_days;
using ::testing::HasSubstr;
using Minute = CronExpression::Minute;

Minute at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  const sys_days date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  return date + hours(hour) + minutes(minute);
}

Minute next(const std::string& expression, Minute after) {
  return CronExpression(expression).next_after(after);
}

Error refusal(const std::string& expression) {
  try {
    const CronExpression accepted(expression);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "'" << expression << "' was accepted";
  return {ErrorKind::failed, "none"};
}

TEST(Cron, a_time_itself_is_not_after_itself) {
  EXPECT_EQ(next("0 12 * * *", at(2026, 11, 21, 12)), at(2026, 11, 22, 12));
  EXPECT_EQ(next("0 12 * * *", at(2026, 11, 21, 11, 59)), at(2026, 11, 21, 12));
  const CronExpression every_minute("* * * * *");
  EXPECT_EQ(every_minute.next_after(at(2026, 11, 21, 12) + std::chrono::microseconds(1)),
            at(2026, 11, 21, 12, 1));
  EXPECT_EQ(every_minute.next_after(at(2026, 11, 21, 12) - std::chrono::microseconds(1)),
            at(2026, 11, 21, 12));
}

TEST(Cron, the_end_of_a_year_is_passed) {
  EXPECT_EQ(next("30 4 1 JAN *", at(2026, 11, 21)), at(2027, 1, 1, 4, 30));
  EXPECT_EQ(next("59 23 31 12 *", at(2026, 12, 31, 23, 59)), at(2027, 12, 31, 23, 59));
}

TEST(Cron, the_29th_of_february_waits_for_a_leap_year_and_2100_is_none) {
  EXPECT_EQ(next("0 0 29 2 *", at(2026, 3, 1)), at(2028, 2, 29));
  EXPECT_EQ(next("0 0 29 2 *", at(2096, 3, 1)), at(2104, 2, 29));
}

TEST(Cron, a_29th_of_february_on_a_certain_weekday_is_found_across_2100) {
  // `*/7`, so that both day fields must fit: Sundays.
  EXPECT_EQ(next("0 0 29 2 */7", at(2060, 3, 1)), at(2088, 2, 29));
  EXPECT_EQ(next("0 0 29 2 */7", at(2088, 3, 1)), at(2128, 2, 29));
}

TEST(Cron, where_both_day_fields_are_restricted_one_is_enough) {
  // 2026-11-21 is a Saturday.
  EXPECT_EQ(next("0 0 25 * MON", at(2026, 11, 21)), at(2026, 11, 23));
  EXPECT_EQ(next("0 0 25 * MON", at(2026, 11, 23)), at(2026, 11, 25));
  EXPECT_EQ(next("0 0 * * MON", at(2026, 11, 23)), at(2026, 11, 30));
  EXPECT_EQ(next("0 0 25 * *", at(2026, 11, 21)), at(2026, 11, 25));
}

TEST(Cron, sunday_is_0_and_7_and_ranges_may_end_there) {
  for (const char* const sunday : {"0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * SUN-SUN"})
    EXPECT_EQ(next(sunday, at(2026, 11, 21)), at(2026, 11, 22)) << sunday;
  EXPECT_EQ(next("0 0 * * FRI-SUN", at(2026, 11, 22)), at(2026, 11, 27));
  EXPECT_EQ(next("0 0 * * 5-7", at(2026, 11, 21)), at(2026, 11, 22));
}

TEST(Cron, lists_ranges_and_steps_go_together) {
  EXPECT_EQ(next("0,30 8-18/2 * * *", at(2026, 11, 21, 8, 30)), at(2026, 11, 21, 10));
  EXPECT_EQ(next("5/20 * * * *", at(2026, 11, 21, 0, 25)), at(2026, 11, 21, 0, 45));
  EXPECT_EQ(next("1,2-4,50/5 * * * *", at(2026, 11, 21, 0, 4)), at(2026, 11, 21, 0, 50));
}

TEST(Cron, short_forms_stand_for_five_fields) {
  const Minute from = at(2026, 11, 21, 12, 34);
  EXPECT_EQ(next("@hourly", from), at(2026, 11, 21, 13));
  EXPECT_EQ(next("@daily", from), at(2026, 11, 22));
  EXPECT_EQ(next("@midnight", from), at(2026, 11, 22));
  EXPECT_EQ(next("@weekly", from), at(2026, 11, 22));
  EXPECT_EQ(next("@monthly", from), at(2026, 12, 1));
  EXPECT_EQ(next("@yearly", from), at(2027, 1, 1));
  EXPECT_EQ(next("@annually", from), at(2027, 1, 1));
}

TEST(Cron, nonsense_is_refused_with_its_field_and_an_example) {
  const struct {
    const char* expression;
    const char* field;
    const char* example;
  } cases[] = {
      {"60 * * * *", "minute", "*/15"},        {"* 24 * * *", "hour", "8-18"},
      {"* * 0 * *", "day of month", "1,15"},   {"* * 32 * *", "day of month", "1,15"},
      {"* * * 13 *", "month", "JAN-MAR"},      {"* * * FOO *", "month", "JAN-MAR"},
      {"* * * * 8", "day of week", "MON-FRI"}, {"* * * * TUESDAY", "day of week", "MON-FRI"},
      {"*/0 * * * *", "minute", "*/15"},       {"*/99999999999 * * * *", "minute", "*/15"},
      {"*/-5 * * * *", "minute", "*/15"},      {"10-5 * * * *", "minute", "*/15"},
      {"-5 * * * *", "minute", "*/15"},        {", * * * *", "minute", "*/15"},
      {"1,,2 * * * *", "minute", "*/15"},      {"1/ * * * *", "minute", "*/15"},
      {"* * L * *", "day of month", "1,15"},   {"* * * * FRI-MON", "day of week", "MON-FRI"},
      {"+5 * * * *", "minute", "*/15"},        {"1.5 * * * *", "minute", "*/15"},
      {"** * * * *", "minute", "*/15"},        {"* *-3 * * *", "hour", "8-18"}};
  for (const auto& each : cases) {
    const Error error = refusal(each.expression);
    EXPECT_EQ(error.kind(), ErrorKind::configuration) << each.expression;
    EXPECT_THAT(error.what(), HasSubstr(each.field)) << each.expression;
    EXPECT_THAT(error.what(), HasSubstr(each.example)) << each.expression;
  }
}

TEST(Cron, another_number_of_fields_is_refused_with_an_example) {
  for (const char* const expression : {"", "   ", "* * * *", "* * * * * *", "nonsense", "@never"}) {
    const Error error = refusal(expression);
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_THAT(error.hint(), ::testing::AnyOf(HasSubstr("30 4 * * MON-FRI"), HasSubstr("@daily")));
  }
}

TEST(Cron, a_date_that_never_comes_is_refused) {
  for (const char* const expression : {"0 0 31 2 *", "0 0 30 FEB *", "0 0 31 4,6,9,11 *"}) {
    EXPECT_THAT(refusal(expression).what(), HasSubstr("no date ever fits")) << expression;
  }
  // One of both is enough, and Mondays come.
  EXPECT_NO_THROW(CronExpression("0 0 31 2 MON"));
}

// An expression and what it means, made together, so that the meaning does not come from a parser.
struct Made {
  std::string text;
  std::set<int> values[5];
  bool either_day = false;
};

class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  Made make() {
    static constexpr int lowest[] = {0, 0, 1, 1, 0};
    static constexpr int highest[] = {59, 23, 31, 12, 7};
    Made made;
    bool stars[5] = {};
    for (int field = 0; field < 5; ++field) {
      std::string text = part(lowest[field], highest[field], made.values[field]);
      stars[field] = text[0] == '*';
      for (int more = pick(0, 2); more > 0; --more)
        text += "," + part(lowest[field], highest[field], made.values[field]);
      made.text += (field > 0 ? " " : "") + text;
    }
    if (made.values[4].contains(7)) made.values[4].insert(0);
    made.either_day = !stars[2] && !stars[4];
    return made;
  }

  int pick(int lowest, int highest) {
    return std::uniform_int_distribution<int>(lowest, highest)(random_);
  }

 private:
  std::string part(int lowest, int highest, std::set<int>& values) {
    const int kind = pick(0, 4);
    const int first = pick(lowest, highest);
    const int last = pick(first, highest);
    const int step = pick(1, highest);
    const int end_of_star = highest == 7 ? 6 : highest;
    const auto add = [&](int from, int to, int by) {
      for (int i = from; i <= to; i += by)
        values.insert(i);
    };
    const auto text = [](int number) { return std::to_string(number); };
    switch (kind) {
      case 0:
        add(lowest, end_of_star, 1);
        return "*";
      case 1:
        add(lowest, end_of_star, step);
        return "*/" + text(step);
      case 2:
        add(first, first, 1);
        return text(first);
      case 3:
        add(first, last, 1);
        return text(first) + "-" + text(last);
      default:
        add(first, last, step);
        return text(first) + "-" + text(last) + "/" + text(step);
    }
  }

  std::mt19937 random_;
};

bool fits(const Made& made, Minute moment) {
  const sys_days day = std::chrono::floor<days>(moment);
  const std::chrono::year_month_day date{day};
  const auto in_day = moment - day;
  const bool by_day = made.values[2].contains(static_cast<int>(unsigned{date.day()}));
  const bool by_weekday =
      made.values[4].contains(static_cast<int>(std::chrono::weekday{day}.c_encoding()));
  return made.values[0].contains(static_cast<int>(in_day.count() % 60)) &&
         made.values[1].contains(static_cast<int>(in_day.count() / 60)) &&
         made.values[3].contains(static_cast<int>(unsigned{date.month()})) &&
         (made.either_day ? by_day || by_weekday : by_day && by_weekday);
}

TEST(Cron, what_it_finds_is_what_trying_every_minute_finds) {
  Maker maker(20261121);
  int found = 0;
  for (int i = 0; i < 3000; ++i) {
    const Made made = maker.make();
    const Minute from = at(2024, 1, 1) + minutes(maker.pick(0, 3 * 366 * 24 * 60));
    // Ten days are tried by hand; what comes later must at least not be in them.
    Minute expected = from + minutes(1);
    const Minute end = from + days(10);
    while (expected < end && !fits(made, expected))
      expected += minutes(1);
    try {
      const Minute answer = CronExpression(made.text).next_after(from);
      if (expected < end) {
        ASSERT_EQ(answer, expected) << made.text;
        ++found;
      } else {
        ASSERT_GE(answer, end) << made.text;
        ASSERT_TRUE(fits(made, answer)) << made.text;
      }
    } catch (const Error& error) {
      ASSERT_THAT(error.what(), HasSubstr("no date ever fits")) << made.text;
      ASSERT_EQ(expected, end) << made.text;
    }
  }
  EXPECT_GT(found, 500);
}

TEST(Cron, whatever_is_thrown_at_it_is_taken_or_refused) {
  std::mt19937 random(4711);
  static constexpr std::string_view alphabet = "0123456789*/-, \t@JANMONxyz?L#+.\xC3\xA4";
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text;
    for (int length = std::uniform_int_distribution<int>(0, 24)(random); length > 0; --length) {
      text += alphabet[std::uniform_int_distribution<std::size_t>(0, alphabet.size() - 1)(random)];
    }
    try {
      const CronExpression expression(text);
      EXPECT_GT(expression.next_after(at(2026, 11, 21)), at(2026, 11, 21));
      ++accepted;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::configuration);
    }
  }
  SCOPED_TRACE(accepted);
}

}  // namespace
}  // namespace outbox::testing
