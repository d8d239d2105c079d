// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace outbox::library {

/// Throws Error(usage) where the statement would begin or end a transaction. Savepoints may be set,
/// released and gone back to.
void refuse_transaction_end(std::string_view sql);

}  // namespace outbox::library
