// SPDX-License-Identifier: Apache-2.0
//
// The commands of the program, each in a file of its own.
#pragma once

#include "options.hpp"

namespace shop {

extern const Command serve_command;
extern const Command seed_command;
extern const Command load_command;
extern const Command consume_command;
extern const Command check_command;
extern const Command demo_command;

/// Where Redis is; of several commands.
extern const Flag redis_flag;

}  // namespace shop
