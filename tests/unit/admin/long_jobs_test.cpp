// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <condition_variable>
#include <latch>
#include <mutex>

#include <outbox/error.hpp>

#include "admin/long_jobs.hpp"
#include "admin/pace.hpp"
#include "unit/admin/fakes.hpp"

namespace outbox::testing {
namespace {

using namespace admin;
using namespace std::chrono_literals;

void wait_for_stop(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, stop, [] { return false; });
}

Json ended(const LongJobs& jobs, const std::string& id) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto until = std::chrono::steady_clock::now() + 20s;
  Json job = jobs.show(id);
  while (job["state"] == "running" && std::chrono::steady_clock::now() < until) {
    never.wait_for(lock, 5ms);
    job = jobs.show(id);
  }
  return job;
}

NewJob job_of(std::function<Json(const Running&)> work) {
  return {"replay", {"ada", "api"}, "mended", std::move(work)};
}

TEST(LongJobs, tell_their_progress_and_their_result) {
  LongJobs jobs;
  const Json begun = jobs.start(job_of([](const Running& running) {
    running.report({10, 7, 2, 1});
    return Json{{"done", 7}};
  }));
  EXPECT_EQ(begun["who"], "ada");
  EXPECT_EQ(begun["reason"], "mended");
  const Json job = ended(jobs, begun["id"]);
  EXPECT_EQ(job["state"], "done");
  EXPECT_EQ(job["total"], 10);
  EXPECT_EQ(job["failed"], 2);
  EXPECT_EQ(job["result"]["done"], 7);
  EXPECT_NE(job["ended_at"], nullptr);
}

TEST(LongJobs, that_fail_say_why) {
  LongJobs jobs;
  const Json begun = jobs.start(job_of([](const Running&) -> Json {
    throw Error(ErrorKind::unreachable, "the database is away \xff");
  }));
  const Json job = ended(jobs, begun["id"]);
  EXPECT_EQ(job["state"], "failed");
  EXPECT_EQ(job["error"], "the database is away \uFFFD");
}

TEST(LongJobs, are_cancelled_and_say_so) {
  LongJobs jobs;
  const Json begun = jobs.start(job_of([](const Running& running) {
    wait_for_stop(running.stop);
    return Json::object();
  }));
  jobs.cancel(begun["id"]);
  EXPECT_EQ(ended(jobs, begun["id"])["state"], "cancelled");
  EXPECT_EQ(error_of([&] { return jobs.cancel(begun["id"]); }).kind(), ErrorKind::conflict);
  EXPECT_EQ(error_of([&] { return jobs.cancel("none"); }).kind(), ErrorKind::not_found);
}

TEST(LongJobs, are_bounded_in_how_many_run_and_are_remembered) {
  LongJobs jobs(1, 3);
  const Json first = jobs.start(job_of([](const Running& running) {
    wait_for_stop(running.stop);
    return Json::object();
  }));
  EXPECT_EQ(error_of([&] { return jobs.start(job_of({})); }).kind(), ErrorKind::conflict);
  jobs.cancel(first["id"]);
  ended(jobs, first["id"]);
  for (int i = 0; i < 5; ++i) {
    const Json one = jobs.start(job_of([](const Running&) { return Json::object(); }));
    ended(jobs, one["id"]);
  }
  EXPECT_EQ(jobs.list()["items"].size(), 3U);
  EXPECT_EQ(error_of([&] { return jobs.show(first["id"]); }).kind(), ErrorKind::not_found);
}

TEST(LongJobs, are_stopped_and_waited_for_at_the_end) {
  std::atomic<bool> has_ended = false;
  std::latch begun(1);
  {
    LongJobs jobs;
    jobs.start(job_of([&](const Running& running) {
      begun.count_down();
      wait_for_stop(running.stop);
      has_ended = true;
      return Json::object();
    }));
    begun.wait();
  }
  EXPECT_TRUE(has_ended);
}

TEST(PerSecond, begins_no_more_than_so_many_a_second_and_saves_none_up) {
  const Moment start{};
  PerSecond pace(100, start);
  EXPECT_EQ(pace.portion(500), 20U);
  EXPECT_EQ(pace.take(20, start), start);
  EXPECT_EQ(pace.take(20, start), start + 200ms);
  EXPECT_EQ(pace.take(20, start + 10s), start + 10s);
  EXPECT_EQ(pace.take(1, start + 10s), start + 10s + 200ms);
  PerSecond unbounded(0, start);
  EXPECT_EQ(unbounded.take(500, start), start);
  EXPECT_EQ(unbounded.take(500, start), start);
  EXPECT_EQ(unbounded.portion(500), 500U);
  EXPECT_EQ(PerSecond(0.5, start).portion(500), 1U);
}

}  // namespace
}  // namespace outbox::testing
