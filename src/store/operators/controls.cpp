// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/clean_text.hpp"
#include "core/json_text.hpp"
#include "store/operators/database.hpp"

namespace outbox::store::operators {
namespace {

constexpr std::size_t pauses_max = 10'000;
constexpr std::size_t name_bytes_max = 1000;
constexpr std::size_t short_max = 255;
constexpr std::size_t long_max = 2000;

constexpr std::string_view word_of(PauseKind kind) {
  switch (kind) {
    case PauseKind::relay:
      return "relay";
    case PauseKind::topic:
      return "topic";
    case PauseKind::key:
      return "key";
    case PauseKind::consumer:
      break;
  }
  return "consumer";
}

PauseKind kind_of(std::string_view word) {
  for (const PauseKind kind : {PauseKind::relay, PauseKind::topic, PauseKind::key}) {
    if (word_of(kind) == word) return kind;
  }
  return PauseKind::consumer;
}

class OperatorsControls final : public Controls {
 public:
  explicit OperatorsControls(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  std::vector<Pause> pauses() override {
    std::vector<Pause> pauses;
    for (Row& row : database_->rows(
             "reading the pauses",
             fmt::format(
                 "SELECT {} FROM {} t WHERE outbox_table = {} ORDER BY t.since, t.kind, t.name "
                 "LIMIT {}",
                 select_list(*database_,
                             {"kind", "name", "who", "reason", database_->own_time_us("since")}),
                 database_->own("pauses"), outbox(), pauses_max))) {
      pauses.push_back({.kind = kind_of(row[0].value_or("")),
                        .name = std::move(row[1]).value_or(""),
                        .who = std::move(row[2]).value_or(""),
                        .reason = std::move(row[3]).value_or(""),
                        .since_us = number_of(row[4])});
    }
    return pauses;
  }

  bool pause(const Pause& pause) override {
    check_name(pause.name);
    check_room();
    const auto hash = database_->hash(database_->text(pause.name));
    const std::string sql = fmt::format(
        "INTO {} (outbox_table, kind, {}name, who, reason, since) VALUES ({}, {}, {}{}, {}, {}, "
        "{})",
        database_->own("pauses"), hash ? "name_hash, " : "", outbox(),
        database_->text(word_of(pause.kind)), hash ? *hash + ", " : "", database_->text(pause.name),
        short_text(pause.who), long_text(pause.reason), database_->now());
    return database_->change("pausing", database_->insert_new(sql)) == 1;
  }

  bool resume(PauseKind kind, const std::string& name) override {
    check_name(name);
    return database_->change("resuming",
                             fmt::format("{} WHERE outbox_table = {} AND kind = {} AND {}",
                                         database_->delete_from(database_->own("pauses")), outbox(),
                                         database_->text(word_of(kind)), is_named("name", name))) ==
           1;
  }

  void note(const AuditEntry& entry) override {
    std::string details = "NULL";
    if (!entry.details_json.empty()) {
      if (!is_sound(entry.details_json) || find_json_fault(entry.details_json)) {
        throw Error(ErrorKind::usage, "the details for the audit log are no JSON");
      }
      details = database_->json(entry.details_json);
    }
    database_->change(
        "writing the audit log",
        fmt::format("INSERT INTO {} (outbox_table, at, who, action, target, reason, details) "
                    "VALUES ({}, {}, {}, {}, {}, {}, {})",
                    database_->own("audit"), outbox(), database_->now(), short_text(entry.who),
                    short_text(entry.action), long_text(entry.target), long_text(entry.reason),
                    details));
  }

  std::vector<AuditEntry> audit(std::optional<std::int64_t> before,
                                std::size_t entries_max) override {
    std::vector<AuditEntry> entries;
    for (Row& row : database_->rows(
             "reading the audit log",
             fmt::format("SELECT {} FROM {} t WHERE outbox_table = {}{} ORDER BY t.number DESC "
                         "LIMIT {}",
                         select_list(*database_, {"number", database_->own_time_us("at"), "who",
                                                  "action", "target", "reason", "details"}),
                         database_->own("audit"), outbox(),
                         before ? fmt::format(" AND number < {}", *before) : "", entries_max))) {
      entries.push_back({.number = number_of(row[0]),
                         .at_us = number_of(row[1]),
                         .who = std::move(row[2]).value_or(""),
                         .action = std::move(row[3]).value_or(""),
                         .target = std::move(row[4]).value_or(""),
                         .reason = std::move(row[5]).value_or(""),
                         .details_json = std::move(row[6]).value_or("")});
    }
    return entries;
  }

  std::vector<HeldTopic> held_topics() override {
    std::vector<HeldTopic> topics;
    for (Row& row : database_->rows(
             "reading the held topics",
             fmt::format("SELECT {} FROM {} h JOIN {} m ON m.outbox_table = h.outbox_table AND "
                         "m.relay_name = h.relay_name AND m.member_name = h.member_name "
                         "WHERE h.outbox_table = {} AND m.expires_at > {} "
                         "ORDER BY h.relay_name, h.topic, h.member_name LIMIT {}",
                         select_list(*database_, {"h.relay_name", "h.member_name", "h.topic",
                                                  "h.reason", database_->own_time_us("h.since")}),
                         database_->own("held_topics"), database_->own("members"), outbox(),
                         database_->now(), pauses_max))) {
      topics.push_back({.relay = std::move(row[0]).value_or(""),
                        .member = std::move(row[1]).value_or(""),
                        .topic = std::move(row[2]).value_or(""),
                        .reason = std::move(row[3]).value_or(""),
                        .since_us = number_of(row[4])});
    }
    return topics;
  }

  void note_held_topic(const std::string& topic, const std::string& reason) override {
    if (!is_sound(topic) || topic.empty()) return;
    database_->transact([&] {
      if (!noted_) forget_earlier_ones();
      if (reason.empty())
        release(topic);
      else
        hold(topic, reason);
    });
    noted_ = true;
  }

 private:
  [[nodiscard]] std::string outbox() const {
    return database_->text(database_->options().table.table);
  }
  [[nodiscard]] std::string short_text(const std::string& text) const {
    return database_->text(clean_text(text, short_max));
  }
  [[nodiscard]] std::string long_text(const std::string& text) const {
    return database_->text(clean_text(text, long_max));
  }

  [[nodiscard]] std::string is_named(std::string_view column, const std::string& name) const {
    const std::string literal = database_->text(name);
    if (const auto hash = database_->hash(literal))
      return fmt::format("{}_hash = {}", column, *hash);
    return fmt::format("{} = {}", column, literal);
  }

  [[nodiscard]] std::string of_member() const {
    return fmt::format("outbox_table = {} AND relay_name = {} AND member_name = {}", outbox(),
                       database_->text(database_->options().relay_name),
                       database_->text(database_->options().member_name));
  }

  static void check_name(const std::string& name) {
    if (name.empty() || name.size() > name_bytes_max || !is_sound(name)) {
      throw Error(
          ErrorKind::usage,
          fmt::format("a name to pause is a text of 1 to {} bytes in UTF-8", name_bytes_max));
    }
  }

  // Every heartbeat reads them and every read of the outbox names the keys among them. One that is
  // asked for again while there is no room is refused too.
  void check_room() {
    const auto counted = database_->rows(
        "counting the pauses",
        fmt::format("SELECT {} FROM {} WHERE outbox_table = {}",
                    select_list(*database_, {"count(*)"}), database_->own("pauses"), outbox()));
    if (counted.empty() || number_of(counted[0][0]) < static_cast<std::int64_t>(pauses_max)) return;
    throw Error(ErrorKind::conflict, fmt::format("{} pauses stand already", pauses_max),
                "resume some of them, or pause a topic or the relay instead of its keys");
  }

  // What a process of the same name left behind, and members that are gone.
  void forget_earlier_ones() {
    const std::string held = database_->own("held_topics");
    database_->change("noting a held topic",
                      fmt::format("{} WHERE {}", database_->delete_from(held), of_member()));
    database_->change(
        "noting a held topic",
        fmt::format("{0} WHERE outbox_table = {1} AND NOT EXISTS (SELECT 1 FROM {2} m WHERE "
                    "m.outbox_table = {3}.outbox_table AND m.relay_name = {3}.relay_name AND "
                    "m.member_name = {3}.member_name)",
                    database_->delete_from(held), outbox(), database_->own("members"), "t"));
  }

  void hold(const std::string& topic, const std::string& reason) {
    const auto hash = database_->hash(database_->text(topic));
    database_->change(
        "noting a held topic",
        fmt::format("INSERT INTO {} (outbox_table, relay_name, member_name, {}topic, reason, "
                    "since) VALUES ({}, {}, {}, {}{}, {}, {}){}",
                    database_->own("held_topics"), hash ? "topic_hash, " : "", outbox(),
                    database_->text(database_->options().relay_name),
                    database_->text(database_->options().member_name), hash ? *hash + ", " : "",
                    database_->text(topic), long_text(reason), database_->now(),
                    database_->or_set(fmt::format("outbox_table, relay_name, member_name, topic{}",
                                                  hash ? "_hash" : ""),
                                      {"reason"})));
  }

  void release(const std::string& topic) {
    database_->change(
        "noting a held topic",
        fmt::format("{} WHERE {} AND {}", database_->delete_from(database_->own("held_topics")),
                    of_member(), is_named("topic", topic)));
  }

  std::unique_ptr<Database> database_;
  bool noted_ = false;
};

}  // namespace

std::unique_ptr<Controls> make_controls(std::unique_ptr<Database> database) {
  return std::make_unique<OperatorsControls>(std::move(database));
}

}  // namespace outbox::store::operators
