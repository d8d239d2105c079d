// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <outbox/transaction.hpp>

namespace shop {

/// What the page shows: orders by status, sales by day, products with their metrics, and how much
/// of the outbox waits for the relay.
[[nodiscard]] nlohmann::json figures(outbox::Transaction& transaction);

}  // namespace shop
