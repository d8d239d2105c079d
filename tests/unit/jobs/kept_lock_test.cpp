// SPDX-License-Identifier: Apache-2.0
//
// Locks kept on a table in memory that can be away, slow, or stolen from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>

#include <outbox/error.hpp>

#include "jobs/kept_lock.hpp"

namespace outbox::testing {
namespace {

using jobs::KeptLock;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

struct Table {
  std::mutex mutex;
  std::condition_variable changed;
  Uuid token;
  std::int64_t fencing = 0;
  int renewals = 0;
  int acquisitions_to_fail = 0;
  bool away = false;
  bool hangs = false;

  void go_back() {
    const std::lock_guard lock(mutex);
    hangs = false;
    changed.notify_all();
  }
};

class FakeLocks final : public store::Locks {
 public:
  explicit FakeLocks(Table& table) : table_(table) {}

  std::optional<std::int64_t> acquire(const std::string&, const Uuid& token,
                                      std::chrono::milliseconds) override {
    const std::lock_guard lock(table_.mutex);
    if (table_.acquisitions_to_fail > 0) {
      // As when the answer was lost on its way: it is taken, and nobody knows.
      --table_.acquisitions_to_fail;
      if (table_.token.is_nil()) {
        table_.token = token;
        ++table_.fencing;
      }
      throw Error(ErrorKind::unreachable, "away");
    }
    if (!table_.token.is_nil() && table_.token != token) return std::nullopt;
    if (table_.token.is_nil()) ++table_.fencing;
    table_.token = token;
    return table_.fencing;
  }

  bool renew(const std::string&, const Uuid& token, std::chrono::milliseconds) override {
    std::unique_lock lock(table_.mutex);
    table_.changed.wait(lock, [&] { return !table_.hangs; });
    if (table_.away) throw Error(ErrorKind::unreachable, "away");
    ++table_.renewals;
    table_.changed.notify_all();
    return table_.token == token;
  }

  bool release(const std::string&, const Uuid& token) override {
    const std::lock_guard lock(table_.mutex);
    if (table_.token != token) return false;
    table_.token = Uuid();
    return true;
  }

 private:
  Table& table_;
};

class KeptLocks : public ::testing::Test {
 protected:
  std::unique_ptr<KeptLock> acquire(std::chrono::milliseconds ttl = 300ms,
                                    std::chrono::milliseconds timeout = 0ms) {
    return KeptLock::acquire(std::make_unique<FakeLocks>(table_), {"name", ttl, timeout}, logger_);
  }

  // True where the token was asked to stop within ten seconds.
  static bool stops(const std::stop_token& token) {
    std::promise<void> stopped;
    const std::stop_callback when(token, [&] { stopped.set_value(); });
    return stopped.get_future().wait_for(10s) == std::future_status::ready;
  }

