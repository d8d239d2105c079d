// SPDX-License-Identifier: Apache-2.0
//
// The clock is this machine's, which all processes on a file share.
#include "core/clock.hpp"
#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {

namespace {

class SqliteLocks final : public Locks {
 public:
  explicit SqliteLocks(SharedContext context) : context_(std::move(context)) {}

  std::optional<std::int64_t> acquire(const std::string& name, const Uuid& token,
                                      std::chrono::milliseconds ttl) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    const std::int64_t now_us = wall_clock_us();
    std::optional<std::int64_t> fencing;
    {
      Query query = turn.connection().query(
          "INSERT INTO outboxd_locks (outbox_table, name, token, fencing, expires_at) "
          "VALUES (?1, ?2, ?3, 1, ?4) ON CONFLICT (outbox_table, name) DO UPDATE SET "
          "fencing = fencing + (token IS NOT excluded.token), token = excluded.token, "
          "expires_at = excluded.expires_at "
          "WHERE token IS NULL OR token = excluded.token OR expires_at <= ?5 RETURNING fencing",
          context_->table_name, name, to_string(token), expiry(now_us, ttl), now_us);
      if (query.step()) fencing = query.integer(0);
    }
    transaction.commit();
    return fencing;
  }

  bool renew(const std::string& name, const Uuid& token, std::chrono::milliseconds ttl) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    turn.connection()
        .query(
            "UPDATE outboxd_locks SET expires_at = ?4 WHERE outbox_table = ?1 AND name = ?2 "
            "AND token = ?3",
            context_->table_name, name, to_string(token), expiry(wall_clock_us(), ttl))
        .run();
    const bool renewed = turn.connection().changes() == 1;
    transaction.commit();
    return renewed;
  }

  bool release(const std::string& name, const Uuid& token) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    turn.connection()
        .query(
            "UPDATE outboxd_locks SET token = NULL, expires_at = ?4 WHERE outbox_table = ?1 "
            "AND name = ?2 AND token = ?3",
            context_->table_name, name, to_string(token), wall_clock_us())
        .run();
    const bool released = turn.connection().changes() == 1;
    transaction.commit();
    return released;
  }

 private:
  static std::int64_t expiry(std::int64_t now_us, std::chrono::milliseconds ttl) {
    return now_us + std::chrono::microseconds(ttl).count();
  }

  const SharedContext context_;
};

}  // namespace

std::unique_ptr<Locks> make_locks(SharedContext context) {
  return std::make_unique<SqliteLocks>(std::move(context));
}

}  // namespace outbox::store::sqlite
