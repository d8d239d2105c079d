// SPDX-License-Identifier: Apache-2.0
//
// Parameters and rows: values of statements as text.
#include <array>
#include <charconv>
#include <system_error>

#include <outbox/error.hpp>
#include <outbox/transaction.hpp>

#include <fmt/format.h>

namespace outbox {
namespace {

[[noreturn]] void refuse(std::size_t column, std::string_view stands, std::string_view wanted) {
  constexpr std::size_t shown_max = 60;
  throw Error(ErrorKind::failed,
              fmt::format("column {} holds {}, which is no {}", column,
                          stands.size() > shown_max ? std::string(stands.substr(0, shown_max)) + "…"
                                                    : std::string(stands),
                          wanted));
}

std::string quoted(const std::string& text) {
  return "'" + text + "'";
}

template <class Number>
Number number_of(std::size_t column, const std::string& text, std::string_view wanted) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) refuse(column, quoted(text), wanted);
  return value;
}

}  // namespace

Parameter::Parameter(double value) : kind_(Kind::real) {
  std::array<char, 32> digits{};
  const auto [end, code] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text_.emplace(digits.data(), end);
}

const std::string& Row::text(std::size_t column) const {
  if (column >= values_.size()) {
    throw Error(ErrorKind::failed,
                fmt::format("there is no column {} in a row of {}", column, values_.size()));
  }
  if (!values_[column]) refuse(column, "NULL", "value");
  return *values_[column];
}

std::int64_t Row::integer(std::size_t column) const {
  return number_of<std::int64_t>(column, text(column), "integer of 64 bits");
}

double Row::number(std::size_t column) const {
  return number_of<double>(column, text(column), "number");
}

bool Row::boolean(std::size_t column) const {
  const std::string& value = text(column);
  if (value == "t" || value == "true" || value == "1") return true;
  if (value == "f" || value == "false" || value == "0") return false;
  refuse(column, quoted(value), "truth value");
}

}  // namespace outbox
