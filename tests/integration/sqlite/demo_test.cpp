// SPDX-License-Identifier: Apache-2.0
//
// `outboxd demo` as people run it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "integration/sqlite/scratch.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;

/// The program with a temporary folder of the test's own. Its standard output goes to a file, its
/// standard error comes by a pipe, so that a test can wait for what it says.
class Demo {
 public:
  explicit Demo(std::vector<std::string> options) {
    std::filesystem::create_directory(folder_.file("temporary"));
    options.insert(options.begin(), {"outboxd", "demo"});
    std::vector<char*> arguments;
    for (std::string& option : options)
      arguments.push_back(option.data());
    arguments.push_back(nullptr);
    const char* const program = std::getenv("OUTBOXD_PROGRAM");
    if (program == nullptr) throw std::runtime_error("OUTBOXD_PROGRAM is not set");
    const std::string output = folder_.file("output");
    int errors[2];
    if (pipe2(errors, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
    const std::string temporary = folder_.file("temporary");
    process_ = fork();
    if (process_ == 0) {
      dup2(open(output.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
      dup2(errors[1], STDERR_FILENO);
      setenv("TMPDIR", temporary.c_str(), 1);
      execv(program, arguments.data());
      _exit(127);
    }
    close(errors[1]);
    errors_from_ = errors[0];
  }
  ~Demo() {
    close(errors_from_);
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;

  void signal_it(int number) const { kill(process_, number); }

  /// Reads its standard error until it has said `text`; false where it ended, or said nothing for
  /// long.
  bool wait_for(const std::string& text) {
    while (errors_.find(text) == std::string::npos) {
      if (!read_errors()) return false;
    }
    return true;
  }

  /// Waits for its end; the exit code, or minus the signal that ended it.
  int exit_code() {
    while (read_errors()) {
    }
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  [[nodiscard]] std::string output() const {
    std::stringstream text;
    text << std::ifstream(folder_.file("output")).rdbuf();
    return text.str();
  }
  [[nodiscard]] const std::string& errors() const { return errors_; }
  [[nodiscard]] bool left_files() const {
    return !std::filesystem::is_empty(folder_.file("temporary"));
  }

 private:
  bool read_errors() {
    pollfd watched{errors_from_, POLLIN, 0};
    if (poll(&watched, 1, 60'000) != 1) return false;
    char bytes[4096];
    const ssize_t got = read(errors_from_, bytes, sizeof bytes);
    if (got <= 0) return false;
    errors_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  ScratchFolder folder_;
  pid_t process_ = -1;
  int errors_from_ = -1;
  std::string errors_;
};

TEST(Demo, ends_by_itself_and_reports_exactly_the_promised_fields_on_one_line) {
  Demo demo({"--for", "3s", "--output", "json"});
  ASSERT_EQ(demo.exit_code(), 0) << demo.errors();
  const std::string output = demo.output();
  ASSERT_EQ(std::count(output.begin(), output.end(), '\n'), 1) << output;
  const auto summary = nlohmann::json::parse(output);
  ASSERT_EQ(summary.size(), 8U);
  EXPECT_GT(summary.at("written").get<int>(), 10);
  EXPECT_EQ(summary.at("consumed"), summary.at("written"));
  EXPECT_GE(summary.at("relayed").get<int>(), summary.at("written").get<int>());
  EXPECT_GE(summary.at("rolled_back").get<int>(), 0);
  EXPECT_GE(summary.at("duplicates").get<int>(), 0);
  EXPECT_EQ(summary.at("lost"), 0);
  EXPECT_GT(summary.at("latency_p50_ms").get<double>(), 0.0);
  EXPECT_GE(summary.at("latency_p99_ms").get<double>(), summary.at("latency_p50_ms").get<double>());
  EXPECT_THAT(demo.errors(), HasSubstr("kcat -b 127.0.0.1:"));
  EXPECT_FALSE(demo.left_files());
}

TEST(Demo, ends_with_its_summary_within_ten_seconds_of_ctrl_c) {
  Demo demo({"--rate", "200"});
  // The line of a second in which orders arrived; a stop while it starts is another matter.
  ASSERT_TRUE(demo.wait_for("p99")) << demo.errors();
  const Moment asked = BootClock::now();
  demo.signal_it(SIGINT);
  EXPECT_EQ(demo.exit_code(), 0) << demo.errors();
  EXPECT_LT(BootClock::now() - asked, std::chrono::seconds(10));
  EXPECT_THAT(demo.output(), HasSubstr("every committed order was counted"));
  EXPECT_FALSE(demo.left_files());
}

TEST(Demo, ends_quietly_where_it_is_stopped_while_it_starts) {
  Demo demo({});
  ASSERT_TRUE(demo.wait_for("outboxd demo"));
  demo.signal_it(SIGTERM);
  EXPECT_EQ(demo.exit_code(), 0) << demo.errors();
  EXPECT_FALSE(demo.left_files());
}

TEST(Demo, refuses_options_that_make_no_sense_and_names_them) {
  Demo duration({"--for", "soon"});
  EXPECT_EQ(duration.exit_code(), 2);
  EXPECT_THAT(duration.errors(), HasSubstr("--for"));
  Demo rate({"--rate", "0"});
  EXPECT_EQ(rate.exit_code(), 2);
  EXPECT_THAT(rate.errors(), HasSubstr("--rate"));
}

}  // namespace
}  // namespace outbox::testing
