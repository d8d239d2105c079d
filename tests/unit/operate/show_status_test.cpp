// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/plain_text.hpp"
#include "app/show.hpp"

namespace outbox::app {
namespace {

using admin::Json;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

Json status() {
  return Json::parse(R"json({
    "version": "0.1.0", "instance": null,
    "verdict": {"state": "degraded", "text": "topic 'orders' is held"},
    "stores": [{
      "name": "global", "database": "postgresql://relay@localhost/shop", "state": "up",
      "error": null, "table": {"name": "outbox_events", "rows_estimate": 1204331,
                               "bytes": 325058560},
      "relays": [{
        "name": "default", "paused": true,
        "members": [{"id": "publisher-1a2b3c4d", "host": "db3", "pid": 77, "live": true,
                     "heartbeat_age_ms": 400, "slots": [0], "buckets": 256,
                     "buckets_percent": 100.0}],
        "slots": [],
        "backlog": {"pending": 1204, "exact": false, "retrying": 2, "dead": 3,
                    "oldest_pending_age_ms": 3200, "pending_by_type": {"order": 1200, "stock": 4},
                    "blocked_keys": [{"key": "k\u001b[2J", "topic": "orders", "attempts": 3,
                                      "blocked_for_ms": 61000, "row": "12",
                                      "reason": "too large"}],
                    "held_topics": [{"topic": "orders", "member": "publisher-1a2b3c4d",
                                     "reason": "unknown topic",
                                     "since_at": "2026-11-21T15:00:07.000001Z"}]}
      }],
      "types_without_relay": "mail (7)"
    }],
    "consumers": [{"group_id": "stock", "state": "Stable", "paused": false, "lag": 12,
                   "dead_letters": 4,
                   "members": [{}, {}], "partitions": [], "error": null}],
    "broker": {"state": "up", "error": null, "cluster_id": "c", "brokers": ["localhost:9092"]},
    "pauses": [{"store": "global", "kind": "relay", "name": "default", "who": "ana@db3",
                "reason": "a test", "since_at": "2026-11-21T14:59:00.000000Z"}],
    "rates": null
})json");
}

TEST(ShowStatus, names_what_is_held_blocked_paused_and_waiting) {
  const std::string text = show_status(status(), {});
  EXPECT_THAT(text, HasSubstr("degraded  topic 'orders' is held\n"));
  EXPECT_THAT(text, HasSubstr("store global  up  postgresql://relay@localhost/shop  outbox_events "
                              "of about 1,204,331 rows, 310 MiB\n"));
  EXPECT_THAT(text, HasSubstr("relay default  PAUSED\n"));
  EXPECT_THAT(text, ContainsRegex("pending +1,204 or more, oldest 3.2 s\n"));
  EXPECT_THAT(text, ContainsRegex("dead +3 +\\(outboxd dlq groups\\)"));
  EXPECT_THAT(text, ContainsRegex("pending by aggregate type\n +order +1,200\n"));
  EXPECT_THAT(text, HasSubstr("topic 'orders' is held by publisher-1a2b3c4d since "
                              "2026-11-21 15:00:07: unknown topic\n"));
  EXPECT_THAT(text, HasSubstr("publisher-1a2b3c4d  db3:77  256 of 256 buckets  heartbeat 400 ms"));
  EXPECT_THAT(text, HasSubstr("key 'k [2J' waits behind row 12, attempt 3, for 1 min 1 s: too"));
  EXPECT_THAT(text, HasSubstr("no relay takes these events, they wait: mail (7)\n"));
  EXPECT_THAT(text, ContainsRegex("stock +Stable +2 +12 +4\n"));
  EXPECT_THAT(text, HasSubstr("brokers  up  localhost:9092\n"));
  EXPECT_THAT(text, ContainsRegex("relay +default +global +2026-11-21 14:59:00 +ana@db3 +a test"));
}

TEST(ShowStatus, fits_eighty_columns_and_has_no_orders_for_a_terminal_but_colours) {
  Json long_names = status();
  long_names["stores"][0]["relays"][0]["backlog"]["held_topics"][0]["reason"] =
      std::string(200, 'r');
  long_names["consumers"][0]["group_id"] = std::string(120, 'g');
  long_names["pauses"][0]["reason"] = std::string(120, 'p');
  const std::string text = show_status(long_names, {.columns = 110});
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(width_of(line), 110U) << line;
  EXPECT_THAT(show_status(status(), {.columns = 110, .colour = true}), HasSubstr("\x1b[31m"));
}

TEST(ShowStatus, wraps_reasons_on_a_terminal_and_cuts_none_of_their_words) {
  Json document = status();
  Json& backlog = document["stores"][0]["relays"][0]["backlog"];
  backlog["blocked_keys"][0]["reason"] = "the message is larger than the topic's max.message.bytes";
  const std::string text = show_status(document, {.columns = 80});
  EXPECT_THAT(text, HasSubstr("max.message.bytes\n"));
  document["stores"][0]["table"]["rows_estimate"] = 1;
  EXPECT_THAT(show_status(document, {}), HasSubstr("of about 1 row, 310 MiB"));
}

TEST(ShowStatus, says_why_a_store_or_the_brokers_are_down) {
  const Json down = Json::parse(R"json({
    "verdict": {"state": "down", "text": "store eu does not answer"},
    "stores": [{"name": "eu", "database": "postgresql://db1/eu", "state": "down",
                "error": "connection refused", "table": null, "relays": []},
               {"name": "us", "database": "postgresql://db2/us", "state": "up", "relays": []}],
    "consumers": [], "broker": {"state": "down", "error": "no broker answers", "brokers": []},
    "pauses": []})json");
  const std::string text = show_status(down, {});
  EXPECT_THAT(text, HasSubstr("shard eu  DOWN  postgresql://db1/eu\n  connection refused\n"));
  EXPECT_THAT(text, HasSubstr("shard us  up"));
  EXPECT_THAT(text, HasSubstr("brokers  DOWN  \n  no broker answers\n"));
}

TEST(ShowRelays, tells_where_none_has_joined) {
  const Json relays = Json::parse(R"json({"items": [{"store": "global", "name": "default",
    "paused": false, "members": [], "backlog": {"pending": 0, "exact": true, "retrying": 0,
    "dead": 0, "oldest_pending_age_ms": null, "pending_by_type": {}, "blocked_keys": []}}]})json");
  const std::string text = show_relays(relays, {});
  EXPECT_THAT(text, HasSubstr("store global\nrelay default\n"));
  EXPECT_THAT(text, HasSubstr("pending   0, oldest -\n"));
  EXPECT_THAT(text, HasSubstr("no relay has joined: start `outboxd relay`\n"));
}

}  // namespace
}  // namespace outbox::app
