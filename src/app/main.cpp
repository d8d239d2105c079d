// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <malloc.h>

#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include "app/cli.hpp"
#include "app/commands.hpp"
#include "app/wire.hpp"

namespace {

using outbox::app::Arguments;

int help(const Arguments& arguments) {
  const std::string subject = arguments.words.empty() ? "" : arguments.words.front();
  std::string text;
  if (subject.empty()) {
    text = outbox::app::help_overview();
  } else if (subject == "exit-codes") {
    text = outbox::app::help_exit_codes();
  } else if (subject == "settings") {
    text = outbox::app::help_settings();
  } else if (subject == "configuration") {
    text = outbox::app::configuration_page();
  } else {
    const std::vector<std::string> words = {subject, "--help"};
    text = outbox::app::parse_arguments(words).print;
  }
  fmt::print("{}", text);
  return 0;
}

int run(const std::vector<std::string>& words) {
  const Arguments arguments = outbox::app::parse_arguments(words);
  if (!arguments.print.empty()) {
    fmt::print("{}", arguments.print);
    return 0;
  }
  const std::string name(arguments.command->name);
  // `run` has the consumers as a further role.
  if (name == "relay" || name == "run") return outbox::app::command_relay(arguments);
  if (name == "migrate") return outbox::app::command_migrate(arguments);
  if (name == "publish") return outbox::app::command_publish(arguments);
  if (name == "topics") return outbox::app::command_topics(arguments);
  if (name == "consume") return outbox::app::command_consume(arguments);
  if (name == "dlq") return outbox::app::command_dlq(arguments);
  if (name == "status") return outbox::app::command_status(arguments);
  if (name == "cleanup") return outbox::app::command_cleanup(arguments);
  if (name == "gateway") return outbox::app::command_gateway(arguments);
  if (name == "check-config") return outbox::app::command_check_config(arguments);
  if (name == "completion") return outbox::app::command_completion(arguments);
  if (name == "version") {
    return outbox::app::command_version(arguments, outbox::app::library_versions());
  }
  return help(arguments);
}

}  // namespace

int main(int count, char** values) {
  // Batches come and go by the megabyte: giving their pages back each time costs more than reading
  // the rows (measured: 200 ns a row). What is kept is bounded by the window.
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
  outbox::app::tune_libraries();
  const std::vector<std::string> words(values + 1, values + count);
  try {
    return run(words);
  } catch (const outbox::Error& error) {
    fmt::print(stderr, "outboxd: {}\n", error.what());
    return outbox::app::exit_code(error.kind());
  } catch (const std::exception& error) {
    fmt::print(stderr, "outboxd: {}\n", error.what());
    return outbox::app::exit_code(outbox::ErrorKind::failed);
  }
}
