// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <outbox/error.hpp>

#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;

using Clock = std::chrono::steady_clock;

broker::ConnectionOptions login(const std::string& mechanism, const std::string& password) {
  broker::ConnectionOptions options;
  options.bootstrap_servers = services().kafka_sasl;
  options.user = "outboxd";
  options.password = password;
  options.sasl_mechanism = mechanism;
  return options;
}

// The error that cluster() ends with, within half of its time-out.
Error refused_login(const broker::ConnectionOptions& options) {
  const auto admin = broker::kafka::make_home(options).admin();
  const auto start = Clock::now();
  try {
    admin->cluster(20s);
  } catch (const Error& error) {
    EXPECT_LT(Clock::now() - start, 10s);
    return error;
  }
  ADD_FAILURE() << "the login was taken";
  return {ErrorKind::failed, ""};
}

class Login : public ::testing::TestWithParam<std::string> {};

TEST_P(Login, is_taken_with_the_right_password) {
  const broker::Home home =
      broker::kafka::make_home(login(GetParam(), services().kafka_sasl_password));
  EXPECT_FALSE(home.admin()->cluster(patience).brokers.empty());
  const std::string topic = make_topic(home, "login", 1);
  const auto producer = home.producer("test");
  EXPECT_EQ(acknowledged_in(send_all(*producer, {{topic, 0, "k", "v", {}, 1}})), 1U);
  EXPECT_EQ(read_topic(home, topic, 1).size(), 1U);
}

TEST_P(Login, with_a_wrong_password_ends_at_once_and_names_the_settings) {
  const Error error = refused_login(login(GetParam(), "wrong-and-secret"));
  EXPECT_EQ(error.kind(), ErrorKind::configuration) << error.what();
  const std::string text = error.what();
  EXPECT_NE(text.find("KAFKA_PASSWORD"), std::string::npos) << text;
  EXPECT_NE(text.find(services().kafka_sasl), std::string::npos) << text;
  EXPECT_EQ(text.find("wrong-and-secret"), std::string::npos) << text;
}

INSTANTIATE_TEST_SUITE_P(Kafka, Login, ::testing::Values("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
                         [](const auto& mechanism) {
                           std::string name = mechanism.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Login, without_a_mechanism_is_plain) {
  const auto options = login("", services().kafka_sasl_password);
  EXPECT_NO_THROW(broker::kafka::make_home(options).admin()->cluster(patience));
}

TEST(Login, that_is_wrong_ends_a_consumer_and_is_a_notice_of_a_producer) {
  const broker::Home home = broker::kafka::make_home(login("PLAIN", "wrong"));
  const auto consumer = home.consumer({unique_name("group"), {"topic"}, "earliest"});
  const auto deadline = Clock::now() + patience;
  ErrorKind kind = ErrorKind::failed;
  while (kind == ErrorKind::failed && Clock::now() < deadline) {
    try {
      static_cast<void>(consumer->poll(1, 200ms));
    } catch (const Error& error) {
      kind = error.kind();
    }
  }
  EXPECT_EQ(kind, ErrorKind::configuration);

  const auto producer = home.producer("test");
  std::vector<std::string> notices;
  while (notices.empty() && Clock::now() < deadline)
    notices = producer->poll(200ms).notices;
  ASSERT_FALSE(notices.empty());
}

TEST(Login, to_a_server_that_is_not_there_is_unreachable_within_the_timeout) {
  broker::ConnectionOptions options;
  options.bootstrap_servers = "127.0.0.1:1";
  const auto admin = broker::kafka::make_home(options).admin();
  const auto start = Clock::now();
  try {
    admin->cluster(1s);
    FAIL() << "somebody answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unreachable) << error.what();
    EXPECT_NE(std::string(error.what()).find("127.0.0.1:1"), std::string::npos) << error.what();
  }
  EXPECT_LT(Clock::now() - start, 3s);
}

TEST(Login, with_a_property_that_nobody_knows_is_refused_by_its_name) {
  broker::ConnectionOptions options;
  options.bootstrap_servers = "127.0.0.1:1";
  options.properties["linger.seconds"] = "1";
  try {
    static_cast<void>(broker::kafka::make_home(options).producer("test"));
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_NE(std::string(error.what()).find("linger.seconds"), std::string::npos);
  }
}

TEST(Login, never_shows_a_secret_that_is_not_accepted) {
  broker::ConnectionOptions options = login("PLAIN", "secret");
  options.security_protocol = "ssl";
  options.ssl_key = "/nowhere/key.pem";
  options.ssl_key_password = "very-secret";
  try {
    static_cast<void>(broker::kafka::make_home(options).producer("test"));
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_EQ(std::string(error.what()).find("very-secret"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace outbox::testing
