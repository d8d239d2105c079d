// SPDX-License-Identifier: Apache-2.0
#include "admin/status.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/status_parts.hpp"

namespace outbox::admin {
namespace {

struct Gathered {
  std::vector<Office::Told<StoreFigures>> stores;
  BrokerFigures broker;
  SettledLetters settled;
};

Gathered gather(Office& office, const std::vector<const StoreSite*>& stores, bool with_broker) {
  Gathered all;
  std::optional<PendingAnswer<BrokerFigures>> brokers;
  const Moment deadline = BootClock::now() + office.site().quick_timeout;
  if (with_broker && office.site().has_broker) {
    brokers = office.begin_broker<BrokerFigures>(Pace::quick, read_broker);
  } else {
    all.broker.error = "kafka.bootstrap-servers is not set";
  }
  all.stores = office.ask_all<StoreFigures>(stores, Pace::quick, read_store);
  if (!brokers) return all;
  try {
    all.broker = brokers->wait_until(deadline + std::chrono::seconds(1));
    all.settled = read_settled(office, all.broker);
  } catch (const Error& error) {
    all.broker.error = error.what();
  }
  return all;
}

Json items_of(Json items) {
  return {{"items", std::move(items)}};
}

Json stores_of(const Gathered& all) {
  Json stores = Json::array();
  for (const auto& one : all.stores)
    stores.push_back(store_json(one));
  return stores;
}

std::set<std::string> paused_consumers(const Gathered& all) {
  std::set<std::string> names;
  for (const auto& one : all.stores) {
    if (!one.answer) continue;
    for (const store::Pause& pause : one.answer->pauses) {
      if (pause.kind == store::PauseKind::consumer) names.insert(pause.name);
    }
  }
  return names;
}

Json consumers_of(const Site& site, const Gathered& all) {
  const std::set<std::string> paused = paused_consumers(all);
  Json consumers = Json::array();
  for (const ConsumerSite& one : site.consumers) {
    Json consumer = consumer_json(one, all.broker, all.settled);
    consumer["paused"] = paused.contains(one.group_id);
    consumers.push_back(std::move(consumer));
  }
  return consumers;
}

}  // namespace

Json status_document(Office& office, const OwnFigures& own,
                     const std::optional<std::string>& store) {
  const Gathered all = gather(office, office.site().chosen(store), true);
  Json document = {{"version", office.site().version},
                   {"instance", own.instance},
                   {"verdict", nullptr},
                   {"stores", stores_of(all)},
                   {"consumers", consumers_of(office.site(), all)},
                   {"broker", broker_json(all.broker, office.site().has_broker)}};
  Json pauses = Json::array();
  for (const auto& one : all.stores) {
    if (!one.answer) continue;
    for (const store::Pause& pause : one.answer->pauses)
      pauses.push_back(pause_json(one.store->name, pause));
  }
  document["pauses"] = std::move(pauses);
  document["rates"] = own.rates;
  document["verdict"] = verdict_of(document);
  return document;
}

Json list_stores(Office& office, const std::optional<std::string>& store) {
  return items_of(stores_of(gather(office, office.site().chosen(store), false)));
}

Json list_relays(Office& office, const std::optional<std::string>& store) {
  const Gathered all = gather(office, office.site().chosen(store), false);
  Json items = Json::array();
  Json errors = Json::array();
  for (const auto& one : all.stores) {
    const Json whole = store_json(one);
    if (!one.answer) errors.push_back({{"store", one.store->name}, {"error", whole["error"]}});
    for (const Json& relay : whole["relays"]) {
      Json item = {{"store", one.store->name}};
      item.update(relay);
      items.push_back(std::move(item));
    }
  }
  return {{"items", std::move(items)}, {"errors", std::move(errors)}};
}

Json list_consumers(Office& office) {
  return items_of(
      consumers_of(office.site(), gather(office, office.site().chosen(std::nullopt), true)));
}

Json blocked_keys(Office& office, const std::optional<std::string>& store) {
  const Gathered all = gather(office, office.site().chosen(store), false);
  std::vector<Json> keys;
  Json errors = Json::array();
  for (const auto& one : all.stores) {
    const Json whole = store_json(one);
    if (!one.answer) errors.push_back({{"store", one.store->name}, {"error", whole["error"]}});
    for (const Json& relay : whole["relays"]) {
      for (const Json& key : relay["backlog"]["blocked_keys"]) {
        Json item = {{"store", one.store->name}, {"relay", relay["name"]}};
        item.update(key);
        keys.push_back(std::move(item));
      }
    }
  }
  std::ranges::stable_sort(keys, [](const Json& one, const Json& other) {
    return one["attempts"].get<int>() > other["attempts"].get<int>();
  });
  return {{"items", std::move(keys)}, {"errors", std::move(errors)}};
}

}  // namespace outbox::admin
