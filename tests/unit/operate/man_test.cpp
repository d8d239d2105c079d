// SPDX-License-Identifier: Apache-2.0
//
// The pages for man(1), read by groff with all its warnings, and docs/commands.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "app/cli.hpp"

namespace outbox::app {
namespace {

using ::testing::HasSubstr;

// What groff makes of a page, its warnings included.
std::string rendered(const std::string& page) {
  std::string path = ::testing::TempDir() + "outboxd-man-XXXXXX";
  const int file = mkstemp(path.data());
  EXPECT_GE(file, 0);
  EXPECT_EQ(write(file, page.data(), page.size()), static_cast<ssize_t>(page.size()));
  close(file);
  FILE* pipe = popen(("groff -ww -man -Tutf8 -P-c -rLL=100n " + path + " 2>&1").c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  while (std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), count);
  EXPECT_EQ(pclose(pipe), 0) << output;
  unlink(path.c_str());
  return output;
}

// Bold and underlined letters are struck over: the letter, a backspace, the letter again.
std::string without_overstrikes(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '\b') {
      result.pop_back();
    } else {
      result += letter;
    }
  }
  return result;
}

TEST(ManPages, of_all_commands_are_read_by_groff_without_a_warning) {
  for (const Command& command : commands()) {
    const std::string text = without_overstrikes(rendered(man_page(&command)));
    EXPECT_THAT(text, ::testing::Not(HasSubstr(": warning"))) << command.name;
    EXPECT_THAT(text, ::testing::Not(HasSubstr("error:"))) << command.name;
    EXPECT_THAT(text, HasSubstr("outboxd-" + std::string(command.name)));
    EXPECT_THAT(text, HasSubstr("EXIT STATUS")) << command.name;
    for (const CommandOption* option : options_of(command))
      EXPECT_THAT(text, HasSubstr("--" + std::string(option->name))) << command.name;
    for (const Action& action : command.actions)
      EXPECT_THAT(text, HasSubstr(usage_of(command, &action)));
  }
}

TEST(ManPages, begin_with_one_that_names_all_others_and_every_setting) {
  const std::string text = without_overstrikes(rendered(man_page(nullptr)));
  EXPECT_THAT(text, ::testing::Not(HasSubstr(": warning")));
  for (const Command& command : commands())
    EXPECT_THAT(text, HasSubstr("outboxd-" + std::string(command.name)));
  EXPECT_THAT(text, HasSubstr("--relay.batch-size"));
}

TEST(CommandsPage, in_the_docs_is_the_one_that_the_table_makes) {
  std::ifstream file(OUTBOX_SOURCE "/docs/commands.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == commands_page()) << "run: outboxd help commands > docs/commands.md";
}

}  // namespace
}  // namespace outbox::app
