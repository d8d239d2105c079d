// SPDX-License-Identifier: Apache-2.0
#include "admin/doctor.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/clock.hpp"
#include "store/examination.hpp"

namespace outbox::admin {

namespace {

constexpr std::size_t newest_rows = 200;

const char* word_of(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::notice:
      return "notice";
    case Severity::warning:
      return "warning";
    case Severity::problem:
      break;
  }
  return "problem";
}

Json document_of(const std::optional<std::string>& store, const Finding& finding) {
  return {{"store", text_or_null(store)},          {"check", finding.check},
          {"severity", word_of(finding.severity)}, {"found", text_json(finding.found)},
          {"why", text_json(finding.why)},         {"remedy", text_json(finding.remedy)}};
}

// A store's findings, with the agreement of each of its relays, which have settings of their own.
std::vector<Finding> examine_store(StoreSeams& seams) {
  std::vector<Finding> findings;
  const auto& relays = seams.site().relays;
  if (relays.size() <= 1) {
    const auto& home = relays.empty() ? seams.site().home : relays.front().home;
    return home.diagnosis ? home.diagnosis()->examine() : seams.diagnosis().examine();
  }
  bool first = true;
  for (const RelaySite& relay : relays) {
    if (!relay.home.diagnosis) continue;
    for (Finding& finding : relay.home.diagnosis()->examine()) {
      const bool is_own = finding.check == "settings-agreement";
      if (!is_own && !first) continue;
      if (is_own) finding.found = "relay " + relay.name + ": " + finding.found;
      findings.push_back(std::move(finding));
    }
    first = false;
  }
  return findings;
}

struct StoreAnswer {
  std::vector<Finding> findings;
  std::map<std::string, std::int64_t> largest_bytes;
};

// Only the newest rows, so that nothing is scanned for it.
std::map<std::string, std::int64_t> largest_of(StoreSeams& seams) {
  std::map<std::string, std::int64_t> largest;
  if (!seams.site().topic_of) return largest;
  try {
    store::EventQuery query;
    query.rows_max = newest_rows;
    query.looks_max = newest_rows;
    query.payload_bytes_max = 0;
    for (const store::EventView& event : seams.lookup().find(query).events) {
      std::int64_t& bytes = largest[seams.site().topic_of(event)];
      bytes = std::max(bytes, event.payload_bytes);
    }
  } catch (const Error&) {
    // What is wrong with the table the findings tell; this figure is left out.
    return {};
  }
  return largest;
}

TopicNeeds needs_of(const Site& site, std::map<std::string, std::int64_t> largest) {
  TopicNeeds needs;
  needs.topics = site.topics;
  for (const ConsumerSite& consumer : site.consumers) {
    needs.groups.push_back(consumer.group_id);
    needs.consumed_topics.insert(needs.consumed_topics.end(), consumer.topics.begin(),
                                 consumer.topics.end());
  }
  std::sort(needs.consumed_topics.begin(), needs.consumed_topics.end());
  for (const ConsumerSite& consumer : site.consumers) {
    needs.dead_letter_topics.insert(needs.dead_letter_topics.end(),
                                    consumer.dead_letter_topics.begin(),
                                    consumer.dead_letter_topics.end());
  }
  needs.inbox_retention = site.inbox_retention;
  needs.largest_bytes = std::move(largest);
  needs.security_protocol = site.broker_security_protocol;
  needs.library = site.broker_library;
  return needs;
}

Finding away(const std::string& check, const std::string& error, const std::string& remedy) {
  return {check, Severity::problem, error, "nothing can be relayed while it does not answer",
          remedy};
}

std::vector<Finding> ask_brokers(Office& office, std::map<std::string, std::int64_t> largest) {
  const Site& site = office.site();
  if (!site.has_broker) {
    return {{"broker", Severity::notice, "kafka.bootstrap-servers is not set",
             "topics cannot be looked at", "set KAFKA_BOOTSTRAP_SERVERS"}};
  }
  try {
    return office.ask_broker<std::vector<Finding>>(
        Pace::slow, [needs = needs_of(site, std::move(largest)), timeout = site.slow_timeout](
                        BrokerSeams& seams) { return examine_brokers(seams, needs, timeout); });
  } catch (const Error& error) {
    return {away("broker", store::message_of(error),
                 error.hint().empty() ? "check kafka.bootstrap-servers" : error.hint())};
  }
}

}  // namespace

Json doctor(Office& office, const std::optional<std::string>& store) {
  Json findings = Json::array();
  Severity worst = Severity::ok;
  const auto add = [&](const std::optional<std::string>& of, const Finding& finding) {
    worst = std::max(worst, finding.severity);
    findings.push_back(document_of(of, finding));
  };
  std::map<std::string, std::int64_t> largest;
  const auto answers =
      office.ask_all<StoreAnswer>(office.site().chosen(store), Pace::slow, [](StoreSeams& seams) {
        return StoreAnswer{examine_store(seams), largest_of(seams)};
      });
  for (const auto& told : answers) {
    if (!told.answer) {
      add(told.store->name, away("database", told.error, "check database.url and the server"));
      continue;
    }
    for (const Finding& finding : told.answer->findings)
      add(told.store->name, finding);
    for (const auto& [topic, bytes] : told.answer->largest_bytes)
      largest[topic] = std::max(largest[topic], bytes);
  }
  for (const Finding& finding : ask_brokers(office, std::move(largest)))
    add(std::nullopt, finding);
  return {{"state", worst <= Severity::notice ? "ok" : word_of(worst)},
          {"findings", std::move(findings)},
          {"checked_at", time_json(wall_clock_us())}};
}

}  // namespace outbox::admin
