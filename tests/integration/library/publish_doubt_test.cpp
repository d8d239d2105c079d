// SPDX-License-Identifier: Apache-2.0
//
// COMMIT reached the server, its answer did not reach the program: the outcome is unknown, and is
// found out.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include <outbox/database.hpp>

#include "integration/library/each.hpp"

namespace outbox::testing {
namespace {

// Stands before the server. Once it is told to cut, it passes the next COMMIT on and hangs up.
class Cutter {
 public:
  explicit Cutter(int server_port) : server_port_(server_port), listener_(make_socket()) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, as_address(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    EXPECT_EQ(getsockname(listener_, as_address(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Cutter() {
    thread_.request_stop();
    thread_.join();
    close(listener_);
  }
  Cutter(const Cutter&) = delete;
  Cutter& operator=(const Cutter&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }
  void cut_at_commit() { cuts_ = true; }

 private:
  static int make_socket() { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }
  static sockaddr* as_address(sockaddr_in* address) { return reinterpret_cast<sockaddr*>(address); }
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
  }

  // One connection at a time is all that the tests make.
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd waiting = {listener_, POLLIN, 0};
      if (poll(&waiting, 1, 20) != 1) continue;
      const int client = accept(listener_, nullptr, nullptr);
      const int server = make_socket();
      sockaddr_in address = loopback(server_port_);
      EXPECT_EQ(connect(server, as_address(&address), sizeof(address)), 0);
      pump(stop, client, server);
      // Read on, as a router would: the server ends what it was told.
      shutdown(server, SHUT_WR);
      close(client);
      orphans_.push_back(server);
    }
    for (const int orphan : orphans_)
      close(orphan);
  }

  void pump(const std::stop_token& stop, int client, int server) {
    std::array<char, 65536> buffer{};
    while (!stop.stop_requested()) {
      std::array<pollfd, 2> ends = {pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
      if (poll(ends.data(), ends.size(), 20) <= 0) continue;
      const bool from_client = ends[0].revents != 0;
      const ssize_t size = recv(from_client ? client : server, buffer.data(), buffer.size(), 0);
      if (size <= 0) return;
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
      if (send(from_client ? server : client, bytes.data(), bytes.size(), MSG_NOSIGNAL) != size) {
        return;
      }
      if (from_client && cuts_ && bytes.find("COMMIT") != bytes.npos) {
        cuts_ = false;
        return;
      }
    }
  }

  const int server_port_;
  const int listener_;
  int port_ = 0;
  std::atomic<bool> cuts_{false};
  std::vector<int> orphans_;
  std::jthread thread_;
};

class PublishInDoubt : public OnEach {
 protected:
  PublishInDoubt()
      : direct_(options()), cutter_(std::stoi(port_text())), database_(through_cutter()) {
    direct_.script("CREATE TABLE orders (id BIGINT PRIMARY KEY)");
  }

  // …@127.0.0.1:PORT/…
  [[nodiscard]] std::size_t port_at() const { return url_.find(':', url_.find('@')) + 1; }
  [[nodiscard]] std::string port_text() const {
    return url_.substr(port_at(), url_.find('/', port_at()) - port_at());
  }
  [[nodiscard]] DatabaseOptions through_cutter() const {
    DatabaseOptions made = options();
    made.url.replace(port_at(), port_text().size(), std::to_string(cutter_.port()));
    return made;
  }

  PublishResult pay_and_lose_the_answer() {
    return database_.publish_in_transaction(event("1"), [&](Transaction& transaction) {
      transaction.execute("INSERT INTO orders (id) VALUES (1)");
      cutter_.cut_at_commit();
    });
  }

  Database direct_;
  Cutter cutter_;
  Database database_;
};
INSTANTIATE_TEST_SUITE_P(Each, PublishInDoubt,
                         ::testing::Values(Dialect::postgres, Dialect::mariadb), dialect_name);

TEST_P(PublishInDoubt, a_commit_whose_answer_was_lost_is_unknown_and_found_committed) {
  const PublishResult result = pay_and_lose_the_answer();
  EXPECT_EQ(result.outcome, Outcome::unknown) << result.reason;
  EXPECT_NE(result.transaction_mark, "");
  EXPECT_EQ(database_.find_out(result), Outcome::committed);
  EXPECT_EQ(value(direct_, "SELECT count(*) FROM orders"), "1");
  EXPECT_EQ(value(direct_, "SELECT event_id FROM outbox_events"), to_string(result.event_id));
}

TEST_P(PublishInDoubt, in_another_process_it_is_found_out_by_what_was_kept) {
  const PublishResult result = pay_and_lose_the_answer();
  PublishResult kept;
  kept.outcome = Outcome::unknown;
  kept.event_id = result.event_id;
  kept.transaction_mark = result.transaction_mark;
  EXPECT_EQ(direct_.find_out(kept), Outcome::committed);
}

TEST_P(PublishInDoubt, where_the_row_is_deleted_only_postgres_still_knows) {
  const PublishResult result = pay_and_lose_the_answer();
  ASSERT_EQ(database_.find_out(result), Outcome::committed);
  direct_.transaction([](Transaction& transaction) {
    transaction.execute("DELETE FROM outbox_events");
    transaction.execute(
        "INSERT INTO outboxd_relays (outbox_table, relay_name, aggregate_types, capture, settle) "
        "VALUES ('outbox_events', 'default', $1, 'lease', 'delete')",
        transaction.dialect() == Dialect::postgres ? "{}" : "[]");
  });
  EXPECT_EQ(database_.find_out(result, std::chrono::milliseconds(200)),
            GetParam() == Dialect::postgres ? Outcome::committed : Outcome::unknown);
}

TEST_P(PublishInDoubt, a_missing_row_is_no_proof_once_clean_up_may_have_removed_it) {
  PublishResult result = pay_and_lose_the_answer();
  ASSERT_EQ(database_.find_out(result), Outcome::committed);
  direct_.transaction([](Transaction& open) { open.execute("DELETE FROM outbox_events"); });
  // The time is the second part from behind, the server's life or start the last one.
  const std::size_t behind = result.transaction_mark.rfind('/');
  const std::size_t before = result.transaction_mark.rfind('/', behind - 1);
  const std::int64_t marked_at =
      std::stoll(result.transaction_mark.substr(before + 1, behind - before - 1));
  const auto marked = [&](std::int64_t at) {
    result.transaction_mark.replace(before + 1, behind - before - 1, std::to_string(at));
    // Of another life of the server's, in which numbers come again.
    result.transaction_mark.resize(behind + 1);
    result.transaction_mark += "1";
    return database_.find_out(result, std::chrono::milliseconds(200));
  };
  EXPECT_EQ(marked(marked_at - 3600), Outcome::unknown);
  EXPECT_EQ(marked(marked_at), Outcome::rolled_back);
}

class PublishInDoubtOnMariadb : public PublishInDoubt {};
INSTANTIATE_TEST_SUITE_P(Each, PublishInDoubtOnMariadb, ::testing::Values(Dialect::mariadb),
                         dialect_name);

TEST_P(PublishInDoubtOnMariadb, after_a_restart_a_session_of_the_same_number_is_another) {
  PublishResult result = pay_and_lose_the_answer();
  result.event_id = random_uuid();  // As if its row had never come.
  direct_.transaction([&](Transaction& transaction) {
    const std::string alive = transaction.execute("SELECT CONNECTION_ID()").at(0).text(0);
    result.transaction_mark.replace(0, result.transaction_mark.find('/'), alive);
    EXPECT_EQ(database_.find_out(result, std::chrono::milliseconds(200)), Outcome::unknown);
    result.transaction_mark.back() ^= 1;  // The digit is another: an earlier start of the server's.
    EXPECT_EQ(database_.find_out(result, std::chrono::milliseconds(200)), Outcome::rolled_back);
  });
}

class PublishInDoubtOnPostgres : public PublishInDoubt {};
INSTANTIATE_TEST_SUITE_P(Each, PublishInDoubtOnPostgres, ::testing::Values(Dialect::postgres),
                         dialect_name);

TEST_P(PublishInDoubtOnPostgres, a_number_that_came_again_after_a_crash_proves_nothing) {
  PublishResult result = pay_and_lose_the_answer();
  ASSERT_EQ(database_.find_out(result), Outcome::committed);
  const std::size_t life = result.transaction_mark.rfind('/') + 1;
  ASSERT_LT(life, result.transaction_mark.size()) << "the server's life is in the mark";
  result.transaction_mark.replace(life, result.transaction_mark.npos, "1.5");
  EXPECT_EQ(database_.find_out(result), Outcome::committed) << "the row is there";
  result.event_id = random_uuid();  // Its own was lost; the number is another client's.
  EXPECT_EQ(database_.find_out(result), Outcome::rolled_back);
}

TEST_P(PublishInDoubtOnPostgres, a_commit_that_is_still_under_way_is_waited_for) {
  // A deferred trigger waits for a lock while the commit is under way.
  direct_.script(
      "CREATE FUNCTION wait_for_lock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "PERFORM pg_advisory_xact_lock(hashtext(current_schema())); RETURN NULL; END $$;"
      "CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON orders DEFERRABLE INITIALLY "
      "DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_lock()");
  PublishResult result;
  direct_.transaction([&](Transaction& holder) {
    holder.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema()))");
    result = pay_and_lose_the_answer();
    EXPECT_EQ(result.outcome, Outcome::unknown) << result.reason;
    EXPECT_EQ(database_.find_out(result, std::chrono::milliseconds(200)), Outcome::unknown);
  });
  EXPECT_EQ(database_.find_out(result), Outcome::committed);
}

}  // namespace
}  // namespace outbox::testing
