// SPDX-License-Identifier: Apache-2.0
#include "gateway/positions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace outbox::gateway {
namespace {

template <class Number>
bool read_number(std::string_view text, Number& number) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return false;
  const char* end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, number);
  return fault == std::errc() && at == end;
}

}  // namespace

std::size_t Slots::add(std::string_view topic, int partition) {
  if (const auto known = find(topic, partition)) return *known;
  const auto found = std::find(topics_.begin(), topics_.end(), topic);
  slots_.push_back({static_cast<std::size_t>(found - topics_.begin()), partition});
  return slots_.size() - 1;
}

std::optional<std::size_t> Slots::find(std::string_view topic, int partition) const {
  const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.partition == partition && topics_[slot.topic] == topic;
  });
  if (found == slots_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - slots_.begin());
}

std::string Slots::text(std::span<const std::int64_t> offsets) const {
  std::string out;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slot > 0) out += ',';
    if (slots_[slot].topic > 0) out += topic(slot) + '/';
    fmt::format_to(std::back_inserter(out), "{}:{}", slots_[slot].partition, offsets[slot]);
  }
  return out;
}

std::optional<Slots::Parsed> Slots::parse(std::string_view text) const {
  Parsed parsed{Offsets(slots_.size(), 0)};
  std::vector<bool> seen(slots_.size());
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view entry = text.substr(0, comma);
    std::string_view topic = topics_.front();
    if (const std::size_t slash = entry.find('/'); slash != std::string_view::npos) {
      topic = entry.substr(0, slash);
      entry.remove_prefix(slash + 1);
    }
    const std::size_t colon = entry.find(':');
    int partition = 0;
    std::int64_t offset = 0;
    if (colon == std::string_view::npos || !read_number(entry.substr(0, colon), partition) ||
        !read_number(entry.substr(colon + 1), offset)) {
      return std::nullopt;
    }
    if (const auto slot = find(topic, partition)) {
      if (seen[*slot]) return std::nullopt;
      seen[*slot] = true;
      parsed.offsets[*slot] = offset;
    } else {
      parsed.has_unknown = true;
    }
    if (comma == std::string_view::npos) return parsed;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace outbox::gateway
