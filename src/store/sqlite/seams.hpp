// SPDX-License-Identifier: Apache-2.0
//
// The makers of the seams' objects; each stands in the file of its seam.
#pragma once

#include <memory>

#include "store/home.hpp"
#include "store/sqlite/table_sql.hpp"

namespace outbox::store::sqlite {

using SharedContext = std::shared_ptr<const Context>;

[[nodiscard]] std::unique_ptr<Agreement> make_agreement(SharedContext context);
[[nodiscard]] std::unique_ptr<Capture> make_capture(SharedContext context);
[[nodiscard]] std::unique_ptr<Settlement> make_settlement(SharedContext context);
[[nodiscard]] std::unique_ptr<Leases> make_leases(SharedContext context);
[[nodiscard]] std::unique_ptr<Backlog> make_backlog(SharedContext context);
[[nodiscard]] std::unique_ptr<Migrations> make_migrations(SharedContext context);
[[nodiscard]] std::unique_ptr<Events> make_events(SharedContext context);
[[nodiscard]] std::unique_ptr<Inbox> make_inbox(SharedContext context);
[[nodiscard]] std::unique_ptr<Locks> make_locks(SharedContext context);
[[nodiscard]] std::unique_ptr<Schedules> make_schedules(SharedContext context);
[[nodiscard]] std::unique_ptr<Retention> make_retention(SharedContext context);
[[nodiscard]] std::unique_ptr<Diagnosis> make_diagnosis(SharedContext context);
[[nodiscard]] std::unique_ptr<EventLookup> make_lookup(SharedContext context);
[[nodiscard]] std::unique_ptr<DeadRows> make_dead_rows(SharedContext context);
[[nodiscard]] std::unique_ptr<Controls> make_controls(SharedContext context);
[[nodiscard]] std::unique_ptr<LetterMarks> make_letter_marks(SharedContext context);

}  // namespace outbox::store::sqlite
