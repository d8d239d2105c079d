// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>

#include <outbox/error.hpp>

#include "app/handlers.hpp"

namespace outbox::app {
namespace {

class Command : public ::testing::Test {
 protected:
  Command() {
    signal(SIGPIPE, SIG_IGN);  // As the program has it.
    event_.event_id = *parse_uuid("3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e");
    event_.event_type = "X";
  }

  void run(const std::string& script, std::chrono::milliseconds timeout) {
    config::HandlerSettings handler;
    handler.command = {"sh", "-c", script};
    handler.timeout = timeout;
    run_command(handler, std::span(&event_, 1));
  }

  /// The kind and the words of what it is refused with.
  std::pair<ErrorKind, std::string> refusal(
      const std::string& script, std::chrono::milliseconds timeout = std::chrono::seconds(30)) {
    try {
      run(script, timeout);
    } catch (const Error& error) {
      return {error.kind(), error.what()};
    }
    return {ErrorKind::usage, "taken"};
  }

  ReceivedEvent event_;
};

TEST_F(Command, gets_the_event_and_its_key) {
  run("grep -q '\"event_id\":\"3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e\"' && "
      "test $IDEMPOTENCY_KEY = 3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e",
      std::chrono::seconds(30));
}

TEST_F(Command, need_not_read_its_input_however_long_it_is) {
  const std::string payload = "\"" + std::string(1 << 20, 'x') + "\"";
  event_.payload = payload;
  run("exec 0<&-; exit 0", std::chrono::seconds(30));
  run("test $(wc -c) -gt 1048576", std::chrono::seconds(30));
}

TEST_F(Command, fails_the_event_with_the_end_of_its_output) {
  const auto [kind, what] = refusal("yes no | head -c 5000; echo; echo too bad >&2; exit 3");
  EXPECT_EQ(kind, ErrorKind::failed);
  EXPECT_TRUE(what.starts_with("sh exited with 3: ")) << what;
  EXPECT_TRUE(what.ends_with("too bad")) << what;
  EXPECT_LT(what.size(), 600U);
}

TEST_F(Command, that_asks_to_wait_blames_no_event) {
  EXPECT_EQ(refusal("exit 75").first, ErrorKind::unreachable);
  EXPECT_EQ(refusal("exec no-such-program-here").first, ErrorKind::unreachable);
}

TEST_F(Command, that_a_signal_ended_failed) {
  EXPECT_EQ(refusal("kill -9 $$").second, "sh was ended by signal 9");
}

TEST_F(Command, is_ended_with_all_it_started_when_its_time_is_over) {
  const auto start = std::chrono::steady_clock::now();
  const auto [kind, what] = refusal("sleep 60 | sleep 60", std::chrono::milliseconds(100));
  EXPECT_EQ(kind, ErrorKind::failed);
  EXPECT_EQ(what, "sh did not end within 100ms");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST_F(Command, is_done_when_it_ends_though_its_child_holds_its_output_open) {
  run("sleep 5 & exit 0", std::chrono::seconds(20));
}

}  // namespace
}  // namespace outbox::app
