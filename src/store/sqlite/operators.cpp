// SPDX-License-Identifier: Apache-2.0
//
// What the seams for operators need to know of SQLite (store/operators/database.hpp).
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/clock.hpp"
#include "store/operators/database.hpp"
#include "store/sqlite/foreign.hpp"
#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {
namespace {

using operators::Column;
using operators::Outbox;
using operators::Row;
using operators::Way;

// Of a mapped table: later than all times.
constexpr std::string_view for_ever = "'9999-12-31 23:59:59'";

class SqliteDatabase final : public operators::Database {
 public:
  explicit SqliteDatabase(SharedContext context) : context_(std::move(context)) {}

  [[nodiscard]] const HomeOptions& options() const override { return context_->options; }

  std::vector<Row> rows(std::string_view, const std::string& sql) override {
    Query query = connection().prepare_once(sql);
    std::vector<Row> rows;
    while (query.step()) {
      Row& row = rows.emplace_back();
      for (int column = 0; column < query.columns(); ++column) {
        row.push_back(query.is_null(column) ? std::nullopt
                                            : std::optional(std::string(query.text(column))));
      }
    }
    return rows;
  }

  std::int64_t change(std::string_view doing, const std::string& sql) override {
    if (turn_ == nullptr) {
      std::int64_t changed = 0;
      transact([&] { changed = change(doing, sql); });
      return changed;
    }
    turn_->connection().prepare_once(sql).run();
    return turn_->connection().changes();
  }

  void transact(const std::function<void()>& work) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    struct Held {
      const Turn*& held;
      ~Held() { held = nullptr; }
    } held{turn_};
    turn_ = &turn;
    work();
    transaction.commit();
  }

  [[nodiscard]] bool is_too_slow(const Error&) const override { return false; }

