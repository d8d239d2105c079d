// SPDX-License-Identifier: Apache-2.0
//
// Migrates a database, publishes in a transaction and relays to a broker in the process.
#include <cstdio>
#include <exception>
#include <stop_token>
#include <string>
#include <thread>

#include <outbox/database.hpp>
#include <outbox/embedded_broker.hpp>
#include <outbox/json.hpp>
#include <outbox/migrate.hpp>
#include <outbox/relay.hpp>
#include <outbox/topic.hpp>

int main(int, char** words) {
  try {
    const std::string url = std::string("sqlite:///") + words[1];
    outbox::migrate(url);
    outbox::Database database({.url = url});
    outbox::Event event;
    event.event_type = "ORDER_PAID";
    event.aggregate_type = "order";
    event.aggregate_id = "42";
    outbox::set_payload(event, nlohmann::json{{"order_id", 42}});
    database.transaction([&](outbox::Transaction& transaction) { transaction.publish(event); });
    outbox::EmbeddedBroker broker({.topics = {"default.events"}});
    outbox::Relay relay({.database_url = url,
                         .kafka = {.bootstrap_servers = broker.bootstrap_servers()}});
    std::jthread relaying([&](const std::stop_token& stop) { relay.run(stop); });
    while (relay.counters().settled == 0)
      std::this_thread::yield();
    std::puts("relayed 1");
    return 0;
  } catch (const std::exception& error) {
    std::puts(error.what());
    return 1;
  }
}
