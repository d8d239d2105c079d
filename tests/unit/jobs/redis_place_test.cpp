// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <outbox/error.hpp>

#include "store/redis/place.hpp"

namespace outbox::testing {
namespace {

using store::redis::parse_place;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RedisPlace, a_whole_address_is_taken_apart) {
  const auto place = parse_place("redis://shop:pa%40ss@cache.example:7000/3", "url");
  EXPECT_EQ(place.host, "cache.example");
  EXPECT_EQ(place.port, 7000);
  EXPECT_EQ(place.user, "shop");
  EXPECT_EQ(place.password, "pa@ss");
  EXPECT_EQ(place.database, 3);
}

TEST(RedisPlace, what_is_missing_has_a_default) {
  const auto place = parse_place("redis://localhost", "url");
  EXPECT_EQ(place.host, "localhost");
  EXPECT_EQ(place.port, 6379);
  EXPECT_EQ(place.password, "");
  EXPECT_EQ(place.database, 0);
  EXPECT_EQ(parse_place("redis://:secret@localhost/", "url").password, "secret");
  EXPECT_EQ(parse_place("redis://[::1]:7000", "url").host, "::1");
  EXPECT_EQ(parse_place("redis://[::1]", "url").port, 6379);
}

TEST(RedisPlace, nonsense_is_refused_without_telling_the_password) {
  for (const char* const url :
       {"redis://", "redis://:hunter2@", "redis://:hunter2@host:0", "redis://:hunter2@host:65536",
        "redis://:hunter2@host:x", "redis://:hunter2@host/x", "redis://:hunter2@host/-1",
        "redis://:hunter2%4@host", "redis://:hunter2%zz@host", "redis://hunter2@host",
        "rediss://:hunter2@host", "http://:hunter2@host"}) {
    try {
      (void)parse_place(url, "LockServiceOptions::url");
      ADD_FAILURE() << url << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::configuration) << url;
      EXPECT_THAT(error.what(), HasSubstr("LockServiceOptions::url")) << url;
      EXPECT_THAT(error.what(), Not(HasSubstr("hunter2"))) << url;
    }
  }
}

}  // namespace
}  // namespace outbox::testing
