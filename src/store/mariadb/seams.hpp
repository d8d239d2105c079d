// SPDX-License-Identifier: Apache-2.0
//
// The makers of this home's seams, one file each.
#pragma once

#include <memory>

#include "store/home.hpp"
#include "store/mariadb/table.hpp"

namespace outbox::store::mariadb {

/// A key as it stands in a row of: wire_key, topic, slot, attempts, milliseconds still blocked,
/// head, reason.
[[nodiscard]] KeyState key_state(const Table& table, const Result& row);

/// One of our own tables, quoted, for seams that do not need the outbox itself.
[[nodiscard]] std::string own_table(Connection& connection, const HomeOptions& options,
                                    std::string_view name);

std::unique_ptr<Agreement> make_agreement(std::shared_ptr<Shared> shared);
std::unique_ptr<Capture> make_lease_capture(std::shared_ptr<Shared> shared);
std::unique_ptr<Capture> make_row_capture(std::shared_ptr<Shared> shared);
std::unique_ptr<Settlement> make_settlement(std::shared_ptr<Shared> shared);
std::unique_ptr<Leases> make_leases(std::shared_ptr<Shared> shared);
std::unique_ptr<Backlog> make_backlog(std::shared_ptr<Shared> shared);
std::unique_ptr<Migrations> make_migrations(std::shared_ptr<Shared> shared);
std::unique_ptr<Events> make_events(std::shared_ptr<Shared> shared);
std::unique_ptr<Inbox> make_inbox(std::shared_ptr<Shared> shared);
std::unique_ptr<Locks> make_locks(std::shared_ptr<Shared> shared);
std::unique_ptr<Schedules> make_schedules(std::shared_ptr<Shared> shared);
std::unique_ptr<Retention> make_retention(std::shared_ptr<Shared> shared);
std::unique_ptr<Diagnosis> make_diagnosis(std::shared_ptr<Shared> shared);
std::unique_ptr<EventLookup> make_lookup(std::shared_ptr<Shared> shared);
std::unique_ptr<DeadRows> make_dead_rows(std::shared_ptr<Shared> shared);
std::unique_ptr<Controls> make_controls(std::shared_ptr<Shared> shared);
std::unique_ptr<LetterMarks> make_letter_marks(std::shared_ptr<Shared> shared);

}  // namespace outbox::store::mariadb
