// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/home.hpp"

#include <sqlite3.h>

#include <outbox/error.hpp>

#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {

namespace {

void refuse_what_sqlite_has_not(const HomeOptions& options) {
  if (options.url.empty() || options.url == ":memory:" || options.url.starts_with("file:")) {
    throw Error(ErrorKind::configuration,
                "database.url names no SQLite file that several connections could share",
                "give the path of a file");
  }
  if (options.capture == CaptureMode::row) {
    throw Error(ErrorKind::configuration,
                "relay.capture is row, but SQLite locks whole files and has no row locks",
                "set relay.capture to lease");
  }
  if (!options.table.schema.empty()) {
    throw Error(
        ErrorKind::configuration,
        "outbox.table names the schema " + options.table.schema + ", but a SQLite file has none",
        "give the table's name alone");
  }
}

}  // namespace

Home make_home(const HomeOptions& options) {
  refuse_what_sqlite_has_not(options);
  const auto context = std::make_shared<const Context>(options);
  Home home;
  home.agreement = [context] { return make_agreement(context); };
  home.capture = [context] { return make_capture(context); };
  home.settlement = [context] { return make_settlement(context); };
  home.leases = [context] { return make_leases(context); };
  home.backlog = [context] { return make_backlog(context); };
  home.migrations = [context] { return make_migrations(context); };
  home.events = [context] { return make_events(context); };
  home.inbox = [context] { return make_inbox(context); };
  home.locks = [context] { return make_locks(context); };
  home.schedules = [context] { return make_schedules(context); };
  home.retention = [context] { return make_retention(context); };
  home.lookup = [context] { return make_lookup(context); };
  home.dead_rows = [context] { return make_dead_rows(context); };
  home.controls = [context] { return make_controls(context); };
  home.letter_marks = [context] { return make_letter_marks(context); };
  home.diagnosis = [context] { return make_diagnosis(context); };
  home.ping = [context] {
    const auto connection = context->database->reader(context->options.statement_timeout);
    // Reads the file's header, which opening alone does not.
    (void)connection->prepare_once("SELECT count(*) FROM sqlite_schema").step();
  };
  return home;
}

void count_no_memory() {
  // Refused where SQLite is at work already; it is then only slower.
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

std::string library_version() {
  return sqlite3_libversion();
}

}  // namespace outbox::store::sqlite
