// SPDX-License-Identifier: Apache-2.0
#include "check_books.hpp"

#include <charconv>

#include <outbox/topic.hpp>

#include "events.hpp"

namespace shop {

namespace {

using outbox::Row;
using outbox::Transaction;

/// Milliseconds since 1970 of a column.
std::string epoch_ms(outbox::Dialect dialect, const std::string& column) {
  if (dialect == outbox::Dialect::postgres) return "extract(epoch FROM " + column + ") * 1000";
  return "(julianday(" + column + ") - 2440587.5) * 86400000";
}

std::string version_of(outbox::Dialect dialect) {
  return dialect == outbox::Dialect::postgres ? "headers ->> 'event_version'"
                                              : "json_extract(headers, '$.event_version')";
}

std::string claim_of(const ToldEvent& event, const std::string& aggregate_type,
                     const std::string& version) {
  outbox::ReceivedEvent received;
  received.event_type = event.type;
  received.aggregate_type = aggregate_type;
  received.aggregate_id = event.aggregate_id;
  std::from_chars(version.data(), version.data() + version.size(), received.version);
  return to_string(outbox::aggregate_version_id(received));
}

bool is_metrics_topic(const std::string& topic) {
  return topic == catalog_metrics_topic || topic == order_metrics_topic;
}

}  // namespace

Fate Books::fate(const std::string& consumer, const ToldEvent& event) const {
  const std::string& claim = consumer == "product-metrics" ? event.claim_id : event.event_id;
  if (const auto claims = inbox.find(consumer);
      claims != inbox.end() && claims->second.contains(claim)) {
    return Fate::handled;
  }
  const auto letters = dead_letters.find(consumer);
  return letters != dead_letters.end() && letters->second.contains(event.event_id) ? Fate::refused
                                                                                   : Fate::waiting;
}

bool is_for(const std::string& consumer, const ToldEvent& event) {
  const std::string& type = event.type;
  if (consumer == "stock") {
    return (event.topic == order_topic && (type == "ORDER_PAID" || type == "ORDER_CANCELED")) ||
           (event.topic == stock_topic && type == "RESTOCKED");
  }
  if (consumer == "analytics") return event.topic == order_topic && type == "ORDER_PAID";
  if (consumer == "cache") {
    return event.topic == product_topic &&
           (type == "PRICE_UPDATED" || type == "STOCK_UPDATED" || type == "PRODUCT_UPDATED");
  }
  if (consumer == "flash-queue") {
    return event.topic == flash_sale_topic && (type == "QUEUE_ADMITTED" || type == "QUEUE_LEFT");
  }
  return is_metrics_topic(event.topic);
}

Books read_books(Transaction& transaction) {
  Books books;
  const outbox::Dialect dialect = transaction.dialect();
  for (const Row& row : transaction.execute(
           "SELECT event_id, event_type, coalesce(topic, ''), aggregate_id, status, " +
           epoch_ms(dialect, "created_at") + ", aggregate_type, coalesce(" + version_of(dialect) +
           ", '1'), CASE WHEN event_type IN ('RESTOCKED', 'QUEUE_JOINED', 'QUEUE_ADMITTED', "
           "'QUEUE_LEFT') THEN payload END FROM outbox_events ORDER BY id")) {
    ToldEvent event{row.text(0), {},          row.text(1),   row.text(2),
                    row.text(3), row.text(4), row.number(5), row.is_null(8) ? "" : row.text(8)};
    if (is_metrics_topic(event.topic)) event.claim_id = claim_of(event, row.text(6), row.text(7));
    books.event_ids.insert(event.event_id);
    books.events.push_back(std::move(event));
  }
  constexpr std::string_view suffix = "-consumer";
  for (const Row& row :
       transaction.execute("SELECT consumer_name, event_id, " + epoch_ms(dialect, "processed_at") +
                           " FROM processed_events")) {
    std::string name = row.text(0);
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
    books.inbox[name][row.text(1)] = row.number(2);
  }
  return books;
}

}  // namespace shop
