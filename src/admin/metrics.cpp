// SPDX-License-Identifier: Apache-2.0
#include "admin/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

namespace outbox::admin {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

constexpr std::chrono::milliseconds text_age_max{200};

prometheus::MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return prometheus::MetricType::Counter;
    case MetricKind::gauge:
      return prometheus::MetricType::Gauge;
    case MetricKind::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

double seconds(std::int64_t microseconds) {
  return static_cast<double>(microseconds) / 1'000'000;
}

/// All families in the table's order, each filled by its name.
class Families {
 public:
  Families() {
    for (const MetricText& metric : metrics_table()) {
      numbers_.emplace(metric.name, families_.size());
      families_.push_back(
          {std::string(metric.name), std::string(metric.help), type_of(metric.kind), {}});
    }
  }

  void add(std::string_view name, const Labels& labels, double value) {
    prometheus::MetricFamily& family = named(name);
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    metric.label = labels;
    if (family.type == prometheus::MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
  }
  void add_count(std::string_view name, const Labels& labels, std::uint64_t value) {
    add(name, labels, static_cast<double>(value));
  }
  template <class Number>
  void add_where_known(std::string_view name, const Labels& labels,
                       const std::optional<Number>& value) {
    if (value) add(name, labels, static_cast<double>(*value));
  }
  void add_time(std::string_view name, const Labels& labels,
                const std::optional<std::int64_t>& at_us) {
    if (at_us) add(name, labels, seconds(*at_us));
  }
  /// `unit`: what one of the view's values is in the metric's.
  void add(std::string_view name, const Labels& labels, const HistogramView& view, double unit) {
    prometheus::ClientMetric& metric = named(name).metric.emplace_back();
    metric.label = labels;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < view.bounds.size(); ++i) {
      count += view.counts[i];
      metric.histogram.bucket.push_back({count, static_cast<double>(view.bounds[i]) * unit});
    }
    if (!view.counts.empty()) count += view.counts.back();
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = static_cast<double>(view.sum) * unit;
  }

  [[nodiscard]] std::vector<prometheus::MetricFamily> take() {
    std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
    return std::move(families_);
  }

 private:
  prometheus::MetricFamily& named(std::string_view name) {
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) {
      throw std::logic_error("no metric of the table: " + std::string(name));
    }
    return families_[found->second];
  }

  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string_view, std::size_t> numbers_;
};

constexpr double of_microseconds = 1e-6;
constexpr double of_ones = 1;

void add_topics(Families& out, const RelayFigures& relay) {
  for (const TopicFigures& topic : relay.topics) {
    const Labels labels = {{"store", relay.store}, {"relay", relay.relay}, {"topic", topic.topic}};
    out.add_count("outbox_relay_topic_events_published_total", labels, topic.published);
    out.add_count("outbox_relay_topic_events_failed_total", labels, topic.failed);
    out.add_count("outbox_relay_topic_events_retried_total", labels, topic.retried);
    out.add_count("outbox_relay_topic_events_dead_lettered_total", labels, topic.dead_lettered);
  }
}

