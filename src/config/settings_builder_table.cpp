// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "config/settings_builder.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

// A foreign table without these is no outbox; all else it may lack.
bool is_essential(std::string_view column) {
  return column == "id" || column == "event-type" || column == "payload" || column == "status";
}

std::string column_setting(std::string_view column) {
  return "outbox.columns." + std::string(column);
}

bool is_status_word(std::string_view word) {
  return word.size() <= 64 && std::all_of(word.begin(), word.end(), [](char letter) {
           const auto byte = static_cast<unsigned char>(letter);
           return byte >= ' ' && byte < 127 && letter != '\'' && letter != '\\';
         });
}

}  // namespace

void SettingsBuilder::read_outbox() {
  settings_.outbox_.enabled = reader_.boolean("outbox.enabled");
  settings_.preset_ = reader_.word("outbox.preset");
  TableShape& shape = settings_.outbox_.table;
  shape.preset = settings_.preset_;
  read_table_name(shape);
  bool mapped = !settings_.preset_.empty() || reader_.is_given_by_user("outbox.columns.id-type");
  for (const Setting& setting : settings_table()) {
    const bool describes =
        setting.name.starts_with("outbox.columns.") || setting.name.starts_with("outbox.status.");
    mapped = mapped || (describes && reader_.is_given_by_user(setting.name));
  }
  shape.native = !mapped;
  const std::string id_type = reader_.word("outbox.columns.id-type");
  shape.id_type = id_type == "uuid"   ? IdType::uuid
                  : id_type == "text" ? IdType::text
                                      : IdType::bigint;
  shape.order =
      reader_.word("outbox.order-by") == "created_at" ? RowOrder::created_at : RowOrder::id;
  read_columns(shape);
  read_status(shape);
  check_shape(shape);
}

void SettingsBuilder::read_table_name(TableShape& shape) {
  std::string table = reader_.text("outbox.table");
  std::string schema = reader_.text("outbox.schema");
  if (const std::size_t dot = table.find('.'); dot != std::string::npos) {
    if (!schema.empty() && schema != table.substr(0, dot)) {
      reader_.fail("outbox.schema", fmt::format("is '{}', and outbox.table is '{}'", schema, table),
                   "name the schema once");
    }
    schema = table.substr(0, dot);
    table = table.substr(dot + 1);
  }
  if (!is_sql_name(table) || (!schema.empty() && !is_sql_name(schema))) {
    reader_.fail(is_sql_name(table) ? "outbox.schema" : "outbox.table",
                 fmt::format("is {}, which is no SQL name",
                             reader_.quoted(is_sql_name(table) ? "outbox.schema" : "outbox.table")),
                 "give a letter or '_', then letters, digits and '_', at most 63; a schema goes "
                 "before a dot");
  }
  shape.table = std::move(table);
  shape.schema = std::move(schema);
}

void SettingsBuilder::read_columns(TableShape& shape) {
  std::map<std::string, std::string> taken;
  for (const ColumnField& field : column_fields) {
    const std::string name = column_setting(field.name);
    std::string column(trimmed(reader_.text(name)));
    auto& place = shape.columns.*field.member;
    place.reset();
    if (column.empty()) continue;
    bool optional = column.ends_with('?');
    if (optional) column.pop_back();
    // Who maps some columns by hand describes a table that may lack all those of ours he leaves.
    const bool left_to_us = settings_.preset_.empty() && !reader_.is_given(name);
    optional = optional || (!shape.native && left_to_us && !is_essential(field.name));
    if (!is_sql_name(column)) {
      reader_.fail(name, fmt::format("is {}, which is no SQL name", reader_.quoted(name)),
                   "give a letter or '_', then letters, digits and '_', at most 63; empty where "
                   "the table has no such column");
    }
    const auto [other, fresh] = taken.emplace(column, name);
    if (!fresh && left_to_us && optional) continue;
    if (!fresh) {
      reader_.fail(name, fmt::format("is '{}', which {} is too", column, other->second),
                   "give each its own column, or leave one empty");
    }
    place = column;
    if (optional) shape.optional_columns.push_back(column);
  }
}

void SettingsBuilder::read_status(TableShape& shape) {
  const auto word = [&](std::string_view key) {
    const std::string name = "outbox.status." + std::string(key);
    std::string text(trimmed(reader_.text(name)));
    if (!is_status_word(text)) {
      reader_.fail(name, fmt::format("is {}", reader_.quoted(name)),
                   "give at most 64 printable letters without ' and \\");
    }
    return text;
  };
  const auto optional_word = [&](std::string_view key) {
    const std::string text = word(key);
    return text.empty() ? StatusWords::Word() : StatusWords::Word(text);
  };
  shape.status.pending = word("pending");
  shape.status.processing = optional_word("processing");
  shape.status.published = word("published");
  shape.status.failed = optional_word("failed");
  shape.status.retry = optional_word("retry");
  shape.status.dead = word("dead");
}

void SettingsBuilder::check_shape(const TableShape& shape) const {
  for (const ColumnField& field : column_fields) {
    if (is_essential(field.name) && !(shape.columns.*field.member)) {
      reader_.fail(column_setting(field.name), "is empty", "an outbox table must have this column");
    }
  }
  if (!shape.columns.key && !shape.columns.aggregate_id) {
    reader_.fail("outbox.columns.aggregate-id", "is empty, and so is outbox.columns.key",
                 "name the column that holds the key of the message");
  }
  if (shape.order == RowOrder::created_at && !shape.columns.created_at) {
    reader_.fail("outbox.order-by", "is 'created_at', and outbox.columns.created-at is empty",
                 "name that column, or order by id");
  }
  std::map<std::string, std::string> taken;
  const auto check_word = [&](const std::string& key, const StatusWords::Word& word) {
    if (!word) return;
    const std::string name = "outbox.status." + key;
    if (word->empty()) reader_.fail(name, "is empty", "give the table's word for it");
    const auto [other, fresh] = taken.emplace(*word, name);
    // FAILED may say both "to be tried again" and "given up", where a time tells the two apart.
    const bool allowed_twice = key == "dead" && shape.dead_is_failed_for_ever();
    if (!fresh && !allowed_twice) {
      reader_.fail(name, fmt::format("is '{}', which {} is too", *word, other->second),
                   "give each its own word, or leave it empty where the table has none");
    }
  };
  check_word("pending", shape.status.pending);
  check_word("processing", shape.status.processing);
  check_word("published", shape.status.published);
  check_word("failed", shape.status.failed);
  check_word("retry", shape.status.retry);
  check_word("dead", shape.status.dead);
}

}  // namespace outbox::config
