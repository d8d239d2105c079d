// SPDX-License-Identifier: Apache-2.0
//
// What the status document is made of: what one store and the brokers tell, and their JSON.
#pragma once

#include <optional>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "admin/json.hpp"
#include "admin/office.hpp"

namespace outbox::admin {

struct RelayStatus {
  std::string name;
  store::LeaseView leases;
  store::BacklogView backlog;
};

struct StoreFigures {
  std::vector<RelayStatus> relays;
  std::string types_without_relay;  ///< `stock (3), …`; empty: none.
  store::TableFigures table;
  std::vector<store::Pause> pauses;
  std::vector<store::HeldTopic> held_topics;
  std::string error;  ///< Of a part that could not be told, though the store is up.
};

/// Asks all of it. Throws where the store does not answer.
[[nodiscard]] StoreFigures read_store(StoreSeams& seams);

struct BrokerFigures {
  bool is_up = false;
  std::string error;
  broker::ClusterView cluster;
  std::map<std::string, broker::GroupView> groups;                    ///< By group id.
  std::map<std::string, std::vector<broker::PartitionRange>> ranges;  ///< By topic.
  std::map<std::string, std::string> errors;                          ///< By topic, or group id.
  std::set<std::string> missing;                                      ///< Topics there are not.
};

/// How many of a topic's messages were replayed or discarded as dead letters; topics of which that
/// is not known are left out.
using SettledLetters = std::map<std::string, std::int64_t>;

/// Of the consumers that the site names. Throws where no broker answers.
[[nodiscard]] BrokerFigures read_broker(BrokerSeams& seams);

[[nodiscard]] Json store_json(const Office::Told<StoreFigures>& told);
[[nodiscard]] Json broker_json(const BrokerFigures& figures, bool is_configured);
[[nodiscard]] Json consumer_json(const ConsumerSite& consumer, const BrokerFigures& figures,
                                 const SettledLetters& settled);
/// Asks the stores for what became of the letters that the topics of this site's consumers hold;
/// nothing where they hold none.
[[nodiscard]] SettledLetters read_settled(Office& office, const BrokerFigures& figures);
[[nodiscard]] Json pause_json(const std::string& store, const store::Pause& pause);

}  // namespace outbox::admin
