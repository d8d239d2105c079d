// SPDX-License-Identifier: Apache-2.0
//
// When something recurs, in the five fields of crontab(5), all in UTC:
//
//     minute        0-59
//     hour          0-23
//     day of month  1-31
//     month         1-12, or JAN to DEC
//     day of week   0-7, or SUN to SAT; 0 and 7 are Sunday
//
// A field is `*`, a value, a range `a-b`, any of these with a step (`*/15`, `8-18/2`; `a/n` goes
// from a to the field's end), or a list of such parts with commas. Names in either case. Where both
// day fields are restricted, neither beginning with `*`, a day that fits one of them is enough;
// else it must fit both: so crontab(5) has it. Instead of five fields one of @hourly, @daily
// (@midnight),
// @weekly, @monthly, @yearly (@annually).
//
//     outbox::CronExpression("30 4 * * MON-FRI")     04:30 UTC from Monday to Friday
//     outbox::CronExpression("*/10 8-17 * * *")      every ten minutes from 08:00 to 17:50 UTC
//
// UTC has no gaps and no hours that come twice: nothing is skipped or done twice in spring and
// autumn. L, W, # and a field for seconds are not known.
//
// Thread-safety: a value.
#pragma once

#include <bitset>
#include <chrono>
#include <string>
#include <string_view>

namespace outbox {

/// When a job is due. A value: copies may be used on any thread.
class CronExpression {
 public:
  /// A time in UTC, to the minute.
  using Minute = std::chrono::sys_time<std::chrono::minutes>;

  /// Throws Error(configuration) naming the field, what stands there and an example that would do;
  /// also for one that no date ever fits, such as 31 February.
  explicit CronExpression(std::string_view text);

  /// The first time after `moment`, not `moment` itself.
  [[nodiscard]] Minute next_after(std::chrono::sys_time<std::chrono::microseconds> moment) const;

  /// As it was given.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  [[nodiscard]] bool fits_day(std::chrono::sys_days day) const;
  [[nodiscard]] bool find(Minute from, Minute& found) const;

  std::string text_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  bool either_day_ = false;  ///< Both day fields are restricted: one that fits is enough.
};

}  // namespace outbox
