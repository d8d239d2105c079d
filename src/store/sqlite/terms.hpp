// SPDX-License-Identifier: Apache-2.0
//
// What the relays of one outbox go by, and whether newcomers fit in.
#pragma once

#include "store/agreement.hpp"
#include "store/sqlite/table_sql.hpp"

namespace outbox::store::sqlite {

/// The terms that the options of a home stand for.
[[nodiscard]] Terms terms_of(const HomeOptions& options);

/// Throws Error(conflict) naming the setting, the other value and who goes by it, where a living
/// member other than this one goes by terms that these do not fit; else stores them. Within a
/// transaction.
void enter_terms(Connection& connection, const Context& context, const Terms& terms);

}  // namespace outbox::store::sqlite
