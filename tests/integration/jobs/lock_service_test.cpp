// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include <outbox/lock.hpp>
#include <outbox/uuid.hpp>

#include "integration/jobs/on_store.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;

enum class Place { postgres, sqlite, mariadb, redis };

class LockServices : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (GetParam() == Place::redis) {
      url_ = services().redis_url;
      ASSERT_NE(url_, "") << "no Redis was started; run ./dev services up redis";
      return;
    }
    own_.emplace(GetParam() == Place::postgres ? Dialect::postgres
                 : GetParam() == Place::sqlite ? Dialect::sqlite
                                               : Dialect::mariadb);
    url_ = own_->url();
    outbox::migrate(url_);
  }

  [[nodiscard]] LockServiceOptions options() const { return {.url = url_}; }

  std::optional<OwnDatabase> own_;
  std::string url_;
  // The Redis is everybody's.
  const std::string name_ = "test:" + to_string(random_uuid());
};

TEST_P(LockServices, two_contend_and_one_has_it) {
  LockService first(options());
  LockService second(options());
  auto held = first.try_acquire(name_);
  ASSERT_TRUE(held);
  EXPECT_FALSE(held->lost());
  EXPECT_EQ(held->name(), name_);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(second.try_acquire(name_, {.timeout = 300ms}));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 300ms);
  EXPECT_FALSE(first.try_acquire(name_, {.timeout = 0ms}));
  const Error error = error_of([&] { (void)second.acquire(name_, {.timeout = 0ms}); });
  EXPECT_EQ(error.kind(), ErrorKind::conflict);
  EXPECT_THAT(error.what(), HasSubstr(name_));
  EXPECT_TRUE(second.try_acquire(name_ + ":other", {.timeout = 0ms}));
}

TEST_P(LockServices, one_that_is_released_goes_to_the_next_with_a_greater_number) {
  LockService service(options());
  auto first = service.try_acquire(name_);
  ASSERT_TRUE(first);
  const std::int64_t number = first->fencing_number();
  EXPECT_GE(number, 1);
  EXPECT_TRUE(first->release());
  EXPECT_FALSE(first->release());
  const Lock second = service.acquire(name_);
  EXPECT_EQ(second.fencing_number(), number + 1);
}

TEST_P(LockServices, one_that_was_moved_away_holds_nothing) {
  LockService service(options());
  Lock first = service.acquire(name_);
  Lock second = std::move(first);
  // NOLINTBEGIN(bugprone-use-after-move): that is what is asked.
  EXPECT_FALSE(first.release());
  EXPECT_TRUE(first.lost());
  EXPECT_TRUE(first.lost_token().stop_requested());
  EXPECT_EQ(first.name(), "");
  EXPECT_EQ(first.fencing_number(), 0);
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_FALSE(second.lost());
  EXPECT_TRUE(second.release());
  EXPECT_TRUE(second.lost());
}

TEST_P(LockServices, one_who_waits_gets_it_when_it_is_freed) {
  LockService service(options());
  auto held = service.try_acquire(name_);
  ASSERT_TRUE(held);
  std::jthread later([&] { held.reset(); });
  EXPECT_TRUE(service.try_acquire(name_, {.timeout = 20s}));
}

TEST_P(LockServices, one_that_is_held_longer_than_its_time_to_live_is_kept) {
  LockService service(options());
  const auto held = service.try_acquire(name_, {.ttl = 400ms});
  ASSERT_TRUE(held);
  EXPECT_FALSE(service.try_acquire(name_, {.timeout = 1500ms}));
  EXPECT_FALSE(held->lost());
}

