// SPDX-License-Identifier: Apache-2.0
#include "check.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <outbox/error.hpp>
#include <outbox/topic.hpp>

#include "check_books.hpp"
#include "consumers/consumers.hpp"
#include "consumers/rows.hpp"
#include "events.hpp"

namespace shop {

namespace {

using nlohmann::json;
using outbox::Row;
using outbox::Transaction;

const std::vector<std::string>& topics() {
  static const std::vector<std::string> all = {
      order_topic,           stock_topic,         product_topic, flash_sale_topic,
      catalog_metrics_topic, order_metrics_topic, realtime_topic};
  return all;
}

const std::vector<std::string>& dead_letter_topics() {
  static const std::vector<std::string> all = {"deadletter.events",
                                               std::string(catalog_metrics_topic) + "-dlq",
                                               std::string(order_metrics_topic) + "-dlq"};
  return all;
}

double percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void read_dead_letters(const CheckPlaces& places, Books& books, CheckReport& report) {
  constexpr std::string_view suffix = "-consumer";
  for (const std::string& topic : dead_letter_topics()) {
    const outbox::ReadTopicResult result = outbox::read_topic(
        {.kafka = places.kafka, .topic = topic}, [&](const outbox::ReceivedEvent& event) {
          std::string group(event.header("dead_letter_group").value_or(""));
          if (group.ends_with(suffix)) group.resize(group.size() - suffix.size());
          books.dead_letters[group][to_string(event.event_id)] =
              event.header("dead_letter_error").value_or("");
        });
    report.not_events += result.not_events;
  }
}

/// Events as they stand in Kafka.
struct InTopics {
  /// By topic and id, the outbox that each says it is of.
  std::map<std::string, std::unordered_map<std::string, const std::string*>> events;
  std::set<std::string, std::less<>> outboxes;
};

InTopics read_topics(const CheckPlaces& places, CheckReport& report) {
  InTopics found;
  for (const std::string& topic : topics()) {
    auto& ids = found.events[topic];
    const outbox::ReadTopicResult result = outbox::read_topic(
        {.kafka = places.kafka, .topic = topic}, [&](const outbox::ReceivedEvent& event) {
          const auto outbox = found.outboxes.emplace(event.header("outbox_id").value_or(""));
          const bool is_new = ids.emplace(to_string(event.event_id), &*outbox.first).second;
          report.sent_twice += is_new ? 0 : 1;
        });
    report.messages += result.messages;
    report.not_events += result.not_events;
  }
  return found;
}

void check_topics(const Books& books, const InTopics& found, CheckReport& report) {
  for (const ToldEvent& event : books.events) {
    const auto topic = found.events.find(event.topic);
    if (topic == found.events.end()) continue;  // None of the shop's.
    if (topic->second.contains(event.event_id)) continue;
    report.lost += 1;
    report.differences["topic"].push_back(fmt::format("{} {} is {} in the outbox and not in {}",
                                                      event.type, event.event_id, event.status,
                                                      event.topic));
  }
}

/// Those of this database, one a table; none where no relay has begun on it.
std::set<std::string> own_outboxes(Transaction& transaction) {
  std::set<std::string> ids;
  for (const Row& row :
       transaction.execute("SELECT value FROM outboxd_meta WHERE name = 'outbox_id'")) {
    ids.insert(row.text(0));
  }
  return ids;
}

/// What was committed after the books were read is no ghost: the outbox is asked again.
void find_never_committed(const CheckPlaces& places, const Books& books, const InTopics& found,
                          CheckReport& report) {
  json unknown = json::array();
  std::unordered_map<std::string, const std::string*> outbox_of;
  for (const auto& [topic, ids] : found.events) {
    for (const auto& [id, outbox] : ids) {
      if (books.event_ids.contains(id)) continue;
      unknown.push_back({{"id", id}});
      outbox_of[id] = outbox;
    }
  }
  if (unknown.empty()) return;
  std::map<std::string, std::int64_t> foreign;
  places.database.transaction([&](Transaction& transaction) {
    const std::set<std::string> own = own_outboxes(transaction);
    for (const Row& row : transaction.execute(
             "SELECT r.id FROM " + rows_of_json(transaction.dialect(), {{"id", "uuid"}}) +
                 " WHERE NOT EXISTS (SELECT 1 FROM outbox_events o WHERE o.event_id = r.id)",
             unknown.dump())) {
      const std::string& outbox = *outbox_of.at(row.text(0));
      if (!outbox.empty() && !own.contains(outbox)) {
        foreign[outbox] += 1;
        continue;
      }
      report.never_committed += 1;
      report.differences["never_committed"].push_back("event " + row.text(0) +
                                                      " was sent and is not in the outbox");
    }
  });
  for (const auto& [outbox, count] : foreign) {
    report.differences["other_outbox"].push_back(
        fmt::format("{} events in the topics come from another outbox (id {}), and the consumers "
                    "took them in: give each shop topics, or brokers, of its own",
                    count, outbox));
  }
}

void check_consumer(const std::string& name, const Books& books, CheckReport& report) {
  ConsumerReport& consumer = report.consumers.emplace_back();
  consumer.name = name;
  std::vector<double> latencies;
  const auto inbox = books.inbox.find(name);
  if (inbox != books.inbox.end()) consumer.inbox = std::ssize(inbox->second);
  std::unordered_set<std::string> claims;
  for (const ToldEvent& event : books.events) {
    if (!is_for(name, event)) continue;
    const std::string& claim = name == "product-metrics" ? event.claim_id : event.event_id;
    if (!claims.insert(claim).second) continue;  // Of one version there is one effect (E3).
    consumer.expected += 1;
    switch (books.fate(name, event)) {
      case Fate::handled:
        consumer.handled += 1;
        latencies.push_back(inbox->second.at(claim) - event.created_ms);
        break;
      case Fate::refused:
        consumer.refused += 1;
        report.refused.push_back(fmt::format("{} refused {} of {} ({}): {}", name, event.type,
                                             event.aggregate_id, event.event_id,
                                             books.dead_letters.at(name).at(event.event_id)));
        break;
      case Fate::waiting:
        consumer.lag += 1;
        report.lost += 1;
        report.differences["waiting"].push_back(
            fmt::format("{} has not handled {} {}", name, event.type, event.event_id));
        break;
    }
  }
  if (consumer.inbox != consumer.handled) {
    report.differences["inbox"].push_back(
        fmt::format("{} has {} claims in its inbox for {} distinct events handled", name,
                    consumer.inbox, consumer.handled));
  }
  std::sort(latencies.begin(), latencies.end());
  consumer.fresh_p50_ms = percentile(latencies, 0.5);
  consumer.fresh_p99_ms = percentile(latencies, 0.99);
}

bool is_of_the_way(const std::string& kind) {
  return kind == "topic" || kind == "never_committed" || kind == "other_outbox" ||
         kind == "waiting" || kind == "inbox";
}

}  // namespace

std::size_t CheckReport::difference_count() const {
  std::size_t count = 0;
  for (const auto& [kind, lines] : differences)
    count += lines.size();
  return count;
}

std::size_t CheckReport::aggregate_difference_count() const {
  std::size_t count = 0;
  for (const auto& [kind, lines] : differences)
    count += is_of_the_way(kind) ? 0 : lines.size();
  return count;
}

CheckReport check(const CheckPlaces& places) {
  CheckReport report;
  // The dead letters first: what is dead-lettered later shows as waiting, never as nothing at all.
  std::map<std::string, std::unordered_map<std::string, std::string>> dead_letters;
  {
    Books letters;
    read_dead_letters(places, letters, report);
    dead_letters = std::move(letters.dead_letters);
  }
  const Books books = places.database.transaction([&](Transaction& transaction) {
    if (transaction.dialect() == outbox::Dialect::postgres) {
      transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    }
    Books read = read_books(transaction);
    read.dead_letters = std::move(dead_letters);
    check_stock(transaction, read, report);
    check_sales(transaction, read, report);
    check_metrics(transaction, read, report);
    check_flash_queue(transaction, read, report);
    check_cache(transaction, read, places.cache, report);
    return read;
  });
  report.events = std::ssize(books.events);
  for (const std::string& name : consumer_names())
    check_consumer(name, books, report);
  if (places.read_topics) {
    const InTopics found = read_topics(places, report);
    check_topics(books, found, report);
    find_never_committed(places, books, found, report);
  }
  return report;
}

std::string to_json_text(const CheckReport& report, std::size_t lines_max) {
  json consumers = json::array();
  for (const ConsumerReport& one : report.consumers) {
    consumers.push_back({{"name", one.name},
                         {"expected", one.expected},
                         {"handled", one.handled},
                         {"refused", one.refused},
                         {"lag", one.lag},
                         {"inbox", one.inbox},
                         {"fresh_p50_ms", one.fresh_p50_ms},
                         {"fresh_p99_ms", one.fresh_p99_ms}});
  }
  json differences = json::object();
  for (const auto& [kind, lines] : report.differences) {
    const auto shown = static_cast<std::ptrdiff_t>(std::min(lines_max, lines.size()));
    differences[kind] = {{"count", lines.size()},
                         {"first", std::vector<std::string>(lines.begin(), lines.begin() + shown)}};
  }
  return json{{"consistent", report.difference_count() == 0},
              {"orders", report.orders},
              {"events", report.events},
              {"messages", report.messages},
              {"sent_twice", report.sent_twice},
              {"not_events", report.not_events},
              {"refused", report.refused},
              {"consumers", std::move(consumers)},
              {"differences", std::move(differences)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string to_text(const CheckReport& report, std::size_t lines_max) {
  std::string text = fmt::format(
      "{} orders, {} events in the outbox, {} messages in the topics ({} of them repeated, {} no "
      "events)\n\n{:<16} {:>9} {:>9} {:>8} {:>8} {:>9} {:>11} {:>11}\n",
      report.orders, report.events, report.messages, report.sent_twice, report.not_events,
      "consumer", "expected", "handled", "refused", "lag", "inbox", "fresh p50", "fresh p99");
  for (const ConsumerReport& one : report.consumers) {
    text += fmt::format("{:<16} {:>9} {:>9} {:>8} {:>8} {:>9} {:>8.0f} ms {:>8.0f} ms\n", one.name,
                        one.expected, one.handled, one.refused, one.lag, one.inbox,
                        one.fresh_p50_ms, one.fresh_p99_ms);
  }
  const auto list = [&](const std::string& title, const std::vector<std::string>& lines) {
    text += fmt::format("\n{}: {}\n", title, lines.size());
    for (std::size_t i = 0; i < std::min(lines_max, lines.size()); ++i)
      text += "  " + lines[i] + "\n";
    if (lines.size() > lines_max) text += fmt::format("  and {} more\n", lines.size() - lines_max);
  };
  if (!report.refused.empty()) list("refused, with their reasons", report.refused);
  for (const auto& [kind, lines] : report.differences)
    list("differences of kind " + kind, lines);
  const std::size_t count = report.difference_count();
  text += count == 0 ? "\nEverything agrees.\n" : fmt::format("\n{} differences.\n", count);
  return text;
}

}  // namespace shop
