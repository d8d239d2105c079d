// SPDX-License-Identifier: Apache-2.0
#include "config/reference.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "config/kafka_properties.hpp"
#include "config/presets.hpp"

namespace outbox::config {
namespace {

struct Group {
  std::string_view name;
  std::string_view title;
  std::string_view text;
};

constexpr std::array groups = {
    Group{"database", "Database", ""},
    Group{"shards", "Shards",
          "Any number of databases with an outbox each; every relay works on all that are active. "
          "In a variable the name is in capitals with `_` for `-`: `OUTBOXD_SHARDS_EU_1_URL`. On "
          "SIGHUP `outboxd run` and `outboxd relay` read these again: new shards are taken up, "
          "those that are gone are drained and left."},
    Group{"kafka", "Kafka", "Properties of librdkafka are set by `kafka.properties.*`, see below."},
    Group{"outbox", "Table",
          "Which table holds the outbox. The columns and status words are for a table that is "
          "already there; a column's empty name says that the table has none, a `?` after the name "
          "that it is used where the table has it."},
    Group{"relay", "Relay",
          "`relays.NAME.*` sets any of these but `relay.slots` for a relay of that name, and "
          "`relay.*` are then the defaults of all. Named relays run side by side in one process "
          "and divide the events by `aggregate-types`."},
    Group{"gateway", "Gateway", "For `outboxd gateway`, which docs/gateway.md describes."},
    Group{"admin", "Admin API",
          "The server of `outboxd run` for operators, their dashboard and Prometheus: "
          "[admin-api.md](admin-api.md)."},
    Group{"alerts", "Alerts",
          "Any number of rules of `outboxd run` and `outboxd relay`, each with a name of its own: "
          "[alerts.md](alerts.md). In a variable the name is in capitals with `_` for `-`: "
          "`OUTBOXD_ALERTS_DEAD_WEBHOOK`."},
    Group{"cleanup", "Clean-up",
          "What goes, when, and what never does: [retention.md](retention.md)."},
    Group{"log", "Logs", ""},
    Group{"process", "Program", ""},
};

constexpr std::string_view introduction = R"(# Configuration

<!-- Generated: `outboxd help configuration > docs/configuration.md`. Do not edit by hand. -->

Every setting has one name. `relay.batch-size` is `relay: {batch-size: 500}` in YAML,
`OUTBOXD_RELAY_BATCH_SIZE` in the environment and in `.env`, and `--relay.batch-size 500` or
`--relay.batch-size=500` as a flag; a flag of true or false needs no value. `outboxd check-config`
prints every value and where it came from, with secrets masked.

What is given in several places is taken from the first of:

1. a flag;
2. an `OUTBOXD_*` variable;
3. one of the seven plain variables: `DATABASE_CONN`, `KAFKA_BOOTSTRAP_SERVERS`, `KAFKA_USER`,
   `KAFKA_PASSWORD`, `KAFKA_SASL_MECHANISM`, `POLL_INTERVAL_SECONDS`, `BATCH_SIZE`;
4. the file `.env` in the working folder, or the one named by `--env-file`; both kinds of variables
   may stand in it, and it never changes the environment;
5. the YAML file: `--config FILE`, `OUTBOXD_CONFIG`, or `outboxd.yaml` in the working folder;
6. the preset (`outbox.preset`);
7. the default.

A name that does not exist is an error, with its line and the nearest name, and so is a key that
stands twice. In `.env`, in the seven plain variables and in numbers and durations, `#` after white
space begins a comment (`POLL_INTERVAL_SECONDS=1  # every second`); quotes protect it. An empty
variable counts as not set, save where an empty text means something (no topic, no such column).

Durations are `200ms`, `5s`, `2m`, `1h`, `30d`, with decimals, or a bare number in the unit that is
named with the setting. Sizes are `16MiB`, `1MB`, or bare bytes. Lists are YAML lists, or texts
with commas.

Secrets may be kept in files: the setting's name with `-file` names one
(`OUTBOXD_KAFKA_PASSWORD_FILE=/run/secrets/kafka`, `kafka.password-file` in YAML). Flags are seen
by every user of the machine, so do not give secrets there.

YAML written for the framework module is taken as it is: its root `cupia.framework.outbox`, with
`enabled`, `relay.polling-interval`, `relay.batch-size`, `relay.max-retry`,
`cleanup.retention-days` and `cleanup.cleanup-interval` under it, and the same under `outbox`.
)";

constexpr std::string_view rules_text = R"page(
## Routes and transformers

```yaml
relay:
  routes:
    - {event-type: [ORDER_*, PAYMENT_*], topic: order.events}
    - {event-type: RESTOCKED, topic: stock.events}
  transform:
    - pick: [order_id, customer, total_amount]
    - rename: {total_amount: total}
    - drop: [customer.phone]
    - mask: [customer.email]
    - mask: {fields: [customer.name], with: "(hidden)"}
    - add: {source: shop, kind: "{event_type}"}
    - topic: "{aggregate_type}.events"
```

A row's own topic wins over routes, a route over `relay.default-topic`. Transformers take payloads
that are JSON objects; fields are paths with dots. In texts of `add` and in topics stand the
placeholders `{event_type}`, `{aggregate_type}` and `{topic}`, in `add` also `{aggregate_id}`. The
key is the row's and no transformer changes it.

## Consumers

What `outboxd consume` runs is declared under `consume` in the YAML file, and there alone:

```yaml
consume:
  stock:
    topics: [order.events]
    handlers:
      - event-type: RESTOCKED
        sql: UPDATE products SET stock = stock + :payload.qty WHERE id = :payload.product_id
```

[consuming.md](consuming.md) has all of it.
)page";