TEST_P(LockServices, a_killed_processs_lock_is_free_after_its_time_to_live) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    // Here nothing of the parent's is used but memory.
    LockService service(options());
    const auto held = service.try_acquire(name_, {.ttl = 1000ms});
    const char answer = held ? 'y' : 'n';
    if (write(ready[1], &answer, 1) != 1) _exit(1);
    while (true)
      pause();
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  LockService service(options());
  // It is renewed as long as the process lives.
  EXPECT_FALSE(service.try_acquire(name_, {.timeout = 1500ms}));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const auto killed = std::chrono::steady_clock::now();
  const auto taken = service.try_acquire(name_, {.timeout = 20s});
  ASSERT_TRUE(taken);
  EXPECT_LT(std::chrono::steady_clock::now() - killed, 5s);
  EXPECT_EQ(taken->fencing_number(), 2);
  close(ready[0]);
  close(ready[1]);
}

TEST_P(LockServices, nonsense_is_refused_by_name) {
  LockService service(options());
  const auto kind = [&](const std::string& name, LockTimes times) {
    return error_of([&] { (void)service.try_acquire(name, times); }).kind();
  };
  EXPECT_EQ(kind("", {}), ErrorKind::usage);
  EXPECT_EQ(kind("two words", {}), ErrorKind::usage);
  EXPECT_EQ(kind("quote'", {}), ErrorKind::usage);
  EXPECT_EQ(kind(std::string(201, 'a'), {}), ErrorKind::usage);
  EXPECT_EQ(kind(name_, {.ttl = 0ms}), ErrorKind::usage);
  EXPECT_EQ(kind(name_, {.ttl = -5ms}), ErrorKind::usage);
  EXPECT_EQ(kind(name_, {.timeout = -5ms}), ErrorKind::usage);
}

std::string place_name(const ::testing::TestParamInfo<Place>& info) {
  constexpr const char* names[] = {"postgres", "sqlite", "mariadb", "redis"};
  return names[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(each, LockServices,
                         ::testing::Values(Place::postgres, Place::sqlite, Place::mariadb,
                                           Place::redis),
                         place_name);

TEST(LockServices, a_place_that_does_not_answer_is_unreachable) {
  for (const char* const url : {"redis://127.0.0.1:1", "postgresql://127.0.0.1:1/none"}) {
    LockService service({.url = url});
    const Error error = error_of([&] { (void)service.try_acquire("name", {.timeout = 100ms}); });
    EXPECT_EQ(error.kind(), ErrorKind::unreachable) << url;
  }
}

TEST(LockServices, a_url_of_no_kind_is_refused_with_the_option) {
  for (const char* const url : {"", "http://here", "redis://:secret@here:port"}) {
    const Error error = error_of([&] { const LockService made({.url = url}); });
    EXPECT_EQ(error.kind(), ErrorKind::configuration) << url;
    EXPECT_THAT(error.what(), HasSubstr("LockServiceOptions::url")) << url;
  }
}

class LocksOnStore : public OnStore {};

TEST_P(LocksOnStore, a_lock_that_was_taken_away_is_lost_and_says_so) {
  LockService service({.url = own_->url(), .log_level = "error"});
  auto held = service.try_acquire("nightly", {.ttl = 600ms});
  ASSERT_TRUE(held);
  Tally lost;
  const std::stop_callback when(held->lost_token(), [&] { lost.add(); });
  execute("UPDATE outboxd_locks SET token = '00000000-0000-4000-8000-000000000001'");
  EXPECT_TRUE(lost.reaches(1));
  EXPECT_TRUE(held->lost());
  EXPECT_FALSE(held->release());
  EXPECT_NE(value("SELECT token FROM outboxd_locks"), "NULL");
}

TEST_P(LocksOnStore, without_the_tables_the_remedy_is_named) {
  const OwnDatabase empty(GetParam());
  // Makes SQLite's file.
  Database made({.url = empty.url()});
  made.script("CREATE TABLE something (id integer)");
  LockService service({.url = empty.url()});
  const Error error = error_of([&] { (void)service.try_acquire("name", {.timeout = 0ms}); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), HasSubstr("outboxd migrate"));
}

INSTANTIATE_TEST_SUITE_P(each, LocksOnStore, all_stores(), store_name);

}  // namespace
}  // namespace outbox::testing
