// SPDX-License-Identifier: Apache-2.0
//
// A dead row far below what the running relay reads by now: set back by an operator it goes out
// once more, marked as a replay, and the events of its key that were sent meanwhile do not.
#include <gmock/gmock.h>

#include <thread>

#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "conformance/store/mariadb_under_test.hpp"
#include "conformance/store/postgres_under_test.hpp"
#include "integration/sqlite/scratch.hpp"
#include "relay/relay.hpp"
#include "relay/start.hpp"
#include "store/mariadb/home.hpp"
#include "store/postgres/home.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t events = 3000;

store::NewEvent event_of(const std::string& topic, const std::string& key) {
  store::NewEvent event;
  event.aggregate_type = "order";
  event.aggregate_id = key;
  event.event_type = "PAID";
  event.topic = topic;
  event.payload = "{}";
  return event;
}

bool is_replay(const broker::IncomingMessage& message) {
  return std::ranges::any_of(message.headers, [](const auto& header) {
    return header.name == "replay" && header.value == "1";
  });
}

// `execute` is a person's statement on the table.
template <class Execute>
void send_again(const store::Home& home, const store::HomeOptions& options, Execute execute) {
  broker::ConnectionOptions connection;
  connection.bootstrap_servers = services().kafka;
  const broker::Home broker = broker::kafka::make_home(connection);
  const std::string topic = make_topic(broker, "replay", 1);
  std::vector<store::NewEvent> all(events, event_of(topic, "a"));
  const auto ids = home.events()->insert(all);
  execute("UPDATE outbox_events SET status = 'DEAD', error_message = 'refused' WHERE id = " +
          ids.front());
  Logger log{LogLevel::error};
  std::jthread thread([&](const std::stop_token& stop) {
    relay::StartOptions start;
    start.terms.relay_name = options.relay_name;
    start.terms.capture = "lease";
    start.terms.settle = "mark";
    start.terms.slots = options.slots;
    relay::RelayOptions relaying;
    relaying.prepare.outbox_id = relay::start(home, broker, start, log, stop).outbox_id;
    relaying.core.polling_interval = 20ms;
    relaying.core.rescan_interval = 500ms;
    relay::Relay(home, broker, relaying, log).run(stop);
  });
  EXPECT_THAT(read_topic(broker, topic, events - 1), SizeIs(events - 1));
  RowId row;
  row.number = std::stoll(ids.front());
  EXPECT_THAT(home.dead_rows()->replay({&row, 1}), SizeIs(1));
  const auto messages = read_topic(broker, topic, events);
  ASSERT_THAT(messages, SizeIs(events));
  EXPECT_TRUE(is_replay(messages.back()));
  EXPECT_EQ(std::ranges::count_if(messages, is_replay), 1);
  thread.request_stop();
  thread.join();
  const store::BacklogView backlog = home.backlog()->view(10);
  EXPECT_EQ(backlog.pending + backlog.dead, 0);
}

store::HomeOptions options_of(const std::string& url) {
  store::HomeOptions options;
  options.url = url;
  options.member_name = "publisher-00000001";
  return options;
}

TEST(Replay, of_a_row_far_below_goes_out_marked_on_postgres) {
  PostgresSchema schema;
  const store::HomeOptions options = options_of(schema.url());
  const store::Home home = store::postgres::make_home(options);
  home.migrations()->apply();
  send_again(home, options, [&](const std::string& sql) { schema.execute(sql); });
  EXPECT_EQ(schema.value("SELECT count(*) FROM outboxd_replays"), "0");
}

TEST(Replay, of_a_row_far_below_goes_out_marked_on_mariadb) {
  MariadbDatabase database;
  const store::HomeOptions options = options_of(database.url());
  const store::Home home = store::mariadb::make_home(options);
  home.migrations()->apply();
  send_again(home, options, [&](const std::string& sql) { database.execute(sql); });
  EXPECT_EQ(database.value("SELECT count(*) FROM outboxd_replays"), "0");
}

TEST(Replay, of_a_row_far_below_goes_out_marked_on_sqlite) {
  const ScratchFolder folder;
  const store::HomeOptions options = options_of(folder.file());
  const store::Home home = store::sqlite::make_home(options);
  home.migrations()->apply();
  Client client(folder.file());
  send_again(home, options, [&](const std::string& sql) { client.run(sql); });
  EXPECT_EQ(client.value("SELECT count(*) FROM outboxd_replays"), "0");
}

}  // namespace
}  // namespace outbox::testing
