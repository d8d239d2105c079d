// SPDX-License-Identifier: Apache-2.0
//
// The makers of this home's seams, one file each.
#pragma once

#include <memory>

#include "store/home.hpp"
#include "store/postgres/table.hpp"

namespace outbox::store::postgres {

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

/// One of our own tables that needs no outbox table beside it, with its schema and quoted. Throws
/// Error(not_found) where the session does not find it.
[[nodiscard]] std::string find_own_table(Connection& connection, const HomeOptions& options,
                                         std::string_view name);

}  // namespace outbox::store::postgres
