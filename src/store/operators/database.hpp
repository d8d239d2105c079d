// SPDX-License-Identifier: Apache-2.0
//
// What the seams for operators (event_lookup, dead_rows, controls, letter_marks) ask of a home.
// They are used by a few people now and then, so that they are written once for all homes, on SQL
// whose values are literals and whose results are texts; a home says how its database writes the
// rest.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/error.hpp>

#include "core/row.hpp"
#include "store/home.hpp"

namespace outbox::store::operators {

using Row = std::vector<std::optional<std::string>>;
using Column = TableColumns::Column;

/// By which index a statement goes through the outbox.
enum class Way : std::uint8_t { by_id, by_time, unsettled, dead, event_id, key, aggregate_id };

/// The outbox table as the database has it.
struct Outbox {
  TableShape shape;  ///< Without the optional columns that it has not.
  std::string name;  ///< Quoted.
  PayloadKind payload_kind = PayloadKind::json;

  [[nodiscard]] bool number_ids() const { return shape.id_type == IdType::bigint; }
};

/// One session. In all SQL the outbox has the alias `t`.
class Database {
 public:
  virtual ~Database() = default;

  [[nodiscard]] virtual const HomeOptions& options() const = 0;
  /// Every expression selected is one of shown(), or raw bytes.
  virtual std::vector<Row> rows(std::string_view doing, const std::string& sql) = 0;
  /// Returns how many rows were touched.
  virtual std::int64_t change(std::string_view doing, const std::string& sql) = 0;
  /// `work` as one transaction; once more where another transaction was in the way.
  virtual void transact(const std::function<void()>& work) = 0;
  /// The database ended a statement that took too long.
  [[nodiscard]] virtual bool is_too_slow(const Error& error) const = 0;

  // Our own tables, and SQL for them.
  virtual std::string own(std::string_view name) = 0;
  [[nodiscard]] virtual std::string now() const = 0;
  [[nodiscard]] virtual std::string ago(std::chrono::milliseconds time) const = 0;
  /// Microseconds since 1970 of a time of ours.
  [[nodiscard]] virtual std::string own_time_us(std::string_view time) const = 0;
  /// Valid UTF-8 without zeros.
  [[nodiscard]] virtual std::string text(std::string_view text) const = 0;
  /// JSON as it is put into a column of ours.
  [[nodiscard]] virtual std::string json(std::string_view text) const { return this->text(text); }
  /// The columns and values that stand for a name in a primary key: `{"name_hash", …}`; none where
  /// the name itself stands in it.
  [[nodiscard]] virtual std::optional<std::string> hash(std::string_view text) const = 0;
  [[nodiscard]] virtual std::string shown(const std::string& expression) const {
    return expression;
  }
  /// Makes `INSERT INTO …` pass over rows whose primary key is there.
  [[nodiscard]] virtual std::string insert_new(const std::string& into_and_values) const = 0;
  /// ` ON CONFLICT …`: sets these columns to what was to be inserted.
  [[nodiscard]] virtual std::string or_set(std::string_view key,
                                           const std::vector<std::string>& columns) const = 0;
  /// `DELETE … FROM name AS t`.
  [[nodiscard]] virtual std::string delete_from(const std::string& name) const = 0;
  /// Behind a SELECT of rows that are to be changed.
  [[nodiscard]] virtual std::string for_update() const { return " FOR UPDATE"; }

  // The outbox. What begins with outbox() looks it up, and throws as that does.
  virtual const Outbox& outbox() = 0;
  [[nodiscard]] virtual std::string column(const Column& column) const = 0;  ///< `t."name"`
  [[nodiscard]] virtual std::string identifier(const Column& column) const = 0;
  virtual std::string unsettled() = 0;
  virtual std::string dead() = 0;
  virtual std::string wire_key() = 0;
  virtual std::string as_text(const Column& column) = 0;
  /// By bytes.
  virtual std::string equals(const Column& column, std::string_view value) = 0;
  virtual std::string key_equals(std::string_view value) = 0;
  virtual std::string id_literal(const RowId& id) = 0;
  /// `name AS t`, with its index where the database has to be told.
  virtual std::string from(Way way) = 0;
  /// There is an index for it (by_id and by_time: that its order can be walked by).
  virtual bool has(Way way) = 0;
  /// The index brings rows in the order of their ids.
  [[nodiscard]] virtual bool is_ordered(Way way) const = 0;
  virtual std::string time_us(const Column& column) = 0;
  /// An expression that yields the column's value as an SQL literal.
  virtual std::string literal_of(const Column& column) = 0;
  /// The database's clock as that column has times.
  virtual std::string clock(const Column& column) = 0;
  /// `, updated_at = …` where the table has that column.
  virtual std::string touch() = 0;
  /// The first `size` characters, or bytes of what is none; as it is sent.
  virtual std::string beginning(const Column& column, std::size_t size) = 0;
  virtual std::string octets(const Column& column) = 0;
  /// True: the column takes bytes and no text.
  virtual bool is_binary(const Column& column) = 0;
  [[nodiscard]] virtual std::string bytes(std::string_view bytes) const = 0;
  /// The whole row of `t` as JSON.
  virtual std::string row_json() = 0;
  /// A column of outboxd_discarded and what goes there of a row of `t`, where row_json() leaves
  /// something out that is too large for it.
  virtual std::optional<std::pair<std::string, std::string>> beside_row_json() {
    return std::nullopt;
  }
  /// A member of the JSON in `row_json`, as a text; NULL where it is not there.
  [[nodiscard]] virtual std::string json_member(const std::string& name) const = 0;
  /// The inbox's name, quoted; empty where there is none with our columns.
  virtual std::string inbox() = 0;
  virtual std::string inbox_time_us() = 0;  ///< Of `i.processed_at`.
};

// Shared by the seams below.

/// Valid UTF-8 without zeros: what a database can hold at all.
[[nodiscard]] bool is_sound(std::string_view text);
[[nodiscard]] std::string select_list(const Database& database,
                                      const std::vector<std::string>& expressions);
[[nodiscard]] RowId id_of(Database& database, const std::string& text);
/// `t.id IN (…)`; at least one id.
[[nodiscard]] std::string id_in(Database& database, const std::vector<RowId>& ids);
[[nodiscard]] std::int64_t number_of(const std::optional<std::string>& text);
/// The rows with these ids, in this order; those that are gone are left out.
[[nodiscard]] std::vector<EventView> read_views(Database& database, const std::vector<RowId>& ids,
                                                std::size_t payload_bytes_max);
/// An expression that yields an EventState as a number.
[[nodiscard]] std::string state_sql(Database& database);

[[nodiscard]] std::unique_ptr<EventLookup> make_lookup(std::unique_ptr<Database> database);
[[nodiscard]] std::unique_ptr<DeadRows> make_dead_rows(std::unique_ptr<Database> database);
[[nodiscard]] std::unique_ptr<Controls> make_controls(std::unique_ptr<Database> database);
[[nodiscard]] std::unique_ptr<LetterMarks> make_letter_marks(std::unique_ptr<Database> database);

}  // namespace outbox::store::operators
