// SPDX-License-Identifier: Apache-2.0
//
// The metrics that there are. Names follow Prometheus's conventions: base units, `_total` for
// counters, times as timestamps. Labels are names from the configuration and topics, of which there
// are at most 1,000 and then `other`.
#include <fmt/format.h>

#include "admin/metrics.hpp"

namespace outbox::admin {
namespace {

using enum MetricKind;

constexpr std::string_view of_relay = "store, relay";
constexpr std::string_view of_topic = "store, relay, topic";
constexpr std::string_view of_consumer = "consumer, group";

constexpr MetricText entries[] = {
    {"outbox_build_info", gauge, "version", "1; the program's version is the label."},
    {"outbox_start_time_seconds", gauge, "", "When this process started, Unix time."},

    {"outbox_relay_running", gauge, of_relay,
     "1 where the relay works in this process; 0 where it is configured and does not."},
    {"outbox_relay_rows_read_total", counter, of_relay,
     "Rows read from the outbox, those read again included."},
    {"outbox_relay_reads_total", counter, of_relay, "Reads of the outbox."},
    {"outbox_relay_empty_reads_total", counter, of_relay, "Reads that found nothing to relay."},
    {"outbox_relay_events_published_total", counter, of_relay,
     "Events that all in-sync replicas have acknowledged."},
    {"outbox_relay_events_settled_total", counter, of_relay,
     "Events whose outcome stands in the database: published, to be retried, or dead."},
    {"outbox_relay_events_failed_total", counter, of_relay, "Attempts that the brokers refused."},
    {"outbox_relay_events_retried_total", counter, of_relay,
     "Events put off after a refusal, to be tried again."},
    {"outbox_relay_events_dead_lettered_total", counter, of_relay,
     "Events given up: they stand in the outbox as dead letters."},
    {"outbox_relay_producer_restarts_total", counter, of_relay,
     "Producers thrown away and made anew, after a refusal or an error."},
    {"outbox_relay_slots_acquired_total", counter, of_relay, "Lease slots acquired."},
    {"outbox_relay_slots_released_total", counter, of_relay,
     "Lease slots given up to other instances, drained."},
    {"outbox_relay_slots_lost_total", counter, of_relay,
     "Lease slots lost: not renewed in time, or taken over."},
    {"outbox_relay_partition_changes_total", counter, of_relay,
     "Topics seen to have another number of partitions."},
    {"outbox_relay_slots_held", gauge, of_relay, "Lease slots held."},
    {"outbox_relay_in_flight_rows", gauge, of_relay, "Rows read and not yet settled."},
    {"outbox_relay_in_flight_bytes", gauge, of_relay, "Memory that those rows keep."},
    {"outbox_relay_blocked_keys", gauge, of_relay,
     "Keys whose events wait because one of them was refused."},
    {"outbox_relay_held_topics", gauge, of_relay,
     "Topics whose events wait: missing, not authorised, without leader or too few replicas."},
    {"outbox_relay_last_published_timestamp_seconds", gauge, of_relay,
     "When an event was last acknowledged, Unix time; absent before the first."},
    {"outbox_relay_read_duration_seconds", histogram, of_relay,
     "Time of a read of the outbox, envelopes made."},
    {"outbox_relay_publish_duration_seconds", histogram, of_relay,
     "Time from the hand-over of an event to its acknowledgement."},
    {"outbox_relay_settle_duration_seconds", histogram, of_relay,
     "Time of writing down what became of a batch."},
    {"outbox_relay_end_to_end_duration_seconds", histogram, of_relay,
     "Time from an event's created_at to its acknowledgement. The former is by the database's "
     "clock, the latter by this machine's; below zero counts as zero."},
    {"outbox_relay_read_rows", histogram, of_relay, "Rows of a read that found any."},
    {"outbox_relay_settle_rows", histogram, of_relay, "Rows settled by one statement."},

    {"outbox_relay_topic_events_published_total", counter, of_topic,
     "As outbox_relay_events_published_total, by topic."},
    {"outbox_relay_topic_events_failed_total", counter, of_topic,
     "As outbox_relay_events_failed_total, by topic."},
    {"outbox_relay_topic_events_retried_total", counter, of_topic,
     "As outbox_relay_events_retried_total, by topic."},
    {"outbox_relay_topic_events_dead_lettered_total", counter, of_topic,
     "As outbox_relay_events_dead_lettered_total, by topic; `none` where a row has no topic."},

    {"outbox_consumer_running", gauge, of_consumer,
     "1 where the consumer works in this process; 0 where it is configured and does not."},
    {"outbox_consumer_events_handled_total", counter, of_consumer,
     "Events handled, their effect committed."},
    {"outbox_consumer_events_duplicate_total", counter, of_consumer,
     "Events that had been handled before and were skipped by the inbox."},
    {"outbox_consumer_events_ignored_total", counter, of_consumer, "Events without a handler."},
    {"outbox_consumer_handler_failures_total", counter, of_consumer,
     "Attempts at which a handler failed."},
    {"outbox_consumer_events_dead_lettered_total", counter, of_consumer,
     "Events sent to the dead-letter topic."},
    {"outbox_consumer_events_delayed_total", counter, of_consumer,
     "Events sent to the delay topic."},
    {"outbox_consumer_rebalances_total", counter, of_consumer,
     "Times that partitions were taken away."},
    {"outbox_consumer_lag_messages", gauge, of_consumer,
     "Messages that stand in the partitions worked here and are not yet done with."},
    {"outbox_consumer_working_seconds_total", counter, of_consumer,
     "Time spent on events, of all workers together."},
    {"outbox_consumer_last_handled_timestamp_seconds", gauge, of_consumer,
     "When an event was last handled, Unix time; absent before the first."},
    {"outbox_consumer_batch_duration_seconds", histogram, of_consumer,
     "Time of a transaction: claims, handlers, commit."},
    {"outbox_consumer_batch_events", histogram, of_consumer, "New events of a transaction."},
    {"outbox_consumer_freshness_seconds", histogram, of_consumer,
     "Time from an event's occurred_at to its committed effect. The former is by the writer's "
     "database's clock, the latter by this machine's; below zero counts as zero."},

    {"outbox_cleanup_runs_total", counter, "store", "Clean-ups that this process ran."},
    {"outbox_cleanup_failures_total", counter, "store",
     "Clean-ups of these that ended by an error."},
    {"outbox_cleanup_rows_removed_total", counter, "store",
     "Published rows removed or moved to the archive."},
    {"outbox_cleanup_inbox_rows_removed_total", counter, "store", "Rows removed from the inbox."},
    {"outbox_cleanup_partitions_dropped_total", counter, "store", "Days dropped whole."},
    {"outbox_cleanup_last_run_timestamp_seconds", gauge, "store",
     "When this process last ended a clean-up, Unix time; absent before the first."},
    {"outbox_cleanup_last_success_timestamp_seconds", gauge, "store",
     "The same of those without an error."},

    {"outbox_store_up", gauge, "store", "1 where the database answered when it was last asked."},
    {"outbox_store_sampled_timestamp_seconds", gauge, "store",
     "When the figures of the store below were looked up, Unix time."},
    {"outbox_store_table_rows", gauge, "store",
     "Rows of the outbox, as the server estimates; absent where it does not."},
    {"outbox_store_table_bytes", gauge, "store", "Size of the outbox with its indexes."},
    {"outbox_store_inbox_rows", gauge, "store", "Rows of the inbox, as the server estimates."},
    {"outbox_store_inbox_bytes", gauge, "store", "Size of the inbox with its indexes."},
    {"outbox_store_pending_events", gauge, "store",
     "Events not yet settled; counting stops at 100,000."},
    {"outbox_store_pending_events_exact", gauge, "store",
     "1 where all pending events were counted; 0: there are more."},
    {"outbox_store_retrying_events", gauge, "store",
     "Pending events with at least one failed attempt."},
    {"outbox_store_dead_events", gauge, "store", "Dead letters that stand in the outbox."},
    {"outbox_store_oldest_pending_timestamp_seconds", gauge, "store",
     "When the oldest pending event was written, Unix time; absent where none is pending."},
    {"outbox_store_held_topics", gauge, "store", "Topics that any instance holds."},
    {"outbox_store_replication_slot_retained_bytes", gauge, "store, slot",
     "Log that the server keeps for the replication slot."},
    {"outbox_store_replication_slot_active", gauge, "store, slot", "1 where somebody reads it."},
    {"outbox_broker_up", gauge, "", "1 where the brokers answered when they were last asked."},

    {"outbox_alert_state", gauge, "alert", "0: ok, 1: pending, 2: firing."},
    {"outbox_alert_messages_sent_total", counter, "alert", "Messages that a channel took."},
    {"outbox_alert_messages_failed_total", counter, "alert",
     "Attempts to send a message that no channel took; others follow."},
};

const char* word_of(MetricKind kind) {
  switch (kind) {
    case counter:
      return "counter";
    case gauge:
      return "gauge";
    case histogram:
      return "histogram";
  }
  return "";
}

}  // namespace

std::span<const MetricText> metrics_table() {
  return entries;
}

std::string metrics_reference() {
  std::string text = "| metric | kind | labels | meaning |\n|---|---|---|---|\n";
  for (const MetricText& metric : metrics_table()) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", metric.name, word_of(metric.kind),
                        metric.labels, metric.help);
  }
  return text;
}

}  // namespace outbox::admin
