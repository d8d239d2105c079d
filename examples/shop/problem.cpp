// SPDX-License-Identifier: Apache-2.0
#include "problem.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace shop {
namespace {

constexpr int unprocessable = 422;

// Above 63 bits the JSON library holds an unsigned number, which would turn negative.
bool is_whole(const nlohmann::json& value) {
  if (!value.is_number_integer()) return false;
  return !value.is_number_unsigned() ||
         value.get<std::uint64_t>() <=
             static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
}

}  // namespace

Fields::Fields(const nlohmann::json& object, std::initializer_list<std::string_view> known,
               std::string where)
    : object_(object), where_(std::move(where)) {
  if (!object_.is_object()) {
    throw Problem(unprocessable, "invalid_field",
                  where_.empty() ? "the body is no JSON object" : where_ + " is no JSON object");
  }
  for (const auto& [name, value] : object_.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      refuse(name.substr(0, 60), "is not known here");
    }
  }
}

void Fields::refuse(std::string_view name, const std::string& what) const {
  throw Problem(unprocessable, "invalid_field",
                fmt::format("{}{}{} {}", where_, where_.empty() ? "" : ".", name, what));
}

const nlohmann::json& Fields::at(std::string_view name) const {
  const auto found = object_.find(name);
  if (found == object_.end()) refuse(name, "is missing");
  return *found;
}

std::int64_t Fields::whole(std::string_view name, std::int64_t least, std::int64_t most) const {
  const nlohmann::json& value = at(name);
  if (is_whole(value)) {
    const auto number = value.get<std::int64_t>();
    if (number >= least && number <= most) return number;
  }
  refuse(name, fmt::format("is no whole number from {} to {}", least, most));
}

std::int64_t Fields::whole_or(std::string_view name, std::int64_t least, std::int64_t most,
                              std::int64_t fallback) const {
  return object_.contains(name) ? whole(name, least, most) : fallback;
}

std::string Fields::text(std::string_view name, std::size_t bytes_max) const {
  const nlohmann::json& value = at(name);
  if (!value.is_string()) refuse(name, "is no text");
  const auto& text = value.get_ref<const std::string&>();
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7F';
  });
  if (text.empty() || text.size() > bytes_max || has_control) {
    refuse(name, fmt::format("is no text of 1 to {} bytes without control characters", bytes_max));
  }
  return text;
}

const nlohmann::json& Fields::array(std::string_view name, std::size_t size_max) const {
  const nlohmann::json& value = at(name);
  if (value.is_array() && !value.empty() && value.size() <= size_max) return value;
  refuse(name, fmt::format("is no array of 1 to {} values", size_max));
}

}  // namespace shop
