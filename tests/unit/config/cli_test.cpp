// SPDX-License-Identifier: Apache-2.0
#include "app/cli.hpp"

#include <nlohmann/json.hpp>

#include "support.hpp"

namespace outbox::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Arguments parsed(std::vector<std::string> words) {
  return parse_arguments(words);
}

TEST(Arguments, split_into_settings_options_and_words) {
  const Arguments arguments =
      parsed({"topics", "create", "--partitions", "12", "-b", "h:9092", "--log.level=debug",
              "a.events", "--relay.enabled", "--", "-odd"});
  EXPECT_EQ(arguments.command->name, "topics");
  EXPECT_THAT(arguments.words, ElementsAre("create", "a.events", "-odd"));
  EXPECT_THAT(arguments.flags,
              ElementsAre(Pair("kafka.bootstrap-servers", "h:9092"), Pair("log.level", "debug"),
                          Pair("relay.enabled", "true")));
  EXPECT_EQ(arguments.value("partitions"), "12");
  EXPECT_FALSE(arguments.has("replication-factor"));
  EXPECT_TRUE(arguments.print.empty());
}

TEST(Arguments, take_flags_before_the_command_and_values_in_every_form) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"-o", "json", "version"},
                                                {"version", "-ojson"},
                                                {"version", "--output=json"},
                                                {"version", "-o=json"},
                                                {"--output", "json", "version"},
                                                {"-o", "json", "--version"}}) {
    const Arguments arguments = parse_arguments(words);
    ASSERT_NE(arguments.command, nullptr);
    EXPECT_EQ(arguments.command->name, "version");
    const bool equals_form = words.back() == "-o=json";
    EXPECT_THAT(arguments.flags, ElementsAre(Pair("output", equals_form ? "json" : "json")));
  }
}

TEST(Arguments, take_true_and_false_after_a_flag_of_that_kind) {
  const Arguments arguments =
      parsed({"--outbox.enabled", "false", "relay", "--relay.enabled", "true"});
  EXPECT_EQ(arguments.command->name, "relay");
  EXPECT_THAT(arguments.flags,
              ElementsAre(Pair("outbox.enabled", "false"), Pair("relay.enabled", "true")));
}

TEST(Arguments, keep_repeated_options_in_order) {
  const Arguments arguments =
      parsed({"publish", "--header", "a=1", "--header=b=2", "--payload", "-"});
  EXPECT_THAT(arguments.values("header"), ElementsAre("a=1", "b=2"));
  EXPECT_EQ(arguments.value("payload"), "-");
}

TEST(Arguments, ask_for_help_in_every_usual_way) {
  EXPECT_THAT(parsed({}).print, HasSubstr("Commands:"));
  EXPECT_THAT(parsed({"--help"}).print, HasSubstr("Commands:"));
  EXPECT_THAT(parsed({"-h"}).print, HasSubstr("Commands:"));
  EXPECT_THAT(parsed({"help"}).print, HasSubstr("Commands:"));
  EXPECT_THAT(parsed({"relay", "--help"}).print, HasSubstr("Usage: outboxd relay"));
  EXPECT_THAT(parsed({"help", "relay"}).print, HasSubstr("Usage: outboxd relay"));
  EXPECT_THAT(parsed({"help", "exit-codes"}).print, HasSubstr("143"));
  EXPECT_THAT(parsed({"help", "settings"}).print, HasSubstr("OUTBOXD_RELAY_BATCH_SIZE"));
  EXPECT_THAT(parsed({"topics", "--help"}).print, HasSubstr("create|list"));
}

struct Bad {
  std::vector<std::string> words;
  std::string what;
};

class BadArguments : public ::testing::TestWithParam<Bad> {};