void add_relay(Families& out, const RelayFigures& relay) {
  const Labels labels = {{"store", relay.store}, {"relay", relay.relay}};
  out.add("outbox_relay_running", labels, 1);
  const auto count = [&](std::string_view name, std::uint64_t value) {
    out.add_count(name, labels, value);
  };
  count("outbox_relay_rows_read_total", relay.read);
  count("outbox_relay_reads_total", relay.reads);
  count("outbox_relay_empty_reads_total", relay.empty_reads);
  count("outbox_relay_events_published_total", relay.acknowledged);
  count("outbox_relay_events_settled_total", relay.settled);
  count("outbox_relay_events_failed_total", relay.failed);
  count("outbox_relay_events_retried_total", relay.retried);
  count("outbox_relay_events_dead_lettered_total", relay.dead_lettered);
  count("outbox_relay_producer_restarts_total", relay.producer_restarts);
  count("outbox_relay_slots_acquired_total", relay.slots_acquired);
  count("outbox_relay_slots_released_total", relay.slots_released);
  count("outbox_relay_slots_lost_total", relay.slots_lost);
  count("outbox_relay_partition_changes_total", relay.partition_changes);
  count("outbox_relay_slots_held", static_cast<std::uint64_t>(relay.slots_held));
  count("outbox_relay_in_flight_rows", relay.rows_in_flight);
  count("outbox_relay_in_flight_bytes", relay.bytes_in_flight);
  count("outbox_relay_blocked_keys", relay.blocked_keys);
  count("outbox_relay_held_topics", relay.held_topics.size());
  out.add_time("outbox_relay_last_published_timestamp_seconds", labels, relay.last_published_at_us);
  out.add("outbox_relay_read_duration_seconds", labels, relay.read_us, of_microseconds);
  out.add("outbox_relay_publish_duration_seconds", labels, relay.publish_us, of_microseconds);
  out.add("outbox_relay_settle_duration_seconds", labels, relay.settle_us, of_microseconds);
  out.add("outbox_relay_end_to_end_duration_seconds", labels, relay.end_to_end_us, of_microseconds);
  out.add("outbox_relay_read_rows", labels, relay.rows_per_read, of_ones);
  out.add("outbox_relay_settle_rows", labels, relay.rows_per_settle, of_ones);
  add_topics(out, relay);
}

void add_consumer(Families& out, const ConsumerFigures& consumer) {
  const Labels labels = {{"consumer", consumer.name}, {"group", consumer.group_id}};
  out.add("outbox_consumer_running", labels, 1);
  const auto count = [&](std::string_view name, std::uint64_t value) {
    out.add_count(name, labels, value);
  };
  count("outbox_consumer_events_handled_total", consumer.handled);
  count("outbox_consumer_events_duplicate_total", consumer.duplicates);
  count("outbox_consumer_events_ignored_total", consumer.ignored);
  count("outbox_consumer_handler_failures_total", consumer.failures);
  count("outbox_consumer_events_dead_lettered_total", consumer.dead_lettered);
  count("outbox_consumer_events_delayed_total", consumer.delayed);
  count("outbox_consumer_rebalances_total", consumer.rebalances);
  out.add("outbox_consumer_lag_messages", labels, static_cast<double>(consumer.lag));
  out.add("outbox_consumer_working_seconds_total", labels,
          static_cast<double>(consumer.working_us) * of_microseconds);
  out.add_time("outbox_consumer_last_handled_timestamp_seconds", labels,
               consumer.last_handled_at_us);
  out.add("outbox_consumer_batch_duration_seconds", labels, consumer.batch_us, of_microseconds);
  out.add("outbox_consumer_batch_events", labels, consumer.events_per_batch, of_ones);
  out.add("outbox_consumer_freshness_seconds", labels, consumer.freshness_us, of_microseconds);
}

void add_cleanup(Families& out, const CleanupFigures& cleanup) {
  const Labels labels = {{"store", cleanup.store}};
  out.add_count("outbox_cleanup_runs_total", labels, cleanup.runs);
  out.add_count("outbox_cleanup_failures_total", labels, cleanup.failed_runs);
  out.add_count("outbox_cleanup_rows_removed_total", labels, cleanup.rows_removed);
  out.add_count("outbox_cleanup_inbox_rows_removed_total", labels, cleanup.inbox_rows_removed);
  out.add_count("outbox_cleanup_partitions_dropped_total", labels, cleanup.partitions_dropped);
  out.add_time("outbox_cleanup_last_run_timestamp_seconds", labels, cleanup.last_ended_at_us);
  out.add_time("outbox_cleanup_last_success_timestamp_seconds", labels,
               cleanup.last_succeeded_at_us);
}

