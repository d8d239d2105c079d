// SPDX-License-Identifier: Apache-2.0
#include "admin/doctor.hpp"

#include <gmock/gmock.h>

#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "conformance/store/postgres_under_test.hpp"
#include "store/postgres/home.hpp"
#include "support/services.hpp"

namespace outbox::admin {
namespace {

using ::testing::HasSubstr;
using testing::make_topic;
using testing::PostgresSchema;
using testing::unique_name;

class Doctor : public ::testing::Test {
 protected:
  Doctor() {
    store::HomeOptions options;
    options.url = schema_.url();
    options.member_name = "publisher-00000001";
    home_ = store::postgres::make_home(options);
    home_.migrations()->apply();
    broker_ = kafka(testing::services().kafka);
    site_.broker_library = "2.8.0";
    site_.broker = broker_;
    StoreSite store;
    store.name = "global";
    store.table = "outbox_events";
    store.home = home_;
    store.relays.push_back({"default", {}, home_});
    store.topic_of = [](const store::EventView& event) { return event.topic; };
    site_.stores.push_back(std::move(store));
  }

  static broker::Home kafka(const std::string& servers) {
    broker::ConnectionOptions connection;
    connection.bootstrap_servers = servers;
    return broker::kafka::make_home(connection);
  }

  std::string topic(std::map<std::string, std::string> config) {
    std::string name = make_topic(broker_, "examined", 1, std::move(config));
    site_.topics.push_back(name);
    return name;
  }

  Json examine() {
    Office office(site_);
    return doctor(office);
  }

  /// The finding of that check whose `found` has the text; an empty object where there is none.
  static Json of(const Json& document, const std::string& check, const std::string& text = {}) {
    for (const Json& finding : document["findings"]) {
      const bool fits = finding["found"].get<std::string>().find(text) != std::string::npos;
      if (finding["check"] == check && fits) return finding;
    }
    ADD_FAILURE() << "no finding of " << check << " with " << text << " in " << document.dump(1);
    return Json::object();
  }

  PostgresSchema schema_;
  store::Home home_;
  broker::Home broker_;
  Site site_;
};

TEST_F(Doctor, finds_nothing_to_warn_of_in_a_healthy_system) {
  topic({{"retention.ms", "3600000"}});
  site_.inbox_retention = std::chrono::hours(2);
  const Json document = examine();
  EXPECT_THAT(document["checked_at"].get<std::string>(), HasSubstr("Z"));
  for (const Json& finding : document["findings"]) {
    // The tests' user is the superuser of a server that others use too, and that is not durable.
    const std::string check = finding["check"];
    if (check == "grants" || check == "durability" || check == "vacuum-horizon" ||
        check == "long-transactions" || check == "replication-slots") {
      continue;
    }
    EXPECT_TRUE(finding["severity"] == "ok" || finding["severity"] == "notice") << finding.dump();
  }
  EXPECT_EQ(of(document, "broker")["store"], nullptr);
  EXPECT_EQ(of(document, "read-plan")["store"], "global");
  EXPECT_EQ(of(document, "kafka-library")["found"], "librdkafka 2.8.0");
}

TEST_F(Doctor, finds_a_topic_that_is_not_there) {
  site_.topics = {unique_name("nowhere")};
  const Json document = examine();
  EXPECT_EQ(document["state"], "problem");
  EXPECT_EQ(of(document, "topics", site_.topics[0])["severity"], "problem");
}

TEST_F(Doctor, finds_a_topic_with_one_replica_and_one_that_no_event_can_be_written_to) {
  const std::string single = topic({{"min.insync.replicas", "1"}});
  const std::string stuck = topic({{"min.insync.replicas", "2"}});
  const Json document = examine();
  EXPECT_EQ(of(document, "topic-replicas", single)["severity"], "notice");
  EXPECT_EQ(of(document, "topic-replicas", stuck)["severity"], "problem");
}

TEST_F(Doctor, finds_unclean_elections_and_compaction) {
  const std::string unclean = topic({{"unclean.leader.election.enable", "true"}});
  const std::string compacted = topic({{"cleanup.policy", "compact"}});
  const Json document = examine();
  EXPECT_EQ(of(document, "topic-elections", unclean)["severity"], "problem");
  EXPECT_EQ(of(document, "topic-compaction", compacted)["severity"], "warning");
}

TEST_F(Doctor, compares_a_consumed_topics_retention_with_the_inbox) {
  const std::string kept = topic({{"retention.ms", "7200000"}});
  site_.inbox_retention = std::chrono::hours(1);
  ConsumerSite consumer;
  consumer.name = "stock";
  consumer.group_id = unique_name("stock");
  consumer.topics = {kept};
  consumer.store = "global";
  site_.consumers.push_back(consumer);
  const Json document = examine();
  EXPECT_EQ(of(document, "topic-retention", kept)["severity"], "warning");
  EXPECT_EQ(of(document, "consumer-groups", consumer.group_id)["severity"], "notice");
}

TEST_F(Doctor, compares_payloads_with_what_their_topic_takes) {
  const std::string tight = topic({{"max.message.bytes", "10000"}});
  store::NewEvent event;
  event.aggregate_type = "order";
  event.aggregate_id = "1";
  event.event_type = "PAID";
  event.topic = tight;
  event.payload = "\"" + std::string(20'000, 'x') + "\"";
  home_.events()->insert(std::vector{event});
  const Json finding = of(examine(), "topic-message-size", tight);
  EXPECT_EQ(finding["severity"], "problem");
  EXPECT_THAT(finding["remedy"].get<std::string>(), HasSubstr("max.message.bytes="));
}

TEST_F(Doctor, tells_that_a_database_is_away_and_looks_at_the_brokers_all_the_same) {
  store::HomeOptions options;
  options.url = "postgresql://nobody@127.0.0.1:1/nothing";
  site_.stores[0].relays[0].home = store::postgres::make_home(options);
  const Json document = examine();
  EXPECT_EQ(of(document, "database")["severity"], "problem");
  EXPECT_EQ(of(document, "broker")["severity"], "ok");
}

TEST_F(Doctor, tells_that_the_brokers_are_away_and_looks_at_the_store_all_the_same) {
  site_.broker = kafka("127.0.0.1:1");
  site_.slow_timeout = std::chrono::milliseconds(3000);
  const Json document = examine();
  EXPECT_EQ(document["state"], "problem");
  EXPECT_EQ(of(document, "broker")["severity"], "problem");
  EXPECT_EQ(of(document, "read-plan")["severity"], "ok");
}

}  // namespace
}  // namespace outbox::admin
