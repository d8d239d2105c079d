// SPDX-License-Identifier: Apache-2.0
#include "admin/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "fakes.hpp"

namespace outbox::admin {
namespace {

using testing::FakeInstance;
using ::testing::HasSubstr;
using ::testing::Not;

AlertFigures firing_alert() {
  AlertFigures alert;
  alert.name = "dead";
  alert.state = AlertState::firing;
  alert.sent = 1;
  return alert;
}

/// Everything is there.
class MetricsTest : public ::testing::Test {
 protected:
  MetricsTest() {
    instance_.all_relays = {testing::busy_relay()};
    instance_.all_consumers = {testing::busy_consumer()};
    instance_.all_cleanups = {testing::done_cleanup()};
    site_.version = "1.2.3";
  }

  std::string text() {
    return Metrics({"1.2.3", &site_, &instance_,
                    [] {
                      return Samples{{testing::full_sample()}, BrokerSample{true, "", {}}};
                    },
                    [] { return std::vector<AlertFigures>{firing_alert()}; }})
        .text();
  }

  Site site_;
  FakeInstance instance_;
};

std::string read_file(const std::string& name) {
  std::ifstream file(std::string(OUTBOX_SOURCE) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

TEST_F(MetricsTest, show_every_metric_of_the_table) {
  const std::string shown = text();
  for (const MetricText& metric : metrics_table())
    EXPECT_THAT(shown, HasSubstr("# TYPE " + std::string(metric.name) + " "));
}

TEST_F(MetricsTest, are_in_base_units_with_their_labels) {
  const std::string shown = text();
  for (const char* line : {
           "outbox_build_info{version=\"1.2.3\"} 1\n",
           "outbox_start_time_seconds 1700000000\n",
           "outbox_relay_events_published_total{store=\"global\",relay=\"default\"} 7\n",
           "outbox_relay_topic_events_published_total{store=\"global\",relay=\"default\","
           "topic=\"order.events\"} 7\n",
           "outbox_relay_publish_duration_seconds_sum{store=\"global\",relay=\"default\"} 0.0015",
           "outbox_relay_publish_duration_seconds_bucket{store=\"global\",relay=\"default\","
           "le=\"0.0025\"} 1\n",
           "outbox_relay_publish_duration_seconds_bucket{store=\"global\",relay=\"default\","
           "le=\"0.001\"} 0\n",
           "outbox_store_oldest_pending_timestamp_seconds{store=\"global\"} 1700000006\n",
           "outbox_store_replication_slot_retained_bytes{store=\"global\",slot=\"replica\"} "
           "1048576\n",
           "outbox_alert_state{alert=\"dead\"} 2\n",
       }) {
    EXPECT_THAT(shown, HasSubstr(line));
  }
}

TEST_F(MetricsTest, show_a_configured_relay_that_does_not_run_as_zero) {
  instance_.all_relays.clear();
  StoreSite store;
  store.name = "global";
  store.relays.push_back({"default", {}, {}});
  site_.stores.push_back(std::move(store));
  EXPECT_THAT(text(), HasSubstr("outbox_relay_running{store=\"global\",relay=\"default\"} 0\n"));
}

TEST_F(MetricsTest, show_each_series_once_where_a_relay_was_restarted) {
  instance_.all_relays.push_back(testing::busy_relay());
  instance_.all_relays.back().acknowledged = 9;
  const std::string shown = text();
  EXPECT_THAT(shown, HasSubstr("published_total{store=\"global\",relay=\"default\"} 9\n"));
  EXPECT_THAT(shown, Not(HasSubstr("published_total{store=\"global\",relay=\"default\"} 7\n")));
}

TEST_F(MetricsTest, escape_what_a_topic_is_called) {
  instance_.all_relays.front().topics.front().topic = "a\"b\\c\nd";
  EXPECT_THAT(text(), HasSubstr(R"(topic="a\"b\\c\nd")"));
}

TEST_F(MetricsTest, ask_their_sources_at_most_five_times_a_second) {
  int asked = 0;
  Metrics metrics({"1", &site_, &instance_,
                   [&] {
                     ++asked;
                     return Samples{};
                   },
                   [] { return std::vector<AlertFigures>{}; }});
  const Moment begun = BootClock::now();
  for (int i = 0; i < 1'000; ++i)
    static_cast<void>(metrics.text());
  const auto passed = BootClock::now() - begun;
  EXPECT_LE(asked, 2 + passed / std::chrono::milliseconds(200));
}

// With OUTBOXD_WRITE_DOCS set the page's table is written anew instead.
TEST(MetricsReference, stands_in_the_page_as_the_table_has_it) {
  const std::string name = "docs/metrics.md";
  std::string page = read_file(name);
  const std::string begin = "<!-- metrics -->\n";
  const std::string end = "<!-- end of metrics -->";
  const std::size_t from = page.find(begin);
  const std::size_t to = page.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  const std::size_t body = from + begin.size();
  if (std::getenv("OUTBOXD_WRITE_DOCS") != nullptr) {
    page.replace(body, to - body, metrics_reference());
    std::ofstream(std::string(OUTBOX_SOURCE) + "/" + name) << page;
  }
  const std::string now = read_file(name);
  EXPECT_EQ(now.substr(body, now.find(end) - body), metrics_reference())
      << "write it anew: OUTBOXD_WRITE_DOCS=1 outbox_watch_tests";
}

TEST(DeployedFiles, name_no_metric_that_there_is_not) {
  std::vector<std::string> known;
  for (const MetricText& metric : metrics_table())
    known.emplace_back(metric.name);
  for (const char* file : {"deploy/grafana/outboxd.json", "deploy/prometheus/alerts.yml",
                           "deploy/prometheus/alerts_test.yml", "docs/alerts.md"}) {
    const std::string text = read_file(file);
    ASSERT_FALSE(text.empty()) << file;
    const std::string letters = "abcdefghijklmnopqrstuvwxyz0123456789_";
    int found = 0;
    for (std::size_t at = 0; (at = text.find("outbox_", at)) != std::string::npos; ++found) {
      const std::size_t end = std::min(text.find_first_not_of(letters, at), text.size());
      std::string name = text.substr(at, end - at);
      at = end;
      for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
        if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
      }
      EXPECT_THAT(known, ::testing::Contains(name)) << file;
    }
    EXPECT_GT(found, 0) << file;
  }
}

}  // namespace
}  // namespace outbox::admin
