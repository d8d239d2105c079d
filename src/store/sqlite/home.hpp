// SPDX-License-Identifier: Apache-2.0
//
// The store in one SQLite file. The seams' habits hold (store/leases.hpp) with one difference: all
// objects made for one file, by whichever home of this process, share one writing connection, taken
// in turn; those that only read have a connection each. SQLite 3.40 can lose pages where one
// connection commits while another runs a checkpoint (the "WAL-reset" fault, repaired in 3.51.3):
// so checkpoints are run by the writing connection alone, and in the mode that keeps every other
// writer out.
//
// An open InboxTransaction holds the writing connection; the other seams wait for it, at most the
// statement timeout, then throw Error(unreachable). Called on the very thread that holds it, they
// throw Error(usage) at once, because nobody could ever let them go on.
//
// One process relays on a file, by a lock on the file beside it whose name ends in `-relay`;
// Agreement::agree and Leases::join take it, and throw Error(conflict) naming the holder's process
// id.
#pragma once

#include <string>

#include "store/home.hpp"

namespace outbox::store::sqlite {

/// `options.url` is the file's path; it is made by Migrations::apply alone, everything else throws
/// Error(not_found) where it is missing. Throws Error(configuration) where the options ask for what
/// SQLite has not got: capture `row`, a schema. A mapped table is looked up at its first use, which
/// throws Error(not_found) naming what is missing.
[[nodiscard]] Home make_home(const HomeOptions& options);

/// For a program that is the process's only user of SQLite, before its first connection: SQLite
/// counts no memory, which costs a lock at each allocation otherwise (a tenth of a relay's time).
void count_no_memory();

/// For `outboxd version`, e.g. "3.40.1".
[[nodiscard]] std::string library_version();

}  // namespace outbox::store::sqlite
