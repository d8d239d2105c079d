// SPDX-License-Identifier: Apache-2.0
//
// Rows: read, placed in a lane, settled, given up (design, protocol 4 and 7).
#include <algorithm>
#include <string>
#include <utility>

#include "core/murmur2.hpp"
#include "relay/core.hpp"

namespace outbox::relay {

namespace {

constexpr std::size_t held_routes_max = 10000;
constexpr std::size_t topic_routes_max = 1000;

std::string describe(const OutboxRow& row) {
  return "row " + to_string(row.id) + " (" + std::string(row.event_type) + ")";
}

/// Its own bytes, for a copy must not keep a whole batch alive.
CopyDeadLetter copy_of(const PreparedBatch& batch, const PreparedRow& row,
                       const std::string& reason) {
  const OutboxRow& source = *row.row;
  CopyDeadLetter copy;
  copy.topic = row.defect ? std::string(source.topic) : std::string(row.topic);
  copy.key = source.key;
  if (!source.payload_is_null) copy.value = std::string(source.payload);
  if (row.defect) {
    // A defect has no headers made for the wire: it gets those that say what it is.
    copy.headers = {{"event_type", std::string(source.event_type)},
                    {"aggregate_type", std::string(source.aggregate_type)},
                    {"aggregate_id", std::string(source.aggregate_id)},
                    {"row_id", to_string(source.id)}};
  } else {
    for (std::uint32_t i = 0; i < row.headers_count; ++i) {
      const broker::Header& header = batch.headers[row.headers_begin + i];
      copy.headers.emplace_back(
          std::string(header.name),
          header.value ? std::optional(std::string(*header.value)) : std::nullopt);
    }
  }
  copy.headers.emplace_back("dead_letter_reason", reason);
  copy.headers.emplace_back("dead_letter_topic", copy.topic);
  return copy;
}

}  // namespace

void Core::on(const RowsRead& event) {
  read_under_way_ = false;
  const bool current = event.generation == generation_ && !stopping_;
  // The store believes that what it answered is in hand: what is dropped must be told to it.
  if (!current) {
    for (const PreparedRow& row : event.batch->rows)
      lower_dropped(row.row->id);
    rescan_next_ = rescan_next_ || last_read_rescanned_;
  }
  const std::size_t count = event.batch->rows.size();
  // Whatever was dropped before the read began has been read again by one that is taken, or is left
  // out by it and remembered with its key or topic.
  if ((!current || last_read_for_keys_) && asked_lowest_) lower_dropped(*asked_lowest_);
  // One that ended early has not come to the rows behind its last one.
  const bool ended_early = current && !last_read_for_keys_ && event.batch->source.more;
  if (ended_early && count > 0 && (asked_lowest_ || last_read_rescanned_)) {
    lower_dropped(event.batch->rows.back().row->id);
  }
  asked_lowest_.reset();
  std::size_t entered = 0;
  if (count > 0) {
    const std::uint32_t batch = rows_.open_batch(event.batch);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (current) {
        entered += enter_row(event, batch, i) ? 1 : 0;
      } else {
        FlightRow row;
        row.batch = batch;
        row.index = i;
        row.slot = event.batch->rows[i].row->slot;
        give_up_unread(event.batch->rows[i], row);
      }
    }
    rows_.close_batch(batch);
    allowance_ -= static_cast<double>(entered);
  }
  const bool saw_all = current && last_read_rescanned_ && !event.batch->source.more;
  if (options_.transactional && saw_all && !read_leaves_rows_out_) forget_sent_before();
  if (!current || (event.batch->source.more && entered > 0)) {
    read_at_ = now_;
  } else if ((count > 0 && !topics_.any_opening()) || last_read_for_keys_) {
    // Rows come in: look again soon, but gather a few. Where they are a topic's that is being
    // looked up, its opening reads at once; a read before that would pass over all of them.
    read_at_ = now_ + Duration{options_.polling_interval} / 10;
  } else {
    // A long look past rows that cannot go (a held topic's) takes at most half of the store's time.
    read_at_ = now_ + std::max<Duration>(options_.polling_interval, now_ - read_began_);
  }
}

