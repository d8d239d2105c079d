// SPDX-License-Identifier: Apache-2.0
//
// What the seams for operators need to know of MariaDB (store/operators/database.hpp).
#include <map>
#include <utility>

#include <fmt/format.h>

#include "store/mariadb/literal.hpp"
#include "store/mariadb/seams.hpp"
#include "store/operators/database.hpp"

namespace outbox::store::mariadb {
namespace {

using operators::Column;
using operators::Outbox;
using operators::Row;
using operators::Way;

constexpr std::size_t large_bytes = 1U << 20U;

bool holds_bytes(std::string_view type) {
  return type.ends_with("blob") || type.ends_with("binary");
}

class MariadbDatabase final : public operators::Database {
 public:
  explicit MariadbDatabase(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("operator")) {}

  [[nodiscard]] const HomeOptions& options() const override { return shared_->options(); }

  std::vector<Row> rows(std::string_view doing, const std::string& sql) override {
    Result found = connection_.run(doing, sql, Effect::reads);
    std::vector<Row> rows;
    rows.reserve(found.rows());
    while (found.next()) {
      Row& row = rows.emplace_back();
      for (int column = 0; column < found.columns(); ++column) {
        row.push_back(found.is_null(column) ? std::nullopt : std::optional(found.text(column)));
      }
    }
    return rows;
  }

  std::int64_t change(std::string_view doing, const std::string& sql) override {
    return connection_.run(doing, sql).touched();
  }

  void transact(const std::function<void()>& work) override {
    mariadb::transact(connection_, [&] {
      work();
      return true;
    });
  }

  [[nodiscard]] bool is_too_slow(const Error& error) const override {
    const auto* sql = dynamic_cast<const SqlError*>(&error);
    return sql != nullptr && sql->is_too_slow();
  }

  std::string own(std::string_view name) override {
    if (schema_.empty()) {
      connection_.ensure_open();
      schema_ = find_schema(connection_, options().table.schema);
    }
    return fmt::format("{}.outboxd_{}", quote_identifier(schema_), name);
  }

  [[nodiscard]] std::string now() const override { return std::string(now_sql); }
  [[nodiscard]] std::string ago(std::chrono::milliseconds time) const override {
    return fmt::format("{} - INTERVAL {} MICROSECOND", now_sql,
                       std::chrono::microseconds(time).count());
  }
  [[nodiscard]] std::string own_time_us(std::string_view time) const override {
    return fmt::format("timestampdiff(MICROSECOND, '1970-01-01', {})", time);
  }
  [[nodiscard]] std::string text(std::string_view text) const override { return quote_text(text); }
  [[nodiscard]] std::string bytes(std::string_view bytes) const override {
    return quote_bytes(bytes);
  }
  [[nodiscard]] std::optional<std::string> hash(std::string_view text) const override {
    return fmt::format("unhex(sha2({}, 256))", text);
  }
  // An IGNORE would pass over other faults too.
  [[nodiscard]] std::string insert_new(const std::string& into_and_values) const override {
    return "INSERT " + into_and_values + " ON DUPLICATE KEY UPDATE outbox_table = outbox_table";
  }
  // VALUES() is what both MariaDB and MySQL know.
  [[nodiscard]] std::string or_set(std::string_view,
                                   const std::vector<std::string>& columns) const override {
    std::string set;
    for (const std::string& column : columns)
      set += fmt::format("{0}{1} = VALUES({1})", set.empty() ? "" : ", ", column);
    return " ON DUPLICATE KEY UPDATE " + set;
  }
  [[nodiscard]] std::string delete_from(const std::string& name) const override {
    return fmt::format("DELETE t FROM {} AS t", name);
  }

  const Outbox& outbox() override {
    if (!outbox_) {
      table_ = shared_->table(connection_);
      const ColumnType& payload = table_->type(table_->shape().columns.payload);
      outbox_ = Outbox{.shape = table_->shape(),
                       .name = table_->name(),
                       .payload_kind = holds_bytes(payload.type) ? PayloadKind::bytes
                                       : payload.is_json         ? PayloadKind::json
                                                                 : PayloadKind::text};
      look_up();
    }
    return *outbox_;
  }

  [[nodiscard]] std::string column(const Column& column) const override {
    return Table::column(column);
  }
  [[nodiscard]] std::string identifier(const Column& column) const override {
    return Table::column(column);
  }
  std::string unsettled() override { return table().unsettled(); }
  std::string dead() override { return table().dead(); }
  std::string wire_key() override { return table().wire_key(); }
  std::string as_text(const Column& column) override { return table().as_text(column); }

