// SPDX-License-Identifier: Apache-2.0
#include "app/show.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/show_values.hpp"

namespace outbox::app {
namespace {

using admin::Json;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Values, read_as_people_write_them) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(-1204), "-1,204");
  EXPECT_EQ(grouped(1000000), "1,000,000");
  EXPECT_EQ(duration_text(850), "850 ms");
  EXPECT_EQ(duration_text(3200), "3.2 s");
  EXPECT_EQ(duration_text(250'000), "4 min 10 s");
  EXPECT_EQ(duration_text(7'500'000), "2 h 5 min");
  EXPECT_EQ(duration_text(273'600'000), "3 d 4 h");
  EXPECT_EQ(rate_text(12.5), "12.5");
  EXPECT_EQ(rate_text(1204.4), "1,204");
  const Json json = {{"bytes", 1536}, {"at", "2026-11-21T15:00:07.123456Z"}, {"none", nullptr}};
  EXPECT_EQ(bytes_text(json, "bytes"), "1.5 KiB");
  EXPECT_EQ(time_text(json, "at"), "2026-11-21 15:00:07");
  EXPECT_EQ(text_or_dash(json, "none"), "-");
  EXPECT_EQ(count_text(json, "missing"), "-");
}

Json event() {
  return Json::parse(R"({"store": "global", "row": "9007199254740993",
    "event_id": "3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e", "aggregate_type": "order",
    "aggregate_id": "42", "key": "42", "event_type": "PAID", "topic": null, "headers": {"a": "b"},
    "content_type": null, "payload": {"n": 1}, "payload_bytes": 7, "payload_truncated": false,
    "state": "dead", "status": "DEAD", "retry_count": 10,
    "created_at": "2026-11-21T15:00:07.123456Z", "error": "too\nlarge"})");
}

TEST(ShowEvents, is_a_table_with_whole_ids) {
  const std::string text = show_events(Json{{"items", Json::array({event()})}}, {.columns = 100});
  EXPECT_THAT(text, HasSubstr("9007199254740993  dead   2026-11-21 15:00:07  PAID"));
  EXPECT_THAT(text, HasSubstr("3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e"));
  EXPECT_THAT(text, HasSubstr("too"));
  EXPECT_EQ(show_events(Json{{"items", Json::array()}}, {}), "");
}

TEST(ShowEvent, lists_its_fields_and_then_the_payload) {
  const std::string text = show_event(event(), {});
  EXPECT_THAT(text, HasSubstr("row                9007199254740993\n"));
  EXPECT_THAT(text, HasSubstr("error              too large\n"));
  EXPECT_THAT(text, HasSubstr("payload\n{\n  \"n\": 1\n}\n"));
  EXPECT_THAT(text, Not(HasSubstr("topic"))) << "what is null is left out";
}

TEST(ShowTrace, is_a_timeline_with_the_times_between) {
  Json trace = {{"events", Json::array()}};
  trace["events"].push_back({{"event", event()}, {"timeline", Json::parse(R"([
        {"at": "2026-11-21T15:00:07.123456Z", "what": "written", "where": "global",
         "after_ms": null},
        {"at": "2026-11-21T15:00:07.173456Z", "what": "published", "where": "kafka",
         "after_ms": 50, "topic": "orders", "partition": 1, "offset": 40},
        {"at": "2026-11-21T15:00:09.173456Z", "what": "consumer_dead_letter", "where": "stock",
         "after_ms": 2000, "consumer": "stock", "error": "too little", "attempts": 5}])")}});
  const std::string text = show_trace(trace, {});
  EXPECT_THAT(text, HasSubstr("event 3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e  PAID  dead\n"));
  EXPECT_THAT(text, ContainsRegex("15:00:07.123 +written +global\n"));
  EXPECT_THAT(text, ContainsRegex("15:00:07.173 +\\+50 ms +published +kafka +orders/1:40\n"));
  EXPECT_THAT(text, ContainsRegex("\\+2.0 s +consumer_dead_letter +stock +too little, attempts 5"));
}

TEST(ShowLetters, tells_ids_who_gave_up_and_why) {
  const Json page = Json::parse(R"({"items": [
    {"id": "row.global.7", "source": "relay", "store": "global", "consumer": null,
     "topic": "orders", "event_id": "3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e", "event_type": "PAID",
     "key": "42", "attempts": 10, "error": "too large", "at": "2026-11-21T15:00:07.1Z",
     "state": "dead"},
    {"id": "topic.deadletter.events.1.40", "source": "consumer", "consumer": "stock",
     "topic": "orders", "event_type": "PAID", "key": null, "attempts": 5, "error": "too little",
     "at": null, "state": "replayed"}], "next_cursor": "abc", "complete": false,
     "errors": [{"store": "eu", "error": "away"}]})");
  const std::string text = show_letters(page, {});
  EXPECT_THAT(text, ContainsRegex("row.global.7 +2026-11-21 15:00:07 +relay +10 +PAID +42"));
  EXPECT_THAT(text, ContainsRegex("topic.deadletter.events.1.40 +- +stock +5 .*replayed"));
  const std::string notes = page_notes(page, "dead letter");
  EXPECT_THAT(notes, HasSubstr("store eu did not answer: away\n"));
  EXPECT_THAT(notes, HasSubstr("2 dead letters, and not all was looked at; there may be more: "
                               "--cursor abc\n"));
  EXPECT_EQ(page_notes(Json{{"items", Json::array({1})}}, "event"), "1 event\n");
}