bool Core::enter_row(const RowsRead& event, std::uint32_t batch, std::uint32_t index) {
  const PreparedRow& prepared = event.batch->rows[index];
  FlightRow row;
  row.batch = batch;
  row.index = index;
  row.slot = prepared.row->slot;
  row.stage = RowStage::waiting;
  const bool fenced = !options_.transactional || slots_.at(row.slot).transactions.fenced;
  if (!slots_.may_send(row.slot, now_) || !fenced) {
    give_up_unread(prepared, row);
    lower_dropped(prepared.row->id);
    return false;
  }
  if (pauses_.relay() || pauses_.key(prepared.row->key)) {
    give_up_unread(prepared, row);
    lower_dropped(prepared.row->id);
    return false;
  }
  if (options_.transactional && was_sent_before(prepared)) {
    settle_unsent(row);
    return true;
  }
  if (KeyTrouble* trouble = keys_.find(prepared.row->key)) {
    if (trouble->blocked(now_) || waits_for_head(*trouble, *event.batch, prepared)) {
      give_up_unread(prepared, row);
      return false;
    }
    row.isolated = options_.safety.isolate_refused_keys;
    trouble->touched = now_;
  }
  if (prepared.defect) {
    dead_letter(row, prepared, prepared.defect->reason);
    return false;
  }
  return place_row(row, prepared);
}

bool Core::waits_for_head(const KeyTrouble& trouble, const PreparedBatch& batch,
                          const PreparedRow& prepared) {
  // A store that leaves a row out until its own clock says that it is due may give its siblings
  // first. Order is within a topic.
  if (!options_.safety.head_goes_first || trouble.head_done || prepared.topic != trouble.topic) {
    return false;
  }
  const FlightRow* head = rows_.find(trouble.head_tag);
  if (head != nullptr && head->stage != RowStage::changing && rows_.id(*head) == trouble.head) {
    return false;
  }
  return std::none_of(batch.rows.begin(), batch.rows.end(),
                      [&](const PreparedRow& other) { return other.row->id == trouble.head; });
}

bool Core::place_row(FlightRow row, const PreparedRow& prepared) {
  if (topics_.count() >= options_.topics_max && topics_.find(prepared.topic) < 0) {
    dead_letter(row, prepared,
                "this relay knows " + std::to_string(options_.topics_max) + " topics already and " +
                    std::string(prepared.topic) +
                    " is one more: mend the topic, or raise relay.max-topics");
    return false;
  }
  row.topic = topics_.number(prepared.topic);
  TopicState& topic = topics_.at(row.topic);
  if (topic.phase == TopicPhase::unknown) topic.paused = pauses_.topic(topic.name);
  if (!topic.open_for(row.isolated)) {
    hold_back(row.topic, prepared);
    give_up_unread(prepared, row);
    return false;
  }
  if (options_.check_sizes && prepared.wire_bytes > topic.message_bytes_max) {
    dead_letter(row, prepared,
                "the message has at least " + std::to_string(prepared.wire_bytes) +
                    " bytes, topic " + topic.name + " takes " +
                    std::to_string(topic.message_bytes_max) +
                    ": make the payload smaller or raise the topic's max.message.bytes");
    return false;
  }
  if (topic.routes.size() < topic_routes_max) {
    topic.routes.insert({std::string(prepared.row->topic),
                         std::string(prepared.row->aggregate_type),
                         std::string(prepared.row->event_type)});
  }
  row.partition = partition_of(prepared.key_hash, topic.partitions);
  const RowTag tag = rows_.add(row);
  ++slots_.at(row.slot).rows;
  ++topic.rows;
  if (row.isolated) {
    KeyTrouble& trouble = *keys_.find(prepared.row->key);
    ++trouble.isolated_rows;
    if (trouble.head == prepared.row->id) trouble.head_tag = tag;
    if (options_.transactional) {
      slots_.at(row.slot).transactions.isolated.push_back(tag);
    } else {
      isolated_waiting_.push_back(tag);
    }
  } else if (options_.transactional) {
    slots_.at(row.slot).transactions.waiting.push_back(tag);
  } else {
    topics_.add_waiting(row.topic, row.partition, tag);
  }
  return true;
}

