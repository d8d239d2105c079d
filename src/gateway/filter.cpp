// SPDX-License-Identifier: Apache-2.0
#include "gateway/filter.hpp"

#include <algorithm>
#include <set>

#include "gateway/client.hpp"

namespace outbox::gateway {
namespace {

bool has(const std::vector<std::string>& values, const std::string& value) {
  return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

bool Filter::matches(const Subject& subject) const {
  return has(aggregate_ids, subject.aggregate_id) && has(event_types, subject.event_type) &&
         has(aggregate_types, subject.aggregate_type);
}

/// Each value once: a client must not get a message twice because its filter says a value twice.
template <class Use>
void FilterIndex::for_each_place(const Filter& filter, Use use) {
  const auto under = [&](ByValue& index, const std::vector<std::string>& values) {
    for (const std::string& value : std::set<std::string>(values.begin(), values.end()))
      use(&index, value);
  };
  if (!filter.aggregate_ids.empty()) return under(by_aggregate_id_, filter.aggregate_ids);
  if (!filter.event_types.empty()) return under(by_event_type_, filter.event_types);
  if (!filter.aggregate_types.empty()) return under(by_aggregate_type_, filter.aggregate_types);
  use(nullptr, std::string());
}

void FilterIndex::add(Client& client) {
  for_each_place(client.filter(), [&](ByValue* index, const std::string& value) {
    (index == nullptr ? all_ : (*index)[value]).push_back(&client);
  });
}

void FilterIndex::remove(Client& client) {
  for_each_place(client.filter(), [&](ByValue* index, const std::string& value) {
    Clients& clients = index == nullptr ? all_ : (*index)[value];
    const auto found = std::find(clients.begin(), clients.end(), &client);
    if (found != clients.end()) {
      *found = clients.back();
      clients.pop_back();
    }
    if (index != nullptr && clients.empty()) index->erase(value);
  });
}

void FilterIndex::find(const Subject& subject, std::vector<Client*>& found) const {
  const auto look = [&](const Clients& clients) {
    for (Client* client : clients) {
      if (client->filter().matches(subject)) found.push_back(client);
    }
  };
  const auto look_under = [&](const ByValue& index, const std::string& value) {
    if (const auto clients = index.find(value); clients != index.end()) look(clients->second);
  };
  look_under(by_aggregate_id_, subject.aggregate_id);
  look_under(by_event_type_, subject.event_type);
  look_under(by_aggregate_type_, subject.aggregate_type);
  look(all_);
}

}  // namespace outbox::gateway