TEST(ShowGroups, counts_by_cause) {
  const Json groups = Json::parse(R"({"items": [{"group": "9f2c4e1a7b30d865", "source": "relay",
    "store": "global", "consumer": null, "topic": "orders", "cause": "row … is too large",
    "letters": 100000, "first_at": null, "last_at": "2026-11-21T15:00:07.1Z"}]})");
  EXPECT_THAT(show_groups(groups, {}),
              ContainsRegex("9f2c4e1a7b30d865 +100,000 +2026-11-21 15:00:07 +relay global +orders "
                            "+row … is too large"));
}

TEST(ShowFindings, has_the_worst_first_with_its_remedy_and_counts_what_is_well) {
  const Json doctor = Json::parse(R"({"findings": [
    {"store": null, "check": "tls", "severity": "ok", "found": "TLS is on", "why": "",
     "remedy": ""},
    {"store": "eu", "check": "clock", "severity": "warning", "found": "3 s apart",
     "why": "times in logs differ", "remedy": "run ntpd"},
    {"store": null, "check": "replicas", "severity": "problem", "found": "min.insync.replicas is 1",
     "why": "one broker's loss loses events", "remedy": "kafka-configs ..."}]})");
  const std::string text = show_findings(doctor, false, {});
  EXPECT_LT(text.find("problem  replicas\n"), text.find("warning  clock  eu\n"));
  EXPECT_THAT(text, HasSubstr("  why: times in logs differ\n  mend: run ntpd\n"));
  EXPECT_THAT(text, HasSubstr("1 problem, 1 warning, 0 notices, 1 ok\n"));
  EXPECT_THAT(text, Not(HasSubstr("TLS is on")));
  EXPECT_THAT(show_findings(doctor, true, {}), HasSubstr("TLS is on"));
}

TEST(ShowControls, say_what_is_paused_and_who_did_what) {
  EXPECT_EQ(show_pauses(Json{{"items", Json::array()}}, {}), "nothing is paused\n");
  const Json page = Json::parse(R"({"items": [{"store": "global", "number": 7,
    "at": "2026-11-21T15:00:07.1Z", "who": "ana@db3", "action": "pause", "target": "topic orders",
    "reason": "a\u001b[2Jtest", "details": {"via": "command line"}}]})");
  EXPECT_THAT(show_audit(page, {}),
              ContainsRegex("2026-11-21 15:00:07 +ana@db3 +pause +topic orders "
                            "+global +a \\[2Jtest"));
}

TEST(ShowMessage, tells_place_key_headers_and_value) {
  const Json message = Json::parse(R"({"topic": "orders", "partition": 1, "offset": 40,
    "at": "2026-11-21T15:00:07.1Z", "key": "42", "headers": {"event_id": "x", "tenant": "a"},
    "payload": {"n": 1}})");
  EXPECT_EQ(show_message(message, {}),
            "2026-11-21 15:00:07 1:40  42\n  event_id=x tenant=a\n  {\"n\":1}\n");
}

}  // namespace
}  // namespace outbox::app