void Core::hold_back(int topic, const PreparedRow& prepared) {
  TopicState& state = topics_.at(topic);
  if (state.routes.size() < topic_routes_max) {
    state.routes.insert({std::string(prepared.row->topic),
                         std::string(prepared.row->aggregate_type),
                         std::string(prepared.row->event_type)});
  }
  if (!state.lowest_given_up || prepared.row->id < *state.lowest_given_up) {
    state.lowest_given_up = prepared.row->id;
  }
  if (state.phase == TopicPhase::unknown) look_up(topic);
}

void Core::give_up_unread(const PreparedRow& prepared, FlightRow row) {
  if (!options_.rows_are_claimed || !slots_.owns(prepared.row->slot)) return;
  row.stage = RowStage::changing;
  row.topic = -1;
  row.isolated = false;
  const RowTag tag = rows_.add(row);
  ++slots_.at(row.slot).rows;
  desk_.change({tag, store::RowOutcome::released, {}, {}, 0});
}

void Core::dead_letter(FlightRow row, const PreparedRow& prepared, const std::string& reason) {
  row.stage = RowStage::changing;
  row.topic = -1;
  row.isolated = false;
  const RowTag tag = rows_.add(row);
  ++slots_.at(row.slot).rows;
  note_dead(prepared, row.slot, reason);
  desk_.change({tag, store::RowOutcome::dead, reason, {}, 0});
}

void Core::dead_letter_in_hand(RowTag tag, const std::string& reason) {
  FlightRow& row = *rows_.find(tag);
  const PreparedRow& prepared = rows_.prepared(row);
  row.stage = RowStage::changing;
  note_dead(prepared, row.slot, reason);
  desk_.change({tag, store::RowOutcome::dead, reason, {}, 1});
}

void Core::note_dead(const PreparedRow& prepared, int slot, const std::string& reason) {
  // Until the dead letter is settled its key waits: were the lease lost first, the successor would
  // find the row again, and perhaps send it.
  KeyTrouble& trouble = keys_.enter(prepared.row->key, slot, now_);
  ++trouble.dead_letters_pending;
  if (trouble.head_done) {
    trouble.head = prepared.row->id;
    trouble.head_done = false;
  }
  // Sent again by an operator the row begins anew.
  if (trouble.head == prepared.row->id) trouble.attempts = 0;
  if (trouble.stored && trouble.head == prepared.row->id) {
    trouble.stored = false;
    desk_.key({std::string(prepared.row->key), trouble.topic, slot, 0, {}, trouble.head, {}});
  }
  trouble.reason = reason;
  say(Notice{NoticeKind::row_dead, describe(*prepared.row), reason,
             std::string(prepared.defect ? prepared.row->topic : prepared.topic)});
}

void Core::give_up(RowTag tag) {
  FlightRow* row = rows_.find(tag);
  if (row == nullptr) return;
  rows_dropped(rows_.id(*row));
  if (!options_.rows_are_claimed || !slots_.owns(row->slot)) {
    forget(tag);
    return;
  }
  if (row->isolated) {
    if (KeyTrouble* trouble = keys_.find(rows_.prepared(*row).row->key)) --trouble->isolated_rows;
    row->isolated = false;
  }
  row->stage = RowStage::changing;
  desk_.change({tag, store::RowOutcome::released, {}, {}, 0});
}

