// SPDX-License-Identifier: Apache-2.0
//
// What is taken from where, and what is refused.
#include "support.hpp"

namespace outbox::config {
namespace {

using ::testing::AllOf;
using testing::Given;
using ::testing::HasSubstr;
using testing::load_given;
using ::testing::Not;
using testing::refusal;
using namespace std::chrono_literals;

TEST(Precedence, goes_from_flag_down_to_default) {
  Given given{.flags = {{"relay.batch-size", "1"}},
              .environment = {{"OUTBOXD_RELAY_BATCH_SIZE", "2"}, {"BATCH_SIZE", "3"}},
              .env_file = "OUTBOXD_RELAY_BATCH_SIZE=4\nBATCH_SIZE=5\n",
              .yaml = "outbox: {preset: shop}\nrelay: {batch-size: 6}\n"};
  const auto expect = [&](int size, std::string_view origin) {
    const Settings settings = load_given(given);
    EXPECT_EQ(settings.relay("default").batch_size, size);
    EXPECT_EQ(settings.origin("relay.batch-size"), origin);
  };
  expect(1, "flag --relay.batch-size");
  given.flags.clear();
  expect(2, "environment OUTBOXD_RELAY_BATCH_SIZE");
  given.environment.erase("OUTBOXD_RELAY_BATCH_SIZE");
  expect(3, "environment BATCH_SIZE");
  given.environment.clear();
  expect(4, ".env:1 OUTBOXD_RELAY_BATCH_SIZE");
  given.env_file = "BATCH_SIZE=5\n";
  expect(5, ".env:1 BATCH_SIZE");
  given.env_file.clear();
  expect(6, "outboxd.yaml:2");
  given.yaml = "outbox: {preset: shop}\n";
  expect(100, "preset shop");
  given.yaml.clear();
  expect(1'000, "default");
}

TEST(Precedence, lets_the_last_of_two_flags_win) {
  const Settings settings =
      load_given({.flags = {{"relay.batch-size", "1"}, {"relay.batch-size", "2"}}});
  EXPECT_EQ(settings.relay("default").batch_size, 2);
}

TEST(PlainNames, are_enough_for_the_relay_to_run) {
  const Settings settings =
      load_given({.environment = {{"DATABASE_CONN", "postgresql+asyncpg://u:p@localhost:5432/db"},
                                  {"KAFKA_BOOTSTRAP_SERVERS", "localhost:9092, localhost:9093"},
                                  {"KAFKA_USER", "relay"},
                                  {"KAFKA_PASSWORD", "pass#word # the password"},
                                  {"KAFKA_SASL_MECHANISM", "SCRAM-SHA-256"},
                                  {"POLL_INTERVAL_SECONDS", "0.5  # twice a second"},
                                  {"BATCH_SIZE", "100 # rows"}},
                  .command = "relay"});
  EXPECT_EQ(settings.database().kind, DatabaseKind::postgres);
  EXPECT_EQ(settings.kafka().bootstrap_servers, "localhost:9092,localhost:9093");
  EXPECT_EQ(settings.kafka().user, "relay");
  EXPECT_EQ(settings.kafka().password, "pass#word");
  EXPECT_EQ(settings.kafka().sasl_mechanism, "SCRAM-SHA-256");
  EXPECT_EQ(settings.kafka().security_protocol, "sasl_plaintext");
  EXPECT_EQ(settings.relay("default").polling_interval, 500ms);
  EXPECT_EQ(settings.relay("default").batch_size, 100);
  EXPECT_TRUE(settings.warnings().empty());
}

TEST(PlainNames, stand_in_the_env_file_too_where_quotes_protect_a_password) {
  const Settings settings = load_given({.env_file = "KAFKA_USER=u\nKAFKA_PASSWORD='a # b' # note\n"
                                                    "POLL_INTERVAL_SECONDS=1  # every second\n"
                                                    "UNRELATED=1\n"});
  EXPECT_EQ(settings.kafka().password, "a # b");
  EXPECT_EQ(settings.relay("default").polling_interval, 1s);
}

TEST(PlainNames, that_are_empty_count_as_not_set) {
  const Settings settings = load_given({.environment = {{"KAFKA_USER", ""},
                                                        {"KAFKA_PASSWORD", "  # none"},
                                                        {"POLL_INTERVAL_SECONDS", ""},
                                                        {"DATABASE_CONN", ""}}});
  EXPECT_EQ(settings.origin("kafka.user"), "default");
  EXPECT_EQ(settings.relay("default").polling_interval, 50ms);
}

TEST(EnvFile, never_overrides_the_environment) {
  const Settings settings = load_given(
      {.environment = {{"BATCH_SIZE", "7"}}, .env_file = "OUTBOXD_RELAY_BATCH_SIZE=8\n"});
  EXPECT_EQ(settings.relay("default").batch_size, 7);
}

TEST(EnvFile, is_read_from_where_the_flag_says) {
  const testing::Folder folder;
  const std::string file = folder.write("other.env", "BATCH_SIZE=9\n");
  const Settings settings = load_given({.flags = {{"env-file", file}}});
  EXPECT_EQ(settings.relay("default").batch_size, 9);
}

TEST(YamlFile, is_read_from_where_flag_or_environment_say) {
  const testing::Folder folder;
  const std::string file = folder.write("other.yaml", "relay: {batch-size: 9}\n");
  EXPECT_EQ(load_given({.flags = {{"config", file}}}).relay("default").batch_size, 9);
  const Settings settings = load_given({.environment = {{"OUTBOXD_CONFIG", file}}});
  EXPECT_EQ(settings.relay("default").batch_size, 9);
  EXPECT_EQ(settings.origin("relay.batch-size"), file + ":1");
}

TEST(DocumentNames, of_the_framework_module_are_taken_under_its_root) {
  const Settings settings = load_given({.yaml = "cupia:\n"
                                                "  framework:\n"
                                                "    outbox:\n"
                                                "      enabled: false\n"
                                                "      relay:\n"
                                                "        polling-interval: 5000\n"
                                                "        batch-size: 100\n"
                                                "        max-retry: 3\n"
                                                "      cleanup:\n"
                                                "        retention-days: 7\n"
                                                "        cleanup-interval: 86400000\n"});
  EXPECT_FALSE(settings.outbox().enabled);
  EXPECT_EQ(settings.relay("default").polling_interval, 5s);
  EXPECT_EQ(settings.relay("default").batch_size, 100);
  EXPECT_EQ(settings.relay("default").max_attempts, 3);
  EXPECT_EQ(settings.cleanup().retention, 7 * 24h);
  EXPECT_EQ(settings.cleanup().interval, 24h);
  EXPECT_TRUE(settings.cleanup().enabled) << "who gives the days wants them";
  EXPECT_TRUE(settings.warnings().empty());
}

TEST(DocumentNames, are_taken_nested_under_outbox_and_bare) {
  const Settings nested = load_given({.yaml = "outbox:\n"
                                              "  enabled: true\n"
                                              "  relay: {polling-interval: 250, max-retry: 4}\n"
                                              "  cleanup: {retention-days: 1}\n"});
  EXPECT_EQ(nested.relay("default").polling_interval, 250ms);
  EXPECT_EQ(nested.relay("default").max_attempts, 4);
  EXPECT_EQ(nested.cleanup().retention, 24h);
  const Settings bare = load_given({.environment = {{"OUTBOXD_RELAY_MAX_RETRY", "5"}}});
  EXPECT_EQ(bare.relay("default").max_attempts, 5);
  EXPECT_EQ(bare.origin("relay.max-attempts"), "environment OUTBOXD_RELAY_MAX_RETRY");
}

TEST(Secret, is_read_from_a_file_without_its_line_end_and_masked) {
  const testing::Folder folder;
  const std::string file = folder.write("secret", "hunter2\n");
  const Settings settings =
      load_given({.environment = {{"KAFKA_USER", "u"}, {"OUTBOXD_KAFKA_PASSWORD_FILE", file}}});
  EXPECT_EQ(settings.kafka().password, "hunter2");
  EXPECT_EQ(testing::text_of(settings, "kafka.password"), "***");
  EXPECT_THAT(settings.origin("kafka.password"), HasSubstr("OUTBOXD_KAFKA_PASSWORD_FILE, file "));
  const Settings yaml = load_given({.yaml = "kafka: {user: u, password-file: " + file + "}\n"});
  EXPECT_EQ(yaml.kafka().password, "hunter2");
}

TEST(Secret, given_as_a_flag_is_warned_of) {
  const Settings settings =
      load_given({.flags = {{"kafka.user", "u"}, {"kafka.password", "hunter2"}}});
  ASSERT_EQ(settings.warnings().size(), 1U);
  EXPECT_THAT(settings.warnings()[0],
              AllOf(HasSubstr("kafka.password is given as a flag"), Not(HasSubstr("hunter2"))));
}

TEST(Secret, given_as_a_flag_that_names_a_file_is_not_warned_of) {
  const testing::Folder folder;
  const std::string file = folder.write("secret", "hunter2\n");
  const Settings settings = load_given(
      {.flags = {
           {"kafka.user", "u"}, {"kafka.password-file", file}, {"gateway.token-file", file}}});
  EXPECT_EQ(settings.kafka().password, "hunter2");
  EXPECT_TRUE(settings.warnings().empty());
}

TEST(Effective, shows_no_password_anywhere) {
  const Settings settings =
      load_given({.environment = {{"DATABASE_CONN", "postgresql://u:hunter2@localhost/db"},
                                  {"KAFKA_USER", "u"},
                                  {"KAFKA_PASSWORD", "hunter3"},
                                  {"OUTBOXD_DATABASE_PASSWORD", "hunter4"}}});
  for (const EffectiveValue& value : settings.effective()) {
    EXPECT_THAT(value.text, Not(HasSubstr("hunter"))) << value.name;
  }
}

TEST(OutboxVariables, of_the_projects_own_scripts_are_left_alone) {
  EXPECT_EQ(refusal({.environment = {{"OUTBOXD_TEST_ANY", "1"}, {"OUTBOXD_SERVICES_DIR", "/x"}}}),
            "");
}

struct Bad {
  Given given;
  std::vector<std::string> words;  // All of them stand in the message.
};

class BadInput : public ::testing::TestWithParam<Bad> {};

TEST_P(BadInput, is_refused_in_one_line_with_its_place_and_a_remedy) {
  const std::string message = refusal(GetParam().given);
  ASSERT_FALSE(message.empty());
  for (const std::string& word : GetParam().words)
    EXPECT_THAT(message, HasSubstr(word));
  testing::expect_good_message(message);
}

INSTANTIATE_TEST_SUITE_P(
    Names, BadInput,
    ::testing::Values(
        Bad{{.yaml = "relay:\n  batchsize: 5\n"},
            {"outboxd.yaml:2: 'relay.batchsize' is no setting",
             "did you mean 'relay.batch-size'?"}},
        Bad{{.yaml = "batch-size: 5\n"}, {"outboxd.yaml:1", "did you mean 'relay.batch-size'?"}},
        Bad{{.yaml = "rely: {batch-size: 5}\n"}, {"did you mean 'relay.batch-size'?"}},
        Bad{{.yaml = "completely-unknown: 5\n"}, {"outboxd.yaml:1: 'completely-unknown'"}},
        Bad{{.yaml = "config: x.yaml\n"}, {"outboxd.yaml:1", "flag or in the environment"}},
        Bad{{.environment = {{"OUTBOXD_RELAY_BATCHSIZE", "5"}}},
            {"environment OUTBOXD_RELAY_BATCHSIZE", "did you mean 'OUTBOXD_RELAY_BATCH_SIZE'?"}},
        Bad{{.env_file = "\nOUTBOXD_LOGLEVEL=debug\n"}, {".env:2", "OUTBOXD_LOG_LEVEL"}},
        Bad{{.flags = {{"relay.batch-sise", "5"}}},
            {"--relay.batch-sise is no flag", "did you mean 'relay.batch-size'?"}},
        Bad{{.yaml = "relay: {max-retry: 3, max-attempts: 4}\n"},
            {"relay.max-attempts is given twice: outboxd.yaml:1"}},
        Bad{{.yaml = "relay: {max-retry: 3}\noutbox:\n  relay: {max-retry: 4}\n"},
            {"given twice: outboxd.yaml:1 and outboxd.yaml:3"}},
        Bad{{.flags = {{"config", "/nowhere/x.yaml"}}}, {"flag --config", "/nowhere/x.yaml"}},
        Bad{{.environment = {{"OUTBOXD_KAFKA_PASSWORD_FILE", "/nowhere/secret"}}},
            {"OUTBOXD_KAFKA_PASSWORD_FILE", "/nowhere/secret"}}));

INSTANTIATE_TEST_SUITE_P(
    Values, BadInput,
    ::testing::Values(
        Bad{{.yaml = "relay:\n  polling-interval: soon\n"},
            {"relay.polling-interval (outboxd.yaml:2) is 'soon'", "1ms to 1h", "milliseconds"}},
        Bad{{.environment = {{"POLL_INTERVAL_SECONDS", "often"}}},
            {"relay.polling-interval (environment POLL_INTERVAL_SECONDS) is 'often'"}},
        Bad{{.environment = {{"BATCH_SIZE", "0"}}}, {"is '0'", "from 1 to 10000"}},
        Bad{{.flags = {{"relay.batch-size", "10001"}}}, {"flag --relay.batch-size", "1 to 10000"}},
        Bad{{.flags = {{"relay.batch-size", ""}}}, {"is ''"}},
        Bad{{.yaml = "relay:\n  batch-size:\n"}, {"outboxd.yaml:2", "has no value"}},
        Bad{{.flags = {{"relay.lease-ttl", "500ms"}}}, {"relay.lease-ttl", "from 1s to 1h"}},
        Bad{{.flags = {{"relay.lock-timeout", "0"}}}, {"relay.lock-timeout", "from 1s"}},
        Bad{{.flags = {{"relay.backoff-jitter", "1.5"}}}, {"a number from 0 to 1"}},
        Bad{{.flags = {{"relay.capture", "rows"}}},
            {"is 'rows' (did you mean 'row'?)", "one of lease, row"}},
        Bad{{.flags = {{"relay.capture", ""}}}, {"one of lease, row"}},
        Bad{{.flags = {{"outbox.preset", "shopp"}}}, {"did you mean 'shop'?"}},
        Bad{{.flags = {{"outbox.enabled", "maybe"}}}, {"true or false"}},
        Bad{{.flags = {{"relay.delivery", "transactional"}, {"relay.capture", "row"}}},
            {"relay.delivery", "relay.capture is 'row'", "set relay.capture to lease"}},
        Bad{{.flags = {{"relay.delivery", "transactional"}, {"relay.max-in-flight-rows", "30000"}}},
            {"relay.max-in-flight-rows", "has room for 20000"}},
        Bad{{.flags = {{"relay.max-in-flight-bytes", "1KiB"}}}, {"from 64KiB to 1GiB"}},
        Bad{{.flags = {{"relay.default-topic", "a b"}}}, {"relay.default-topic", "a topic"}},
        Bad{{.flags = {{"relay.default-topic", ""}}}, {"relay.default-topic", "is empty"}},
        Bad{{.flags = {{"relay.dead-letter-topic", "__x"}}}, {"relay.dead-letter-topic"}},
        Bad{{.flags = {{"relay.backoff-max", "100ms"}}}, {"shorter than relay.backoff-initial"}},
        Bad{{.flags = {{"relay.batch-size", "500"}, {"relay.max-in-flight-rows", "100"}}},
            {"relay.max-in-flight-rows", "less than relay.batch-size"}},
        Bad{{.flags = {{"relay.aggregate-types", "a,,b"}}}, {"has an empty part"}},
        Bad{{.yaml = "relay: {aggregate-types: [a, '']}\n"}, {"outboxd.yaml:1", "empty part"}},
        Bad{{.flags = {{"outbox.table", "a;drop table b"}}}, {"outbox.table", "no SQL name"}},
        Bad{{.flags = {{"outbox.table", "a.b"}, {"outbox.schema", "c"}}},
            {"outbox.schema (flag --outbox.schema) is 'c'"}},
        Bad{{.flags = {{"log.level", "loud\nfake log line"}}}, {"log.level", "one of debug"}},
        Bad{{.command = "relay"},
            {"database.url is not set, and `relay` needs it",
             "DATABASE_CONN, OUTBOXD_DATABASE_URL or --database.url"}},
        Bad{{.environment = {{"DATABASE_CONN", "postgresql:///x"}}, .command = "relay"},
            {"kafka.bootstrap-servers is not set", "KAFKA_BOOTSTRAP_SERVERS"}}));

TEST(NeededSettings, are_asked_for_by_the_commands_that_need_them) {
  EXPECT_EQ(refusal({.command = "version"}), "");
  EXPECT_EQ(refusal({.command = "check-config"}), "");
  EXPECT_EQ(refusal({.environment = {{"DATABASE_CONN", "sqlite:///x.db"}}, .command = "migrate"}),
            "");
  EXPECT_EQ(refusal({.flags = {{"outbox.enabled", "false"}}, .command = "relay"}), "");
}

TEST(UnknownFlag, is_a_wrong_usage_and_all_else_a_wrong_configuration) {
  try {
    static_cast<void>(load_given({.flags = {{"nonsense", "1"}}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
  try {
    static_cast<void>(load_given({.environment = {{"OUTBOXD_NONSENSE", "1"}}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
  }
}

TEST(Effective, has_every_setting_of_the_table_once) {
  const Settings settings = load_given({});
  std::map<std::string, int> counts;
  for (const EffectiveValue& value : settings.effective())
    ++counts[value.name];
  for (const auto& [name, count] : counts)
    EXPECT_EQ(count, 1) << name;
  EXPECT_EQ(counts.count("relay.batch-size"), 1U);
  EXPECT_EQ(testing::text_of(settings, "relay.batch-size"), "1000");
}

}  // namespace
}  // namespace outbox::config