  Table table_;
  Logger logger_{LogLevel::error};
};

TEST_F(KeptLocks, are_renewed_while_they_are_held_and_freed_at_the_end) {
  {
    const auto lock = acquire();
    ASSERT_NE(lock, nullptr);
    EXPECT_EQ(lock->fencing(), 1);
    std::unique_lock guard(table_.mutex);
    EXPECT_TRUE(table_.changed.wait_for(guard, 10s, [&] { return table_.renewals >= 5; }));
    guard.unlock();
    EXPECT_FALSE(lock->lost());
  }
  EXPECT_TRUE(table_.token.is_nil());
}

TEST_F(KeptLocks, are_lost_when_another_has_taken_them) {
  const auto lock = acquire();
  {
    const std::lock_guard guard(table_.mutex);
    table_.token = random_uuid();
  }
  EXPECT_TRUE(stops(lock->lost_token()));
  EXPECT_TRUE(lock->lost());
  EXPECT_FALSE(lock->release());
  EXPECT_FALSE(table_.token.is_nil());
}

TEST_F(KeptLocks, are_lost_in_time_when_the_database_is_away) {
  const Moment before = BootClock::now();
  const auto lock = acquire(600ms);
  table_.away = true;
  EXPECT_TRUE(stops(lock->lost_token()));
  EXPECT_TRUE(lock->lost());
  // The last one that was answered was sent before; a tenth is the margin.
  EXPECT_GE(BootClock::now() - before, 500ms);
}

TEST_F(KeptLocks, are_lost_in_time_even_while_a_renewal_hangs) {
  table_.hangs = true;
  const auto lock = acquire(300ms);
  EXPECT_TRUE(stops(lock->lost_token()));
  EXPECT_TRUE(lock->lost());
  table_.go_back();
  EXPECT_TRUE(lock->release());
}

TEST_F(KeptLocks, outlive_an_outage_that_is_shorter_than_their_time) {
  const auto lock = acquire(3000ms);
  {
    const std::lock_guard guard(table_.mutex);
    table_.away = true;
  }
  std::promise<void> lost;
  const std::stop_callback when(lock->lost_token(), [&] { lost.set_value(); });
  EXPECT_EQ(lost.get_future().wait_for(1500ms), std::future_status::timeout);
  std::unique_lock guard(table_.mutex);
  table_.away = false;
  const int renewals = table_.renewals;
  EXPECT_TRUE(table_.changed.wait_for(guard, 10s, [&] { return table_.renewals > renewals; }));
  guard.unlock();
  EXPECT_FALSE(lock->lost());
}

TEST_F(KeptLocks, stay_lost) {
  const auto lock = acquire(300ms);
  table_.away = true;
  EXPECT_TRUE(stops(lock->lost_token()));
  table_.away = false;
  EXPECT_TRUE(lock->lost());
}

TEST_F(KeptLocks, an_answer_that_was_lost_is_asked_for_again) {
  table_.acquisitions_to_fail = 2;
  const auto lock = acquire(300ms, 5000ms);
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->fencing(), 1);
}

TEST_F(KeptLocks, a_place_that_is_away_all_the_time_is_told_and_not_taken_for_busy) {
  table_.acquisitions_to_fail = 1'000'000;
  try {
    (void)acquire(300ms, 100ms);
    ADD_FAILURE() << "no error came";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unreachable);
  }
}

TEST_F(KeptLocks, are_another_holders_to_take_once_they_are_released_and_say_so) {
  const auto lock = acquire();
  EXPECT_FALSE(lock->lost());
  EXPECT_TRUE(lock->release());
  EXPECT_TRUE(lock->lost());
  EXPECT_TRUE(lock->lost_token().stop_requested());
}

TEST_F(KeptLocks, one_whose_answer_was_lost_is_not_left_behind) {
  table_.acquisitions_to_fail = 1;
  EXPECT_THROW((void)acquire(), Error);
  EXPECT_EQ(table_.fencing, 1);
  EXPECT_TRUE(table_.token.is_nil());
}

TEST_F(KeptLocks, a_timeout_beyond_all_times_waits) {
  table_.token = random_uuid();
  auto waiting = std::async(std::launch::async,
                            [&] { return acquire(300ms, std::chrono::milliseconds::max()); });
  EXPECT_EQ(waiting.wait_for(200ms), std::future_status::timeout);
  {
    const std::lock_guard guard(table_.mutex);
    table_.token = Uuid();
  }
  EXPECT_NE(waiting.get(), nullptr);
}

TEST_F(KeptLocks, waiting_ends_when_a_stop_is_requested) {
  table_.token = random_uuid();
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    return KeptLock::acquire(std::make_unique<FakeLocks>(table_), {"name", 300ms, 3600s}, logger_,
                             stop.get_token());
  });
  stop.request_stop();
  EXPECT_EQ(waiting.get(), nullptr);
}

TEST_F(KeptLocks, terms_that_make_no_sense_are_refused_by_name) {
  const auto refused = [&](const jobs::LockTerms& terms, const std::string& word) {
    try {
      jobs::check_terms(terms);
      ADD_FAILURE() << word << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_THAT(error.what(), ::testing::HasSubstr(word));
    }
  };
  refused({"", 1s, 0ms}, "0 bytes");
  refused({std::string(201, 'a'), 1s, 0ms}, "201 bytes");
  refused({"two words", 1s, 0ms}, "0x20");
  refused({"caf\xC3\xA9", 1s, 0ms}, "0xc3");
  refused({"brace}", 1s, 0ms}, "0x7d");
  refused({"name", 0ms, 0ms}, "time to live");
  refused({"name", -1ms, 0ms}, "time to live");
  refused({"name", 99ms, 0ms}, "time to live");
  refused({"name", std::chrono::milliseconds::max(), 0ms}, "time to live");
  refused({"name", 1s, -1ms}, "timeout");
  EXPECT_NO_THROW(jobs::check_terms({"outbox_consumer:CHAT", 30s, 1s}));
}

}  // namespace
}  // namespace outbox::testing
