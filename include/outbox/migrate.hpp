// SPDX-License-Identifier: Apache-2.0
//
// The tables of the outbox and the inbox, as `outboxd migrate` makes them: for programs that bring
// their database with them, tests and demos. On a server the command is the better place.
#pragma once

#include <string>

namespace outbox {

/// Applies what is missing, each change in a transaction, under a lock: any number of programs may
/// call it at once. `database_url` as DatabaseOptions::url. Throws Error(configuration) for a URL
/// of no kind that is known, Error(conflict) where the database was migrated by a newer or an
/// altered program, Error(unreachable) where it is away.
void migrate(const std::string& database_url);

}  // namespace outbox