// What stands in a cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string result;
  for (const char letter : text)
    result += letter == '|' ? std::string("\\|") : std::string(1, letter);
  return result;
}

std::string code(std::string_view text) {
  return text.empty() ? std::string() : fmt::format("`{}`", cell(text));
}

std::string names_cell(const Setting& setting) {
  std::string names = code(setting.name);
  if (setting.short_flag != 0) names += fmt::format(", `-{}`", setting.short_flag);
  if (!setting.alias.empty()) names += fmt::format(", {}", code(setting.alias));
  if (!setting.plain_variable.empty()) names += fmt::format(", {}", code(setting.plain_variable));
  return names;
}

std::string text_cell(const Setting& setting) {
  std::string text = cell(setting.text);
  if (setting.secret) text += " Secret.";
  if (!setting.plain_unit.empty()) {
    text += fmt::format(" A bare number in `{}` counts seconds.", setting.plain_variable);
  }
  if (!setting.example.empty()) text += fmt::format(" E.g. {}.", code(setting.example));
  return text;
}

std::string group_table(const Group& group) {
  std::string page = fmt::format("\n## {}\n\n", group.title);
  if (!group.text.empty()) page += fmt::format("{}\n\n", group.text);
  page += "| setting | allowed | default | meaning |\n|---|---|---|---|\n";
  for (const Setting& setting : settings_table()) {
    if (group_of(setting) != group.name) continue;
    page +=
        fmt::format("| {} | {} | {} | {} |\n", names_cell(setting), cell(allowed_values(setting)),
                    code(setting.default_text), text_cell(setting));
  }
  return page;
}

std::string preset_tables() {
  std::string page =
      "\n## Presets\n\nA preset describes the table of one document and sets that document's "
      "numbers; what it does not set keeps\nits default, and every value can be set otherwise. "
      "Columns that are not named the table does not have.\nOn SQLite times may be texts that its "
      "date functions take or integers of seconds or milliseconds since 1970;\nsee "
      "[0016](decisions/0016-mapped-tables-on-sqlite.md).\n";
  for (const Preset& preset : presets()) {
    page += fmt::format("\n### {} ({})\n\n", preset.name, preset.document);
    if (!preset.no_row_capture.empty()) {
      page += fmt::format("Capture `row` is refused: {}.\n\n", preset.no_row_capture);
    }
    page += "| setting | value |\n|---|---|\n";
    for (const PresetValue& value : preset.values) {
      page += fmt::format("| {} | {} |\n", code(value.setting),
                          value.text.empty() ? std::string("none") : code(value.text));
    }
  }
  return page;
}

std::string property_lists() {
  std::string page =
      "\n## Properties of librdkafka\n\n`kafka.properties.linger.ms: 5` passes a property "
      "through. Allowed are:\n\n";
  for (const std::string_view property : allowed_kafka_properties()) {
    page += fmt::format("- `{}`\n", property);
  }
  page +=
      "\nAll others are refused; these for a reason of their own:\n\n| property | reason |\n"
      "|---|---|\n";
  for (const RefusedProperty& property : refused_kafka_properties()) {
    page += fmt::format("| {} | {} |\n", code(property.name), cell(property.reason));
  }
  return page;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back();
    }
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
    if (space == std::string_view::npos) break;
    text.remove_prefix(space + 1);
  }
  return lines;
}

std::string help_entry(const Setting& setting) {
  constexpr std::size_t text_width = 90;
  std::string entry = "  ";
  if (setting.short_flag != 0) entry += fmt::format("-{}, ", setting.short_flag);
  entry += fmt::format("--{} ({})", setting.name, environment_name(setting.name));
  if (!setting.plain_variable.empty()) entry += fmt::format(" or {}", setting.plain_variable);
  entry += '\n';
  std::string text(setting.text);
  text.erase(std::remove(text.begin(), text.end(), '`'), text.end());
  text += fmt::format(" Takes {}", allowed_values(setting));
  if (!setting.default_text.empty()) text += fmt::format("; default {}", setting.default_text);
  for (const std::string& line : wrapped(text + ".", text_width)) {
    entry += "      " + line + "\n";
  }
  return entry;
}

bool names_group(std::string_view list, std::string_view group) {
  const std::string padded = fmt::format(" {} ", list);
  return list.empty() || padded.find(fmt::format(" {} ", group)) != std::string::npos;
}

}  // namespace

std::string reference_page() {
  std::string page(introduction);
  for (const Group& group : groups)
    page += group_table(group);
  page += rules_text;
  page += preset_tables();
  page += property_lists();
  return page;
}

std::string settings_help(std::string_view wanted) {
  std::string help;
  for (const Group& group : groups) {
    if (!names_group(wanted, group.name)) continue;
    help += fmt::format("\n{}:\n", group.title);
    for (const Setting& setting : settings_table()) {
      if (group_of(setting) != group.name) continue;
      // Columns and words are many and of one kind; the reference page lists them.
      const bool mapping =
          setting.name.starts_with("outbox.columns.") || setting.name.starts_with("outbox.status.");
      if (!mapping || wanted.empty()) help += help_entry(setting);
    }
  }
  return help;
}

}  // namespace outbox::config
