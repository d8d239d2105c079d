// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <malloc.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "app/cli.hpp"
#include "app/commands.hpp"
#include "app/wire.hpp"

namespace {

using outbox::app::Arguments;

using Run = int (*)(const Arguments&);

int command_of_versions(const Arguments& arguments) {
  return outbox::app::command_version(arguments, outbox::app::library_versions());
}

constexpr std::pair<std::string_view, Run> runs[] = {
    {"run", outbox::app::command_relay},  // It has the consumers as a further role.
    {"relay", outbox::app::command_relay},
    {"migrate", outbox::app::command_migrate},
    {"publish", outbox::app::command_publish},
    {"topics", outbox::app::command_topics},
    {"consume", outbox::app::command_consume},
    {"cleanup", outbox::app::command_cleanup},
    {"gateway", outbox::app::command_gateway},
    {"status", outbox::app::command_status},
    {"relays", outbox::app::command_relays},
    {"top", outbox::app::command_top},
    {"events", outbox::app::command_events},
    {"dlq", outbox::app::command_dlq},
    {"pause", outbox::app::command_pause},
    {"resume", outbox::app::command_pause},
    {"pauses", outbox::app::command_pauses},
    {"audit-log", outbox::app::command_audit_log},
    {"doctor", outbox::app::command_doctor},
    {"tail", outbox::app::command_tail},
    {"check-config", outbox::app::command_check_config},
    {"completion", outbox::app::command_completion},
    {"version", command_of_versions},
};

int run(const std::vector<std::string>& words) {
  const Arguments arguments = outbox::app::parse_arguments(words);
  if (!arguments.print.empty()) {
    fmt::print("{}", arguments.print);
    return 0;
  }
  for (const auto& [name, call] : runs) {
    if (name == arguments.command->name) return call(arguments);
  }
  // A command of the table that is missing above.
  throw outbox::Error(outbox::ErrorKind::failed,
                      "the command '" + std::string(arguments.command->name) + "' has no code", "");
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
  } catch (const std::system_error& error) {
    // Whoever read the output has enough of it: as one that the signal ends, and as silently.
    if (error.code().value() == EPIPE) return 128 + SIGPIPE;
    fmt::print(stderr, "outboxd: {}\n", error.what());
    return outbox::app::exit_code(outbox::ErrorKind::failed);
  } catch (const std::exception& error) {
    fmt::print(stderr, "outboxd: {}\n", error.what());
    return outbox::app::exit_code(outbox::ErrorKind::failed);
  }
}
