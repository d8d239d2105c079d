// SPDX-License-Identifier: Apache-2.0
#include "config/consumers.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "config/database_url.hpp"
#include "config/fault.hpp"
#include "config/sql_template.hpp"
#include "config/values.hpp"
#include "config/yaml_tree.hpp"

namespace outbox::config {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view any_type = "*";
// PostgreSQL ends a transaction in which nothing was said for a minute.
constexpr std::chrono::milliseconds timeout_max = 50s;

// Runs a parser that throws Fault, about what stands at `place`.
template <class Parse>
auto parsed(const YamlPlace& place, const Parse& parse) {
  try {
    return parse();
  } catch (const Fault& fault) {
    place.fail(fault.what, fault.hint);
  }
}

std::string topic_template(const YamlPlace& place) {
  std::string name = place.text();
  constexpr std::string_view source = "{topic}";
  const std::size_t at = name.find(source);
  if (at == std::string::npos) return place.topic();
  std::string example = name;
  if (!is_topic_name(example.replace(at, source.size(), "x"))) {
    place.fail(fmt::format("is '{}', which makes no topic's name", name),
               "write such as '{topic}-dlq'");
  }
  return name;
}

// What a map with a statement says besides it.
void read_statement_options(const YamlPlace& place, SqlStatement& options) {
  if (const auto value = place.find("for-each")) {
    options.has_for_each = true;
    options.for_each = parsed(*value, [&] { return parse_payload_path(value->text()); });
  }
  if (const auto value = place.find("expect-rows")) options.rows_min = value->integer(1, 1'000'000);
}

void add_statements(const YamlPlace& sql, const SqlStatement& options,
                    std::vector<SqlStatement>& statements) {
  const std::string text = sql.text();
  for (SqlStatement& statement :
       parsed(sql, [&] { return parse_sql(text, options.has_for_each); })) {
    statement.has_for_each = options.has_for_each;
    statement.for_each = options.for_each;
    statement.rows_min = options.rows_min;
    statement.origin = sql.origin();
    if (statement.rows_min > 0) {
      parsed(sql, [&] {
        count_rows(statement);
        return true;
      });
    }
    statements.push_back(std::move(statement));
  }
}

void read_sql(const YamlPlace& handler, const YamlPlace& sql, HandlerSettings& settings) {
  SqlStatement options;
  read_statement_options(handler, options);
  if (!sql.is_list()) return add_statements(sql, options, settings.statements);
  if (options.has_for_each || options.rows_min > 0) {
    handler.fail("has for-each or expect-rows beside a list of statements",
                 "say it with each: - {sql: ..., for-each: items, expect-rows: 1}");
  }
  for (const YamlPlace& item : sql.items()) {
    if (!item.is_map()) {
      add_statements(item, {}, settings.statements);
      continue;
    }
    item.allow_only({"sql", "for-each", "expect-rows"});
    SqlStatement own;
    read_statement_options(item, own);
    const auto text = item.find("sql");
    if (!text) item.fail("has no sql", "write - {sql: ..., for-each: items}");
    add_statements(*text, own, settings.statements);
  }
  if (settings.statements.empty()) sql.fail("is an empty list", "write a statement");
}

std::string host_of(std::string_view url) {
  std::string_view rest = url.substr(url.find("://") + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (rest.find('@') != std::string_view::npos) return {};  // A login: those end up in logs.
  if (rest.starts_with('[')) return std::string(rest.substr(1, rest.find(']') - 1));
  return std::string(rest.substr(0, rest.find(':')));
}

std::string read_url(const YamlPlace& place) {
  std::string url = place.text();
  const bool secure = url.starts_with("https://");
  if (!secure && !url.starts_with("http://")) {
    place.fail(fmt::format("is '{}'", url), "give a URL such as http://127.0.0.1:8080/events");
  }
  const std::string host = host_of(url);
  if (host.empty()) {
    place.fail("names no host, or a login", "give a URL such as http://127.0.0.1:8080/events");
  }
  if (!secure && !is_loopback(host)) {
    place.fail(fmt::format("sends events to {} in clear", host),
               "use https, or an endpoint on this machine");
  }
  return url;
}

void read_work(const YamlPlace& place, HandlerSettings& handler) {
  const auto sql = place.find("sql");
  const auto command = place.find("command");
  const auto http = place.find("http");
  if ((sql ? 1 : 0) + (command ? 1 : 0) + (http ? 1 : 0) != 1) {
    place.fail("does not say what it does", "give one of sql, command and http");
  }
  const auto refuse = [&](std::initializer_list<std::string_view> keys, const char* of) {
    for (const std::string_view key : keys) {
      if (const auto found = place.find(key)) {
        found->fail("has no meaning here",
                    fmt::format("remove it: it is for handlers with {}", of));
      }
    }
  };
  if (sql) {
    handler.kind = HandlerKind::sql;
    refuse({"batch", "timeout"}, "command or http");
    return read_sql(place, *sql, handler);
  }
  refuse({"for-each", "expect-rows"}, "sql");
  handler.kind = command ? HandlerKind::command : HandlerKind::http;
  if (command) handler.command = command->texts();
  if (http) handler.url = read_url(*http);
  if (const auto value = place.find("batch")) handler.batch = value->boolean();
  if (const auto value = place.find("timeout"))
    handler.timeout = value->duration(10ms, timeout_max);
}

HandlerSettings read_handler(const YamlPlace& place) {
  HandlerSettings handler;
  handler.origin = place.origin();
  place.allow_only(
      {"event-type", "sql", "for-each", "expect-rows", "command", "http", "batch", "timeout"});
  const auto types = place.find("event-type");
  if (!types) {
    place.fail("has no event-type", "name one or a list, or '*' for all that have no handler");
  }
  handler.event_types = types->texts();
  if (std::find(handler.event_types.begin(), handler.event_types.end(), any_type) !=
      handler.event_types.end()) {
    if (handler.event_types.size() > 1) types->fail("has '*' among others", "give '*' alone");
    handler.event_types.clear();
  }
  read_work(place, handler);
  return handler;
}

void read_retry(const YamlPlace& place, ConsumerRetry& retry) {
  place.allow_only({"max-attempts", "backoff-initial", "backoff-max", "backoff-jitter"});
  if (const auto value = place.find("max-attempts")) retry.attempts_max = value->integer(1, 10'000);
  if (const auto value = place.find("backoff-initial")) retry.initial = value->duration(1ms, 24h);
  if (const auto value = place.find("backoff-max")) retry.max = value->duration(1ms, 24h);
  if (const auto value = place.find("backoff-jitter")) retry.jitter = value->decimal(0, 1);
  if (retry.max < retry.initial) {
    place.fail("has a backoff-max below its backoff-initial", "raise backoff-max");
  }
}

void read_handlers(const YamlPlace& place, ConsumerSettings& consumer) {
  std::map<std::string, std::string> taken;
  for (const YamlPlace& item : place.items()) {
    HandlerSettings handler = read_handler(item);
    std::vector<std::string> types = handler.event_types;
    if (types.empty()) types.emplace_back(any_type);
    for (const std::string& type : types) {
      const auto [first, fresh] = taken.emplace(type, handler.origin);
      if (fresh) continue;
      item.fail(fmt::format("is a second handler for '{}', after {}", type, first->second),
                "make one of the two, with a list of statements");
    }
    consumer.handlers.push_back(std::move(handler));
  }
  if (consumer.handlers.empty()) place.fail("is an empty list", "declare a handler");
}

bool calls_out_singly(const HandlerSettings& handler) {
  return handler.kind != HandlerKind::sql && !handler.batch;
}

void read_delivery(const YamlPlace& place, ConsumerSettings& consumer) {
  if (const auto value = place.find("ordered")) consumer.ordered = value->boolean();
  const auto delay = place.find("delay-topic");
  if (delay && consumer.ordered) {
    delay->fail("is for consumers with ordered: false", "remove it, or give up the order");
  }
  if (!consumer.ordered) {
    consumer.delay_topic = delay ? delay->topic() : consumer.group_id + ".retry";
  }
  if (const auto value = place.find("dead-letter-topic")) {
    consumer.dead_letter_topic = topic_template(*value);
  }
  if (const auto value = place.find("retry")) read_retry(*value, consumer.retry);
  if (const auto value = place.find("inbox-key")) {
    consumer.claims_versions = value->word({"event-id", "aggregate-version"}) != "event-id";
  }
  if (const auto value = place.find("unknown-events")) {
    consumer.dead_letters_unknown = value->word({"ignore", "dead-letter"}) != "ignore";
  }
}

bool is_consumer_name(std::string_view name) {
  return !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

ConsumerSettings read_consumer(const std::string& name, const YamlPlace& place) {
  ConsumerSettings consumer;
  consumer.name = name;
  consumer.origin = place.origin();
  if (!is_consumer_name(name)) {
    place.fail("is no name for a consumer", "use up to 40 of the letters a-z, 0-9 and '-'");
  }
  place.allow_only({"group-id", "topics", "instance-id", "offset-reset", "batch-size", "workers",
                    "inbox-key", "unknown-events", "ordered", "delay-topic", "dead-letter-topic",
                    "retry", "handlers"});
  consumer.group_id = name;
  if (const auto value = place.find("group-id")) consumer.group_id = value->text();
  const auto topics = place.find("topics");
  if (!topics) place.fail("has no topics", "name one or a list of them");
  for (const YamlPlace& topic : topics->is_list() ? topics->items() : std::vector{*topics}) {
    consumer.topics.push_back(topic.topic());
  }
  if (consumer.topics.empty()) topics->fail("is an empty list", "name at least one topic");
  if (const auto value = place.find("instance-id")) consumer.instance_id = value->text();
  if (const auto value = place.find("offset-reset")) {
    consumer.offset_reset = value->word({"earliest", "latest", "error"});
  }
  const auto handlers = place.find("handlers");
  if (!handlers) place.fail("has no handlers", "list what it does, by event-type");
  read_handlers(*handlers, consumer);
  // What is called for one event is in a transaction of its own, so that the failure of another
  // event does not call it again.
  if (std::any_of(consumer.handlers.begin(), consumer.handlers.end(), calls_out_singly)) {
    consumer.batch_size = 1;
  }
  if (const auto value = place.find("batch-size")) consumer.batch_size = value->integer(1, 10'000);
  if (const auto value = place.find("workers")) consumer.workers = value->integer(1, 256);
  read_delivery(place, consumer);
  return consumer;
}

}  // namespace

std::vector<ConsumerSettings> parse_consumers(std::string_view text, std::string_view file) {
  const YamlValue tree = load_yaml_tree(text, file);
  const YamlPlace root(tree, std::string(file), "");
  if (!root.is_map()) return {};
  const auto consume = root.find("consume");
  if (!consume) return {};
  std::vector<ConsumerSettings> consumers;
  std::map<std::string, std::string> groups;
  for (const auto& [name, place] : consume->fields()) {
    ConsumerSettings consumer = read_consumer(name, place);
    const auto [first, fresh] = groups.emplace(consumer.group_id, name);
    if (!fresh) {
      place.fail(fmt::format("has the group '{}', as {} has", consumer.group_id, first->second),
                 "give each consumer a group-id of its own: members of a group share the events");
    }
    consumers.push_back(std::move(consumer));
  }
  return consumers;
}

}  // namespace outbox::config
