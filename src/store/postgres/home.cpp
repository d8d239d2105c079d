// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/home.hpp"

#include <libpq-fe.h>

#include <string>
#include <utility>

#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {

Home make_home(HomeOptions options) {
  const auto shared = std::make_shared<Shared>(std::move(options));
  Home home;
  home.agreement = [shared] { return make_agreement(shared); };
  home.capture = [shared] {
    return shared->options().capture == CaptureMode::row ? make_row_capture(shared)
                                                         : make_lease_capture(shared);
  };
  home.settlement = [shared] { return make_settlement(shared); };
  home.leases = [shared] { return make_leases(shared); };
  home.backlog = [shared] { return make_backlog(shared); };
  home.migrations = [shared] { return make_migrations(shared); };
  home.events = [shared] { return make_events(shared); };
  home.inbox = [shared] { return make_inbox(shared); };
  home.locks = [shared] { return make_locks(shared); };
  home.schedules = [shared] { return make_schedules(shared); };
  home.retention = [shared] { return make_retention(shared); };
  home.lookup = [shared] { return make_lookup(shared); };
  home.dead_rows = [shared] { return make_dead_rows(shared); };
  home.controls = [shared] { return make_controls(shared); };
  home.letter_marks = [shared] { return make_letter_marks(shared); };
  home.diagnosis = [shared] { return make_diagnosis(shared); };
  home.ping = [shared] {
    Connection connection(shared->connection_options("ping"));
    connection.run("asking for a sign of life", "SELECT 1", Parameters(), Effect::reads);
  };
  return home;
}

std::string library_version() {
  // 150020 is 15.20 (PQlibVersion).
  const int version = PQlibVersion();
  return std::to_string(version / 10000) + "." + std::to_string(version % 10000);
}

}  // namespace outbox::store::postgres
