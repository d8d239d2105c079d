// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/error.hpp"

#include <gtest/gtest.h>

namespace outbox::store::mariadb {
namespace {

TEST(MariadbError, each_number_means_what_a_person_or_the_relay_has_to_do) {
  EXPECT_EQ(kind_of(2002), ErrorKind::unreachable);
  EXPECT_EQ(kind_of(2013), ErrorKind::unreachable);
  EXPECT_EQ(kind_of(1205), ErrorKind::unreachable);
  EXPECT_EQ(kind_of(1213), ErrorKind::unreachable);
  EXPECT_EQ(kind_of(1290), ErrorKind::unreachable);
  EXPECT_EQ(kind_of(1045), ErrorKind::configuration);
  EXPECT_EQ(kind_of(1049), ErrorKind::configuration);
  EXPECT_EQ(kind_of(1146), ErrorKind::not_found);
  EXPECT_EQ(kind_of(1054), ErrorKind::not_found);
  EXPECT_EQ(kind_of(1064), ErrorKind::failed);
}

TEST(MariadbError, what_passes_may_run_again_and_what_broke_is_lost) {
  EXPECT_TRUE(make_error(1213, "Deadlock", "a test").may_run_again());
  EXPECT_FALSE(make_error(2013, "Lost", "a test").may_run_again());
  EXPECT_TRUE(make_error(2013, "Lost", "a test").is_lost());
  EXPECT_TRUE(make_error(1969, "Slow", "a test").is_too_slow());
  EXPECT_EQ(std::string(make_error(1064, "a\nb", "a test").what()), "MariaDB: a test: a b [1064]");
}

}  // namespace
}  // namespace outbox::store::mariadb