  // By bytes, whatever collation the column has; the plain comparison lets an index be used.
  std::string equals(const Column& column, std::string_view value) override {
    const std::string literal = quote_text(value);
    const std::string bytes =
        fmt::format("{} = {}", Table::as_bytes(table().as_text(column)), quote_bytes(value));
    if (!is_text(column)) return bytes;
    return fmt::format("({} = {} AND {})", Table::column(column), literal, bytes);
  }

  // The two halves of coalesce(), since an index is over one column.
  std::string key_equals(std::string_view value) override {
    const TableColumns& columns = table().shape().columns;
    if (!columns.key) return equals(columns.aggregate_id, value);
    if (!columns.aggregate_id) return equals(columns.key, value);
    return fmt::format("({} OR ({} IS NULL AND {}))", equals(columns.key, value),
                       Table::column(columns.key), equals(columns.aggregate_id, value));
  }
  std::string id_literal(const RowId& id) override {
    return table().number_ids() ? std::to_string(id.number) : quote_text(id.text);
  }

  std::string from(Way way) override {
    const std::string plain = fmt::format("{} AS t", table().name());
    if (way == Way::by_id && is_primary_) return plain + " FORCE INDEX (PRIMARY)";
    if ((way == Way::unsettled || way == Way::dead) && has(way))
      return plain + " FORCE INDEX (outboxd_open)";
    if (way == Way::event_id && table().shape().native)
      return plain + " FORCE INDEX (outboxd_event_id)";
    if (way == Way::aggregate_id) return plain + " FORCE INDEX (outboxd_aggregate)";
    if (way == Way::key) return plain + " FORCE INDEX (outboxd_key, outboxd_aggregate)";
    return plain;
  }

  bool has(Way way) override {
    const TableShape& shape = table().shape();
    switch (way) {
      case Way::by_id:
        return true;
      case Way::by_time:
        return is_indexed(shape.columns.created_at);
      case Way::unsettled:
      case Way::dead:
        return shape.native && indexes_.contains("outboxd_open");
      case Way::event_id:
        return is_indexed(shape.columns.event_id);
      case Way::key:
        return indexes_.contains("outboxd_key") && indexes_.contains("outboxd_aggregate");
      case Way::aggregate_id:
        break;
    }
    return indexes_.contains("outboxd_aggregate");
  }
  // The indexes over texts hold their beginnings alone, so that what is equal is in no order.
  [[nodiscard]] bool is_ordered(Way way) const override {
    return way != Way::event_id && way != Way::key && way != Way::aggregate_id;
  }

  std::string time_us(const Column& column) override {
    return fmt::format("CASE WHEN {0} < {1} THEN timestampdiff(MICROSECOND, '1970-01-01', {0}) END",
                       Table::column(column), table().for_ever(column));
  }
  std::string literal_of(const Column& column) override {
    return fmt::format("quote({})", Table::column(column));
  }
  std::string clock(const Column&) override { return std::string(now_sql); }
  std::string touch() override { return table().touch(); }

  std::string beginning(const Column& column, std::size_t size) override {
    return fmt::format("left({}, {})", Table::column(column), size);
  }
  std::string octets(const Column& column) override {
    return fmt::format("octet_length({})", Table::column(column));
  }
  bool is_binary(const Column& column) override { return holds_bytes(table().type(column).type); }

  std::string row_json() override {
    outbox();
    std::string members;
    for (const auto& [name, type] : columns_) {
      const std::string column = "t." + quote_identifier(name);
      std::string value =
          holds_bytes(type) ? fmt::format("concat('\\\\x', lower(hex({})))", column) : column;
      if (keeps_large_payloads_ && is_payload(name))
        value = fmt::format("IF(octet_length({}) > {}, NULL, {})", column, large_bytes, value);
      members += fmt::format("{}{}, {}", members.empty() ? "" : ", ", quote_text(name), value);
    }
    return fmt::format("json_object({})", members);
  }
  // No expression of MariaDB's yields more than max_allowed_packet, and JSON may take several times
  // what the payload does; a column by itself is copied whatever its size.
  std::optional<std::pair<std::string, std::string>> beside_row_json() override {
    outbox();
    if (!keeps_large_payloads_) return std::nullopt;
    std::string cases;
    for (const Column* column :
         {&table().shape().columns.payload_bytes, &table().shape().columns.payload}) {
      if (*column)
        cases += fmt::format(" WHEN octet_length({0}) > {1} THEN {0}", Table::column(*column),
                             large_bytes);
    }
    return std::pair("large_payload", fmt::format("CASE{} END", cases));
  }
  // What is no scalar stands in it as JSON.
  [[nodiscard]] std::string json_member(const std::string& name) const override {
    const std::string path = quote_text("$.\"" + name + "\"");
    return fmt::format(
        "coalesce(json_value(t.row_json, {0}), nullif(json_extract(t.row_json, {0}), 'null'))",
        path);
  }

