// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/literal.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace outbox::store::mariadb {
namespace {

// Shorter runs are as cheap one by one.
constexpr std::size_t run_min = 8;

std::string list_of(std::string_view column, const std::string& values) {
  return fmt::format("{} IN ({})", column, values);
}

std::string number_condition(std::string_view column, std::vector<RowId>& ids) {
  std::ranges::sort(ids, {}, &RowId::number);
  std::string ranges;
  std::string singles;
  for (std::size_t begin = 0; begin < ids.size();) {
    std::size_t end = begin + 1;
    while (end < ids.size() && ids[end].number <= ids[end - 1].number + 1)
      ++end;
    if (end - begin >= run_min) {
      ranges += fmt::format("{}{} BETWEEN {} AND {}", ranges.empty() ? "" : " OR ", column,
                            ids[begin].number, ids[end - 1].number);
    } else {
      for (std::size_t at = begin; at < end; ++at) {
        singles += fmt::format("{}{}", singles.empty() ? "" : ",", ids[at].number);
      }
    }
    begin = end;
  }
  if (singles.empty()) return "(" + ranges + ")";
  if (ranges.empty()) return list_of(column, singles);
  return fmt::format("({} OR {})", ranges, list_of(column, singles));
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  std::string quoted = "`";
  for (const char letter : name) {
    if (letter == '`') quoted += '`';
    quoted += letter;
  }
  return quoted + '`';
}

std::string quote_text(std::string_view text) {
  std::string quoted = "'";
  for (const char letter : text) {
    if (letter == '\0') {
      quoted += "\\0";
      continue;
    }
    if (letter == '\'' || letter == '\\') quoted += '\\';
    quoted += letter;
  }
  return quoted + '\'';
}

std::string quote_bytes(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string quoted = "X'";
  quoted.reserve(bytes.size() * 2 + 3);
  for (const char letter : bytes) {
    const auto byte = static_cast<unsigned char>(letter);
    quoted += digits[byte >> 4U];
    quoted += digits[byte & 15U];
  }
  return quoted + '\'';
}

std::string quote_bytes_list(std::span<const std::string> values) {
  std::string list = "(";
  for (const std::string& value : values)
    list += (list.size() == 1 ? "" : ",") + quote_bytes(value);
  return list + ')';
}

std::string id_condition(std::string_view column, std::vector<RowId> ids, bool numbers) {
  if (numbers) return number_condition(column, ids);
  std::string values;
  for (const RowId& id : ids)
    values += (values.empty() ? "" : ",") + quote_text(id.text);
  return list_of(column, values);
}

}  // namespace outbox::store::mariadb