TEST_P(BadArguments, are_a_wrong_usage_with_a_remedy) {
  try {
    static_cast<void>(parse_arguments(GetParam().words));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(exit_code(error.kind()), 2);
    EXPECT_THAT(error.what(), HasSubstr(GetParam().what));
    config::testing::expect_good_message(error.what());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Words, BadArguments,
    ::testing::Values(Bad{{"realy"}, "no command 'realy' (did you mean 'relay'?)"},
                      Bad{{"xyzzyx"}, "no command 'xyzzyx': outboxd help"},
                      Bad{{"relay", "--relay.batchsize", "5"}, "'--relay.batch-size'?"},
                      Bad{{"migrate", "--dryrun"}, "did you mean '--dry-run'?"},
                      Bad{{"relay", "--dry-run"}, "there is no flag --dry-run"},
                      Bad{{"relay", "-z"}, "there is no flag -z"},
                      Bad{{"relay", "--relay.batch-size"}, "--relay.batch-size needs a value"},
                      Bad{{"relay", "-b", "--log.level=info"}, "-b needs a value"},
                      Bad{{"relay", "now"}, "relay takes no argument 'now'"},
                      Bad{{"topics"}, "topics needs an argument"},
                      Bad{{"topics", "creat"}, "did you mean 'create'?"},
                      Bad{{"completion", "tcsh"}, "completion does not take 'tcsh'"},
                      Bad{{"help", "exit-code"}, "did you mean 'exit-codes'?"},
                      Bad{{"help", "man", "event"}, "did you mean 'events'?"},
                      Bad{{"help", "dlq", "lst"}, "there is no help on 'dlq lst'"},
                      Bad{{"dlq"}, "dlq needs an argument: outboxd dlq list|groups|show"},
                      Bad{{"dlq", "reply"}, "did you mean 'replay'?"},
                      Bad{{"dlq", "list", "--all"}, "dlq list takes no --all"},
                      Bad{{"dlq", "--rate", "5", "list"}, "dlq list takes no --rate"},
                      Bad{{"dlq", "list", "--event-typ", "a"}, "did you mean '--event-type'?"},
                      Bad{{"dlq", "show"}, "dlq show needs an argument: outboxd dlq show ID"},
                      Bad{{"dlq", "groups", "row.a.1"}, "dlq groups takes no argument 'row.a.1'"},
                      Bad{{"events", "show", "1", "2"}, "events show takes no argument '2'"},
                      Bad{{"pause", "topics", "a"}, "did you mean 'topic'?"},
                      Bad{{"pause", "topic"}, "pause needs an argument"},
                      Bad{{"resume", "topic", "a", "b"}, "resume takes no argument 'b'"},
                      Bad{{"tail"}, "tail needs an argument: outboxd tail TOPIC"}));

TEST(Arguments, of_an_action_may_stand_before_and_behind_it) {
  const Arguments arguments = parsed({"dlq", "--limit", "5", "replay", "row.a.1", "--rate=2",
                                      "topic.b.0.7", "-n", "--shard", "eu", "-o", "json"});
  ASSERT_NE(arguments.action, nullptr);
  EXPECT_EQ(arguments.action->name, "replay");
  EXPECT_THAT(arguments.words, ElementsAre("replay", "row.a.1", "topic.b.0.7"));
  EXPECT_EQ(arguments.value("limit"), "5");
  EXPECT_EQ(arguments.value("rate"), "2");
  EXPECT_TRUE(arguments.has("dry-run"));
  EXPECT_EQ(arguments.value("store"), "eu");
  EXPECT_THAT(arguments.flags, ElementsAre(Pair("output", "json")));
}

TEST(Arguments, are_counted_by_the_usage_line) {
  const auto count = [](std::string_view text) {
    return std::pair(word_count(text).least, word_count(text).most);
  };
  EXPECT_EQ(count(""), std::pair(0, 0));
  EXPECT_EQ(count("ID"), std::pair(1, 1));
  EXPECT_EQ(count("relay|topic|key|consumer NAME"), std::pair(2, 2));
  EXPECT_EQ(count("[ID...]"), std::pair(0, -1));
  EXPECT_EQ(count("apply|list [TOPIC...]"), std::pair(1, -1));
  EXPECT_EQ(count("ID [TIME]"), std::pair(1, 2));
}

TEST(Commands, give_an_option_of_one_name_one_form_in_all_their_actions) {
  for (const Command& command : commands()) {
    for (const Action& action : command.actions) {
      for (const CommandOption& option : action.options) {
        for (const CommandOption* other : options_of(command)) {
          if (other->name != option.name) continue;
          EXPECT_EQ(other->value.empty(), option.value.empty()) << command.name << option.name;
          EXPECT_EQ(other->short_name, option.short_name) << command.name << option.name;
        }
      }
    }
  }
}

TEST(Help, of_an_action_has_its_usage_options_and_examples_alone) {
  for (const std::string& help :
       {parsed({"help", "dlq", "edit"}).print, parsed({"dlq", "edit", "--help"}).print}) {
    EXPECT_THAT(help, HasSubstr("Usage: outboxd dlq edit ID [options]"));
    EXPECT_THAT(help, HasSubstr("--merge-patch JSON"));
    EXPECT_THAT(help, ::testing::Not(HasSubstr("--rate")));
  }
  EXPECT_THAT(parsed({"help", "dlq"}).print, HasSubstr("outboxd dlq replay [ID...] [options]"));
}

TEST(Help, fits_a_hundred_columns_but_for_examples) {
  for (const Command& command : commands()) {
    std::istringstream lines(help_of(command));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("  ") || line.starts_with("  --")) {
        EXPECT_LE(line.size(), 100U) << line;
      }
    }
  }
}

