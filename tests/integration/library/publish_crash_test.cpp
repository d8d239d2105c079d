// SPDX-License-Identifier: Apache-2.0
//
// A change and its event are both there or both absent (C3): the process is killed at COMMIT, and
// the database's session is ended at COMMIT under a process that lives and says what became of it.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <future>
#include <iostream>
#include <map>
#include <random>

#include <outbox/database.hpp>

#include "core/clock.hpp"
#include "integration/library/each.hpp"

extern "C" char** environ;

namespace outbox::testing {
namespace {

constexpr int rounds = 200;

// A moment that is too short to sleep.
void wait_for(std::chrono::nanoseconds time) {
  const Moment end = BootClock::now() + time;
  while (BootClock::now() < end) {
  }
}

class Child {
 public:
  Child(const std::string& url, const std::string& order_id, const std::string& event_id) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = OUTBOX_CRASH_CHILD;
    std::string url_text = url;
    std::string order_text = order_id;
    std::string event_text = event_id;
    std::array<char*, 5> arguments = {program.data(), url_text.data(), order_text.data(),
                                      event_text.data(), nullptr};
    EXPECT_EQ(posix_spawn(&process_, program.c_str(), &actions, nullptr, arguments.data(), environ),
              0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    said_ = ends[0];
  }
  ~Child() {
    kill();
    close(said_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// False where the process ended before.
  bool wait_for_commit() {
    char letter = 0;
    return read(said_, &letter, 1) == 1 && letter == 'r';
  }

  void kill() {
    if (process_ == 0) return;
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = 0;
  }

  /// All that it said besides, up to its end.
  std::string rest() {
    std::string text;
    std::array<char, 64> buffer{};
    for (;;) {
      const ssize_t size = read(said_, buffer.data(), buffer.size());
      if (size <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  pid_t process_ = 0;
  int said_ = -1;
};

class PublishInTransaction : public OnEach {
 protected:
  PublishInTransaction() : database_(options()) {
    database_.script("CREATE TABLE orders (id BIGINT PRIMARY KEY, status TEXT)");
  }

  struct Facts {
    bool order = false;
    bool event = false;
  };
  /// In one look.
  Facts facts(int order_id, const Uuid& event_id) {
    return database_.transaction([&](Transaction& transaction) {
      const Rows rows = transaction.execute(
          "SELECT (SELECT count(*) FROM orders WHERE id = $1), "
          "(SELECT count(*) FROM outbox_events WHERE event_id = $2)",
          order_id, event_id);
      return Facts{rows.at(0).integer(0) == 1, rows[0].integer(1) == 1};
    });
  }

  PublishResult pay(int order_id, const std::function<void(Transaction&)>& then = {}) {
    return database_.publish_in_transaction(
        event(std::to_string(order_id)), [&](Transaction& transaction) {
          transaction.execute("INSERT INTO orders (id, status) VALUES ($1, 'PAID')", order_id);
          if (then) then(transaction);
        });
  }

  Database database_;
  std::mt19937 random_{20261121};
};
INSTANTIATE_TEST_SUITE_P(Each, PublishInTransaction, all_dialects(), dialect_name);

TEST_P(PublishInTransaction, says_committed_with_the_events_id) {
  // [example publish-in-transaction]
  Event paid;
  paid.event_type = "ORDER_PAID";
  paid.aggregate_type = "order";
  paid.aggregate_id = "4711";
  paid.payload = json_payload(R"({"order_id":4711})");
  const PublishResult result = database_.publish_in_transaction(paid, [](Transaction& transaction) {
    transaction.execute("INSERT INTO orders (id, status) VALUES ($1, $2)", 4711, "PAID");
  });
  Outcome outcome = result.outcome;
  if (outcome == Outcome::unknown) outcome = database_.find_out(result);
  // [end]
  EXPECT_EQ(outcome, Outcome::committed);
  EXPECT_EQ(result.reason, "");
  EXPECT_EQ(result.exception, nullptr);
  EXPECT_EQ(database_.find_out(result), Outcome::committed);
  const Facts there = facts(4711, result.event_id);
  EXPECT_TRUE(there.order);
  EXPECT_TRUE(there.event);
}

TEST_P(PublishInTransaction, says_rolled_back_with_the_reason) {
  const PublishResult thrown =
      pay(1, [](Transaction&) { throw std::domain_error("too little stock"); });
  EXPECT_EQ(thrown.outcome, Outcome::rolled_back);
  EXPECT_EQ(thrown.reason, "too little stock");
  EXPECT_THROW(std::rethrow_exception(thrown.exception), std::domain_error);
  const PublishResult refused =
      database_.publish_in_transaction(event("2", "{"), [](Transaction& transaction) {
        transaction.execute("INSERT INTO orders (id, status) VALUES (2, 'PAID')");
      });
  EXPECT_EQ(refused.outcome, Outcome::rolled_back);
  EXPECT_THAT(refused.reason, ::testing::HasSubstr("no JSON"));
  const PublishResult elsewhere = pay(3, [](Transaction&) {
    throw Error(ErrorKind::unreachable, "another database's COMMIT broke").doubted();
  });
  EXPECT_EQ(elsewhere.outcome, Outcome::rolled_back) << "it is in doubt about something else";
  EXPECT_EQ(value(database_, "SELECT count(*) FROM orders"), "0");
  EXPECT_EQ(value(database_, "SELECT count(*) FROM outbox_events"), "0");
}

TEST_P(PublishInTransaction, where_publishing_is_disabled_the_change_is_committed_alone) {
  DatabaseOptions off = options();
  off.publish.enabled = false;
  Database database(off);
  const PublishResult result =
      database.publish_in_transaction(event("1"), [](Transaction& transaction) {
        transaction.execute("INSERT INTO orders (id, status) VALUES (1, 'PAID')");
      });
  EXPECT_EQ(result.outcome, Outcome::committed);
  EXPECT_EQ(value(database_, "SELECT count(*) FROM orders"), "1");
  EXPECT_EQ(value(database_, "SELECT count(*) FROM outbox_events"), "0");
}

TEST_P(PublishInTransaction, killed_at_commit_200_times_leaves_both_or_neither) {
  std::vector<Uuid> ids(rounds);
  int committed = 0;
  int said = 0;
  // Earlier after each that was committed, later after the others: so the kills fall about the
  // COMMIT, however long it takes here.
  double aim_ns = 1'000'000;
  for (int i = 0; i < rounds; ++i) {
    ids[static_cast<std::size_t>(i)] = random_uuid();
    const Uuid& id = ids[static_cast<std::size_t>(i)];
    Child child(url_, std::to_string(i), to_string(id));
    ASSERT_TRUE(child.wait_for_commit());
    wait_for(std::chrono::nanoseconds(static_cast<std::int64_t>(
        aim_ns * std::uniform_real_distribution<double>(0.7, 1.3)(random_))));
    child.kill();
    const std::string rest = child.rest();
    const Facts now = facts(i, id);
    ASSERT_EQ(now.order, now.event) << "round " << i;
    aim_ns *= now.order ? 0.93 : 1.07;
    if (rest.empty()) continue;
    ++said;
    ASSERT_EQ(rest, "committed");
    ASSERT_TRUE(now.order) << "round " << i << ": the result said so";
  }
  // What a session of a dead process still committed after the look above came whole, too.
  for (int i = 0; i < rounds; ++i) {
    const Facts now = facts(i, ids[static_cast<std::size_t>(i)]);
    ASSERT_EQ(now.order, now.event) << "round " << i;
    if (now.order) ++committed;
  }
  std::cout << rounds << " processes killed about COMMIT: " << committed << " committed, "
            << rounds - committed << " rolled back, " << said << " lived to say so\n";
  EXPECT_EQ(value(database_, "SELECT count(*) FROM orders"), std::to_string(committed));
  EXPECT_EQ(value(database_, "SELECT count(*) FROM outbox_events"), std::to_string(committed));
  EXPECT_LT(committed, rounds - 20);
  EXPECT_GT(committed, 20);
}

class PublishOnServer : public PublishInTransaction {
 protected:
  [[nodiscard]] bool is_postgres() const { return GetParam() == Dialect::postgres; }

  std::string session_of(Transaction& transaction) {
    return transaction.execute(is_postgres() ? "SELECT pg_backend_pid()" : "SELECT connection_id()")
        .at(0)
        .text(0);
  }

  void end_session(const std::string& session) {
    if (is_postgres()) {
      schema_->execute("SELECT pg_terminate_backend(" + session + ")");
      return;
    }
    try {
      mariadb_->execute("KILL " + session);
    } catch (const Error&) {  // It is over already.
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Each, PublishOnServer,
                         ::testing::Values(Dialect::postgres, Dialect::mariadb), dialect_name);

TEST_P(PublishOnServer, sessions_ended_at_commit_200_times_are_told_truly) {
  std::map<std::string, int> told;
  const Moment before = BootClock::now();
  for (int i = 0; i < 10; ++i)
    (void)pay(-1 - i);
  const auto usual = (BootClock::now() - before) / 10;
  for (int i = 0; i < rounds; ++i) {
    std::promise<std::string> session;
    auto killer = std::async(std::launch::async, [&, ready = session.get_future()]() mutable {
      const std::string number = ready.get();
      wait_for(std::chrono::nanoseconds(
          std::uniform_int_distribution<std::int64_t>(0, usual.count())(random_)));
      end_session(number);
    });
    const PublishResult result =
        pay(i, [&](Transaction& transaction) { session.set_value(session_of(transaction)); });
    killer.get();
    const Outcome found = database_.find_out(result);
    const Facts now = facts(i, result.event_id);
    ASSERT_EQ(now.order, now.event) << "round " << i;
    ASSERT_NE(found, Outcome::unknown) << "round " << i;
    ASSERT_EQ(found == Outcome::committed, now.order)
        << "round " << i << " " << to_string(result.outcome) << ": " << result.reason;
    if (result.outcome == Outcome::unknown)
      ++told["unknown, found " + std::string(to_string(found))];
    else
      ++told[std::string(to_string(result.outcome))];
  }
  for (const auto& [words, count] : told)
    std::cout << count << " times " << words << "\n";
  EXPECT_GT(told.size(), 1U);
}

}  // namespace
}  // namespace outbox::testing
