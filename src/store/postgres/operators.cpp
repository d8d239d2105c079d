// SPDX-License-Identifier: Apache-2.0
//
// What the seams for operators need to know of PostgreSQL (store/operators/database.hpp).
#include <map>
#include <utility>

#include <fmt/format.h>

#include "store/operators/database.hpp"
#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {
namespace {

using operators::Column;
using operators::Outbox;
using operators::Row;
using operators::Way;

// Indexes of this table whose first column is that one, or all by their names.
constexpr std::string_view indexes_sql =
    "SELECT c.relname::pg_catalog.text, coalesce(a.attname::pg_catalog.text, '') "
    "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
    "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
    "AND i.indkey[0] > 0 "
    "WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisvalid AND i.indpred IS NULL";

std::string hash_sql(const std::string& text) {
  return fmt::format("hashtextextended({} COLLATE \"C\", 0)", text);
}

class PostgresDatabase final : public operators::Database {
 public:
  explicit PostgresDatabase(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("operator")) {}

  [[nodiscard]] const HomeOptions& options() const override { return shared_->options(); }

  std::vector<Row> rows(std::string_view doing, const std::string& sql) override {
    const Result found = connection_.run(doing, sql, Parameters(), Effect::reads);
    return found.texts();
  }

  std::int64_t change(std::string_view doing, const std::string& sql) override {
    return connection_.run(doing, sql, Parameters()).touched();
  }

  void transact(const std::function<void()>& work) override {
    for (int attempt = 1;; ++attempt) {
      try {
        Transaction transaction(connection_);
        work();
        transaction.commit();
        return;
      } catch (const SqlError& error) {
        if (attempt == 2 || !connection_.is_open() || !error.may_run_again()) throw;
      }
    }
  }

  [[nodiscard]] bool is_too_slow(const Error& error) const override {
    const auto* sql = dynamic_cast<const SqlError*>(&error);
    return sql != nullptr && sql->sqlstate() == "57014";
  }

  std::string own(std::string_view name) override {
    std::string& found = own_[std::string(name)];
    if (found.empty()) found = look_up_own(name);
    return found;
  }

  [[nodiscard]] std::string now() const override { return "clock_timestamp()"; }
  [[nodiscard]] std::string ago(std::chrono::milliseconds time) const override {
    return fmt::format("clock_timestamp() - {} * interval '1 millisecond'", time.count());
  }
  [[nodiscard]] std::string own_time_us(std::string_view time) const override {
    return fmt::format("(extract(epoch FROM {}) * 1000000)::bigint", time);
  }
  [[nodiscard]] std::string text(std::string_view text) const override {
    return quote_literal(text);
  }
  [[nodiscard]] std::string bytes(std::string_view bytes) const override {
    std::string literal = "'\\x";
    for (const char byte : bytes)
      literal += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return literal + "'::bytea";
  }
  [[nodiscard]] std::optional<std::string> hash(std::string_view text) const override {
    return fmt::format("sha256(convert_to({}, 'UTF8'))", text);
  }
  // Results come in binary, in which a text is its bytes.
  [[nodiscard]] std::string shown(const std::string& expression) const override {
    return fmt::format("({})::text", expression);
  }
  [[nodiscard]] std::string insert_new(const std::string& into_and_values) const override {
    return "INSERT " + into_and_values + " ON CONFLICT DO NOTHING";
  }
  [[nodiscard]] std::string or_set(std::string_view key,
                                   const std::vector<std::string>& columns) const override {
    std::string set;
    for (const std::string& column : columns)
      set += fmt::format("{0}{1} = excluded.{1}", set.empty() ? "" : ", ", column);
    return fmt::format(" ON CONFLICT ({}) DO UPDATE SET {}", key, set);
  }
  [[nodiscard]] std::string delete_from(const std::string& name) const override {
    return fmt::format("DELETE FROM {} AS t", name);
  }

  const Outbox& outbox() override {
    if (!outbox_) {
      table_ = shared_->table(connection_);
      const std::uint32_t payload = table_->type(table_->shape().columns.payload).oid;
      outbox_ =
          Outbox{.shape = table_->shape(),
                 .name = table_->name(),
                 .payload_kind = payload == oid_bytea                          ? PayloadKind::bytes
                                 : payload == oid_json || payload == oid_jsonb ? PayloadKind::json
                                                                               : PayloadKind::text};
      look_up_indexes();
    }
    return *outbox_;
  }

  [[nodiscard]] std::string column(const Column& column) const override {
    return Table::column(column);
  }
  [[nodiscard]] std::string identifier(const Column& column) const override {
    return quote_identifier(*column);
  }
  std::string unsettled() override { return table().unsettled(); }
  std::string dead() override { return table().dead(); }
  std::string wire_key() override { return table().wire_key(); }
  std::string as_text(const Column& column) override { return table().as_text(column); }

