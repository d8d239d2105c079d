// SPDX-License-Identifier: Apache-2.0
#include "admin/letter_access.hpp"

#include <utility>

namespace outbox::admin {
namespace {

constexpr std::chrono::milliseconds range_patience{4'000};

using Rows = std::vector<store::EventView>;

Rows rows_of(StoreSeams& seams, const LetterAccess::RowsWanted& wanted) {
  return seams.dead_rows().page(wanted.after, wanted.rows_max, wanted.payload_bytes_max);
}

std::optional<store::EventView> row_of(StoreSeams& seams, const RowId& id,
                                       std::size_t payload_bytes_max) {
  store::EventQuery query;
  query.row = id;
  query.rows_max = 1;
  query.payload_bytes_max = payload_bytes_max;
  store::EventPage page = seams.lookup().find(query);
  if (page.events.empty()) return std::nullopt;
  return std::move(page.events.front());
}

}  // namespace

Rows OfficeAccess::rows(const StoreSite& site, const RowsWanted& wanted) {
  return office_.ask<Rows>(site.name, Pace::slow,
                           [wanted](StoreSeams& seams) { return rows_of(seams, wanted); });
}

std::optional<store::EventView> OfficeAccess::row(const StoreSite& site, const RowId& id,
                                                  std::size_t payload_bytes_max) {
  return office_.ask<std::optional<store::EventView>>(
      site.name, Pace::slow,
      [id, payload_bytes_max](StoreSeams& seams) { return row_of(seams, id, payload_bytes_max); });
}

std::vector<store::LetterMark> OfficeAccess::marks(const StoreSite& site,
                                                   const store::LetterPlace& first,
                                                   std::size_t marks_max) {
  return office_.ask<std::vector<store::LetterMark>>(
      site.name, Pace::slow, [first, marks_max](StoreSeams& seams) {
        return seams.letter_marks().marks(first, marks_max);
      });
}

std::vector<broker::PartitionRange> OfficeAccess::ranges(const std::string& topic) {
  return office_.ask_broker<std::vector<broker::PartitionRange>>(
      Pace::slow,
      [topic](BrokerSeams& seams) { return seams.reader().ranges(topic, range_patience); });
}

TopicPage OfficeAccess::read(const std::string& topic, const TopicSpan& span,
                             std::size_t messages_max, Moment deadline) {
  return office_.ask_broker<TopicPage>(
      Pace::slow, [topic, span, messages_max, deadline](BrokerSeams& seams) {
        return seams.pages().read(topic, {span}, {messages_max}, deadline);
      });
}

StoreSeams& OwnAccess::seams(const StoreSite& site) {
  const auto found = stores_.find(site.name);
  if (found != stores_.end()) return found->second;
  return stores_.emplace(site.name, StoreSeams(site)).first->second;
}

Rows OwnAccess::rows(const StoreSite& site, const RowsWanted& wanted) {
  return rows_of(seams(site), wanted);
}

std::optional<store::EventView> OwnAccess::row(const StoreSite& site, const RowId& id,
                                               std::size_t payload_bytes_max) {
  return row_of(seams(site), id, payload_bytes_max);
}

std::vector<store::LetterMark> OwnAccess::marks(const StoreSite& site,
                                                const store::LetterPlace& first,
                                                std::size_t marks_max) {
  return seams(site).letter_marks().marks(first, marks_max);
}

std::vector<broker::PartitionRange> OwnAccess::ranges(const std::string& topic) {
  return broker_.reader().ranges(topic, range_patience);
}

TopicPage OwnAccess::read(const std::string& topic, const TopicSpan& span, std::size_t messages_max,
                          Moment deadline) {
  return broker_.pages().read(topic, {span}, {messages_max}, deadline);
}

}  // namespace outbox::admin
