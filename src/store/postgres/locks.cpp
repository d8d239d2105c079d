// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view doing = "taking a lock";

class PostgresLocks final : public Locks {
 public:
  explicit PostgresLocks(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("locks")) {}

  // The row is locked for as long as the statement takes: of two who come at once the later one
  // sees what the first has written. Its clock is read then, not before it waited.
  std::optional<std::int64_t> acquire(const std::string& name, const Uuid& token,
                                      std::chrono::milliseconds ttl) override {
    prepare();
    const Result taken = connection_.run(
        doing,
        fmt::format("INSERT INTO {0} AS l (outbox_table, name, token, fencing, expires_at) "
                    "VALUES ({1}, $1, $2, 1, clock_timestamp() + $3 * interval '1 millisecond') "
                    "ON CONFLICT (outbox_table, name) DO UPDATE SET token = excluded.token, "
                    "fencing = l.fencing + CASE WHEN l.token = excluded.token THEN 0 ELSE 1 END, "
                    "expires_at = clock_timestamp() + $3 * interval '1 millisecond' "
                    "WHERE l.token IS NULL OR l.token = excluded.token "
                    "OR l.expires_at <= clock_timestamp() RETURNING l.fencing",
                    table_, outbox_literal()),
        Parameters().text(name).uuid(token).number(ttl.count()));
    if (taken.rows() == 0) return std::nullopt;
    return taken.number(0, 0);
  }

  bool renew(const std::string& name, const Uuid& token, std::chrono::milliseconds ttl) override {
    prepare();
    const Result renewed = connection_.run(
        "renewing a lock",
        fmt::format("UPDATE {} SET expires_at = clock_timestamp() + $3 * interval '1 millisecond' "
                    "WHERE outbox_table = {} AND name = $1 AND token = $2",
                    table_, outbox_literal()),
        Parameters().text(name).uuid(token).number(ttl.count()));
    return renewed.touched() == 1;
  }

  bool release(const std::string& name, const Uuid& token) override {
    prepare();
    const Result released =
        connection_.run("releasing a lock",
                        fmt::format("UPDATE {} SET token = NULL, expires_at = clock_timestamp() "
                                    "WHERE outbox_table = {} AND name = $1 AND token = $2",
                                    table_, outbox_literal()),
                        Parameters().text(name).uuid(token));
    return released.touched() == 1;
  }

 private:
  [[nodiscard]] std::string outbox_literal() const {
    return quote_literal(shared_->options().table.table);
  }

  void prepare() {
    if (table_.empty()) table_ = find_own_table(connection_, shared_->options(), "outboxd_locks");
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::string table_;
};

}  // namespace

std::string find_own_table(Connection& connection, const HomeOptions& options,
                           std::string_view name) {
  std::string asked = std::string(name);
  if (!options.table.schema.empty()) asked = quote_identifier(options.table.schema) + "." + asked;
  const Result found = connection.run(
      "looking for outboxd's own tables",
      "SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
      "ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)",
      Parameters().text(asked), Effect::reads);
  if (found.rows() == 0) {
    throw Error(ErrorKind::not_found, fmt::format("PostgreSQL: there is no table {}", asked),
                "run `outboxd migrate`");
  }
  return fmt::format("{}.{}", quote_identifier(found.text(0, 0)), name);
}

std::unique_ptr<Locks> make_locks(std::shared_ptr<Shared> shared) {
  return std::make_unique<PostgresLocks>(std::move(shared));
}

}  // namespace outbox::store::postgres
