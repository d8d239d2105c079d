// SPDX-License-Identifier: Apache-2.0
//
// Places are written in one order, so that two operators who take the same never wait for each
// other in a circle.
#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/clean_text.hpp"
#include "store/operators/database.hpp"

namespace outbox::store::operators {
namespace {

constexpr std::string_view doing = "marking dead letters";
constexpr std::size_t topic_max = 255;

constexpr std::string_view word_of(LetterState state) {
  switch (state) {
    case LetterState::replaying:
      return "replaying";
    case LetterState::replayed:
      return "replayed";
    case LetterState::discarded:
      break;
  }
  return "discarded";
}

LetterState state_of(std::string_view word) {
  for (const LetterState state : {LetterState::replaying, LetterState::replayed}) {
    if (word_of(state) == word) return state;
  }
  return LetterState::discarded;
}

template <class Items, class PlaceOf>
std::vector<std::size_t> in_order(const Items& items, PlaceOf place_of) {
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t at) {
    const LetterPlace& place = place_of(items[at]);
    return std::tie(place.topic, place.partition, place.offset);
  };
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  return order;
}

class OperatorsLetterMarks final : public LetterMarks {
 public:
  explicit OperatorsLetterMarks(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  std::vector<LetterMark> marks(const LetterPlace& first, std::size_t marks_max) override {
    std::vector<LetterMark> marks;
    if (!is_possible(first)) return marks;
    for (Row& row : database_->rows(
             "reading the marks of dead letters",
             fmt::format(
                 "SELECT {0} FROM {1} t WHERE outbox_table = {2} AND topic = {3} AND "
                 "(partition_number > {4} OR (partition_number = {4} AND "
                 "message_offset >= {5})) ORDER BY t.partition_number, t.message_offset "
                 "LIMIT {6}",
                 select_list(*database_, {"partition_number", "message_offset", "state", "who",
                                          "reason", database_->own_time_us("at"), "message_at_ms"}),
                 database_->own("letter_marks"), outbox(), database_->text(first.topic),
                 first.partition, first.offset, marks_max))) {
      marks.push_back({.place = {.topic = first.topic,
                                 .partition = static_cast<int>(number_of(row[0])),
                                 .offset = number_of(row[1]),
                                 .message_at_ms = row[6] ? number_of(row[6]) : 0},
                       .state = state_of(row[2].value_or("")),
                       .who = std::move(row[3]).value_or(""),
                       .reason = std::move(row[4]).value_or(""),
                       .at_us = number_of(row[5])});
    }
    return marks;
  }

  std::vector<bool> claim(std::span<const LetterPlace> places, const std::string& who,
                          std::int64_t stale_after_ms) override {
    std::vector<bool> taken;
    database_->transact([&] {
      taken.assign(places.size(), false);
      for (const std::size_t at :
           in_order(places, [](const LetterPlace& place) -> const LetterPlace& { return place; })) {
        taken[at] = claim_one(places[at], who, stale_after_ms);
      }
    });
    return taken;
  }

  void settle(std::span<const LetterMark> marks) override {
    database_->transact([&] {
      for (const std::size_t at : in_order(
               marks, [](const LetterMark& mark) -> const LetterPlace& { return mark.place; })) {
        const LetterMark& mark = marks[at];
        check(mark.place);
        database_->change(
            doing, "INSERT " + into(mark.place, mark.state, mark.who, mark.reason) +
                       database_->or_set("outbox_table, topic, partition_number, message_offset",
                                         {"state", "who", "reason", "at", "message_at_ms"}));
      }
    });
  }

  void forget(std::span<const LetterPlace> places) override {
    database_->transact([&] {
      for (const std::size_t at :
           in_order(places, [](const LetterPlace& place) -> const LetterPlace& { return place; })) {
        if (!is_possible(places[at])) continue;
        database_->change(doing, fmt::format("{} WHERE {}", delete_from(), is_at(places[at])));
      }
    });
  }

  void forget_before(const LetterPlace& first) override {
    if (!is_possible(first)) return;
    database_->change(
        doing, fmt::format("{} WHERE outbox_table = {} AND topic = {} AND partition_number = {} "
                           "AND message_offset < {}",
                           delete_from(), outbox(), database_->text(first.topic), first.partition,
                           first.offset));
  }

 private:
  [[nodiscard]] std::string outbox() const {
    return database_->text(database_->options().table.table);
  }

  std::string delete_from() { return database_->delete_from(database_->own("letter_marks")); }

  static bool is_possible(const LetterPlace& place) {
    return !place.topic.empty() && place.topic.size() <= topic_max && is_sound(place.topic);
  }

  static void check(const LetterPlace& place) {
    if (is_possible(place)) return;
    throw Error(ErrorKind::usage,
                fmt::format("no topic has the name {}", clean_text(place.topic, topic_max)));
  }

  [[nodiscard]] std::string is_at(const LetterPlace& place) const {
    return fmt::format(
        "outbox_table = {} AND topic = {} AND partition_number = {} AND message_offset = {}",
        outbox(), database_->text(place.topic), place.partition, place.offset);
  }

  std::string into(const LetterPlace& place, LetterState state, const std::string& who,
                   const std::string& reason) {
    return fmt::format(
        "INTO {} (outbox_table, topic, partition_number, message_offset, state, who, reason, at, "
        "message_at_ms) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {})",
        database_->own("letter_marks"), outbox(), database_->text(place.topic), place.partition,
        place.offset, database_->text(word_of(state)), database_->text(clean_text(who, 255)),
        database_->text(clean_text(reason, 2000)), database_->now(), time_of(place));
  }

  bool claim_one(const LetterPlace& place, const std::string& who, std::int64_t stale_after_ms) {
    check(place);
    const std::string insert = database_->insert_new(into(place, LetterState::replaying, who, {}));
    if (database_->change(doing, insert) == 1) return true;
    std::string may_be_taken =
        fmt::format("(state = 'replaying' AND at < {})",
                    database_->ago(std::chrono::milliseconds(stale_after_ms)));
    if (place.message_at_ms > 0) {
      may_be_taken += fmt::format(" OR message_at_ms <> {}", place.message_at_ms);
    }
    return database_->change(
               doing,
               fmt::format("UPDATE {} SET state = 'replaying', who = {}, reason = '', "
                           "at = {}, message_at_ms = {} WHERE {} AND ({})",
                           database_->own("letter_marks"), database_->text(clean_text(who, 255)),
                           database_->now(), time_of(place), is_at(place), may_be_taken)) == 1;
  }

  static std::string time_of(const LetterPlace& place) {
    return place.message_at_ms > 0 ? std::to_string(place.message_at_ms) : "NULL";
  }

  std::unique_ptr<Database> database_;
};

}  // namespace

std::unique_ptr<LetterMarks> make_letter_marks(std::unique_ptr<Database> database) {
  return std::make_unique<OperatorsLetterMarks>(std::move(database));
}

}  // namespace outbox::store::operators
