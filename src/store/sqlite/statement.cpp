// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/statement.hpp"

#include <charconv>

#include <fmt/format.h>

namespace outbox::store::sqlite {
namespace {

// False: the text is no number of this kind, such as one above 64 bits.
template <class Number>
bool read(const std::string& text, Number& value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size();
}

void bind(Query& query, int index, const Parameter& parameter) {
  const auto& text = parameter.text();
  std::int64_t integer = 0;
  double real = 0;
  if (text && parameter.kind() == Parameter::Kind::integer && read(*text, integer))
    query.bind(index, integer);
  else if (text && parameter.kind() == Parameter::Kind::real && read(*text, real))
    query.bind_real(index, real);
  else
    query.bind_optional(index, text);
}

void bind_all(Query& query, std::span<const Parameter> parameters) {
  // To SQLite `$1` is a name, numbered by where it first stands: hence by name.
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const int index = query.index_of(fmt::format("${}", i + 1));
    if (index == 0) {
      throw Error(ErrorKind::usage,
                  fmt::format("the statement has no placeholder ${} for its parameter", i + 1));
    }
    bind(query, index, parameters[i]);
  }
  const int wanted = query.parameters();
  if (static_cast<std::size_t>(wanted) != parameters.size()) {
    throw Error(ErrorKind::usage,
                fmt::format("the statement has {} placeholders, and {} parameters were given",
                            wanted, parameters.size()),
                "write them as $1, $2, …");
  }
}

}  // namespace

Rows run_statement(sqlite3* connection, std::string_view sql,
                   std::span<const Parameter> parameters) {
  Query query = prepare_once(connection, sql);
  bind_all(query, parameters);
  Rows rows;
  while (query.step()) {
    std::vector<std::optional<std::string>> values;
    values.reserve(static_cast<std::size_t>(query.columns()));
    for (int column = 0; column < query.columns(); ++column) {
      values.push_back(query.is_null(column)
                           ? std::nullopt
                           : std::optional<std::string>(std::string(query.text(column))));
    }
    rows.emplace_back(std::move(values));
  }
  return rows;
}

bool is_in_transaction(sqlite3* connection) noexcept {
  return sqlite3_get_autocommit(connection) == 0;
}

std::int64_t last_row_id(sqlite3* connection) noexcept {
  return sqlite3_last_insert_rowid(connection);
}

}  // namespace outbox::store::sqlite
