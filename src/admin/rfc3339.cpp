// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "admin/input.hpp"

namespace outbox::admin {
namespace {

/// Reads from the front of a text; what does not fit makes it bad.
class Front {
 public:
  explicit Front(std::string_view text) : text_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (text_.empty() || text_.front() < '0' || text_.front() > '9') {
        bad_ = true;
        return 0;
      }
      value = value * 10 + (text_.front() - '0');
      text_.remove_prefix(1);
    }
    return value;
  }
  char one_of(std::string_view letters) {
    if (text_.empty() || letters.find(text_.front()) == std::string_view::npos) {
      bad_ = true;
      return 0;
    }
    const char letter = text_.front();
    text_.remove_prefix(1);
    return letter;
  }
  /// Any number of digits after a point, of which six count.
  std::int64_t fraction_us() {
    if (text_.empty() || text_.front() != '.') return 0;
    text_.remove_prefix(1);
    std::int64_t value = number(1);
    int digits = 1;
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
      const int digit = number(1);
      if (digits++ < 6) value = value * 10 + digit;
    }
    for (; digits < 6; ++digits)
      value *= 10;
    return value;
  }
  [[nodiscard]] bool is_read() const { return !bad_ && text_.empty(); }

 private:
  std::string_view text_;
  bool bad_ = false;
};

}  // namespace

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  Front front(text);
  const int years = front.number(4);
  front.one_of("-");
  const int months = front.number(2);
  front.one_of("-");
  const int days_of_month = front.number(2);
  front.one_of("Tt ");
  const int hour = front.number(2);
  front.one_of(":");
  const int minute = front.number(2);
  front.one_of(":");
  const int second = front.number(2);
  const std::int64_t fraction = front.fraction_us();
  const char zone = front.one_of("Zz+-");
  int offset = 0;
  if (zone == '+' || zone == '-') {
    const int offset_hours = front.number(2);
    front.one_of(":");
    const int offset_minutes = front.number(2);
    if (offset_hours > 23 || offset_minutes > 59) return std::nullopt;
    offset = (offset_hours * 60 + offset_minutes) * (zone == '-' ? -1 : 1);
  }
  const year_month_day date{year(years), month(static_cast<unsigned>(months)),
                            day(static_cast<unsigned>(days_of_month))};
  if (!front.is_read() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  const auto time =
      sys_days(date).time_since_epoch() + hours(hour) + minutes(minute - offset) + seconds(second);
  return duration_cast<microseconds>(time).count() + fraction;
}

}  // namespace outbox::admin
