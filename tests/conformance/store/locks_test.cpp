// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using ::testing::Eq;
using ::testing::Optional;

const std::string name = "outbox_consumer:CHAT";

TEST_P(StoreConformance, a_lock_has_one_holder_at_a_time) {
  const auto first = store_->open(options()).locks();
  const auto second = store_->open(options()).locks();
  EXPECT_THAT(first->acquire(name, random_uuid(), 30s), Optional(Eq(1)));
  EXPECT_EQ(second->acquire(name, random_uuid(), 30s), std::nullopt);
  EXPECT_THAT(second->acquire("outbox_consumer:MARKET", random_uuid(), 30s), Optional(Eq(1)));
}

TEST_P(StoreConformance, a_locks_name_is_told_apart_by_case_and_blanks) {
  const auto locks = store_->open(options()).locks();
  EXPECT_THAT(locks->acquire("nightly", random_uuid(), 30s), Optional(Eq(1)));
  EXPECT_THAT(locks->acquire("Nightly", random_uuid(), 30s), Optional(Eq(1)));
  EXPECT_THAT(locks->acquire("nightly ", random_uuid(), 30s), Optional(Eq(1)));
}

TEST_P(StoreConformance, a_lock_is_free_once_its_holders_time_is_over) {
  const auto locks = store_->open(options()).locks();
  EXPECT_THAT(locks->acquire(name, random_uuid(), 30s), Optional(Eq(1)));
  store_->pass_time(29s);
  EXPECT_EQ(locks->acquire(name, random_uuid(), 30s), std::nullopt);
  store_->pass_time(2s);
  EXPECT_THAT(locks->acquire(name, random_uuid(), 30s), Optional(Eq(2)));
}

TEST_P(StoreConformance, a_renewed_lock_keeps_its_holder_and_its_number) {
  const auto locks = store_->open(options()).locks();
  const Uuid mine = random_uuid();
  EXPECT_THAT(locks->acquire(name, mine, 30s), Optional(Eq(1)));
  store_->pass_time(20s);
  EXPECT_TRUE(locks->renew(name, mine, 30s));
  store_->pass_time(20s);
  EXPECT_EQ(locks->acquire(name, random_uuid(), 30s), std::nullopt);
  EXPECT_THAT(locks->acquire(name, mine, 30s), Optional(Eq(1)));
}

TEST_P(StoreConformance, a_lock_whose_time_is_over_is_renewed_where_nobody_took_it) {
  const auto locks = store_->open(options()).locks();
  const Uuid mine = random_uuid();
  EXPECT_THAT(locks->acquire(name, mine, 1s), Optional(Eq(1)));
  store_->pass_time(5s);
  EXPECT_TRUE(locks->renew(name, mine, 30s));
  EXPECT_EQ(locks->acquire(name, random_uuid(), 30s), std::nullopt);
}

TEST_P(StoreConformance, a_lock_that_another_took_is_neither_renewed_nor_released) {
  const auto locks = store_->open(options()).locks();
  const Uuid old = random_uuid();
  const Uuid next = random_uuid();
  locks->acquire(name, old, 1s);
  store_->pass_time(2s);
  EXPECT_THAT(locks->acquire(name, next, 30s), Optional(Eq(2)));
  EXPECT_FALSE(locks->renew(name, old, 30s));
  EXPECT_FALSE(locks->release(name, old));
  EXPECT_TRUE(locks->renew(name, next, 30s));
}

TEST_P(StoreConformance, a_foreign_token_or_an_unknown_name_changes_no_lock) {
  const auto locks = store_->open(options()).locks();
  const Uuid mine = random_uuid();
  locks->acquire(name, mine, 30s);
  EXPECT_FALSE(locks->release(name, random_uuid()));
  EXPECT_FALSE(locks->renew(name, random_uuid(), 1ms));
  EXPECT_FALSE(locks->release("never taken", mine));
  EXPECT_FALSE(locks->renew("never taken", mine, 30s));
  EXPECT_EQ(locks->acquire(name, random_uuid(), 30s), std::nullopt);
}

TEST_P(StoreConformance, a_released_lock_is_free_at_once_with_a_higher_number) {
  const auto locks = store_->open(options()).locks();
  const Uuid mine = random_uuid();
  EXPECT_THAT(locks->acquire(name, mine, 30s), Optional(Eq(1)));
  EXPECT_TRUE(locks->release(name, mine));
  EXPECT_FALSE(locks->release(name, mine));
  EXPECT_THAT(locks->acquire(name, mine, 30s), Optional(Eq(2)));
}

}  // namespace
}  // namespace outbox::testing
