// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/foreign.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace outbox::store::sqlite {

namespace {

std::string in_capitals(std::string_view text) {
  std::string capitals(text);
  for (char& letter : capitals) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return capitals;
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [text](std::string_view word) { return text.find(word) != text.npos; });
}

const char* id_type_word(IdType type) {
  if (type == IdType::bigint) return "bigint";
  return type == IdType::uuid ? "uuid" : "text";
}

// SQLite compares names without regard to case: both sides are written in capitals here.
class LookUp {
 public:
  LookUp(Connection& connection, const HomeOptions& options)
      : connection_(connection), options_(options), shape_(options.table) {}

  Table run() {
    look_up_table();
    look_up_columns();
    check_columns();
    check_settings();
    check_id();
    Table table;
    table.sql = foreign_sql(shape_, facts_);
    table.shape = std::move(shape_);
    table.facts = facts_;
    return table;
  }

 private:
  void look_up_table() {
    Query query = connection_.query(
        "SELECT type, wr FROM pragma_table_list(?1) WHERE schema = 'main'", shape_.table);
    if (!query.step()) {
      throw Error(ErrorKind::not_found, "SQLite: there is no table " + shape_.table,
                  "set outbox.table to the table of that preset");
    }
    if (query.text(0) != "table") {
      throw Error(ErrorKind::configuration, "SQLite: " + shape_.table + " is no table",
                  "set outbox.table to the table itself");
    }
    facts_.has_rowid = query.integer(1) == 0;
  }

  void look_up_columns() {
    Query query = connection_.query("SELECT name, type FROM pragma_table_info(?1)", shape_.table);
    while (query.step()) {
      names_.emplace(query.text(0));
      types_[in_capitals(query.text(0))] = in_capitals(query.text(1));
    }
    std::set<std::string> found;
    for (const std::string& name : shape_.column_names()) {
      if (types_.contains(in_capitals(name))) found.insert(name);
    }
    shape_.drop_missing_optional_columns(found);
    if (const auto& id = shape_.columns.aggregate_id)
      facts_.aggregate_id_is_number = has_any(type_of(*id), {"INT"});
  }

  [[nodiscard]] std::string type_of(const std::string& name) const {
    const auto found = types_.find(in_capitals(name));
    return found == types_.end() ? "" : found->second;
  }

  void check_columns() const {
    std::string missing;
    for (const std::string& name : shape_.column_names()) {
      if (types_.contains(in_capitals(name))) continue;
      missing += (missing.empty() ? "" : ", ") + name;
    }
    if (missing.empty()) return;
    std::string hint = "set outbox.columns to the names that the table has";
    const std::string_view fitting = preset_of(names_);
    if (!fitting.empty() && fitting != shape_.preset) {
      hint = fmt::format("it looks like a table for outbox.preset={}; otherwise {}", fitting, hint);
    } else if (!shape_.preset.empty()) {
      hint = fmt::format("outbox.preset {} asks for it: {}", shape_.preset, hint);
    }
    throw Error(ErrorKind::not_found,
                fmt::format("SQLite: the table {} has no column {}", shape_.table, missing), hint);
  }

  void check_settings() const {
    if (options_.aggregate_types.empty() || shape_.columns.aggregate_type) return;
    throw Error(ErrorKind::configuration,
                fmt::format("relay.aggregate-types: the table {} has no such column", shape_.table),
                "set outbox.columns.aggregate-type, or leave the filter out");
  }

  void check_id() {
    const std::string& id = *shape_.columns.id;
    const std::string type = type_of(id);
    const bool fits = shape_.id_type == IdType::bigint
                          ? has_any(type, {"INT"})
                          : has_any(type, {"CHAR", "CLOB", "TEXT", "UUID"});
    if (!fits) {
      throw Error(ErrorKind::configuration,
                  fmt::format("SQLite: the column {} of {} is {} and not {}", id, shape_.table,
                              type.empty() ? "of no type" : type, id_type_word(shape_.id_type)),
                  "set outbox.columns.id-type to bigint or text as the table has it; ids that are "
                  "blobs cannot be relayed");
    }
    if (shape_.id_type != IdType::bigint) return;
    int is_key = 0;
    int is_counted = 0;
    sqlite3_table_column_metadata(connection_.handle(), "main", shape_.table.c_str(), id.c_str(),
                                  nullptr, nullptr, nullptr, &is_key, &is_counted);
    facts_.counts_ids = is_counted != 0;
    facts_.reuses_ids = is_key != 0 && type == "INTEGER" && facts_.has_rowid &&
                        !facts_.counts_ids && !shape_.columns.event_id;
    if (facts_.reuses_ids && options_.settle == SettleMode::remove) {
      throw Error(ErrorKind::configuration,
                  fmt::format("relay.settle=delete: the ids of {} are given out again once the "
                              "newest row is deleted, and the events' identities with them",
                              shape_.table),
                  "set relay.settle=mark, or make the id INTEGER PRIMARY KEY AUTOINCREMENT");
    }
  }

  Connection& connection_;
  const HomeOptions& options_;
  TableShape shape_;
  TableFacts facts_;
  std::set<std::string> names_;
  std::map<std::string, std::string> types_;
};

}  // namespace

Table look_up_foreign(Connection& connection, const HomeOptions& options) {
  return LookUp(connection, options).run();
}

std::string_view preset_of(const std::set<std::string>& columns) {
  const auto has = [&columns](std::initializer_list<const char*> names) {
    return std::all_of(names.begin(), names.end(),
                       [&columns](const char* name) { return columns.contains(name); });
  };
  if (has({"event_data", "max_retries"})) return "trading";
  if (has({"event_data", "processed_at"})) return "framework";
  if (has({"partition_key", "event_type", "payload"})) return "commerce";
  return "";
}

}  // namespace outbox::store::sqlite
