// SPDX-License-Identifier: Apache-2.0
//
// Many rows to one statement: they go along as one JSON array, which both databases can read as a
// table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <outbox/transaction.hpp>

namespace shop {

struct Column {
  std::string_view name;
  std::string_view type;  ///< PostgreSQL's word; SQLite needs none.
};

/// What stands behind FROM to read parameter $1, a JSON array of objects, as the table `r`.
inline std::string rows_of_json(outbox::Dialect dialect, const std::vector<Column>& columns) {
  std::string list;
  for (const Column& column : columns) {
    if (!list.empty()) list += ", ";
    if (dialect == outbox::Dialect::postgres) {
      list.append(column.name).append(" ").append(column.type);
    } else {
      list.append("json_extract(value, '$.").append(column.name).append("') AS ");
      list.append(column.name);
    }
  }
  if (dialect == outbox::Dialect::postgres) return "json_to_recordset($1::json) AS r(" + list + ")";
  return "(SELECT " + list + " FROM json_each($1)) AS r";
}

/// Row locks where there are any; on SQLite the writer has the whole database.
inline std::string for_update(outbox::Dialect dialect, std::string_view table) {
  if (dialect == outbox::Dialect::sqlite) return "";
  // No key changes, so that rows that refer to this one can be inserted meanwhile.
  return " FOR NO KEY UPDATE OF " + std::string(table);
}

}  // namespace shop
