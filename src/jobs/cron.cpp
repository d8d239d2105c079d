// SPDX-License-Identifier: Apache-2.0
#include <outbox/cron.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include <outbox/error.hpp>

namespace outbox {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::sys_days;

constexpr std::array<std::string_view, 12> month_names = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                          "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> weekday_names = {"SUN", "MON", "TUE", "WED",
                                                           "THU", "FRI", "SAT"};

struct Field {
  std::string_view name;
  int lowest = 0;
  int highest = 0;
  std::span<const std::string_view> names = {};  ///< Of the values from `lowest` on.
  std::string_view example;
};

constexpr std::array<Field, 5> fields = {
    Field{"minute", 0, 59, {}, "*/15"}, Field{"hour", 0, 23, {}, "8-18"},
    Field{"day of month", 1, 31, {}, "1,15"}, Field{"month", 1, 12, month_names, "JAN-MAR"},
    Field{"day of week", 0, 7, weekday_names, "MON-FRI"}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> short_forms = {{
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
}};

// From one 29 February that is a given weekday to the next one it can take 40 years (2100 is none).
constexpr days search_max{366 * 41};

[[noreturn]] void refuse(std::string_view text, const std::string& why, const std::string& hint) {
  throw Error(ErrorKind::configuration, fmt::format("cron expression '{}': {}", text, why), hint);
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find_first_of(separators);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words = split(text, " \t");
  std::erase(words, std::string_view());
  return words;
}

std::string upper(std::string_view text) {
  std::string made(text);
  for (char& character : made) {
    if (character >= 'a' && character <= 'z') character = static_cast<char>(character - 'a' + 'A');
  }
  return made;
}

/// Reads one field; every refusal names it.
class FieldReader {
 public:
  FieldReader(std::string_view expression, std::string_view text, const Field& field)
      : expression_(expression), text_(text), field_(field) {}

  /// One flag a value, by its number.
  [[nodiscard]] std::bitset<60> read() const {
    std::bitset<60> values;
    for (const std::string_view part : split(text_, ","))
      read_part(part, values);
    return values;
  }

 private:
  void read_part(std::string_view part, std::bitset<60>& values) const {
    const auto slash = part.find('/');
    const std::string_view range = part.substr(0, slash);
    int step = 1;
    if (slash != std::string_view::npos) {
      const auto given = number(part.substr(slash + 1));
      if (!given || *given < 1 || *given > field_.highest) {
        refuse_part(fmt::format("the step behind / is no number from 1 to {}", field_.highest));
      }
      step = *given;
    }
    int first = field_.lowest;
    int last = field_.highest;
    if (range != "*") {
      const auto dash = range.find('-');
      first = value(range.substr(0, dash));
      if (dash != std::string_view::npos) {
        last = value(range.substr(dash + 1));
        // Also `FRI-SUN`, which people write: Sunday is the seventh day as well.
        if (last == 0 && first > 0 && field_.highest == 7) last = 7;
      } else if (slash == std::string_view::npos) {
        last = first;
      }
      if (last < first) refuse_part("the range runs backwards");
    } else if (field_.highest == 7) {
      last = 6;  // Or `*/7` would mean every Sunday, but twice.
    }
    for (int i = first; i <= last; i += step)
      values.set(static_cast<std::size_t>(i));
  }

  [[nodiscard]] static std::optional<int> number(std::string_view digits) {
    int value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc() || stopped != end || digits.front() == '-') return std::nullopt;
    return value;
  }

  [[nodiscard]] int value(std::string_view word) const {
    if (word.empty()) refuse_part("a value is missing");
    const auto named = std::find(field_.names.begin(), field_.names.end(), upper(word));
    if (named != field_.names.end()) {
      return field_.lowest + static_cast<int>(named - field_.names.begin());
    }
    const auto given = number(word);
    if (!given || *given < field_.lowest || *given > field_.highest) {
      refuse_part(
          fmt::format("'{}' is no value from {} to {}", word, field_.lowest, field_.highest));
    }
    return *given;
  }

  [[noreturn]] void refuse_part(const std::string& why) const {
    refuse(expression_, fmt::format("in the field {} ('{}') {}", field_.name, text_, why),
           fmt::format("a {} could be {}", field_.name, field_.example));
  }

  std::string_view expression_;
  std::string_view text_;
  const Field& field_;
};

template <std::size_t size>
std::bitset<size> first_of(const std::bitset<60>& values) {
  std::bitset<size> made;
  for (std::size_t i = 0; i < size && i < values.size(); ++i)
    made[i] = values[i];
  return made;
}

}  // namespace

CronExpression::CronExpression(std::string_view text) : text_(text) {
  std::string_view expanded = text_;
  std::vector<std::string_view> words = words_of(text_);
  if (words.size() == 1 && words[0].starts_with('@')) {
    const auto known = std::find_if(short_forms.begin(), short_forms.end(),
                                    [&](const auto& form) { return form.first == words[0]; });
    if (known == short_forms.end()) {
      refuse(text_, "no such short form",
             "there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually");
    }
    expanded = known->second;
    words = words_of(expanded);
  }
  if (words.size() != fields.size()) {
    refuse(text_, fmt::format("it has {} fields", words.size()),
           "give five, minute hour day-of-month month day-of-week, as in '30 4 * * MON-FRI'");
  }
  std::array<std::bitset<60>, fields.size()> values;
  for (std::size_t i = 0; i < fields.size(); ++i)
    values[i] = FieldReader(text_, words[i], fields[i]).read();
  minutes_ = values[0];
  hours_ = first_of<24>(values[1]);
  days_ = first_of<32>(values[2]);
  months_ = first_of<13>(values[3]);
  weekdays_ = first_of<7>(values[4]);
  if (values[4][7]) weekdays_.set(0);
  either_day_ = !words[2].starts_with('*') && !words[4].starts_with('*');
  Minute found;
  if (!find(Minute(), found)) {
    refuse(text_, "no date ever fits it", "look at the fields day of month and month together");
  }
}

bool CronExpression::fits_day(sys_days day) const {
  const std::chrono::year_month_day date{day};
  if (!months_[static_cast<unsigned>(date.month())]) return false;
  const bool by_day = days_[static_cast<unsigned>(date.day())];
  const bool by_weekday = weekdays_[std::chrono::weekday{day}.c_encoding()];
  return either_day_ ? by_day || by_weekday : by_day && by_weekday;
}

bool CronExpression::find(Minute from, Minute& found) const {
  const auto first_day = std::chrono::floor<days>(from);
  for (auto day = first_day; day <= first_day + search_max; day += days(1)) {
    if (!fits_day(day)) continue;
    for (std::size_t hour = 0; hour < hours_.size(); ++hour) {
      if (!hours_[hour]) continue;
      for (std::size_t minute = 0; minute < minutes_.size(); ++minute) {
        found = day + hours(hour) + minutes(minute);
        if (minutes_[minute] && found >= from) return true;
      }
    }
  }
  return false;
}

CronExpression::Minute CronExpression::next_after(
    std::chrono::sys_time<std::chrono::microseconds> moment) const {
  Minute found;
  if (!find(std::chrono::floor<minutes>(moment) + minutes(1), found)) {
    refuse(text_, "no date after the given one fits it", "");
  }
  return found;
}

}  // namespace outbox
