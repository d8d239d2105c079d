// SPDX-License-Identifier: Apache-2.0
#include "store/examination.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

namespace outbox::store {

namespace {

std::string with_one_digit(double value, const char* unit) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), value >= 10 ? "%.0f %s" : "%.1f %s", value, unit);
  return text.data();
}

}  // namespace

Examination::Examination(std::chrono::milliseconds budget) : deadline_(BootClock::now() + budget) {}

void Examination::check(const std::string& name, const std::function<void()>& look,
                        const std::string& right) {
  check_ = name;
  if (BootClock::now() >= deadline_) {
    notice("it was not looked at: the checks before it took all the time there is",
           "something may be wrong that is not told here", "run `outboxd doctor` again");
    return;
  }
  try {
    look();
  } catch (const Error& error) {
    notice("it could not be looked at: " + message_of(error),
           "something may be wrong that is not told here",
           right.empty() ? (error.hint().empty() ? "see the message" : error.hint()) : right);
  }
}

void Examination::well(std::string found) {
  add(Severity::ok, std::move(found), {}, {});
}

void Examination::notice(std::string found, std::string why, std::string remedy) {
  add(Severity::notice, std::move(found), std::move(why), std::move(remedy));
}

void Examination::warning(std::string found, std::string why, std::string remedy) {
  add(Severity::warning, std::move(found), std::move(why), std::move(remedy));
}

void Examination::problem(std::string found, std::string why, std::string remedy) {
  add(Severity::problem, std::move(found), std::move(why), std::move(remedy));
}

void Examination::add(Severity severity, std::string found, std::string why, std::string remedy) {
  findings_.push_back({check_, severity, std::move(found), std::move(why), std::move(remedy)});
}

void examine_terms(Examination& examination, Terms terms, const std::vector<Standing>& all,
                   int slots_stored) {
  std::sort(terms.aggregate_types.begin(), terms.aggregate_types.end());
  int living = 0;
  bool fits = true;
  for (const Standing& other : all) {
    living += other.living;
    if (other.living == 0) continue;
    try {
      check_fit(terms, other);
    } catch (const Error& error) {
      fits = false;
      examination.problem(message_of(error),
                          "a relay started with this configuration would be refused", error.hint());
    }
  }
  if (slots_stored > 0 && slots_stored != terms.slots) {
    examination.notice(
        fmt::format("relay.slots is {} here, but {} slots are stored", terms.slots, slots_stored),
        "the stored number holds for all; the setting is for the first migration",
        fmt::format("set relay.slots to {}", slots_stored));
  }
  if (fits) {
    examination.well(fmt::format("what {} living relays go by fits this configuration", living));
  }
}

void examine_clock(Examination& examination, const std::function<std::int64_t()>& clock_us,
                   std::chrono::milliseconds difference_max) {
  const std::int64_t before = wall_clock_us();
  const std::int64_t there = clock_us();
  const std::int64_t after = wall_clock_us();
  const std::int64_t here = before + (after - before) / 2;
  const std::chrono::milliseconds difference(std::llabs(there - here) / 1000);
  const std::string found =
      fmt::format("the database's clock is {} {} this machine's", duration_words(difference),
                  there < here ? "behind" : "ahead of");
  if (difference < difference_max) return examination.well(found);
  examination.warning(found,
                      "no promise rests on it, but times in messages, logs and figures of latency "
                      "do",
                      "set both machines' clocks by NTP: `timedatectl set-ntp true`");
}

void examine_schema(Examination& examination, Migrations& migrations) {
  int applied = 0;
  std::string missing;
  try {
    for (const MigrationView& migration : migrations.status()) {
      if (migration.applied_at) {
        ++applied;
        continue;
      }
      missing +=
          fmt::format("{}{:04} {}", missing.empty() ? "" : ", ", migration.number, migration.name);
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::conflict) throw;
    return examination.problem(
        message_of(error), "programs of different versions work on one schema",
        error.hint().empty() ? "run the newest version everywhere" : error.hint());
  }
  if (missing.empty()) {
    return examination.well(fmt::format("all {} migrations are applied", applied));
  }
  examination.warning("the schema is older than this program; missing: " + missing,
                      "what they are for does not work until then", "run `outboxd migrate`");
}

void examine_outbox(Examination& examination, const std::function<std::string()>& look_up) {
  try {
    examination.well("the outbox is " + look_up());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unreachable) throw;
    examination.problem(message_of(error), "no relay of this configuration can work", error.hint());
  }
}

std::string message_of(const Error& error) {
  std::string text = error.what();
  const std::string tail = ": " + error.hint();
  if (!error.hint().empty() && text.ends_with(tail)) text.resize(text.size() - tail.size());
  return text;
}

std::string duration_words(std::chrono::milliseconds time) {
  const double seconds = static_cast<double>(time.count()) / 1000;
  if (seconds < 120) return with_one_digit(seconds, "seconds");
  if (seconds < 7200) return with_one_digit(seconds / 60, "minutes");
  if (seconds < 172'800) return with_one_digit(seconds / 3600, "hours");
  return with_one_digit(seconds / 86'400, "days");
}

std::string bytes_words(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < (1LL << 20U)) return with_one_digit(value / 1024, "KiB");
  if (bytes < (1LL << 30U)) return with_one_digit(value / (1LL << 20U), "MiB");
  return with_one_digit(value / (1LL << 30U), "GiB");
}

bool is_loopback(std::string_view host) {
  return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
         host.starts_with("127.") || host == "::1";
}

}  // namespace outbox::store