void add_store(Families& out, const StoreSample& sample) {
  const Labels labels = {{"store", sample.store}};
  out.add("outbox_store_up", labels, sample.answered ? 1 : 0);
  out.add_time("outbox_store_sampled_timestamp_seconds", labels, sample.at_us);
  if (!sample.answered) return;
  out.add_where_known("outbox_store_table_rows", labels, sample.table.rows);
  out.add_where_known("outbox_store_table_bytes", labels, sample.table.bytes);
  out.add_where_known("outbox_store_inbox_rows", labels, sample.table.inbox_rows);
  out.add_where_known("outbox_store_inbox_bytes", labels, sample.table.inbox_bytes);
  const store::BacklogView& backlog = sample.backlog;
  out.add("outbox_store_pending_events", labels, static_cast<double>(backlog.pending));
  out.add("outbox_store_pending_events_exact", labels, backlog.exact ? 1 : 0);
  out.add("outbox_store_retrying_events", labels, static_cast<double>(backlog.retrying));
  out.add("outbox_store_dead_events", labels, static_cast<double>(backlog.dead));
  if (backlog.oldest_pending_age) {
    out.add_time("outbox_store_oldest_pending_timestamp_seconds", labels,
                 sample.at_us - backlog.oldest_pending_age->count() * 1'000);
  }
  out.add_count("outbox_store_held_topics", labels, sample.held_topics.size());
  for (const store::ReplicationSlot& slot : sample.slots) {
    const Labels of_slot = {{"store", sample.store}, {"slot", slot.name}};
    out.add("outbox_store_replication_slot_retained_bytes", of_slot,
            static_cast<double>(slot.retained_bytes));
    out.add("outbox_store_replication_slot_active", of_slot, slot.active ? 1 : 0);
  }
}

/// A store that restarts its relay may have two members of one name for a moment: the later one's
/// figures are shown, for a series must not stand there twice.
template <class Figures, class Key>
std::vector<Figures> newest(std::vector<Figures> all, Key key) {
  std::vector<Figures> kept;
  std::set<decltype(key(all.front()))> seen;
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    if (seen.insert(key(*one)).second) kept.push_back(std::move(*one));
  }
  return {std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend())};
}

}  // namespace

Metrics::Metrics(MetricsSources sources) : sources_(std::move(sources)) {}

std::string Metrics::text() {
  const std::lock_guard lock(mutex_);
  if (const Moment now = BootClock::now(); text_.empty() || now - made_at_ >= text_age_max) {
    text_ = make_text();
    made_at_ = now;
  }
  return text_;
}

std::string Metrics::make_text() const {
  Families out;
  out.add("outbox_build_info", {{"version", sources_.version}}, 1);
  out.add("outbox_start_time_seconds", {}, seconds(sources_.instance->started_at_us()));
  std::set<std::pair<std::string, std::string>> relays;
  for (const RelayFigures& relay : newest(sources_.instance->relays(), [](const RelayFigures& one) {
         return std::pair(one.store, one.relay);
       })) {
    add_relay(out, relay);
    relays.emplace(relay.store, relay.relay);
  }
  std::set<std::string> consumers;
  for (const ConsumerFigures& consumer :
       newest(sources_.instance->consumers(),
              [](const ConsumerFigures& one) { return std::pair(one.name, one.group_id); })) {
    add_consumer(out, consumer);
    consumers.insert(consumer.name);
  }
  for (const CleanupFigures& cleanup : sources_.instance->cleanups())
    add_cleanup(out, cleanup);
  for (const StoreSite& store : sources_.site->stores) {
    if (!store.has_relays) continue;
    for (const RelaySite& relay : store.relays) {
      if (relays.contains({store.name, relay.name})) continue;
      out.add("outbox_relay_running", {{"store", store.name}, {"relay", relay.name}}, 0);
    }
  }
  for (const ConsumerSite& consumer : sources_.site->consumers) {
    if (consumers.contains(consumer.name)) continue;
    out.add("outbox_consumer_running", {{"consumer", consumer.name}, {"group", consumer.group_id}},
            0);
  }
  const Samples samples = sources_.samples();
  for (const StoreSample& store : samples.stores)
    add_store(out, store);
  if (samples.broker) out.add("outbox_broker_up", {}, samples.broker->answered ? 1 : 0);
  for (const AlertFigures& alert : sources_.alerts()) {
    const Labels labels = {{"alert", alert.name}};
    out.add("outbox_alert_state", labels, static_cast<double>(alert.state));
    out.add_count("outbox_alert_messages_sent_total", labels, alert.sent);
    out.add_count("outbox_alert_messages_failed_total", labels, alert.failed);
  }
  return prometheus::TextSerializer().Serialize(out.take());
}

}  // namespace outbox::admin
