// SPDX-License-Identifier: Apache-2.0
//
// Shards: any number of databases in one configuration (C2).
#include "support.hpp"

namespace outbox::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;
using testing::load_given;
using ::testing::Not;
using testing::refusal;

std::vector<std::string> names_of(const Settings& settings) {
  std::vector<std::string> names;
  for (const StoreSettings& store : settings.stores())
    names.push_back(store.name);
  return names;
}

const StoreSettings& store_of(const Settings& settings, std::string_view name) {
  for (const StoreSettings& store : settings.stores()) {
    if (store.name == name) return store;
  }
  throw std::logic_error("no store " + std::string(name));
}

TEST(Shards, without_any_the_one_database_is_the_global_one) {
  const Settings settings =
      load_given({.environment = {{"DATABASE_CONN", "postgresql://localhost/shop"}}});
  EXPECT_FALSE(settings.has_shards());
  EXPECT_THAT(names_of(settings), ElementsAre("global"));
}

TEST(Shards, are_those_that_are_active_and_the_database_beside_them) {
  const Settings settings = load_given({.yaml = R"(
database: {url: postgresql://localhost/everything}
shards:
  eu: {url: postgresql://eu.example/shop, max-connections: 8, max-rows-per-second: 500}
  us-2: {url: 'sqlite:///us.db'}
  old: {url: postgresql://old.example/shop, active: false}
)"});
  EXPECT_TRUE(settings.has_shards());
  EXPECT_THAT(names_of(settings), ElementsAre("global", "eu", "us-2"));
  EXPECT_EQ(store_of(settings, "eu").max_connections, 8);
  EXPECT_EQ(store_of(settings, "us-2").database.kind, DatabaseKind::sqlite);
}

TEST(Shards, need_no_database_beside_them) {
  const Settings settings =
      load_given({.environment = {{"KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"}},
                  .yaml = "shards: {eu: {url: postgresql://localhost/eu}}\n",
                  .command = "relay"});
  EXPECT_THAT(names_of(settings), ElementsAre("eu"));
}

TEST(Shards, can_be_given_by_flags_variables_and_files_of_secrets) {
  const Folder folder;
  const std::string secret = folder.write("password", "pass word\n");
  const Settings settings =
      load_given({.flags = {{"shards.us.url", "postgresql://localhost/us"}},
                  .environment = {{"OUTBOXD_SHARDS_EU_1_URL", "postgresql://u@localhost/eu"},
                                  {"OUTBOXD_SHARDS_EU_1_PASSWORD_FILE", secret}}});
  EXPECT_THAT(names_of(settings), ElementsAre("eu-1", "us"));
  EXPECT_THAT(store_of(settings, "eu-1").database.url, HasSubstr("password='pass word'"));
  EXPECT_THAT(store_of(settings, "eu-1").database.shown, Not(HasSubstr("pass word")));
}

TEST(Shards, show_no_password_in_check_config) {
  const Settings settings = load_given(
      {.yaml = "shards: {eu: {url: 'postgresql://u:hidden@localhost/eu', password: hidden}}\n"});
  for (const EffectiveValue& value : settings.effective())
    EXPECT_THAT(value.text, Not(HasSubstr("hidden"))) << value.name;
}

TEST(Shards, give_each_store_its_own_settings) {
  const Settings settings = load_given({.yaml = R"(
relay: {max-rows-per-second: 100}
shards:
  eu: {url: postgresql://localhost/eu, max-rows-per-second: 500}
  us: {url: postgresql://localhost/us}
)"});
  const Settings eu = settings.for_store(store_of(settings, "eu"));
  EXPECT_THAT(eu.database().url, HasSubstr("dbname='eu'"));
  EXPECT_EQ(eu.relay("default").max_rows_per_second, 500);
  EXPECT_EQ(settings.for_store(store_of(settings, "us")).relay("default").max_rows_per_second, 100);
}

TEST(Shards, with_one_name_or_one_database_are_refused) {
  EXPECT_THAT(refusal({.environment = {{"DATABASE_CONN", "postgresql://localhost/shop"}},
                       .yaml = "shards: {global: {url: postgresql://localhost/other}}\n"}),
              AllOf(HasSubstr("two databases have the name 'global'"), HasSubstr("DATABASE_CONN")));
  EXPECT_THAT(refusal({.yaml = "shards:\n  eu: {url: postgresql://localhost/a}\n"
                               "  eu: {url: postgresql://localhost/b}\n"}),
              HasSubstr("eu"));
  EXPECT_THAT(refusal({.yaml = "shards:\n  eu: {url: 'postgresql://u:pw@localhost/a'}\n"
                               "  us: {url: 'postgresql://u:pw@localhost/a'}\n"}),
              AllOf(HasSubstr("'eu' and 'us' are one database"), Not(HasSubstr("pw"))));
}

TEST(Shards, that_lack_an_url_or_have_an_unknown_setting_are_named) {
  EXPECT_THAT(refusal({.yaml = "shards: {eu: {active: true}}\n"}),
              HasSubstr("shards.eu.url is not set"));
  EXPECT_THAT(refusal({.yaml = "shards: {eu: {}}\n"}), HasSubstr("shards"));
  EXPECT_THAT(refusal({.yaml = "shards: {eu: {max-conections: 3}}\n"}),
              HasSubstr("shards.eu.max-connections"));
  EXPECT_THAT(refusal({.yaml = "shards: {EU: {url: postgresql://localhost/a}}\n"}),
              HasSubstr("shards.EU.url"));
  EXPECT_THAT(refusal({.yaml = "shards: {eu: {url: redis://localhost}}\n"}),
              AllOf(HasSubstr("shards.eu.url"), HasSubstr("outboxd.yaml:1")));
}

}  // namespace
}  // namespace outbox::config
