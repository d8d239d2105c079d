// SPDX-License-Identifier: Apache-2.0
#include "relay/reporting.hpp"

#include <functional>
#include <string>
#include <vector>

namespace outbox::relay {

namespace {

constexpr int lines_per_second = 10;
constexpr std::size_t told_most = 20'000;

LogLevel level_of(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::row_dead:
      return LogLevel::error;
    case NoticeKind::slot_lost:
    case NoticeKind::topic_held:
    case NoticeKind::partitions_changed:
    case NoticeKind::handle_restarted:
    case NoticeKind::row_retried:
    case NoticeKind::drain_cut_short:
    case NoticeKind::paused:
    case NoticeKind::pauses_unknown:
      return LogLevel::warn;
    case NoticeKind::slots_acquired:
    case NoticeKind::topic_open:
    case NoticeKind::resumed:
    case NoticeKind::sent_before:
      return LogLevel::info;
    case NoticeKind::slot_released:
    case NoticeKind::key_free:
      return LogLevel::debug;
  }
  return LogLevel::info;
}

std::uint64_t acknowledged_of(const std::vector<broker::Delivery>& deliveries) {
  std::uint64_t count = 0;
  for (const broker::Delivery& delivery : deliveries)
    count += delivery.status == broker::DeliveryStatus::acknowledged ? 1 : 0;
  return count;
}

// Of these each one is told; keys may be thousands.
bool is_told_by_itself(const Notice& notice) {
  const bool is_pause = notice.kind == NoticeKind::paused || notice.kind == NoticeKind::resumed;
  return notice.kind == NoticeKind::topic_held || (is_pause && !notice.subject.starts_with("key "));
}

const char* text_of(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::slots_acquired:
      return "slots acquired";
    case NoticeKind::slot_lost:
      return "slot lost";
    case NoticeKind::slot_released:
      return "slot released";
    case NoticeKind::topic_held:
      return "topic held, its events wait";
    case NoticeKind::topic_open:
      return "topic takes events again";
    case NoticeKind::partitions_changed:
      return "topic has another number of partitions";
    case NoticeKind::handle_restarted:
      return "producer restarted, unsettled events are sent again";
    case NoticeKind::row_retried:
      return "event refused, its key waits";
    case NoticeKind::row_dead:
      return "dead letter";
    case NoticeKind::key_free:
      return "key goes on";
    case NoticeKind::drain_cut_short:
      return "stopped before everything in flight was settled";
    case NoticeKind::paused:
      return "paused, its events wait";
    case NoticeKind::resumed:
      return "resumed";
    case NoticeKind::sent_before:
      return "the record of a slot's last transaction was read back";
    case NoticeKind::pauses_unknown:
      return "the pauses cannot be read; what was known last stands";
  }
  return "";
}

}  // namespace

void Reporting::event(const Event& event, Moment now) {
  start_second(now);
  if (const auto* read = std::get_if<RowsRead>(&event)) {
    if (!read->batch->rows.empty()) rows_read(*read->batch);
  } else if (const auto* delivered = std::get_if<Delivered>(&event)) {
    counting_.acknowledged += acknowledged_of(delivered->deliveries);
  } else if (const auto* done = std::get_if<TransactionDone>(&event)) {
    if (!done->failure) counting_.acknowledged += acknowledged_of(done->deliveries);
  } else if (const auto* settled = std::get_if<SettleDone>(&event)) {
    counting_.settled += static_cast<std::uint64_t>(settled->result.rows_settled);
  }
}

void Reporting::start_second(Moment now) {
  if (now - second_began_ < std::chrono::seconds{1}) return;
  tell_left_out();
  second_began_ = now;
  lines_in_second_ = 0;
}

void Reporting::tell_left_out() {
  if (rows_left_out_ == 0) return;
  logger_.info("more events were read",
               {{"events", rows_left_out_}, {"batches", batches_left_out_}});
  rows_left_out_ = 0;
  batches_left_out_ = 0;
}

void Reporting::rows_read(const PreparedBatch& batch) {
  counting_.read += batch.rows.size();
  if (!logger_.enabled(LogLevel::info)) return;
  // The first few lines of each second are written; the others are counted and told later.
  if (lines_in_second_ >= lines_per_second) {
    rows_left_out_ += batch.rows.size();
    ++batches_left_out_;
    return;
  }
  std::vector<const PreparedRow*> fresh;
  for (const PreparedRow& row : batch.rows) {
    if (!told_before(row)) fresh.push_back(&row);
  }
  if (fresh.empty()) return;
  ++lines_in_second_;
  logger_.info("pending events", {{"events", fresh.size()}});
  for (const PreparedRow* const row : fresh) {
    if (lines_in_second_ >= lines_per_second) {
      ++rows_left_out_;
      continue;
    }
    ++lines_in_second_;
    logger_.info("event", {{"row", to_string(row->row->id)},
                           {"type", row->row->event_type},
                           {"topic", row->defect ? row->row->topic : row->topic}});
  }
}

bool Reporting::told_before(const PreparedRow& row) {
  const std::size_t hash = std::hash<std::string>{}(to_string(row.row->id));
  if (!told_.insert(hash).second) return true;
  told_order_.push_back(hash);
  if (told_order_.size() > told_most) {
    told_.erase(told_order_.front());
    told_order_.pop_front();
  }
  return false;
}

void Reporting::notice(const Notice& notice) {
  switch (notice.kind) {
    case NoticeKind::slot_lost:
      ++counting_.slots_lost;
      break;
    case NoticeKind::partitions_changed:
      ++counting_.partition_changes;
      break;
    case NoticeKind::handle_restarted:
      ++counting_.handle_restarts;
      break;
    case NoticeKind::row_retried:
      ++counting_.retried;
      break;
    case NoticeKind::row_dead:
      ++counting_.dead_lettered;
      break;
    default:
      break;
  }
  const LogLevel level = level_of(notice.kind);
  if (!logger_.enabled(level)) return;
  // Each kind may have a flood of its own; a dead letter's reason also stands in its row.
  std::uint64_t suppressed = 0;
  const std::string subject =
      std::string(text_of(notice.kind)) + (is_told_by_itself(notice) ? notice.subject : "");
  if (!logger_.may_repeat(subject, std::chrono::milliseconds{200}, suppressed)) return;
  if (suppressed > 0) {
    logger_.log(level, text_of(notice.kind),
                {{"subject", notice.subject}, {"detail", notice.detail}, {"left_out", suppressed}});
  } else {
    logger_.log(level, text_of(notice.kind),
                {{"subject", notice.subject}, {"detail", notice.detail}});
  }
}

}  // namespace outbox::relay
