// SPDX-License-Identifier: Apache-2.0
//
// The operators' commands: the verbs, options and fields of the admin API (docs/operating.md).
#include <array>

#include "app/command_tables.hpp"

namespace outbox::app {
namespace {

using Examples = std::span<const std::string_view>;
using Options = std::span<const CommandOption>;
using Actions = std::span<const Action>;

/// One list after another, made by the compiler.
template <std::size_t... sizes>
constexpr auto joined(const std::array<CommandOption, sizes>&... lists) {
  std::array<CommandOption, (sizes + ...)> all{};
  std::size_t place = 0;
  const auto add = [&all, &place](const auto& list) {
    for (const CommandOption& option : list)
      all[place++] = option;
  };
  (add(lists), ...);
  return all;
}

constexpr CommandOption store_option{"store", 0, "NAME", "Only this store (shard)."};
constexpr CommandOption since_option{"since", 0, "TIME",
                                     "From then on: 2h ago, or a UTC time 2026-11-21T15:00."};
constexpr CommandOption until_option{"until", 0, "TIME", "Before then, written as --since is."};
constexpr CommandOption limit_option{"limit", 0, "N", "At most so many; 100 by default."};
constexpr CommandOption cursor_option{"cursor", 0, "TEXT",
                                      "Go on where the last page ended, as it said."};
constexpr CommandOption dry_run_option{"dry-run", 'n', "",
                                       "Say what would be done and change nothing."};

// --- status, relays, top ---

constexpr std::array<std::string_view, 3> status_examples = {
    "outboxd status",
    "outboxd status --watch",
    "outboxd status --shard eu --output json",
};
constexpr std::array status_options = {
    shards_option,
    CommandOption{"watch", 'w', "", "Again each second, until Ctrl-C."},
};

constexpr std::array<std::string_view, 2> relays_examples = {
    "outboxd relays",
    "outboxd relays --output json",
};
constexpr std::array relays_options = {store_option};

constexpr std::array<std::string_view, 2> top_examples = {
    "outboxd top",
    "outboxd top --interval 5s --limit 3 --output json",
};
constexpr std::array top_options = {
    CommandOption{"interval", 0, "TIME", "Between two looks; 1s by default."},
    CommandOption{"limit", 0, "N", "End after so many looks; none by default."},
};

// --- events ---

constexpr std::array<std::string_view, 5> events_examples = {
    "outboxd events list --state pending,retrying --aggregate-type order",
    "outboxd events show 3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e",
    "outboxd events trace order-4711",
    "outboxd events retry 1204 --reason 'topic is back'",
    "outboxd events discard 1204 --reason 'sent twice by the import'",
};
constexpr std::array event_filters = {
    store_option,
    CommandOption{"row", 0, "ID", "The row's id."},
    CommandOption{"event-id", 0, "UUID", "The event's identity."},
    CommandOption{"aggregate-type", 0, "TYPE", "Kind of the thing that the event is about."},
    CommandOption{"aggregate-id", 0, "ID", "The thing that the event is about."},
    CommandOption{"key", 0, "KEY", "The message's key: event_key, or else the aggregate's id."},
    CommandOption{"event-type", 0, "TYPE", "What happened."},
    CommandOption{"topic", 0, "TOPIC", "The topic that stands in the row."},
    CommandOption{"state", 0, "STATE,...",
                  "Any of pending, processing, retrying, published and dead."},
    since_option,
    until_option,
    limit_option,
    cursor_option,
};
constexpr std::array one_store = {store_option};
constexpr std::array event_writes = {store_option, reason_option, by_option};
constexpr std::array events_actions = {
    Action{"list", "",
           "The newest first. All filters that are given must hold. However large the table is, a "
           "bounded number of rows is looked at, and where that ended the search it says so.",
           Options(event_filters)},
    Action{"show", "ID", "One event with its payload, by its UUID or its row.", Options(one_store)},
    Action{"trace", "TEXT",
           "The whole life of an event: written, published where, taken by which consumer, dead, "
           "replayed, with the times between. TEXT is an event's UUID, a row, an aggregate's id or "
           "a key.",
           Options(one_store)},
    Action{"retry", "ID", "Makes a dead event pending again; its relay delivers it as a replay.",
           Options(event_writes)},
    Action{"discard", "ID",
           "Takes a dead event out of the table into outboxd_discarded. It takes --reason.",
           Options(event_writes)},
};

// --- dlq ---

constexpr std::array<std::string_view, 6> dlq_examples = {
    "outboxd dlq groups",
    "outboxd dlq list --consumer stock --since 2h",
    "outboxd dlq show row.global.1204",
    "outboxd dlq replay row.global.1204 --reason 'schema is mended'",
    "outboxd dlq replay --all --group 9f2c4e1a7b30d865 --rate 50 --dry-run",
    "outboxd dlq discard --all --event-type CART_SEEN --reason 'nobody needs them' --yes",
};
constexpr std::array dlq_filters = {
    CommandOption{"source", 0, "relay|consumer", "Only the relay's, or only the consumers'."},
    store_option,
    CommandOption{"consumer", 0, "GROUP", "Only what this consumer group gave up."},
    CommandOption{"topic", 0, "TOPIC", "Only what should go, or go back, to this topic."},
    CommandOption{"event-type", 0, "TYPE", "Only events of this type; may be repeated."},
    CommandOption{"event-id", 0, "UUID", "Only this event; may be repeated."},
    CommandOption{"key", 0, "KEY", "Only messages of this key."},
    CommandOption{"group", 0, "ID", "Only those of one cause, by its group of `dlq groups`."},
    CommandOption{"settled-too", 0, "", "Those of consumers too that were replayed or discarded."},
    since_option,
    until_option,
    CommandOption{"dead-letter-topic", 0, "TOPIC",
                  "Only what stands in it; it need not be one of the configuration."},
};
constexpr std::array dlq_page = {limit_option, cursor_option};
constexpr std::array dlq_changes = {
    CommandOption{"payload", 0, "TEXT", "The new payload; @FILE reads it from a file."},
    CommandOption{"merge-patch", 0, "JSON", "Changes of the payload by RFC 7396; or @FILE."},
    CommandOption{"to-topic", 0, "TOPIC", "The topic that it goes to instead."},
    CommandOption{"headers", 0, "JSON", "An object of headers, in place of the event's own."},
};
constexpr std::array dlq_version = {
    CommandOption{"expected-version", 0, "VERSION",
                  "Of `dlq show`: refuse where somebody changed it since."},
};
constexpr std::array dlq_write = {reason_option, by_option};
constexpr std::array dlq_yes = {CommandOption{"yes", 'y', "", "Do not ask first."}};
constexpr std::array dlq_many = {
    CommandOption{"all", 0, "", "All that the filters leave."},
    CommandOption{"limit", 0, "N", "At most so many."},
    dry_run_option,
};
constexpr std::array dlq_rate = {
    CommandOption{"rate", 0, "N", "At most so many a second; admin.replay-rate caps it."},
};
constexpr auto dlq_list_options = joined(dlq_filters, dlq_page);
constexpr auto dlq_edit_options = joined(dlq_changes, dlq_version, dlq_write);
constexpr auto dlq_replay_options = joined(dlq_filters, dlq_many, dlq_rate, dlq_changes, dlq_write);
constexpr auto dlq_discard_options = joined(dlq_filters, dlq_many, dlq_yes, dlq_write);
constexpr std::array dlq_actions = {
    Action{"list", "", "Dead letters in the order in which they would be replayed.",
           Options(dlq_list_options)},
    Action{"groups", "",
           "Dead letters counted by cause: the error, with what varies in it left out. The group "
           "of a line is what --group takes.",
           Options(dlq_filters)},
    Action{"show", "ID", "One dead letter with its whole payload, up to 1 MiB.", Options()},
    Action{"edit", "ID",
           "Changes payload, topic or headers of a relay's dead letter, which stays one until it "
           "is replayed. A consumer's is a message of a log: `dlq replay` takes the same options "
           "and sends a changed copy. Another topic is another group of `dlq groups`.",
           Options(dlq_edit_options)},
    Action{
        "replay", "[ID...]",
        "A relay's become pending again, with no attempts behind them; a consumer's are sent "
        "back to their topic with the same event id, and what took effect already is skipped by "
        "the inbox. In order per key, each once however many replay it at the same time, marked "
        "by the header `replay`. Exits with 4 where nothing fits, with 5 where all that does was "
        "replayed or discarded already.",
        Options(dlq_replay_options)},
    Action{"discard", "[ID...]",
           "A relay's go from the table into outboxd_discarded; a consumer's are marked and shown "
           "no more. It takes --reason, and with --all asks first.",
           Options(dlq_discard_options)},
};

// --- pause, resume, pauses, audit-log, doctor, tail ---

constexpr std::array<std::string_view, 3> pause_examples = {
    "outboxd pause topic order.events --reason 'consumers are mended'",
    "outboxd pause relay default --by ana",
    "outboxd pause key order-4711",
};
constexpr std::array<std::string_view, 1> resume_examples = {"outboxd resume topic order.events"};
constexpr std::array pause_options = {store_option, reason_option, by_option};

constexpr std::array<std::string_view, 2> pauses_examples = {
    "outboxd pauses",
    "outboxd pauses --output json",
};
constexpr std::array pauses_options = {store_option};

constexpr std::array<std::string_view, 2> audit_log_examples = {
    "outboxd audit-log --limit 20",
    "outboxd audit-log --output json",
};
constexpr std::array audit_log_options = {store_option, limit_option, cursor_option};

constexpr std::array<std::string_view, 2> doctor_examples = {
    "outboxd doctor",
    "outboxd doctor --strict --output json",
};
constexpr std::array doctor_options = {
    store_option,
    CommandOption{"strict", 0, "", "Exit with 1 for a warning too."},
    CommandOption{"all", 0, "", "Show what is well, too."},
};

constexpr std::array<std::string_view, 3> tail_examples = {
    "outboxd tail order.events",
    "outboxd tail order.events --from 10m --key order-4711",
    "outboxd tail order.events --from beginning --limit 5 --output json",
};
constexpr std::array tail_options = {
    CommandOption{"from", 0, "beginning|end|TIME", "Where to begin: at the end by default."},
    CommandOption{"until-end", 'e', "", "End where the topic ends now."},
    CommandOption{"limit", 0, "N", "End after so many messages."},
    CommandOption{"key", 0, "KEY", "Only messages of this key."},
    CommandOption{"partition", 0, "N", "Only this partition."},
};

constexpr std::string_view everything = "database shards kafka outbox log process";

constexpr std::array all = {
    Command{"status", "Show stores, relays, backlog, consumers and pauses", "", "",
            "One screen: how it stands in a word, then each store with its backlog, the keys that "
            "are blocked, topics that are held, the relays and the leases they hold, the consumer "
            "groups with their lag, the brokers, and what is paused. What does not answer is shown "
            "as down, and the exit code is 6. Nothing here scans a table: counts end at 100,000.",
            Examples(status_examples), Options(status_options), everything},
    Command{"relays", "Show the relays, their instances and their leases", "", "",
            "Each relay of each store: who runs it, since when it was heard of, its share of the "
            "256 buckets, and its backlog.",
            Examples(relays_examples), Options(relays_options), everything},
    Command{
        "top", "Watch rates and lag live", "", "",
        "Messages a second of each topic, what each consumer group takes and how far it is "
        "behind, and whether each relay's backlog grows. On a terminal the screen is redrawn "
        "until Ctrl-C; elsewhere each look is a block of lines, or with --output json one line.",
        Examples(top_examples), Options(top_options), everything},
    Command{"events", "Find events, trace them, retry or discard dead ones", "", "",
            "Events are rows of the outbox. Searching by event id or aggregate is quick where "
            "outbox.lookup-indexes is set; without, the latest rows are looked at.",
            Examples(events_examples), Options(), everything, Actions(events_actions)},
    Command{"dlq", "Look at dead letters, mend, replay or discard them", "", "",
            "Dead letters have two sources and one list: rows that the relay gave up, and messages "
            "that consumers gave up, which stand in dead-letter topics. Ids are row.STORE.ROW and "
            "topic.TOPIC.PARTITION.OFFSET.",
            Examples(dlq_examples), Options(), everything, Actions(dlq_actions)},
    Command{"pause", "Pause a relay, a topic, a key or a consumer", "relay|topic|key|consumer NAME",
            "relay|topic|key|consumer",
            "Every instance heeds it within seconds, and it stays until `outboxd resume`, across "
            "restarts. Leases and memberships are kept. Nothing is lost: what is paused waits.",
            Examples(pause_examples), Options(pause_options), everything},
    Command{"resume", "End a pause", "relay|topic|key|consumer NAME", "relay|topic|key|consumer",
            "Exits with 4 where it was not paused.", Examples(resume_examples),
            Options(pause_options), everything},
    Command{"pauses", "Show what is paused, by whom and why", "", "", "", Examples(pauses_examples),
            Options(pauses_options), everything},
    Command{"audit-log", "Show who did what, and why", "", "",
            "Every write of an operator, by this program or by the admin API, the newest first.",
            Examples(audit_log_examples), Options(audit_log_options), everything},
    Command{"doctor", "Look for what is wrong, and say what mends it", "", "",
            "Examines databases, brokers and configuration, and tells of each finding what is the "
            "case, why it matters and the command that mends it. It changes nothing. Exits with 1 "
            "where there is a problem.",
            Examples(doctor_examples), Options(doctor_options),
            "database shards kafka outbox relay log process"},
    Command{"tail", "Follow the messages of a topic", "TOPIC", "",
            "Prints messages as they come, from all partitions, without joining a group: time, "
            "partition, offset, key, headers and value; with --output json a line each. Ctrl-C "
            "ends it.",
            Examples(tail_examples), Options(tail_options), "kafka log process"},
};

}  // namespace

std::span<const Command> operating_commands() {
  return all;
}

}  // namespace outbox::app
