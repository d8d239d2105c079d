// SPDX-License-Identifier: Apache-2.0
//
// The script for bash is sourced by a real bash and asked; those for zsh and fish are read.
#include <array>
#include <cstdio>

#include "app/cli.hpp"
#include "support.hpp"

namespace outbox::app {
namespace {

using ::testing::HasSubstr;

// What bash offers for the words typed, the last one unfinished.
std::string offered(const std::string& words) {
  const config::testing::Folder folder;
  const std::string script = folder.write("outboxd.bash", completion_script("bash"));
  const std::string program =
      folder.write("ask.bash", "source " + script + "\nCOMP_WORDS=(" + words +
                                   ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_outboxd || exit 1\n"
                                   "echo \"${COMPREPLY[@]}\"\ncomplete -p outboxd\n");
  FILE* pipe = popen(("bash --norc -u " + program + " 2>&1").c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  while (std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), count);
  }
  EXPECT_EQ(pclose(pipe), 0) << output;
  EXPECT_THAT(output, HasSubstr("complete -F _outboxd outboxd"));
  return output.substr(0, output.find('\n'));
}

struct Typed {
  std::string words;
  std::string offered;
};

class BashCompletion : public ::testing::TestWithParam<Typed> {};

TEST_P(BashCompletion, offers_what_fits) {
  EXPECT_EQ(offered(GetParam().words), GetParam().offered) << GetParam().words;
}

INSTANTIATE_TEST_SUITE_P(
    Words, BashCompletion,
    ::testing::Values(Typed{"outboxd rel", "relay relays"}, Typed{"outboxd check", "check-config"},
                      Typed{"outboxd topics ''", "apply create list"},
                      Typed{"outboxd completion z", "zsh"},
                      Typed{"outboxd relay --relay.capture ''", "lease row"},
                      Typed{"outboxd relay --relay.capture = r", "row"},
                      Typed{"outboxd relay --relay.capture =", "lease row"},
                      Typed{"outboxd relay -o j", "json"}, Typed{"outboxd -o json ver", "version"},
                      Typed{"outboxd migrate --dry", "--dry-run"}, Typed{"outboxd relay --dry", ""},
                      Typed{"outboxd relay --relay.batch-s", "--relay.batch-size"},
                      Typed{"outboxd relay --kafka.password-f", "--kafka.password-file"},
                      Typed{"outboxd help exit", "exit-codes"},
                      Typed{"outboxd dlq ''", "list groups show edit replay discard"},
                      Typed{"outboxd dlq replay --merge", "--merge-patch"},
                      Typed{"outboxd pause ''", "relay topic key consumer"}));

TEST(Completion, for_zsh_and_fish_knows_commands_and_settings) {
  EXPECT_THAT(completion_script("zsh"), HasSubstr("#compdef outboxd"));
  EXPECT_THAT(completion_script("zsh"), HasSubstr("'--relay.capture["));
  EXPECT_THAT(completion_script("zsh"), HasSubstr(":value:(lease row)'"));
  EXPECT_THAT(completion_script("fish"), HasSubstr("-l 'relay.capture'"));
  EXPECT_THAT(completion_script("fish"), HasSubstr("-a 'check-config'"));
}

TEST(Completion, for_another_shell_is_a_wrong_usage) {
  EXPECT_THROW(static_cast<void>(completion_script("tcsh")), Error);
}

}  // namespace
}  // namespace outbox::app
