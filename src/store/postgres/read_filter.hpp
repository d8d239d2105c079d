// SPDX-License-Identifier: Apache-2.0
//
// What a ReadRequest leaves out, as SQL and as parameters in step with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/capture.hpp"
#include "store/postgres/connection.hpp"
#include "store/postgres/table.hpp"

namespace outbox::store::postgres {

/// Conditions of one read, made of the pieces that were quoted when the table was looked up. Values
/// are bound: an unnamed statement is planned with them, so that PostgreSQL hashes the long arrays.
class ReadFilter {
 public:
  ReadFilter(const Table& table, const ReadRequest& request);

  /// Rows of the buckets that belong to the leases; nothing where these are all slots.
  void add_buckets(int slots);
  void add_floor(std::optional<std::int64_t> floor);
  /// Rows in flight, blocked keys, all but the keys asked for, held routes.
  void add_exclusions();
  /// Where the next parameter goes; returns its placeholder.
  std::string next();

  [[nodiscard]] const std::string& conditions() const noexcept { return conditions_; }
  Parameters& parameters() noexcept { return parameters_; }

 private:
  void add_in_flight();
  void add_held_routes();

  const Table& table_;
  const ReadRequest& request_;
  std::string conditions_;
  Parameters parameters_;
};

/// Binds the ids of `items` as the array that Table::id_array casts.
template <class Items, class IdOf>
void bind_ids(Parameters& parameters, const Table& table, const Items& items, IdOf id_of) {
  if (table.number_ids()) {
    std::vector<std::int64_t> numbers;
    numbers.reserve(items.size());
    for (const auto& item : items)
      numbers.push_back(id_of(item).number);
    parameters.numbers(numbers);
    return;
  }
  std::vector<std::string_view> texts;
  texts.reserve(items.size());
  for (const auto& item : items)
    texts.push_back(id_of(item).text);
  parameters.texts(texts);
}

/// The stored number of slots, which reads need to tell a row's slot. Throws Error(not_found)
/// naming `outboxd migrate` where none is stored.
[[nodiscard]] int stored_slots(Connection& connection, const Table& table);
/// Of the number of slots.
[[nodiscard]] int stored_generation(Connection& connection, const Table& table);

}  // namespace outbox::store::postgres