  std::string inbox() override {
    const Result found = connection_.run(
        "looking for the inbox",
        fmt::format("SELECT column_name FROM information_schema.columns WHERE table_schema = {} "
                    "AND table_name = 'processed_events' AND column_name IN ('consumer_name', "
                    "'event_id', 'processed_at')",
                    quote_text(table().schema())),
        Effect::reads);
    if (found.rows() != 3) return {};
    return quote_identifier(table().schema()) + ".processed_events";
  }
  std::string inbox_time_us() override { return own_time_us("i.processed_at"); }

 private:
  const Table& table() {
    if (!table_) outbox();
    return *table_;
  }

  void look_up() {
    const std::string of_table =
        fmt::format("table_schema = {} AND table_name = {}", quote_text(table_->schema()),
                    table_->outbox_literal());
    Result columns = connection_.run(
        "looking up the columns",
        fmt::format("SELECT column_name, data_type FROM information_schema.columns WHERE {} "
                    "ORDER BY ordinal_position",
                    of_table),
        Effect::reads);
    while (columns.next())
      columns_.emplace_back(columns.text(0), columns.text(1));
    Result indexes = connection_.run(
        "looking up the indexes",
        fmt::format("SELECT index_name, column_name FROM information_schema.statistics WHERE {} "
                    "AND seq_in_index = 1",
                    of_table),
        Effect::reads);
    while (indexes.next())
      indexes_.emplace(indexes.text(0), indexes.text(1));
    Result large = connection_.run(
        "looking up the columns",
        fmt::format("SELECT 1 FROM information_schema.columns WHERE table_schema = {} AND "
                    "table_name = 'outboxd_discarded' AND column_name = 'large_payload'",
                    quote_text(table_->schema())),
        Effect::reads);
    keeps_large_payloads_ = large.rows() > 0;
    const auto primary = indexes_.find("PRIMARY");
    is_primary_ = primary != indexes_.end() && primary->second == *table_->shape().columns.id;
  }

  bool is_payload(const std::string& name) {
    const TableColumns& columns = table_->shape().columns;
    return columns.payload == name || columns.payload_bytes == name;
  }

  bool is_indexed(const Column& column) {
    if (!column) return false;
    for (const auto& [name, first] : indexes_) {
      if (first == *column) return true;
    }
    return false;
  }

  bool is_text(const Column& column) {
    const ColumnType& type = table().type(column);
    return type.charset == "utf8mb4" || type.charset == "ascii";
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
  std::optional<Outbox> outbox_;
  std::vector<std::pair<std::string, std::string>> columns_;  // With their types.
  std::map<std::string, std::string> indexes_;                // With their first columns.
  std::string schema_;
  bool is_primary_ = false;
  bool keeps_large_payloads_ = false;  // Since migration 0011.
};

}  // namespace

std::unique_ptr<EventLookup> make_lookup(std::shared_ptr<Shared> shared) {
  return operators::make_lookup(std::make_unique<MariadbDatabase>(std::move(shared)));
}
std::unique_ptr<DeadRows> make_dead_rows(std::shared_ptr<Shared> shared) {
  return operators::make_dead_rows(std::make_unique<MariadbDatabase>(std::move(shared)));
}
std::unique_ptr<Controls> make_controls(std::shared_ptr<Shared> shared) {
  return operators::make_controls(std::make_unique<MariadbDatabase>(std::move(shared)));
}
std::unique_ptr<LetterMarks> make_letter_marks(std::shared_ptr<Shared> shared) {
  return operators::make_letter_marks(std::make_unique<MariadbDatabase>(std::move(shared)));
}

}  // namespace outbox::store::mariadb
