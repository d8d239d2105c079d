// SPDX-License-Identifier: Apache-2.0
#include "admin/site.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <outbox/error.hpp>

namespace outbox::admin {
namespace {

constexpr std::size_t id_bytes_max = 1'000;

}  // namespace

const StoreSite& Site::store(const std::string& name) const {
  const auto found = std::ranges::find(stores, name, &StoreSite::name);
  if (found != stores.end()) return *found;
  if (stores.empty()) {
    throw Error(ErrorKind::configuration, "no database is set, or every shard is inactive",
                "set DATABASE_CONN, OUTBOXD_DATABASE_URL or --database.url, or a shard's url");
  }
  std::vector<std::string> names;
  for (const StoreSite& one : stores)
    names.push_back(one.name);
  throw Error(ErrorKind::not_found, fmt::format("there is no store '{}'", clean_utf8(name)),
              fmt::format("they are: {}", fmt::join(names, ", ")));
}

std::vector<const StoreSite*> Site::chosen(const std::optional<std::string>& name) const {
  if (name) return {&store(*name)};
  std::vector<const StoreSite*> all;
  for (const StoreSite& one : stores)
    all.push_back(&one);
  return all;
}

const ConsumerSite* Site::consumer(const std::string& name) const {
  for (const ConsumerSite& one : consumers) {
    if (one.group_id == name) return &one;
  }
  for (const ConsumerSite& one : consumers) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

std::vector<std::string> Site::dead_letter_topics() const {
  std::set<std::string> names = {default_dead_letter_topic};
  for (const ConsumerSite& one : consumers)
    names.insert(one.dead_letter_topics.begin(), one.dead_letter_topics.end());
  return {names.begin(), names.end()};
}

RowId parse_row_id(const StoreSite& store, const std::string& text) {
  RowId id;
  const auto refuse = [&](const char* what) {
    return Error(ErrorKind::usage,
                 fmt::format("'{}' is no id of a row of store {}", clean_utf8(text.substr(0, 100)),
                             store.name),
                 what);
  };
  if (!store.rows_have_number_ids) {
    const bool is_plain = std::ranges::none_of(
        text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
    if (text.empty() || text.size() > id_bytes_max || !is_plain || clean_utf8(text) != text) {
      throw refuse("give the id as the table has it");
    }
    id.text = text;
    return id;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id.number);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw refuse("its ids are whole numbers");
  }
  return id;
}

}  // namespace outbox::admin
