// SPDX-License-Identifier: Apache-2.0
//
// What a client wants to see, and who wants to see a message: looked up, not asked of every client.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/message.hpp"

namespace outbox::gateway {

/// Values of one field are alternatives, fields must all fit; a field without values fits always.
struct Filter {
  std::vector<std::string> event_types;
  std::vector<std::string> aggregate_types;
  std::vector<std::string> aggregate_ids;

  [[nodiscard]] bool matches(const Subject& subject) const;
};

class Client;

/// The clients that get messages as they come, each under the values of the field of its filter
/// that is likely to fit least.
class FilterIndex {
 public:
  void add(Client& client);
  void remove(Client& client);

  /// Appends the clients whose filters match.
  void find(const Subject& subject, std::vector<Client*>& found) const;

 private:
  using Clients = std::vector<Client*>;
  using ByValue = std::unordered_map<std::string, Clients>;

  template <class Use>
  void for_each_place(const Filter& filter, Use use);

  ByValue by_aggregate_id_;
  ByValue by_event_type_;
  ByValue by_aggregate_type_;
  Clients all_;
};

}  // namespace outbox::gateway
