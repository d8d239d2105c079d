// SPDX-License-Identifier: Apache-2.0
#include "idempotency.hpp"

#include <algorithm>

#include <outbox/uuid.hpp>

#include "problem.hpp"

namespace shop {
namespace {

constexpr std::size_t key_bytes_max = 255;

void check(const std::string& key) {
  const bool is_plain =
      std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (is_plain && key.size() <= key_bytes_max) return;
  throw Problem(400, "invalid_key", "Idempotency-Key is no text of at most 255 ASCII characters");
}

std::string hash_of(const Request& request) {
  return to_string(outbox::named_uuid(outbox::Uuid{}, request.path + '\n' + request.body));
}

Answer answer_before(outbox::Transaction& transaction, const Request& request) {
  const outbox::Row row =
      transaction
          .execute("SELECT request_hash, status, answer FROM idempotency_keys WHERE key = $1",
                   request.key)
          .at(0);
  if (row.text(0) != hash_of(request)) {
    throw Problem(422, "key_reused", "this Idempotency-Key came with another request before");
  }
  return {.status = static_cast<int>(row.integer(1)),
          .body = row.text(2),
          .location = {},
          .is_replayed = true};
}

}  // namespace

Answer once(outbox::Transaction& transaction, const Request& request,
            const std::function<Answer()>& work) {
  if (request.key.empty()) return work();
  check(request.key);
  // Whoever comes second waits here for the first one's commit, or takes over after its rollback.
  const outbox::Rows mine = transaction.execute(
      "INSERT INTO idempotency_keys (key, request_hash, status, answer) VALUES ($1, $2, 0, '') "
      "ON CONFLICT DO NOTHING RETURNING key",
      request.key, hash_of(request));
  if (mine.empty()) return answer_before(transaction, request);
  Answer answer = work();
  transaction.execute("UPDATE idempotency_keys SET status = $1, answer = $2 WHERE key = $3",
                      answer.status, answer.body, request.key);
  return answer;
}

}  // namespace shop
