// SPDX-License-Identifier: Apache-2.0
//
// The queue before a flash sale. Joining is a row; being let in and leaving are told as events, and
// the flash-queue consumer sets the row's status by them (B11). They throw Problem.
#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

#include <outbox/transaction.hpp>

namespace shop {

struct QueuePlace {
  std::int64_t flash_sale_id = 0;
  std::int64_t user_id = 0;
};

void join_queue(outbox::Transaction& transaction, const QueuePlace& place);
void admit(outbox::Transaction& transaction, const QueuePlace& place);
void leave_queue(outbox::Transaction& transaction, const QueuePlace& place);

/// How many stand in which status.
[[nodiscard]] nlohmann::json queue(outbox::Transaction& transaction, std::int64_t flash_sale_id);

}  // namespace shop
