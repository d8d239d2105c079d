// SPDX-License-Identifier: Apache-2.0
#include "relay/envelope_headers.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/json_text.hpp"
#include "relay/envelope_fault.hpp"

namespace outbox::relay {
namespace {

using Fault = std::optional<std::string>;

std::string_view text_of_string(std::string_view inside, TextArena& arena) {
  if (inside.find('\\') == std::string_view::npos) return inside;
  return arena.keep(decode_json_string(inside));
}

std::optional<std::string_view> header_value(std::string_view json, TextArena& arena) {
  switch (json_type(json)) {
    case JsonType::null:
      return std::nullopt;
    case JsonType::string:
      return text_of_string(json.substr(1, json.size() - 2), arena);
    default:
      return json;
  }
}

}  // namespace

Fault RowHeaders::read(std::string_view json, TextArena& arena) {
  headers_.clear();
  if (json.empty()) return std::nullopt;
  if (const auto fault = find_json_fault(json)) {
    return fmt::format("its headers are no JSON ({}): store an object of texts", describe(*fault));
  }
  json = trim_json(json);
  if (json_type(json) == JsonType::null) return std::nullopt;
  if (json_type(json) != JsonType::object) {
    return "its headers are no JSON object: store an object of texts";
  }
  for (JsonWalk walk(json); walk.next();) {
    headers_.push_back({text_of_string(walk.name(), arena), header_value(walk.value(), arena)});
    if (auto fault = check(headers_.back())) return fault;
  }
  return std::nullopt;
}

Fault RowHeaders::check(const broker::Header& header) const {
  constexpr std::size_t name_bytes_max = 255;
  if (headers_.size() > limits_.count_max) {
    return fmt::format("it has more than {} headers: store fewer", limits_.count_max);
  }
  if (header.name.empty()) return "one of its headers has an empty name: name it";
  if (header.name.size() > name_bytes_max) {
    return fmt::format("its header {} has a name of {} bytes, and {} are taken: shorten it",
                       quoted(header.name), header.name.size(), name_bytes_max);
  }
  if (header.value && header.value->size() > limits_.value_bytes_max) {
    return fmt::format("its header {} has {} bytes, and {} are taken: shorten it",
                       quoted(header.name), header.value->size(), limits_.value_bytes_max);
  }
  return std::nullopt;
}

std::string_view RowHeaders::text_of(std::string_view name) const noexcept {
  const auto found = std::find_if(headers_.begin(), headers_.end(),
                                  [&](const auto& header) { return header.name == name; });
  return found == headers_.end() ? std::string_view{} : found->value.value_or("");
}

Fault RowHeaders::append_to(std::vector<broker::Header>& headers, std::size_t begin,
                            bool value_is_wrapped) const {
  const std::size_t end = headers.size();
  for (const broker::Header& header : headers_) {
    if (value_is_wrapped && header.name == "content-type") continue;
    const auto first = headers.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = headers.begin() + static_cast<std::ptrdiff_t>(end);
    const auto ours =
        std::find_if(first, last, [&](const auto& one) { return one.name == header.name; });
    if (ours != last && ours->value == header.value) continue;
    if (ours != last || header.name == "lease_epoch" || header.name == "replay") {
      return fmt::format(
          "its header {} is one that the relay sets, with another text: rename it or "
          "leave it out",
          quoted(header.name));
    }
    headers.push_back(header);
  }
  return std::nullopt;
}

}  // namespace outbox::relay
