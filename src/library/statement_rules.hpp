// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include <outbox/transaction.hpp>

namespace outbox::library {

/// Throws Error(usage) where the statement would begin or end a transaction. Savepoints may be set,
/// released and gone back to.
void refuse_transaction_end(std::string_view sql);

/// For MariaDB, where a statement that changes a schema commits first: throws Error(usage) for such
/// a one by its first words, and for what hides a statement: comments that the server runs,
/// prepared and compound statements. Temporary tables may be made and dropped. What a procedure
/// does (CALL) is not seen.
void refuse_implicit_commit(std::string_view sql);

/// Throws Error(usage) where a parameter has a zero byte: PostgreSQL would cut it off there.
void refuse_zero_bytes(std::span<const Parameter> parameters);

}  // namespace outbox::library
