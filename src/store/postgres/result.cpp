// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <utility>

#include <libpq-fe.h>

#include "store/postgres/connection.hpp"

namespace outbox::store::postgres {

Result::Result(std::shared_ptr<PGresult> result)
    : result_(std::move(result)), rows_(PQntuples(result_.get())) {}

int Result::columns() const noexcept {
  return PQnfields(result_.get());
}

bool Result::is_null(int row, int column) const noexcept {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view Result::bytes(int row, int column) const noexcept {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::string Result::text(int row, int column) const {
  return std::string(bytes(row, column));
}

std::int32_t Result::integer(int row, int column) const {
  return static_cast<std::int32_t>(number(row, column));
}

std::int64_t Result::number(int row, int column) const {
  const std::string_view value = bytes(row, column);
  switch (value.size()) {
    case 2:
      return network_number<std::int16_t>(value.data());
    case 4:
      return network_number<std::int32_t>(value.data());
    case 8:
      return network_number<std::int64_t>(value.data());
    default:
      return 0;  // NULL
  }
}

bool Result::boolean(int row, int column) const {
  const std::string_view value = bytes(row, column);
  return !value.empty() && value[0] == 1;
}

Uuid Result::uuid(int row, int column) const {
  Uuid uuid;
  const std::string_view value = bytes(row, column);
  if (value.size() == uuid.bytes.size()) {
    std::copy(value.begin(), value.end(), uuid.bytes.begin());
  }
  return uuid;
}

std::vector<int> Result::integers(int row, int column) const {
  std::vector<int> numbers;
  const std::string_view value = bytes(row, column);
  if (value.size() < 20) return numbers;  // NULL, or an array without dimensions.
  const auto count = network_number<std::int32_t>(value.data() + 12);
  for (std::size_t at = 20; std::cmp_less(numbers.size(), count) && at + 8 <= value.size();
       at += 8) {
    numbers.push_back(network_number<std::int32_t>(value.data() + at + 4));
  }
  return numbers;
}

std::vector<std::vector<std::optional<std::string>>> Result::texts() const {
  std::vector<std::vector<std::optional<std::string>>> texts;
  texts.reserve(static_cast<std::size_t>(rows_));
  for (int row = 0; row < rows_; ++row) {
    auto& values = texts.emplace_back();
    for (int column = 0; column < columns(); ++column) {
      if (is_null(row, column))
        values.emplace_back(std::nullopt);
      else
        values.emplace_back(text(row, column));
    }
  }
  return texts;
}

std::int64_t Result::touched() const {
  return std::strtoll(PQcmdTuples(result_.get()), nullptr, 10);
}

}  // namespace outbox::store::postgres
