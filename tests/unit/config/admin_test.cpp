// SPDX-License-Identifier: Apache-2.0
#include "unit/config/support.hpp"

namespace outbox::config {
namespace {

using testing::Given;
using ::testing::HasSubstr;
using testing::load_given;
using ::testing::Not;

constexpr const char* alice = "alice:0123456789abcdef";
constexpr const char* bob = "bob:fedcba9876543210";

/// What is said to a configuration that is refused.
std::string refusal_of(const Given& given) {
  try {
    (void)load_given(given);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    return error.what();
  }
  ADD_FAILURE() << "it was taken";
  return {};
}

Given with(std::vector<std::pair<std::string, std::string>> flags, const char* command = "") {
  flags.emplace_back("database.url", "sqlite:///x.db");
  flags.emplace_back("kafka.bootstrap-servers", "localhost:9092");
  return {.flags = std::move(flags), .command = command};
}

TEST(Admin, listens_on_loopback_alone_and_is_on_by_default) {
  const Settings settings = load_given({});
  EXPECT_TRUE(settings.admin().enabled);
  EXPECT_EQ(settings.admin().address, "127.0.0.1:8480");
  EXPECT_FALSE(settings.admin().is_address_given);
  EXPECT_TRUE(settings.admin().operate_tokens.empty());
  EXPECT_EQ(settings.admin().connections_max, 256U);
  EXPECT_EQ(settings.admin().threads, 2);
  EXPECT_EQ(settings.admin().replay_rate, 100);
}

TEST(Admin, reads_tokens_with_their_names_from_a_list_or_the_lines_of_a_file) {
  const testing::Folder folder;
  const std::string file =
      folder.write("tokens", std::string(bob) + "\n" + "eve:" + "a:token:with:colons" + "\n");
  const Settings settings =
      load_given(with({{"admin.read-tokens", alice}, {"admin.operate-tokens-file", file}}));
  ASSERT_EQ(settings.admin().read_tokens.size(), 1U);
  EXPECT_EQ(settings.admin().read_tokens[0].name, "alice");
  EXPECT_EQ(settings.admin().read_tokens[0].token, "0123456789abcdef");
  ASSERT_EQ(settings.admin().operate_tokens.size(), 2U);
  EXPECT_EQ(settings.admin().operate_tokens[1].name, "eve");
  EXPECT_EQ(settings.admin().operate_tokens[1].token, "a:token:with:colons");
}

TEST(Admin, refuses_tokens_that_are_short_nameless_or_twice_there_and_never_repeats_them) {
  for (const std::string wrong : {"alice:0123456789abcde", "0123456789abcdef-no-name",
                                  ":0123456789abcdef", "al ice:0123456789abcdef"}) {
    const std::string said = refusal_of(with({{"admin.read-tokens", wrong}}));
    EXPECT_THAT(said, HasSubstr("admin.read-tokens"));
    EXPECT_THAT(said, Not(HasSubstr("0123456789abcde")));
  }
  EXPECT_THAT(refusal_of(with({{"admin.read-tokens", alice},
                               {"admin.operate-tokens", "alice:another-token-of-hers"}})),
              HasSubstr("'alice', which is there already"));
  EXPECT_THAT(refusal_of(with({{"admin.read-tokens", alice},
                               {"admin.operate-tokens", "bob:0123456789abcdef"}})),
              HasSubstr("a token that another has"));
  EXPECT_THAT(refusal_of(with({{"admin.operate-tokens", " "}})), HasSubstr("holds no token"));
}

TEST(Admin, shows_tokens_to_nobody) {
  const Settings settings = load_given(with({{"admin.read-tokens", alice}}));
  for (const EffectiveValue& value : settings.effective())
    EXPECT_THAT(value.text, Not(HasSubstr("0123456789abcdef")));
}

TEST(Admin, off_loopback_is_refused_without_tokens_where_it_would_be_served) {
  for (const std::string address : {"0.0.0.0:8480", "[::]:8480", "10.1.2.3:1", "127.example:80"}) {
    const std::string said = refusal_of(with({{"admin.address", address}}, "run"));
    EXPECT_THAT(said, HasSubstr("admin.address"));
    EXPECT_THAT(said, HasSubstr("admin.operate-tokens"));
    EXPECT_THAT(refusal_of(with({{"admin.address", address}}, "relay")), HasSubstr("admin."));
    EXPECT_NO_THROW((void)load_given(with({{"admin.address", address}}, "publish")));
    EXPECT_NO_THROW(
        (void)load_given(with({{"admin.address", address}, {"admin.enabled", "false"}}, "run")));
    EXPECT_NO_THROW(
        (void)load_given(with({{"admin.address", address}, {"admin.read-tokens", alice}}, "run")));
  }
  for (const std::string address : {"127.0.0.1:1", "[::1]:1", "localhost:1", "127.1.2.3:1"})
    EXPECT_NO_THROW((void)load_given(with({{"admin.address", address}}, "run")));
}

TEST(Admin, warns_of_tokens_that_travel_in_clear) {
  const testing::Folder folder;
  const std::string file = folder.write("tokens", alice);
  const Settings settings =
      load_given(with({{"admin.address", "0.0.0.0:1"}, {"admin.read-tokens-file", file}}, "run"));
  EXPECT_THAT(settings.warnings(), ::testing::ElementsAre(HasSubstr("admin.tls-certificate")));
}

TEST(Admin, refuses_half_a_certificate_and_origins_that_are_none) {
  const testing::Folder folder;
  const std::string file = folder.write("pem", "x");
  EXPECT_THAT(refusal_of(with({{"admin.tls-key", file}})), HasSubstr("admin.tls-certificate"));
  EXPECT_THAT(refusal_of(with({{"admin.tls-certificate", file}})), HasSubstr("admin.tls-key"));
  for (const std::string origin : {"*", "ops.example", "https://ops.example/path"}) {
    EXPECT_THAT(refusal_of(with({{"admin.allowed-origins", origin}})),
                HasSubstr("admin.allowed-origins"));
  }
}

}  // namespace
}  // namespace outbox::config