TEST(Help, begins_with_examples_for_every_command) {
  for (const Command& command : commands()) {
    const std::string help = help_of(command);
    EXPECT_FALSE(command.examples.empty()) << command.name;
    EXPECT_LT(help.find("Examples:"), help.find("Usage:")) << command.name;
    EXPECT_THAT(help_overview(), HasSubstr(std::string(command.summary)));
  }
}

TEST(Help, examples_are_command_lines_that_parse) {
  for (const Command& command : commands()) {
    for (const std::string_view example : command.examples) {
      // Only plain ones: no variables in front, no shell syntax.
      if (!example.starts_with("outboxd ") ||
          example.find_first_of("<>'|") != std::string_view::npos) {
        continue;
      }
      std::vector<std::string> words;
      std::istringstream stream{std::string(example)};
      for (std::string word; stream >> word;)
        words.push_back(word);
      words.erase(words.begin());
      EXPECT_NO_THROW(static_cast<void>(parse_arguments(words))) << example;
    }
  }
}

TEST(ExitCode, is_one_of_its_own_for_each_kind_of_error) {
  EXPECT_EQ(exit_code(ErrorKind::failed), 1);
  EXPECT_EQ(exit_code(ErrorKind::usage), 2);
  EXPECT_EQ(exit_code(ErrorKind::configuration), 3);
  EXPECT_EQ(exit_code(ErrorKind::not_found), 4);
  EXPECT_EQ(exit_code(ErrorKind::conflict), 5);
  EXPECT_EQ(exit_code(ErrorKind::unreachable), 6);
}

TEST(CheckConfig, prints_values_with_origin_and_without_secrets) {
  const config::Settings settings = config::testing::load_given(
      {.environment = {{"DATABASE_CONN", "postgresql://u:hunter2@localhost/db"}},
       .yaml = "relay: {batch-size: 7}\n"});
  const std::string text = check_config_text(settings, false);
  EXPECT_THAT(text, ::testing::ContainsRegex("relay\\.batch-size +7 +outboxd\\.yaml:1"));
  EXPECT_THAT(text, ::testing::ContainsRegex("database\\.url .* environment DATABASE_CONN"));
  EXPECT_THAT(text, HasSubstr("note: kafka.bootstrap-servers is not set; needed by: run, relay, "
                              "topics"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("log.level")));
  EXPECT_THAT(text, HasSubstr("settings have their default: --all shows them"));
  EXPECT_THAT(check_config_text(settings, true),
              ::testing::ContainsRegex("log\\.level +info +default"));

  const auto json = nlohmann::json::parse(check_config_json(settings));
  EXPECT_EQ(json["relays"][0], "default");
  bool found = false;
  for (const auto& setting : json["settings"]) {
    if (setting["name"] != "relay.batch-size") continue;
    found = true;
    EXPECT_EQ(setting["value"], "7");
    EXPECT_EQ(setting["origin"], "outboxd.yaml:1");
  }
  EXPECT_TRUE(found);
  EXPECT_THAT(json.dump(), ::testing::Not(HasSubstr("hunter2")));
}

TEST(Version, names_the_libraries_in_both_forms) {
  const LibraryVersions versions{"2.8.0", "15.10", "3.3.20", "3.40.1"};
  EXPECT_THAT(version_text(versions), HasSubstr("librdkafka 2.8.0\n"));
  const auto json = nlohmann::json::parse(version_json(versions));
  EXPECT_EQ(json["librdkafka"], "2.8.0");
  EXPECT_EQ(json["libpq"], "15.10");
  EXPECT_EQ(json["libmariadb"], "3.3.20");
  EXPECT_EQ(json["sqlite"], "3.40.1");
  EXPECT_EQ(json["outboxd"], OUTBOX_VERSION);
}

TEST(Colour, is_not_wanted_where_the_output_is_no_terminal) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_FALSE(colour_wanted(ends[1]));
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace outbox::app
