// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <outbox/error.hpp>

#include "integration/sqlite/scratch.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;

/// Another process that joined on the file and then waits to be killed.
class OtherRelay {
 public:
  explicit OtherRelay(store::HomeOptions options) {
    int ready[2];
    if (pipe(ready) != 0) throw std::runtime_error("pipe failed");
    process_ = fork();
    if (process_ == 0) {
      options.member_name = "publisher-0000dead";
      const auto leases = store::sqlite::make_home(options).leases();
      leases->join();
      const bool has_all = leases->acquire(32).size() == 32;
      const char answer = has_all ? 'y' : 'n';
      if (write(ready[1], &answer, 1) != 1) _exit(1);
      while (true)
        pause();
    }
    close(ready[1]);
    char answer = 'n';
    if (read(ready[0], &answer, 1) != 1 || answer != 'y') throw std::runtime_error("no relay");
    close(ready[0]);
  }
  ~OtherRelay() { kill_now(); }
  OtherRelay(const OtherRelay&) = delete;
  OtherRelay& operator=(const OtherRelay&) = delete;

  void kill_now() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = -1;
  }

  [[nodiscard]] pid_t process() const noexcept { return process_; }

 private:
  pid_t process_ = -1;
};

class SqliteLock : public SqliteFile {};

TEST_F(SqliteLock, refuses_a_second_relaying_process_and_names_the_first) {
  const OtherRelay other(options_);
  try {
    home().agreement()->agree({});
    FAIL() << "two processes relay on one file";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::conflict);
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(other.process())));
  }
  EXPECT_THROW(home().leases()->join(), Error);
}

TEST_F(SqliteLock, lets_others_insert_and_look_while_one_process_relays) {
  const OtherRelay other(options_);
  EXPECT_EQ(home().events()->insert(std::array{order_event()}).size(), 1U);
  EXPECT_EQ(home().backlog()->view(1000).pending, 1);
  EXPECT_EQ(home().leases()->view().members.at(0).name, "publisher-0000dead");
}

TEST_F(SqliteLock, frees_what_a_killed_process_held_without_waiting_for_its_leases_to_end) {
  options_.lease_ttl = std::chrono::hours(1);
  OtherRelay other(options_);
  other.kill_now();
  const auto leases = home().leases();
  const auto held = take_all(*leases);
  EXPECT_EQ(held.size(), 32U);
  EXPECT_EQ(held.front().epoch, 2) << "the dead one's lease had epoch 1";
  EXPECT_EQ(leases->heartbeat(held).live_members, 1);
}

TEST_F(SqliteLock, is_shared_by_all_homes_of_one_process_and_freed_by_the_last) {
  const auto first = home().leases();
  first->join();
  {
    const auto second = home().leases();
    second->join();
    second->leave();
  }
  first->leave();
  const OtherRelay other(options_);
  EXPECT_GT(other.process(), 0);
}

}  // namespace
}  // namespace outbox::testing
