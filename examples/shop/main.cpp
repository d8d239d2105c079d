// SPDX-License-Identifier: Apache-2.0
//
// The shop: what a back end looks like that publishes its events through an outbox and consumes
// them once in effect. Begin with orders.cpp (a change and its events in one transaction).
#include <cstdio>
#include <exception>

#include <outbox/error.hpp>

#include <fmt/format.h>

#include "commands.hpp"

namespace shop {
namespace {

const std::vector<const Command*>& commands() {
  static const std::vector<const Command*> all = {&serve_command,   &seed_command,  &load_command,
                                                  &consume_command, &check_command, &demo_command};
  return all;
}

std::string help() {
  std::string text = "shop COMMAND\n\nA shop that publishes through an outbox.\n\n";
  for (const Command* command : commands()) {
    text += fmt::format("  {:<8} {}\n", command->name,
                        command->help.substr(0, command->help.find('\n')));
  }
  return text + "\nshop COMMAND --help shows its flags.\n";
}

int run(std::span<const std::string> arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "help") {
    fmt::print("{}", help());
    return arguments.empty() ? 2 : 0;
  }
  for (const Command* command : commands()) {
    if (command->name != arguments[0]) continue;
    const Options options(*command, arguments.subspan(1));
    if (!options.wants_help()) return command->run(options);
    fmt::print("{}", help_of(*command));
    return 0;
  }
  throw outbox::Error(outbox::ErrorKind::usage, "there is no command " + arguments[0],
                      "see shop --help");
}

// As outboxd's own exit codes.
int exit_code(const outbox::Error& error) {
  return static_cast<int>(error.kind()) + 1;
}

}  // namespace
}  // namespace shop

int main(int count, char** values) {
  const std::vector<std::string> arguments(values + 1, values + count);
  try {
    return shop::run(arguments);
  } catch (const outbox::Error& error) {
    fmt::print(stderr, "shop: {}\n", error.what());
    return shop::exit_code(error);
  } catch (const std::exception& error) {
    fmt::print(stderr, "shop: {}\n", error.what());
    return 1;
  }
}