void Core::forget(RowTag tag) {
  FlightRow* row = rows_.find(tag);
  if (row == nullptr) return;
  --slots_.at(row->slot).rows;
  if (row->topic >= 0) --topics_.at(row->topic).rows;
  if (row->isolated) {
    KeyTrouble* trouble = keys_.find(rows_.prepared(*row).row->key);
    if (trouble != nullptr && trouble->isolated_rows > 0) --trouble->isolated_rows;
  }
  rows_.erase(tag);
}

void Core::settle_when_due() {
  for (const Settle* settle : desk_.due(now_))
    say(*settle);
  const std::size_t rows_max = 2 * options_.batch_size;
  if (desk_.empty() || !desk_.may_give_next(rows_max)) return;
  std::vector<RowTag> lost;
  const Settle* settle = desk_.next(rows_, slots_, rows_max, lost);
  for (const RowTag tag : lost)
    forget(tag);
  if (settle != nullptr) say(*settle);
}

void Core::on(const SettleDone& event) {
  SettleUnderWay settle = desk_.done(event.settle_id);
  for (const int slot : event.result.lost_slots) {
    // Only the lease that the settle showed is gone; the slot may have been acquired anew since.
    for (const store::SlotLease& lease : settle.command.leases) {
      if (lease.slot == slot && slots_.owns(slot) && slots_.at(slot).lease == lease) {
        lose_slot(slot, "settling was refused: the lease is another relay's");
      }
    }
  }
  if (!settle.published.empty()) last_settled_ = now_;
  for (const RowTag tag : settle.published)
    finish_published(tag);
  for (const PendingChange& change : settle.changes)
    finish_change(change);
}

void Core::finish_published(RowTag tag) {
  FlightRow* row = rows_.find(tag);
  if (row == nullptr) return;
  const OutboxRow& source = *rows_.prepared(*row).row;
  KeyTrouble* trouble = keys_.find(source.key);
  if (trouble != nullptr && trouble->head == source.id) trouble->head_done = true;
  const std::string key = trouble != nullptr ? std::string(source.key) : std::string();
  if (options_.transactional) slots_.at(row->slot).transactions.sent_before.erase(source.id);
  forget(tag);
  if (trouble != nullptr) free_key_if_clean(key);
}

void Core::finish_change(const PendingChange& change) {
  FlightRow* row = rows_.find(change.tag);
  if (row == nullptr) return;
  const OutboxRow& source = *rows_.prepared(*row).row;
  const std::string key(source.key);
  if (KeyTrouble* trouble = keys_.find(key)) {
    if (change.outcome == store::RowOutcome::dead) {
      --trouble->dead_letters_pending;
      if (trouble->head == source.id) trouble->head_done = true;
    } else if (change.outcome == store::RowOutcome::retry) {
      --trouble->retries_pending;
    }
  }
  if (change.outcome == store::RowOutcome::dead && options_.copies_dead_letters) {
    say(copy_of(rows_.batch(*row), rows_.prepared(*row), change.reason));
  }
  forget(change.tag);
  free_key_if_clean(key);
}

bool Core::may_read() const {
  // A claim skips rows whose release is not written yet, but not their later siblings.
  if (options_.rows_are_claimed && desk_.releasing()) return false;
  const bool may_send = main_.open || options_.transactional;
  return joined_ && !stopping_ && !read_under_way_ && may_send && !pauses_.relay() &&
         last_verified_ >= verified_after_;
}

std::size_t Core::rows_room() const {
  return options_.in_flight_rows_max - std::min(options_.in_flight_rows_max, rows_.count());
}

std::size_t Core::bytes_room() const {
  return options_.in_flight_bytes_max - std::min(options_.in_flight_bytes_max, rows_.bytes());
}

bool Core::room_to_read() const {
  // Small reads cost as much as large ones: wait for room unless nothing is in hand.
  if (rows_.count() == 0) return true;
  const std::size_t enough = std::min(options_.batch_size, options_.in_flight_rows_max) / 2;
  return rows_room() >= std::max<std::size_t>(1, enough) &&
         bytes_room() >= options_.in_flight_bytes_max / 4;
}

