// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/version.hpp"

#include <gtest/gtest.h>

#include <outbox/error.hpp>

namespace outbox::broker::kafka {
namespace {

TEST(LibraryVersion, of_this_build_is_named_and_taken) {
  EXPECT_GE(library_version(), "2.8.0");
  EXPECT_NO_THROW(require_library_version());
}

TEST(LibraryVersion, from_2_8_0_on_is_taken) {
  EXPECT_NO_THROW(require_library_version(0x020800ff, "2.8.0"));
  EXPECT_NO_THROW(require_library_version(0x020f00ff, "2.15.0"));
  EXPECT_NO_THROW(require_library_version(0x030000ff, "3.0.0"));
}

TEST(LibraryVersion, of_an_older_one_is_refused_with_the_remedy) {
  try {
    require_library_version(0x020002ff, "2.0.2");
    FAIL() << "2.0.2 was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_NE(std::string(error.what()).find("2.0.2"), std::string::npos);
    EXPECT_NE(error.hint().find("./dev build"), std::string::npos);
  }
  EXPECT_THROW(require_library_version(0x02080001, "2.8.0-RC1"), Error);
}

}  // namespace
}  // namespace outbox::broker::kafka
