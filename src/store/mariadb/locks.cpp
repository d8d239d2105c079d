// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "store/mariadb/seams.hpp"

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view doing = "taking a lock";

class MariadbLocks final : public Locks {
 public:
  explicit MariadbLocks(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("locks")) {}

  std::optional<std::int64_t> acquire(const std::string& name, const Uuid& token,
                                      std::chrono::milliseconds ttl) override {
    prepare();
    const auto try_once = [&] {
      return transact(connection_, [&] { return take(name, token, ttl); });
    };
    Taken taken = try_once();
    if (!taken.known) {
      // By itself, so that two who come first do not wait for each other in a circle.
      connection_.run(doing, fmt::format("INSERT IGNORE INTO {} (outbox_table, name, fencing, "
                                         "expires_at) VALUES ({}, {}, 0, {})",
                                         table_, outbox(), quote_text(name), now_sql));
      taken = try_once();
    }
    return taken.fencing;
  }

  bool renew(const std::string& name, const Uuid& token, std::chrono::milliseconds ttl) override {
    prepare();
    return connection_
               .run("renewing a lock", fmt::format("UPDATE {} SET expires_at = {} WHERE {}", table_,
                                                   after_sql(ttl), held_by(name, token)))
               .touched() == 1;
  }

  bool release(const std::string& name, const Uuid& token) override {
    prepare();
    return connection_
               .run("releasing a lock",
                    fmt::format("UPDATE {} SET token = NULL, expires_at = {} WHERE {}", table_,
                                now_sql, held_by(name, token)))
               .touched() == 1;
  }

 private:
  struct Taken {
    bool known = false;  // The name has a row.
    std::optional<std::int64_t> fencing;
  };

  Taken take(const std::string& name, const Uuid& token, std::chrono::milliseconds ttl) {
    Result found = connection_.run(
        doing, fmt::format("SELECT fencing, token = '{}', token IS NULL OR expires_at <= {} "
                           "FROM {} WHERE outbox_table = {} AND name = {} FOR UPDATE",
                           to_string(token), now_sql, table_, outbox(), quote_text(name)));
    if (!found.next()) return {};
    const bool mine = found.integer(1) != 0;
    const bool free = found.integer(2) != 0;
    if (!mine && !free) return {.known = true, .fencing = std::nullopt};
    const std::int64_t fencing = found.number(0) + (mine ? 0 : 1);
    connection_.run(
        doing,
        fmt::format("UPDATE {} SET token = '{}', fencing = {}, expires_at = {} WHERE "
                    "outbox_table = {} AND name = {}",
                    table_, to_string(token), fencing, after_sql(ttl), outbox(), quote_text(name)));
    return {.known = true, .fencing = fencing};
  }

  [[nodiscard]] std::string held_by(const std::string& name, const Uuid& token) const {
    return fmt::format("outbox_table = {} AND name = {} AND token = '{}'", outbox(),
                       quote_text(name), to_string(token));
  }

  [[nodiscard]] std::string outbox() const { return quote_text(shared_->options().table.table); }

  void prepare() {
    if (table_.empty()) table_ = own_table(connection_, shared_->options(), "outboxd_locks");
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::string table_;
};

}  // namespace

std::string own_table(Connection& connection, const HomeOptions& options, std::string_view name) {
  return fmt::format("{}.{}", quote_identifier(find_schema(connection, options.table.schema)),
                     name);
}

std::unique_ptr<Locks> make_locks(std::shared_ptr<Shared> shared) {
  return std::make_unique<MariadbLocks>(std::move(shared));
}

}  // namespace outbox::store::mariadb
