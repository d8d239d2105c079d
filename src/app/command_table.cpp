// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <vector>

#include "app/command_tables.hpp"

namespace outbox::app {
namespace {

using Examples = std::span<const std::string_view>;
using Options = std::span<const CommandOption>;

constexpr std::array<std::string_view, 2> run_examples = {
    "outboxd run --config /etc/outboxd/outboxd.yaml",
    "outboxd run --outbox.preset shop",
};

constexpr std::array<std::string_view, 3> relay_examples = {
    "DATABASE_CONN=postgresql://relay@localhost/shop KAFKA_BOOTSTRAP_SERVERS=localhost:9092 "
    "outboxd relay",
    "outboxd relay --outbox.preset publisher --log.format json",
    "outboxd relay -c outboxd.yaml --relay.settle delete",
};

constexpr std::array<std::string_view, 3> migrate_examples = {
    "DATABASE_CONN=postgresql://owner@localhost/shop outboxd migrate",
    "outboxd migrate --status",
    "outboxd migrate --dry-run > review.sql",
};
constexpr CommandOption shard_option{"shard", 0, "NAME", "The shard, where there are several."};
constexpr std::array migrate_options = {
    shards_option,
    CommandOption{"status", 0, "", "Show which migrations are applied and change nothing."},
    CommandOption{"dry-run", 'n', "", "Print the SQL that would run and change nothing."},
};

constexpr std::array<std::string_view, 2> publish_examples = {
    R"(outboxd publish --aggregate-type order --aggregate-id 42 --event-type ORDER_PAID )"
    R"(--payload '{"order_id": 42}')",
    "outboxd publish < events.ndjson",
};
constexpr std::array publish_options = {
    shard_option,
    CommandOption{"aggregate-type", 0, "TYPE", "Kind of the thing the event is about."},
    CommandOption{"aggregate-id", 0, "ID", "The thing; the key of the message, save with --key."},
    CommandOption{"event-type", 0, "TYPE", "What happened."},
    CommandOption{"payload", 0, "TEXT", "The value; left out, it is NULL (a tombstone)."},
    CommandOption{"key", 0, "KEY", "The key of the message, where it is not the aggregate."},
    CommandOption{"topic", 0, "TOPIC", "The topic; left out, relay.routes decides."},
    CommandOption{"header", 0, "NAME=VALUE", "A header of the message; may be repeated."},
    CommandOption{"event-id", 0, "UUID", "The event's identity; left out, the database makes one."},
};

constexpr std::array<std::string_view, 5> topics_examples = {
    "outboxd topics apply --file topics.yaml",
    "outboxd topics apply --file topics.yaml --dry-run --output json",
    "outboxd topics create order.events stock.events",
    "outboxd topics create order.events --partitions 12 --replication-factor 3",
    "outboxd topics list -b localhost:9092",
};
constexpr std::array topics_options = {
    CommandOption{"partitions", 0, "N", "create: partitions of a topic; 3 by default."},
    CommandOption{"replication-factor", 0, "N", "create: copies of each partition; 1 by default."},
    CommandOption{"file", 'f', "FILE", "apply: the YAML file that declares the topics."},
    CommandOption{"add-partitions", 0, "", "apply: raise counts that are too low; keys move."},
    CommandOption{"dry-run", 'n', "", "apply: say what differs, exit with 5, change nothing."},
};

constexpr std::array<std::string_view, 2> consume_examples = {
    "outboxd consume -c outboxd.yaml",
    "outboxd consume --consumer stock --consumer mails",
};
constexpr std::array consume_options = {
    CommandOption{"consumer", 0, "NAME", "Only this one of those declared; may be repeated."},
};

constexpr std::array<std::string_view, 3> cleanup_examples = {
    "outboxd cleanup --dry-run",
    "outboxd cleanup --cleanup.retention-days 7 --shard eu",
    "outboxd cleanup --cleanup.archive-table outbox_archive --output json",
};
constexpr std::array cleanup_options = {
    shards_option,
    CommandOption{"dry-run", 'n', "", "Say what would go and change nothing."},
    reason_option,
    by_option,
};

constexpr std::array<std::string_view, 2> gateway_examples = {
    "KAFKA_BOOTSTRAP_SERVERS=localhost:9092 outboxd gateway",
    "outboxd gateway -c outboxd.yaml --gateway.address 0.0.0.0:8090",
};

constexpr std::array<std::string_view, 3> check_examples = {
    "outboxd check-config",
    "outboxd check-config -c outboxd.yaml --all",
    "outboxd check-config --output json",
};
constexpr std::array check_options = {
    CommandOption{"all", 'a', "", "Every setting, those with their default too."},
};

constexpr std::array<std::string_view, 2> version_examples = {
    "outboxd version",
    "outboxd version --output json",
};

constexpr std::array<std::string_view, 3> completion_examples = {
    "source <(outboxd completion bash)",
    "outboxd completion zsh > ~/.zfunc/_outboxd",
    "outboxd completion fish > ~/.config/fish/completions/outboxd.fish",
};

constexpr std::array<std::string_view, 5> help_examples = {
    "outboxd help relay",
    "outboxd help dlq replay",
    "outboxd help exit-codes",
    "outboxd help settings",
    "outboxd help man events | man -l -",
};

constexpr std::array running = {
    Command{"run", "Run all roles that are configured", "", "",
            "Runs the relays and the consumers that the configuration declares in one process, "
            "with the admin API and the dashboard at `admin.address`, http://127.0.0.1:8480 where "
            "nothing else is set. A signal ends it as it ends `relay`.",
            Examples(run_examples), Options(),
            "database shards kafka outbox relay admin alerts cleanup log process"},
    Command{
        "relay", "Relay the outbox to Kafka", "", "",
        "Reads committed events, sends them in order per key, and settles what the brokers "
        "have acknowledged. SIGTERM or Ctrl-C finishes what is in flight and exits with 0; a "
        "second signal exits at once, and SIGHUP reads the shards of the configuration again. It "
        "never changes a schema and opens no port but admin.address, where that is set.",
        Examples(relay_examples), Options(),
        "database shards kafka outbox relay admin alerts cleanup log process"},
    Command{
        "migrate", "Make or update the outbox's tables", "", "",
        "Applies the migrations that are missing, each in a transaction, under a lock. With a "
        "preset it makes outboxd's own tables only and leaves the document's alone. The archive "
        "of cleanup.archive-table and the days of outbox.partitions are made too.",
        Examples(migrate_examples), Options(migrate_options),
        "database shards outbox cleanup log process"},
    Command{"publish", "Insert events into the outbox", "", "",
            "Inserts the one event that the options describe. Without options it reads events from "
            "standard input, one JSON object a line with the options' names, `_` for `-`, as "
            "fields.",
            Examples(publish_examples), Options(publish_options),
            "database shards outbox log process"},
    Command{"topics", "Declare, create or list topics", "apply|create|list [TOPIC...]",
            "apply|create|list",
            "`apply` makes the topics of a file that are missing and compares the others with it: "
            "partitions, replication factor, retention, config. It never deletes and changes "
            "nothing that is there, save with --add-partitions; what differs is reported, and the "
            "exit code is 5. `create` makes the topics named, `list` lists the brokers' topics "
            "with their partitions.",
            Examples(topics_examples), Options(topics_options), "kafka log process"},
    Command{"consume", "Run the consumers that the configuration declares", "", "",
            "Runs handlers that are declared under `consume` in YAML: SQL in the transaction that "
            "claims the event, which takes effect once; or a command or HTTP endpoint, called "
            "before the claim is committed, so at least once, with the event id to tell repeats "
            "by. Failed events are tried again and then dead-lettered. SIGTERM or Ctrl-C finishes "
            "the transactions under way and exits with 0. docs/consuming.md shows the YAML.",
            Examples(consume_examples), Options(consume_options), "database kafka log process"},
    Command{"cleanup", "Remove or archive what was published long ago", "", "",
            "Does once, and at once, what `relay` and `run` do every cleanup.cleanup-interval: "
            "published rows older than cleanup.retention-days are removed or moved to "
            "cleanup.archive-table, in small transactions and in every shard; partitions are made "
            "ahead and dropped. What is not settled and what is dead is never touched. Where "
            "another instance is cleaning up, the exit code is 5. Ctrl-C ends it between two "
            "transactions, with 7.",
            Examples(cleanup_examples), Options(cleanup_options),
            "database shards outbox cleanup log process"},
    Command{"gateway", "Push messages to WebSocket clients", "", "",
            "Pushes every message of realtime.events to the clients that are connected: `/ws` for "
            "WebSocket, `/events` for server-sent events, `/health`. Clients that were away get "
            "what they missed. Each of several gateways sees all messages. SIGTERM or Ctrl-C sends "
            "the clients away and exits with 0.",
            Examples(gateway_examples), Options(), "kafka gateway log process"},
};

constexpr std::array about = {
    Command{"check-config", "Check the configuration and show it", "", "",
            "Prints what is set and where it came from, with secrets masked, and with --all every "
            "setting with its default. Connects to nothing. Exits with 3 where something is wrong.",
            Examples(check_examples), Options(check_options),
            "database shards kafka outbox relay gateway admin alerts cleanup log process"},
    Command{"version", "Show the versions of the program and its libraries", "", "", "",
            Examples(version_examples), Options(), ""},
    Command{"completion", "Print completions for a shell", "bash|zsh|fish", "bash|zsh|fish",
            "Prints a script that completes commands, flags and their values.",
            Examples(completion_examples), Options(), ""},
    Command{"help", "Explain a command or a subject", "[SUBJECT...]", "",
            "A subject is a command, a command and its action, `exit-codes`, `settings`, which "
            "lists every setting, `configuration` and `commands`, which print the reference pages "
            "in Markdown, or `man` with or without a command, which prints a page for man(1).",
            Examples(help_examples), Options(), ""},
};

}  // namespace

std::span<const Command> running_commands() {
  return running;
}

std::span<const Command> program_commands() {
  return about;
}

std::span<const Command> commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> together;
    for (const auto& part : {running_commands(), operating_commands(), program_commands()})
      together.insert(together.end(), part.begin(), part.end());
    return together;
  }();
  return all;
}

}  // namespace outbox::app
