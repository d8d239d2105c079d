// SPDX-License-Identifier: Apache-2.0
#include "config/kafka_properties.hpp"
#include "support.hpp"

namespace outbox::config {
namespace {

using testing::Given;
using ::testing::HasSubstr;
using testing::load_given;
using testing::refusal;

TEST(KafkaSecurity, is_plaintext_without_a_word_and_sasl_plaintext_with_a_user) {
  EXPECT_EQ(load_given({}).kafka().security_protocol, "plaintext");
  EXPECT_EQ(load_given({}).kafka().sasl_mechanism, "");
  const KafkaSettings kafka =
      load_given({.environment = {{"KAFKA_USER", "u"}, {"KAFKA_PASSWORD", "p"}}}).kafka();
  EXPECT_EQ(kafka.security_protocol, "sasl_plaintext");
  EXPECT_EQ(kafka.sasl_mechanism, "PLAIN");
}

TEST(KafkaSecurity, takes_mechanisms_in_any_case_and_scram_alone_as_sha_256) {
  const auto mechanism = [](const std::string& text) {
    return load_given({.environment = {{"KAFKA_USER", "u"},
                                       {"KAFKA_PASSWORD", "p"},
                                       {"KAFKA_SASL_MECHANISM", text}}})
        .kafka()
        .sasl_mechanism;
  };
  EXPECT_EQ(mechanism("plain"), "PLAIN");
  EXPECT_EQ(mechanism("scram-sha-512"), "SCRAM-SHA-512");
  EXPECT_EQ(mechanism("SCRAM"), "SCRAM-SHA-256");
}

TEST(KafkaSecurity, warns_of_credentials_in_clear_off_loopback_alone) {
  const auto warnings = [](const std::string& servers, const std::string& protocol) {
    return load_given({.flags = {{"kafka.security-protocol", protocol}},
                       .environment = {{"KAFKA_BOOTSTRAP_SERVERS", servers},
                                       {"KAFKA_USER", "u"},
                                       {"KAFKA_PASSWORD", "p"}}})
        .warnings();
  };
  EXPECT_TRUE(warnings("localhost:9092,127.0.0.1:9093,[::1]:9094", "sasl_plaintext").empty());
  EXPECT_TRUE(warnings("kafka.example:9092", "sasl_ssl").empty());
  ASSERT_EQ(warnings("localhost,kafka.example:9092", "sasl_plaintext").size(), 1U);
  EXPECT_THAT(warnings("kafka.example", "sasl_plaintext")[0],
              HasSubstr("the password and all messages go to kafka.example:9092 in clear"));
}

TEST(KafkaSecurity, warns_of_a_mechanism_that_nobody_logs_in_by) {
  const Settings settings = load_given({.environment = {{"KAFKA_SASL_MECHANISM", "PLAIN"}}});
  EXPECT_EQ(settings.kafka().sasl_mechanism, "");
  EXPECT_EQ(settings.warnings().size(), 1U);
}

TEST(KafkaServers, get_the_usual_port_where_they_have_none) {
  EXPECT_EQ(load_given({.flags = {{"kafka.bootstrap-servers", "a, b:1 ,[::1],[::2]:3"}}})
                .kafka()
                .bootstrap_servers,
            "a:9092,b:1,[::1]:9092,[::2]:3");
}

TEST(KafkaProperties, pass_through_from_every_source) {
  const Settings settings =
      load_given({.flags = {{"kafka.properties.linger.ms", "5"}},
                  .environment = {{"OUTBOXD_KAFKA_PROPERTIES_COMPRESSION_TYPE", "zstd"}},
                  .yaml = "kafka:\n  properties:\n    batch.num.messages: 500\n"
                          "    socket: {keepalive.enable: true}\n"});
  const std::map<std::string, std::string> expected = {{"batch.num.messages", "500"},
                                                       {"compression.type", "zstd"},
                                                       {"linger.ms", "5"},
                                                       {"socket.keepalive.enable", "true"}};
  EXPECT_EQ(settings.kafka().properties, expected);
  EXPECT_EQ(settings.origin("kafka.properties.batch.num.messages"), "outboxd.yaml:3");
}

class DangerousProperty : public ::testing::TestWithParam<std::string> {};

TEST_P(DangerousProperty, is_refused_with_its_reason) {
  const std::string message = refusal({.flags = {{"kafka.properties." + GetParam(), "1"}}});
  EXPECT_THAT(message, HasSubstr("kafka.properties." + GetParam() + " (flag "));
  EXPECT_THAT(message, HasSubstr("is refused, "));
  testing::expect_good_message(message);
}

INSTANTIATE_TEST_SUITE_P(
    Names, DangerousProperty,
    ::testing::Values("plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.engine.location",
                      "ssl.providers", "sasl.oauthbearer.token.endpoint.url",
                      "test.mock.num.brokers", "enable.idempotence", "acks",
                      "request.required.acks", "message.timeout.ms", "delivery.timeout.ms",
                      "max.in.flight", "max.in.flight.requests.per.connection",
                      "enable.gapless.guarantee", "transactional.id",
                      "enable.ssl.certificate.verification",
                      "ssl.endpoint.identification.algorithm", "queue.buffering.max.ms",
                      "queue.buffering.max.messages", "retries", "message.send.max.retries",
                      "retry.backoff.ms", "dr_cb", "dr_msg_cb", "error_cb", "opaque",
                      "bootstrap.servers", "sasl.password", "security.protocol", "ssl.ca.location",
                      "group.id", "enable.auto.commit", "partitioner", "log_level"));

TEST(KafkaProperties, unknown_ones_are_refused_with_the_nearest_name) {
  EXPECT_THAT(refusal({.flags = {{"kafka.properties.linger.sm", "1"}}}),
              HasSubstr("did you mean 'linger.ms'?"));
}

TEST(KafkaProperties, refused_ones_are_known_by_their_variables_too) {
  EXPECT_THAT(refusal({.environment = {{"OUTBOXD_KAFKA_PROPERTIES_PLUGIN_LIBRARY_PATHS", "x"}}}),
              HasSubstr("plugin.library.paths (environment "));
}

TEST(KafkaProperties, no_name_is_both_allowed_and_refused) {
  for (const std::string_view name : allowed_kafka_properties()) {
    EXPECT_EQ(why_refused(name), "") << name;
    for (const RefusedProperty& entry : refused_kafka_properties())
      EXPECT_NE(entry.name, name);
  }
}

struct Bad {
  Given given;
  std::string words;
};

class BadKafka : public ::testing::TestWithParam<Bad> {};

TEST_P(BadKafka, is_refused) {
  const std::string message = refusal(GetParam().given);
  EXPECT_THAT(message, HasSubstr(GetParam().words));
  testing::expect_good_message(message);
}

INSTANTIATE_TEST_SUITE_P(
    Inputs, BadKafka,
    ::testing::Values(
        Bad{{.environment = {{"KAFKA_BOOTSTRAP_SERVERS", "PLAINTEXT://h:9092"}}},
            "kafka.bootstrap-servers (environment KAFKA_BOOTSTRAP_SERVERS) has 'PLAINTEXT://"},
        Bad{{.environment = {{"KAFKA_BOOTSTRAP_SERVERS", "h:99999"}}}, "no host:port"},
        Bad{{.environment = {{"KAFKA_BOOTSTRAP_SERVERS", "h:"}}}, "no host:port"},
        Bad{{.environment = {{"KAFKA_BOOTSTRAP_SERVERS", ","}}}, "has an empty part"},
        Bad{{.yaml = "kafka: {bootstrap-servers: []}\n"}, "is empty"},
        Bad{{.environment = {{"KAFKA_USER", "u"}}}, "kafka.user (environment KAFKA_USER) is set"},
        Bad{{.environment = {{"KAFKA_PASSWORD", "p"}}}, "is set without kafka.user"},
        Bad{{.environment = {{"KAFKA_USER", "u"},
                             {"KAFKA_PASSWORD", "p"},
                             {"KAFKA_SASL_MECHANISM", "GSSAPI"}}},
            "one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"},
        Bad{{.flags = {{"kafka.security-protocol", "sasl_ssl"}}}, "kafka.user is not set"},
        Bad{{.flags = {{"kafka.security-protocol", "ssl"}},
             .environment = {{"KAFKA_USER", "u"}, {"KAFKA_PASSWORD", "p"}}},
            "use sasl_plaintext or sasl_ssl"},
        Bad{{.flags = {{"kafka.ssl-ca", "/nowhere/ca.pem"}}}, "cannot be read"},
        Bad{{.flags = {{"kafka.ssl-ca", "/dev/null"}}}, "kafka.security-protocol is plaintext"},
        Bad{{.flags = {{"kafka.ssl-key", "/dev/null"}, {"kafka.security-protocol", "ssl"}}},
            "one half"}));

}  // namespace
}  // namespace outbox::config