  std::string equals(const Column& column, std::string_view value) override {
    const TableColumns& columns = table().shape().columns;
    if (column == columns.aggregate_id && has(Way::aggregate_id))
      return hashed(table().as_text(column), value);
    const std::uint32_t oid = table().type(column).oid;
    const bool plain = oid == oid_uuid || oid == oid_text || oid == oid_varchar;
    return fmt::format("{} = {}", plain ? Table::column(column) : table().as_text(column),
                       quote_literal(value));
  }
  std::string key_equals(std::string_view value) override {
    if (has(Way::key)) return hashed(table().wire_key(), value);
    return fmt::format("({})::text = {}", table().wire_key(), quote_literal(value));
  }
  std::string id_literal(const RowId& id) override {
    return table().number_ids() ? fmt::format("{}::bigint", id.number) : quote_literal(id.text);
  }

  std::string from(Way) override { return fmt::format("{} AS t", table().name()); }
  bool has(Way way) override {
    const TableShape& shape = table().shape();
    switch (way) {
      case Way::by_id:
        return true;
      case Way::by_time:
        return is_indexed(shape.columns.created_at);
      case Way::unsettled:
      case Way::dead:
        return shape.native;
      case Way::event_id:
        return is_indexed(shape.columns.event_id);
      case Way::key:
        return shape.native && indexes_.contains(shape.table + "_key");
      case Way::aggregate_id:
        break;
    }
    return shape.native && indexes_.contains(shape.table + "_aggregate");
  }
  [[nodiscard]] bool is_ordered(Way way) const override { return way != Way::event_id; }

  std::string time_us(const Column& column) override {
    return fmt::format(
        "CASE WHEN isfinite({0}) THEN (extract(epoch FROM {0}) * 1000000)::bigint END",
        Table::column(column));
  }
  std::string literal_of(const Column& column) override {
    return fmt::format("quote_literal({}::text)", Table::column(column));
  }
  std::string clock(const Column& column) override { return table().clock(column); }
  std::string touch() override { return table().touch(); }

  std::string beginning(const Column& column, std::size_t size) override {
    if (is_binary(column))
      return fmt::format("substring({} FROM 1 FOR {})", Table::column(column), size);
    return fmt::format("left({}::text, {})", Table::column(column), size);
  }
  std::string octets(const Column& column) override {
    return fmt::format("octet_length({}{})", Table::column(column),
                       is_binary(column) ? "" : "::text");
  }
  bool is_binary(const Column& column) override { return table().type(column).oid == oid_bytea; }
  std::string row_json() override { return "row_to_json(t)"; }
  [[nodiscard]] std::string json_member(const std::string& name) const override {
    return fmt::format("t.row_json ->> {}", quote_literal(name));
  }

  std::string inbox() override {
    const std::string name = quote_identifier(table().schema()) + ".processed_events";
    const Result found =
        connection_.run("looking for the inbox",
                        "SELECT count(*), bool_or(a.attname = 'processed_at' AND a.atttypid = "
                        "'timestamptz'::regtype) FROM pg_catalog.pg_attribute a WHERE a.attrelid = "
                        "pg_catalog.to_regclass($1) AND a.attname IN ('consumer_name', 'event_id', "
                        "'processed_at') AND NOT a.attisdropped",
                        Parameters().text(name), Effect::reads);
    return found.number(0, 0) == 3 ? name : std::string();
  }
  std::string inbox_time_us() override { return own_time_us("i.processed_at"); }

 private:
  /// Where the relay has them: beside the outbox, whatever the search path names first. Homes of
  /// consumers may have no outbox.
  std::string look_up_own(std::string_view name) {
    try {
      return table().own(name);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
      return find_own_table(connection_, options(), "outboxd_" + std::string(name));
    }
  }

  const Table& table() {
    if (!table_) outbox();
    return *table_;
  }

  void look_up_indexes() {
    const Result found = connection_.run("looking for indexes", indexes_sql,
                                         Parameters().text(table_->name()), Effect::reads);
    for (int row = 0; row < found.rows(); ++row)
      indexes_.emplace(found.text(row, 0), found.text(row, 1));
  }

  bool is_indexed(const Column& column) {
    if (!column) return false;
    for (const auto& [name, first] : indexes_) {
      if (first == *column) return true;
    }
    return false;
  }

  // As migration 0009 has it: an index over the texts themselves would refuse long ones.
  static std::string hashed(const std::string& expression, std::string_view value) {
    const std::string literal = quote_literal(value);
    return fmt::format("({} = {} AND {} = {})", hash_sql(expression), hash_sql(literal), expression,
                       literal);
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
  std::optional<Outbox> outbox_;
  std::map<std::string, std::string> indexes_;  // With their first columns; empty: an expression.
  std::map<std::string, std::string> own_;
};

}  // namespace

std::unique_ptr<EventLookup> make_lookup(std::shared_ptr<Shared> shared) {
  return operators::make_lookup(std::make_unique<PostgresDatabase>(std::move(shared)));
}
std::unique_ptr<DeadRows> make_dead_rows(std::shared_ptr<Shared> shared) {
  return operators::make_dead_rows(std::make_unique<PostgresDatabase>(std::move(shared)));
}
std::unique_ptr<Controls> make_controls(std::shared_ptr<Shared> shared) {
  return operators::make_controls(std::make_unique<PostgresDatabase>(std::move(shared)));
}
std::unique_ptr<LetterMarks> make_letter_marks(std::shared_ptr<Shared> shared) {
  return operators::make_letter_marks(std::make_unique<PostgresDatabase>(std::move(shared)));
}

}  // namespace outbox::store::postgres