  std::string own(std::string_view name) override { return fmt::format("outboxd_{}", name); }
  [[nodiscard]] std::string now() const override { return std::to_string(wall_clock_us()); }
  [[nodiscard]] std::string ago(std::chrono::milliseconds time) const override {
    return std::to_string(wall_clock_us() - std::chrono::microseconds(time).count());
  }
  [[nodiscard]] std::string own_time_us(std::string_view time) const override {
    return std::string(time);
  }
  [[nodiscard]] std::string text(std::string_view text) const override { return quoted_text(text); }
  [[nodiscard]] std::string bytes(std::string_view bytes) const override {
    std::string literal = "x'";
    for (const char byte : bytes)
      literal += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return literal + "'";
  }
  [[nodiscard]] std::optional<std::string> hash(std::string_view) const override {
    return std::nullopt;
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
  [[nodiscard]] std::string for_update() const override { return {}; }

  const Outbox& outbox() override {
    if (!outbox_) look_up();
    return *outbox_;
  }

  [[nodiscard]] std::string column(const Column& column) const override {
    return "t." + quoted_identifier(*column);
  }
  [[nodiscard]] std::string identifier(const Column& column) const override {
    return quoted_identifier(*column);
  }

  std::string unsettled() override {
    const TableShape& shape = outbox().shape;
    if (!unsettled_.empty()) return unsettled_;
    const StatusWords& words = shape.status;
    const std::string status = column(shape.columns.status);
    std::string live = quoted_text(words.pending);
    for (const auto* word : {&words.processing, &words.failed, &words.retry}) {
      if (*word && **word != words.dead) live += ", " + quoted_text(**word);
    }
    if (!shape.dead_is_failed_for_ever()) return fmt::format("{} IN ({})", status, live);
    return fmt::format("({0} IN ({1}) OR ({0} = {2} AND ({3} IS NULL OR {3} < {4})))", status, live,
                       quoted_text(words.dead), column(shape.columns.next_attempt_at), for_ever);
  }

  std::string dead() override {
    const TableShape& shape = outbox().shape;
    const std::string is_dead =
        fmt::format("{} = {}", column(shape.columns.status), quoted_text(shape.status.dead));
    if (!shape.dead_is_failed_for_ever()) return is_dead;
    return fmt::format("{} AND {} >= {}", is_dead, column(shape.columns.next_attempt_at), for_ever);
  }

  std::string wire_key() override {
    const TableColumns& columns = outbox().shape.columns;
    if (!columns.key) return column(columns.aggregate_id);
    if (!columns.aggregate_id) return column(columns.key);
    return fmt::format("coalesce({}, {})", column(columns.key), column(columns.aggregate_id));
  }
  std::string as_text(const Column& of) override { return column(of); }

  // A column of numbers takes a text for the number that it says; one that compares by another
  // collation is told not to.
  std::string equals(const Column& of, std::string_view value) override {
    return fmt::format("{} = {} COLLATE BINARY", column(of), quoted_text(value));
  }
  std::string key_equals(std::string_view value) override {
    if (outbox().shape.native) return fmt::format("{} = {}", wire_key(), quoted_text(value));
    return fmt::format("CAST({} AS TEXT) = {} COLLATE BINARY", wire_key(), quoted_text(value));
  }
  std::string id_literal(const RowId& id) override {
    return outbox().number_ids() ? std::to_string(id.number) : quoted_text(id.text);
  }

  std::string from(Way way) override {
    std::string sql = fmt::format("{} AS t", outbox().name);
    const std::string_view suffix = suffix_of(way);
    if (!suffix.empty() && has(way)) {
      sql += " INDEXED BY " + quoted_identifier(derived_name(outbox().shape.table, suffix));
    }
    return sql;
  }

  bool has(Way way) override {
    const TableShape& shape = outbox().shape;
    if (way == Way::by_id) return true;
    if (way == Way::by_time) return is_indexed(shape.columns.created_at);
    if (way == Way::event_id && !shape.native) return is_indexed(shape.columns.event_id);
    return shape.native && indexes_.contains(derived_name(shape.table, suffix_of(way)));
  }
  [[nodiscard]] bool is_ordered(Way way) const override { return way != Way::event_id; }

  std::string time_us(const Column& of) override {
    return fmt::format(
        "CASE WHEN typeof({0}) = 'text' AND {0} >= {1} THEN NULL ELSE ({2}) * 1000 "
        "END",
        column(of), for_ever, milliseconds_sql(column(of)));
  }
  std::string literal_of(const Column& of) override { return fmt::format("quote({})", column(of)); }
  std::string clock(const Column&) override {
    return outbox().shape.native ? "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
                                 : std::string(foreign_now);
  }
  std::string touch() override {
    const Column& updated = outbox().shape.columns.updated_at;
    return updated ? fmt::format(", {} = {}", identifier(updated), foreign_now) : std::string();
  }

  std::string beginning(const Column& of, std::size_t size) override {
    return fmt::format("substr({}, 1, {})", column(of), size);
  }
  std::string octets(const Column& of) override {
    return fmt::format("length(CAST({} AS BLOB))", column(of));
  }
  bool is_binary(const Column& of) override {
    outbox();
    for (const auto& [name, type] : columns_) {
      if (name == *of) return type.find("BLOB") != std::string::npos;
    }
    return false;
  }

  std::string row_json() override {
    outbox();
    std::string members;
    for (const auto& [name, type] : columns_) {
      members += fmt::format(
          "{0}{1}, CASE typeof(t.{2}) WHEN 'blob' THEN '\\x' || lower(hex(t.{2})) ELSE t.{2} END",
          members.empty() ? "" : ", ", quoted_text(name), quoted_identifier(name));
    }
    return fmt::format("json_object({})", members);
  }
  [[nodiscard]] std::string json_member(const std::string& name) const override {
    return fmt::format("json_extract(t.row_json, {})", quoted_text("$.\"" + name + "\""));
  }

  std::string inbox() override {
    Query query = connection().prepare_once(
        "SELECT count(*) FROM pragma_table_info('processed_events') WHERE name IN "
        "('consumer_name', 'event_id', 'processed_at')");
    return query.step() && query.integer(0) == 3 ? "processed_events" : std::string();
  }
  std::string inbox_time_us() override {
    return fmt::format("({}) * 1000", milliseconds_sql("i.processed_at"));
  }

 private:
  static std::string_view suffix_of(Way way) {
    switch (way) {
      case Way::unsettled:
        return "_unsettled";
      case Way::dead:
        return "_dead";
      case Way::event_id:
        return "_event_id";
      case Way::key:
        return "_key";
      case Way::aggregate_id:
        return "_aggregate";
      case Way::by_id:
      case Way::by_time:
        break;
    }
    return {};
  }

  Connection& connection() {
    if (turn_ != nullptr) return turn_->connection();
    if (!reader_) reader_ = context_->database->reader(context_->options.statement_timeout);
    return *reader_;
  }

  void look_up() {
    const Table& table = context_->table(connection());
    Query columns = connection().prepare_once(fmt::format(
        "SELECT name, upper(type) FROM pragma_table_info({})", quoted_text(table.shape.table)));
    while (columns.step())
      columns_.emplace_back(columns.text(0), columns.text(1));
    if (columns_.empty()) {
      throw Error(ErrorKind::not_found,
                  fmt::format("the table {} does not exist in {}", table.shape.table,
                              context_->database->path()),
                  "run `outboxd migrate`, or set outbox.table");
    }
    Query indexes = connection().prepare_once(
        fmt::format("SELECT l.name, coalesce(i.name, '') FROM pragma_index_list({}) l, "
                    "pragma_index_info(l.name) i WHERE i.seqno = 0",
                    quoted_text(table.shape.table)));
    while (indexes.step())
      indexes_.emplace(indexes.text(0), indexes.text(1));
    if (table.shape.native) look_up_unsettled(table.shape.table);
    outbox_ = Outbox{.shape = table.shape,
                     .name = quoted_identifier(table.shape.table),
                     .payload_kind = table.shape.native ? PayloadKind::json : PayloadKind::text};
  }

  // Word for word what the partial index says: only then does SQLite know that it holds them all.
  void look_up_unsettled(const std::string& table) {
    constexpr std::string_view begin = "WHERE ";
    Query index = connection().prepare_once(
        fmt::format("SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = {}",
                    quoted_text(derived_name(table, suffix_of(Way::unsettled)))));
    if (!index.step()) return;
    const std::string_view sql = index.text(0);
    const std::size_t at = sql.find(begin);
    if (at != std::string_view::npos) {
      unsettled_ = fmt::format("({})", sql.substr(at + begin.size()));
    }
  }

  bool is_indexed(const Column& of) {
    if (!of) return false;
    for (const auto& [name, first] : indexes_) {
      if (first == *of) return true;
    }
    return false;
  }

  const SharedContext context_;
  std::unique_ptr<Connection> reader_;
  const Turn* turn_ = nullptr;  // Of the transaction that is open.
  std::optional<Outbox> outbox_;
  std::string unsettled_;                                     // Of the product's own table.
  std::vector<std::pair<std::string, std::string>> columns_;  // With their declared types.
  std::map<std::string, std::string> indexes_;                // With their first columns.
};

}  // namespace

std::unique_ptr<EventLookup> make_lookup(SharedContext context) {
  return operators::make_lookup(std::make_unique<SqliteDatabase>(std::move(context)));
}
std::unique_ptr<DeadRows> make_dead_rows(SharedContext context) {
  return operators::make_dead_rows(std::make_unique<SqliteDatabase>(std::move(context)));
}
std::unique_ptr<Controls> make_controls(SharedContext context) {
  return operators::make_controls(std::make_unique<SqliteDatabase>(std::move(context)));
}
std::unique_ptr<LetterMarks> make_letter_marks(SharedContext context) {
  return operators::make_letter_marks(std::make_unique<SqliteDatabase>(std::move(context)));
}

}  // namespace outbox::store::sqlite
