// SPDX-License-Identifier: Apache-2.0
#include "config/settings_table.hpp"

#include <set>

#include "config/suggest.hpp"
#include "support.hpp"

namespace outbox::config {
namespace {

/// NAME stands for any shard's or alert's name.
std::string given_name(const Setting& setting) {
  std::string name(setting.name);
  if (const std::size_t at = name.find("NAME"); at != std::string::npos) name.replace(at, 4, "eu");
  return name;
}

TEST(SettingsTable, names_each_setting_variable_and_short_flag_once) {
  std::set<std::string> names;
  std::set<std::string> variables;
  std::set<char> short_flags;
  for (const Setting& setting : settings_table()) {
    EXPECT_TRUE(names.emplace(setting.name).second) << setting.name;
    EXPECT_TRUE(variables.insert(environment_name(setting.name)).second) << setting.name;
    if (!setting.plain_variable.empty()) {
      EXPECT_TRUE(variables.emplace(setting.plain_variable).second) << setting.name;
    }
    if (setting.short_flag != 0) {
      EXPECT_TRUE(short_flags.insert(setting.short_flag).second) << setting.name;
    }
  }
}

TEST(SettingsTable, says_of_each_setting_what_it_does) {
  for (const Setting& setting : settings_table()) {
    EXPECT_FALSE(setting.text.empty()) << setting.name;
    EXPECT_TRUE(setting.text.ends_with('.')) << setting.name;
    EXPECT_LE(setting.minimum, setting.maximum) << setting.name;
    EXPECT_EQ(setting.type == SettingType::word, !setting.words.empty()) << setting.name;
    EXPECT_EQ(setting.type == SettingType::duration, !setting.bare_unit.empty()) << setting.name;
  }
}

TEST(SettingsTable, has_examples_that_are_themselves_taken) {
  for (const Setting& setting : settings_table()) {
    const bool checked = !setting.example.empty() && setting.type != SettingType::path &&
                         setting.type != SettingType::url && !setting.secret &&
                         setting.name != "kafka.user" && setting.name != "kafka.security-protocol";
    if (!checked) continue;
    testing::Given given{.flags = {{given_name(setting), std::string(setting.example)}}};
    // A shard needs its database, whatever else is said of it.
    if (setting.name.starts_with("shards.")) {
      given.flags.emplace_back("shards.eu.url", "postgresql://localhost/eu");
    }
    // An alert needs what it watches and whom it tells.
    if (setting.name.starts_with("alerts.")) {
      const bool is_when = setting.name.ends_with(".when");
      if (!is_when) given.flags.emplace_back("alerts.eu.when", "pending");
      given.flags.emplace_back("alerts.eu.webhook", "http://localhost/");
    }
    EXPECT_EQ(testing::refusal(given), "") << setting.name;
  }
}

TEST(EnvironmentName, is_the_upper_case_name_with_underscores) {
  EXPECT_EQ(environment_name("relay.batch-size"), "OUTBOXD_RELAY_BATCH_SIZE");
  EXPECT_EQ(environment_name("output"), "OUTBOXD_OUTPUT");
}

TEST(ResolveName, brings_every_variable_back_to_its_setting) {
  for (const Setting& setting : settings_table()) {
    const auto resolved = resolve_variable(environment_name(given_name(setting)));
    ASSERT_TRUE(resolved.has_value()) << setting.name;
    EXPECT_EQ(resolved->name, given_name(setting));
  }
}

TEST(Nearest, finds_typing_errors_and_leaves_strangers) {
  const std::vector<std::string> names = {"relay.batch-size", "relay.backoff", "log.level"};
  EXPECT_EQ(nearest("relay.batch_size", names), "relay.batch-size");
  EXPECT_EQ(nearest("relay.btach-size", names), "relay.batch-size");
  EXPECT_EQ(nearest("loglevel", names), "log.level");
  EXPECT_EQ(nearest("zzzzzz", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'x'), names), "");
}

}  // namespace
}  // namespace outbox::config
