// SPDX-License-Identifier: Apache-2.0
#include "flash_sales.hpp"

#include <string>

#include "consumers/rows.hpp"
#include "problem.hpp"
#include "telling.hpp"

namespace shop {
namespace {

using nlohmann::json;
using outbox::Rows;
using outbox::Transaction;

void tell(Transaction& transaction, const char* event_type, const QueuePlace& place) {
  const Aggregate aggregate{"flash_sale", place.flash_sale_id};
  const QueueEvent event{place.flash_sale_id, place.user_id};
  json notice = event;
  notice["type"] = "queue";
  notice["event"] = event_type;
  transaction.publish(std::vector{make_event(event_type, aggregate, flash_sale_topic, event),
                                  make_event(event_type, aggregate, realtime_topic, notice)});
}

/// Locks the entry, so that what is told of one user has an order.
std::string status_of(Transaction& transaction, const QueuePlace& place) {
  const Rows rows = transaction.execute(
      "SELECT status FROM flash_sale_queue_entries AS entry "
      "WHERE flash_sale_id = $1 AND user_id = $2" +
          for_update(transaction.dialect(), "entry"),
      place.flash_sale_id, place.user_id);
  if (!rows.empty()) return rows[0].text(0);
  throw Problem(404, "not_in_queue",
                "user " + std::to_string(place.user_id) + " is not in the queue of flash sale " +
                    std::to_string(place.flash_sale_id));
}

[[noreturn]] void wrong_status(const QueuePlace& place, const std::string& status) {
  throw Problem(409, "wrong_status",
                "user " + std::to_string(place.user_id) + " is " + status + " already");
}

}  // namespace

void join_queue(Transaction& transaction, const QueuePlace& place) {
  const Rows joined = transaction.execute(
      "INSERT INTO flash_sale_queue_entries AS entry (flash_sale_id, user_id, status) "
      "VALUES ($1, $2, 'WAITING') ON CONFLICT (flash_sale_id, user_id) "
      "DO UPDATE SET status = 'WAITING' WHERE entry.status = 'LEFT' RETURNING status",
      place.flash_sale_id, place.user_id);
  if (joined.empty()) wrong_status(place, status_of(transaction, place));
  tell(transaction, "QUEUE_JOINED", place);
}

void admit(Transaction& transaction, const QueuePlace& place) {
  const std::string status = status_of(transaction, place);
  if (status != "WAITING") wrong_status(place, status);
  tell(transaction, "QUEUE_ADMITTED", place);
}

void leave_queue(Transaction& transaction, const QueuePlace& place) {
  const std::string status = status_of(transaction, place);
  if (status == "LEFT") wrong_status(place, status);
  tell(transaction, "QUEUE_LEFT", place);
}

json queue(Transaction& transaction, std::int64_t flash_sale_id) {
  json counts = {{"WAITING", 0}, {"ADMITTED", 0}, {"LEFT", 0}};
  for (const outbox::Row& row : transaction.execute(
           "SELECT status, count(*) FROM flash_sale_queue_entries WHERE flash_sale_id = $1 "
           "GROUP BY status",
           flash_sale_id)) {
    counts[row.text(0)] = row.integer(1);
  }
  return {{"flash_sale_id", flash_sale_id}, {"entries", counts}};
}

}  // namespace shop
