// SPDX-License-Identifier: Apache-2.0
#include "admin/desk.hpp"

#include <gtest/gtest.h>

namespace outbox::admin {
namespace {

using namespace std::chrono_literals;

struct Connections {
  void close() noexcept {}
};

class DeskTest : public ::testing::Test {
 protected:
  /// Keeps the desk's thread until the test ends.
  void keep_busy() {
    (void)desk_.begin<int>([this](Connections&) {
      begun_.set_value();
      released_.wait();
      return 0;
    });
    begun_.get_future().wait();
  }
  void release() { release_.set_value(); }

  std::promise<void> begun_;
  std::promise<void> release_;
  const std::shared_future<void> released_ = release_.get_future().share();
  Desk<Connections> desk_{"store shop", Connections{}};
};

TEST_F(DeskTest, never_asks_a_question_that_was_given_up_before_its_turn) {
  keep_busy();
  std::atomic<bool> was_written{false};
  try {
    desk_.ask<bool>(20ms, [&](Connections&) { return was_written = true; });
    FAIL() << "it was answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unreachable);
    EXPECT_NE(std::string_view(error.what()).find(not_asked), std::string_view::npos);
  }
  release();
  EXPECT_EQ(desk_.ask<int>(10s, [](Connections&) { return 7; }), 7);
  EXPECT_FALSE(was_written);
}

TEST_F(DeskTest, says_of_a_question_that_is_being_asked_that_it_may_yet_be_carried_out) {
  try {
    desk_.ask<int>(20ms, [this](Connections&) {
      released_.wait();
      return 0;
    });
    FAIL() << "it was answered";
  } catch (const Error& error) {
    EXPECT_EQ(std::string_view(error.what()).find(not_asked), std::string_view::npos);
    EXPECT_NE(std::string_view(error.what()).find("may yet be carried out"),
              std::string_view::npos);
  }
  release();
}

}  // namespace
}  // namespace outbox::admin
