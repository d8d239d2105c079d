// SPDX-License-Identifier: Apache-2.0
//
// The seam's promises on a real Redis; those that need time to pass wait for it, for Redis's clock
// cannot be set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <outbox/error.hpp>

#include "integration/jobs/on_store.hpp"
#include "store/redis/home.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

using ::testing::Eq;
using ::testing::Optional;

class RedisLocks : public ::testing::Test {
 protected:
  [[nodiscard]] static std::unique_ptr<store::Locks> open(const std::string& path = "") {
    return store::redis::make_locks(
        store::redis::parse_place(services().redis_url + path, "OUTBOXD_TEST_REDIS"), 2000ms);
  }

  const std::string name_ = "test:" + to_string(random_uuid());
  const Uuid mine_ = random_uuid();
  const Uuid other_ = random_uuid();
};

TEST_F(RedisLocks, have_one_holder_and_a_number_that_grows) {
  const auto locks = open();
  EXPECT_THAT(locks->acquire(name_, mine_, 30s), Optional(Eq(1)));
  EXPECT_EQ(open()->acquire(name_, other_, 30s), std::nullopt);
  EXPECT_THAT(locks->acquire(name_, mine_, 30s), Optional(Eq(1)));
  EXPECT_TRUE(locks->release(name_, mine_));
  EXPECT_THAT(open()->acquire(name_, other_, 30s), Optional(Eq(2)));
}

TEST_F(RedisLocks, are_neither_renewed_nor_released_by_a_foreign_token) {
  const auto locks = open();
  EXPECT_FALSE(locks->renew(name_, mine_, 30s));
  EXPECT_FALSE(locks->release(name_, mine_));
  locks->acquire(name_, mine_, 30s);
  EXPECT_FALSE(locks->renew(name_, other_, 30s));
  EXPECT_FALSE(locks->release(name_, other_));
  EXPECT_EQ(locks->acquire(name_, other_, 30s), std::nullopt);
  EXPECT_TRUE(locks->renew(name_, mine_, 30s));
}

TEST_F(RedisLocks, end_by_themselves) {
  const auto locks = open();
  EXPECT_THAT(locks->acquire(name_, mine_, 100ms), Optional(Eq(1)));
  EXPECT_TRUE(eventually([&] { return locks->acquire(name_, other_, 30s) == 2; }));
  EXPECT_FALSE(locks->renew(name_, mine_, 30s));
  EXPECT_FALSE(locks->release(name_, mine_));
  EXPECT_TRUE(locks->renew(name_, other_, 30s));
}

TEST_F(RedisLocks, of_another_database_are_others) {
  EXPECT_THAT(open()->acquire(name_, mine_, 30s), Optional(Eq(1)));
  EXPECT_THAT(open("/3")->acquire(name_, other_, 30s), Optional(Eq(1)));
}

TEST_F(RedisLocks, a_login_that_is_refused_is_a_matter_of_configuration) {
  std::string url = services().redis_url;
  url.insert(url.find("//") + 2, ":hunter2@");
  const auto locks = store::redis::make_locks(store::redis::parse_place(url, "url"), 2000ms);
  const Error error = error_of([&] { locks->acquire(name_, mine_, 30s); });
  EXPECT_EQ(error.kind(), ErrorKind::configuration);
  EXPECT_THAT(error.what(), ::testing::Not(::testing::HasSubstr("hunter2")));
}

}  // namespace
}  // namespace outbox::testing
