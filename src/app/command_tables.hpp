// SPDX-License-Identifier: Apache-2.0
//
// The parts that the table of commands is put together from.
#pragma once

#include <span>

#include "app/cli.hpp"

namespace outbox::app {

inline constexpr CommandOption shards_option{"shard", 0, "NAME",
                                             "Only this shard; may be repeated. All by default."};
inline constexpr CommandOption reason_option{"reason", 0, "TEXT",
                                             "Why; it stands in the audit log."};
inline constexpr CommandOption by_option{"by", 0, "WHO",
                                         "Who, for the audit log; USER@HOST by default."};

/// What is run all the time, or to set up.
[[nodiscard]] std::span<const Command> running_commands();
/// What operators look and act with.
[[nodiscard]] std::span<const Command> operating_commands();
/// About the program itself.
[[nodiscard]] std::span<const Command> program_commands();

struct ExitCode {
  std::string_view code;
  std::string_view text;
};
[[nodiscard]] std::span<const ExitCode> exit_codes();

}  // namespace outbox::app