std::size_t Core::rows_allowed() {
  const double rate = options_.rows_per_second_max;
  if (rate <= 0) return options_.batch_size;
  // What is saved up while there was nothing to do is a tenth of a second's worth.
  const double most = std::max(1.0, rate / 10);
  const double seconds = std::chrono::duration<double>(now_ - allowed_at_).count();
  allowance_ = std::min(most, allowance_ + rate * seconds);
  allowed_at_ = now_;
  // Half of it at least, so that a cap does not make many small reads.
  const double enough = std::max(1.0, most / 2);
  if (allowance_ >= enough) return static_cast<std::size_t>(allowance_);
  const std::chrono::duration<double> rest((enough - allowance_) / rate);
  wake_by(now_ + std::chrono::ceil<std::chrono::milliseconds>(rest));
  return 0;
}

void Core::read_when_due() {
  if (!may_read() || !room_to_read()) return;
  if (now_ < read_at_) {
    wake_by(read_at_);
    return;
  }
  const std::size_t allowed = rows_allowed();
  if (allowed == 0) return;
  ReadRows read = make_read();
  if (read.leases.empty()) return;
  read.rows_max = std::min({options_.batch_size, rows_room(), allowed});
  read.bytes_max = std::max<std::size_t>(1, bytes_room());
  read_under_way_ = true;
  read_began_ = now_;
  last_read_rescanned_ = read.rescan;
  // What asks for another one from now on is not answered by this one.
  if (read.rescan) rescan_next_ = false;
  asked_lowest_ = std::exchange(lowest_dropped_, std::nullopt);
  if (read.rescan) rescan_at_ = now_ + options_.rescan_interval;
  if (options_.transactional) {
    read_slots_.clear();
    for (const store::SlotLease& lease : read.leases)
      read_slots_.push_back(lease.slot);
    read_leaves_rows_out_ =
        !read.blocked_keys.empty() || !read.held_routes.empty() || !read.only_keys.empty();
  }
  say(std::move(read));
}

ReadRows Core::make_read() {
  ReadRows read;
  read.generation = generation_;
  read.leases = slots_.readable(now_);
  RowsInFlight::Ids in_flight = rows_.ids();
  read.in_flight = std::move(in_flight.all);
  read.blocked_keys = keys_.blocked(now_);
  pauses_.add_keys(read.blocked_keys);
  // A crowded topic is left out, but its keys in trouble must get on: every second read is theirs.
  if (topics_.any_crowded() && !last_read_for_keys_ && !rescan_next_)
    read.only_keys = keys_.ready(now_);
  std::erase_if(read.only_keys, [&](const std::string& key) { return pauses_.key(key); });
  last_read_for_keys_ = !read.only_keys.empty();
  read.held_routes = topics_.held_routes(held_routes_max, !last_read_for_keys_);
  read.lowest_unsettled = lowest_unsettled(std::move(in_flight.lowest));
  // From time to time everything, for rows that were set back by hand behind us.
  read.rescan = !last_read_for_keys_ && (rescan_next_ || now_ >= rescan_at_);
  return read;
}

std::optional<RowId> Core::lowest_unsettled(std::optional<RowId> lowest) {
  const auto consider = [&](const RowId& id) {
    if (!lowest || id < *lowest) lowest = id;
  };
  if (lowest_dropped_) consider(*lowest_dropped_);
  // A blocked or paused key's rows are left out by the statement, unseen, so how far down they
  // reach is not known.
  if (!keys_.empty() || pauses_.any_key()) consider(RowId{});
  topics_.for_each([&](int, TopicState& topic) {
    if (topic.lowest_given_up) consider(*topic.lowest_given_up);
  });
  return lowest;
}

}  // namespace outbox::relay
