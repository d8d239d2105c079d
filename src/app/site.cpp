// SPDX-License-Identifier: Apache-2.0
#include "app/site.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "app/store_cleanup.hpp"
#include "app/wire.hpp"
#include "consume/forwarder.hpp"
#include "consume/read_event.hpp"
#include "core/topic_name.hpp"
#include "relay/route.hpp"

namespace outbox::app {
namespace {

// For connections that only look and change rows: no member of a relay.
constexpr const char* member_name = "admin";

/// Where each of the relays sends the events of its share.
class Routes {
 public:
  explicit Routes(const config::Settings& settings) {
    for (const std::string& name : settings.relay_names()) {
      const config::RelaySettings& relay = settings.relay(name);
      relays_.push_back(
          {relay.aggregate_types, std::make_unique<relay::Router>(relay::Router::Options{
                                      relay.default_topic, relay.routes, relay.transform, {}})});
    }
  }

  [[nodiscard]] std::string topic_of(const store::EventView& event) const {
    for (const Relay& relay : relays_) {
      const auto& types = relay.aggregate_types;
      const bool takes =
          types.empty() || std::ranges::find(types, event.aggregate_type) != types.end();
      if (!takes) continue;
      OutboxRow row;
      row.topic = event.topic;
      row.aggregate_type = event.aggregate_type;
      row.event_type = event.event_type;
      relay::Router::Memory memory;
      relay::TextArena arena(256);
      return std::string(relay.router->route(row, memory, arena).topic);
    }
    return event.topic;
  }

 private:
  struct Relay {
    std::vector<std::string> aggregate_types;
    std::unique_ptr<relay::Router> router;
  };
  std::vector<Relay> relays_;
};

class ForwardingSender : public admin::LetterSender {
 public:
  explicit ForwardingSender(broker::Home broker) : forwarder_(std::move(broker)) {}

  std::optional<Failure> send_back(const broker::IncomingMessage& letter,
                                   const std::stop_token& stop) override {
    return forwarder_.send_back(letter, stop);
  }

 private:
  consume::Forwarder forwarder_;
};

admin::Json clean_up(const config::Settings& settings, bool dry_run,
                     const admin::Running& running) {
  if (dry_run) return preview_json(settings, preview_cleanup(settings));
  Logger logger(log_level(settings), log_format(settings));
  const auto progress = [&](const jobs::CleanupSummary& so_far) {
    if (running.report) running.report({std::nullopt, so_far.rows + so_far.inbox_rows, 0, 0});
  };
  return cleanup_json(settings, clean_store(settings, logger, running.stop, progress));
}

admin::StoreSite store_site(const config::Settings& settings) {
  const config::StoreSettings& store = settings.stores().front();
  admin::StoreSite site;
  site.name = store.name;
  site.database = store.database.shown;
  site.table = settings.outbox().table.table;
  std::vector<std::string> names = settings.relay_names();
  site.has_relays = !names.empty();
  if (names.empty()) names = {"default"};
  for (const std::string& name : names) {
    std::vector<std::string> types;
    if (site.has_relays) types = settings.relay(name).aggregate_types;
    site.relays.push_back({name, std::move(types), make_store(settings, name, member_name)});
  }
  site.home = make_whole_store(settings);
  site.rows_have_number_ids = settings.outbox().table.id_type == IdType::bigint;
  const auto routes = std::make_shared<const Routes>(settings);
  site.topic_of = [routes](const store::EventView& event) { return routes->topic_of(event); };
  site.clean_up = [settings](bool dry_run, const admin::Running& running) {
    return clean_up(settings, dry_run, running);
  };
  return site;
}

/// Consumers claim in the database that database.url names.
std::string inbox_store(const config::Settings& settings) {
  for (const config::StoreSettings& store : settings.stores()) {
    if (store.database == settings.database()) return store.name;
  }
  return settings.stores().empty() ? std::string() : settings.stores().front().name;
}

admin::ConsumerSite consumer_site(const config::ConsumerSettings& consumer,
                                  const std::string& store) {
  admin::ConsumerSite site;
  site.name = consumer.name;
  site.group_id = consumer.group_id;
  site.topics = consumer.topics;
  site.store = store;
  constexpr std::string_view placeholder = "{topic}";
  const std::size_t at = consumer.dead_letter_topic.find(placeholder);
  if (at == std::string::npos) {
    site.dead_letter_topics = {consumer.dead_letter_topic};
    return site;
  }
  for (const std::string& topic : consumer.topics) {
    std::string name = consumer.dead_letter_topic;
    site.dead_letter_topics.push_back(name.replace(at, placeholder.size(), topic));
  }
  return site;
}

/// All names that are whole: templates and patterns are none. Defaults that nobody set are left
/// out: whoever never uses them needs no such topics.
std::vector<std::string> named_topics(const config::Settings& settings, const admin::Site& site) {
  std::set<std::string> names;
  const auto add = [&](const std::string& name) {
    if (topic_fault(name).empty()) names.insert(name);
  };
  const auto is_default = [&](std::string_view setting) {
    return settings.origin(setting) == "default";
  };
  for (const std::string& name : settings.relay_names()) {
    const config::RelaySettings& relay = settings.relay(name);
    if (!is_default("relay.default-topic")) add(relay.default_topic);
    add(relay.dead_letter_topic);
    for (const RouteRule& route : relay.routes)
      add(route.topic);
  }
  for (const config::ConsumerSettings& consumer : settings.consumers()) {
    for (const std::string& topic : consumer.topics)
      add(topic);
    add(consumer.delay_topic);
  }
  for (const admin::ConsumerSite& consumer : site.consumers) {
    for (const std::string& topic : consumer.dead_letter_topics)
      add(topic);
  }
  if (is_default("gateway.topics")) return {names.begin(), names.end()};
  for (const std::string& topic : settings.gateway().topics)
    add(topic);
  return {names.begin(), names.end()};
}

admin::EventWords event_words(const broker::IncomingMessage& message) {
  const consume::EventReading reading = consume::read_event(message);
  if (!reading.event) return {};
  const ReceivedEvent& event = *reading.event;
  return {to_string(event.event_id), std::string(event.event_type),
          std::string(event.aggregate_type), std::string(event.aggregate_id),
          std::string(event.content_type)};
}

}  // namespace

admin::Site make_site(const config::Settings& settings) {
  admin::Site site;
  site.version = OUTBOX_VERSION;
  for (const config::StoreSettings& store : settings.stores())
    site.stores.push_back(store_site(settings.for_store(store)));
  const std::string inbox = inbox_store(settings);
  for (const config::ConsumerSettings& consumer : settings.consumers())
    site.consumers.push_back(consumer_site(consumer, inbox));
  site.topics = named_topics(settings, site);
  site.has_broker = !settings.kafka().bootstrap_servers.empty();
  if (site.has_broker) {
    site.broker = make_broker(settings);
    site.letter_sender = [broker = site.broker] {
      return std::make_unique<ForwardingSender>(broker);
    };
  }
  site.read_event = event_words;
  site.inbox_retention = settings.cleanup().inbox_retention;
  site.broker_security_protocol = settings.kafka().security_protocol;
  site.broker_library = library_versions().librdkafka;
  site.replays_per_second_max = settings.admin().replay_rate;
  return site;
}

}  // namespace outbox::app
