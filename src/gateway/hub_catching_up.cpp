// SPDX-License-Identifier: Apache-2.0
//
// The hub's part that brings clients that were away up to those who follow.
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <utility>

#include "gateway/hub.hpp"

namespace outbox::gateway {
namespace {

/// Messages looked at for one client before others have their turn.
constexpr int ring_slice = 500;
constexpr std::size_t least_room_bytes = 16U << 10U;

std::int64_t distance(const Offsets& one, const Offsets& other) {
  std::int64_t sum = 0;
  for (std::size_t slot = 0; slot < std::min(one.size(), other.size()); ++slot) {
    if (__builtin_add_overflow(sum, std::abs(one[slot] - other[slot]), &sum)) {
      return std::numeric_limits<std::int64_t>::max();
    }
  }
  return sum;
}

}  // namespace

bool Hub::is_ahead(const Client& client) const {
  for (std::size_t slot = 0; slot < next_.size(); ++slot) {
    if (client.next[slot] > next_[slot]) return true;
  }
  return false;
}

/// Frames with a client's own position are made for it alone, so all of them together are bounded.
std::size_t Hub::room_bytes() const {
  const std::size_t clients = std::max<std::size_t>(ring_clients_.size() + reading_clients_, 1);
  return std::max(options_.catch_up_bytes / clients, least_room_bytes);
}

/// False where the client is gone.
bool Hub::take(Client& client, const Message& message) {
  if (message.offset < client.next[message.slot]) return true;
  client.next[message.slot] = message.offset + 1;
  if (!client.filter().matches(message.subject)) return true;
  return client.push(encode(message, client.form(), slots_.text(client.next)));
}

void Hub::go_to_ring(Client& client) {
  client.stage = Stage::ring;
  client.cursor = ring_.seek(client.next);
  ring_clients_.insert(&client);
  serve_from_ring(client);
}

void Hub::serve_from_ring(Client& client) {
  const std::size_t room = room_bytes();
  for (int looked_at = 0; client.cursor < ring_.end(); ++looked_at) {
    if (client.cursor < ring_.begin()) {
      if (!ring_.covers(client.next)) {
        if (client.is_behind) return client.send_away();
        ring_clients_.erase(&client);
        return wait_for_catch_up(client);
      }
      client.cursor = ring_.begin();
      continue;
    }
    if (!client.has_room(room)) return;  // drained() goes on
    if (looked_at >= ring_slice) return schedule_ring_clients();
    // Kept: what a push leads to may take the message out of the ring.
    const MessagePointer message = ring_.at(client.cursor);
    if (message && !take(client, *message)) return;
    ++client.cursor;
  }
  if (is_ahead(client)) return;  // of this gateway: messages that it has had are yet to come
  ring_clients_.erase(&client);
  follow(client);
}

void Hub::serve_ring_clients() {
  const std::vector<Client*> all(ring_clients_.begin(), ring_clients_.end());
  for (Client* client : all) {
    if (ring_clients_.contains(client)) serve_from_ring(*client);
  }
}

void Hub::schedule_ring_clients() {
  if (is_ring_scheduled_) return;
  is_ring_scheduled_ = true;
  post_([this] {
    is_ring_scheduled_ = false;
    serve_ring_clients();
  });
}

void Hub::drained(Client& client) {
  if (client.stage == Stage::ring) {
    schedule_ring_clients();
  } else if (client.stage == Stage::reading) {
    schedule_catch_up(client.catch_up);
  }
}

void Hub::wait_for_catch_up(Client& client) {
  client.stage = Stage::waiting;
  waiting_.push_back(&client);
  start_catch_ups();
}

void Hub::leave_catch_up(Client& client) {
  --reading_clients_;
  const auto entry = running_.find(client.catch_up);
  if (entry == running_.end()) return;
  for (Reading& reading : entry->second.readings) {
    if (reading.client == &client) reading.client = nullptr;
  }
  schedule_catch_up(client.catch_up);
}

void Hub::start_catch_ups() {
  while (running_.size() < options_.catch_ups_max && now_ >= retry_at_) {
    std::vector<Reading> group = take_group();
    if (group.empty()) return;
    const std::uint64_t id = ++last_catch_up_;
    for (const Reading& reading : group) {
      reading.client->stage = Stage::reading;
      reading.client->catch_up = id;
    }
    reading_clients_ += group.size();
    CatchUp& catch_up = running_[id];
    catch_up.readings = std::move(group);
    catch_up.opened_at = now_;
    catch_ups_.open(id);
  }
}

/// Who has waited longest, and all who are near it.
std::vector<Hub::Reading> Hub::take_group() {
  std::vector<Reading> group;
  const auto is_ready = [this](const Client* client) { return client->ready_at <= now_; };
  const auto first = std::find_if(waiting_.begin(), waiting_.end(), is_ready);
  if (first == waiting_.end()) return group;
  const Offsets from = (*first)->next;
  std::erase_if(waiting_, [&](Client* client) {
    const bool goes_along =
        is_ready(client) && distance(client->next, from) <= options_.together_messages;
    if (goes_along) group.push_back({client});
    return goes_along;
  });
  return group;
}

/// Moves the client to what the topics still hold, and tells it what is lost. False where it has
/// to be asked about again: beyond the end is what a topic made anew looks like, but so does, for
/// a moment, one whose leader has just changed.
bool Hub::adjust(Client& client, const std::vector<SlotRange>& ranges) {
  Offsets adjusted = client.next;
  for (std::size_t slot = 0; slot < std::min(ranges.size(), adjusted.size()); ++slot) {
    const SlotRange& range = ranges[slot];
    const bool is_beyond = adjusted[slot] > std::max(range.end, next_[slot]);
    if (is_beyond && !client.was_ahead) {
      client.was_ahead = true;
      client.ready_at = now_ + options_.retry_interval;
      return false;
    }
    if (is_beyond || adjusted[slot] < range.first) adjusted[slot] = range.first;
  }
  client.was_ahead = false;
  if (adjusted == client.next) return true;
  const std::string from = slots_.text(client.next);
  client.next = std::move(adjusted);
  tell_gap(client, from);
  return true;
}

void Hub::catch_up_opened(std::uint64_t id, const std::vector<SlotRange>& ranges) {
  const auto entry = running_.find(id);
  if (entry == running_.end()) return;
  CatchUp& catch_up = entry->second;
  Offsets from;
  for (Reading& reading : catch_up.readings) {
    Client* client = reading.client;
    if (client == nullptr) continue;
    const bool is_adjusted = adjust(*client, ranges);
    if (client->stage != Stage::reading) continue;
    const bool is_covered = is_adjusted && ring_.covers(client->next);
    if (!is_adjusted || is_covered) {
      --reading_clients_;
      reading.client = nullptr;
      if (is_covered) {
        go_to_ring(*client);
      } else {
        client->stage = Stage::waiting;
        waiting_.push_back(client);
      }
      continue;
    }
    if (from.empty()) from = client->next;
    for (std::size_t slot = 0; slot < from.size(); ++slot)
      from[slot] = std::min(from[slot], client->next[slot]);
  }
  if (from.empty()) return end_catch_up(id);
  catch_up.is_started = true;
  catch_ups_.start(id, std::move(from));
}

void Hub::catch_up_failed(std::uint64_t id) {
  retry_at_ = now_ + options_.retry_interval;
  end_catch_up(id);
}

void Hub::catch_up_read(std::uint64_t id, CatchUpPortion portion) {
  const auto entry = running_.find(id);
  if (entry == running_.end()) return;
  CatchUp& catch_up = entry->second;
  catch_up.portion = std::move(portion);
  catch_up.portion_at = now_;
  catch_up.is_reading = false;
  for (Reading& reading : catch_up.readings)
    reading.at = 0;
  serve_catch_up(id);
}

void Hub::schedule_catch_up(std::uint64_t id) {
  const auto entry = running_.find(id);
  if (entry == running_.end() || entry->second.is_scheduled) return;
  entry->second.is_scheduled = true;
  post_([this, id] {
    const auto found = running_.find(id);
    if (found == running_.end()) return;
    found->second.is_scheduled = false;
    serve_catch_up(id);
  });
}

void Hub::serve_catch_up(std::uint64_t id) {
  CatchUp& catch_up = running_.find(id)->second;
  bool is_done = !catch_up.is_reading;
  if (!catch_up.is_reading) {
    for (Reading& reading : catch_up.readings) {
      if (reading.client != nullptr) serve_reading(catch_up, reading);
      if (reading.client != nullptr && reading.at < catch_up.portion.messages.size()) {
        is_done = false;
      }
    }
  }
  std::erase_if(catch_up.readings,
                [](const Reading& reading) { return reading.client == nullptr; });
  if (catch_up.readings.empty()) return end_catch_up(id);
  if (!is_done || !catch_up.is_started) return;
  catch_up.portion = {};
  catch_up.is_reading = true;
  catch_ups_.more(id);
}

void Hub::serve_reading(CatchUp& catch_up, Reading& reading) {
  Client& client = *reading.client;
  const auto& messages = catch_up.portion.messages;
  const std::size_t room = room_bytes();
  while (reading.at < messages.size()) {
    if (!client.has_room(room)) return;
    if (!take(client, *messages[reading.at])) return;
    ++reading.at;
  }
  const Offsets& next = catch_up.portion.next;
  for (std::size_t slot = 0; slot < std::min(next.size(), client.next.size()); ++slot)
    client.next[slot] = std::max(client.next[slot], next[slot]);
  if (!ring_.covers(client.next)) return;
  --reading_clients_;
  reading.client = nullptr;
  go_to_ring(client);
}

/// Clients that still go along wait for another one.
void Hub::end_catch_up(std::uint64_t id) {
  const auto entry = running_.find(id);
  if (entry == running_.end()) return;
  for (const Reading& reading : entry->second.readings) {
    if (reading.client == nullptr) continue;
    --reading_clients_;
    reading.client->stage = Stage::waiting;
    waiting_.push_back(reading.client);
  }
  running_.erase(entry);
  catch_ups_.end(id);
  start_catch_ups();
}

void Hub::restart_catch_ups() {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, catch_up] : running_)
    ids.push_back(id);
  for (const std::uint64_t id : ids)
    end_catch_up(id);
}

void Hub::look_at_catch_ups() {
  const bool others_wait = running_.size() >= options_.catch_ups_max &&
                           std::any_of(waiting_.begin(), waiting_.end(),
                                       [this](const Client* one) { return one->ready_at <= now_; });
  std::vector<std::uint64_t> over;
  for (auto& [id, catch_up] : running_) {
    if (others_wait && now_ - catch_up.opened_at > options_.turn) {
      over.push_back(id);
      continue;
    }
    if (catch_up.is_reading || now_ - catch_up.portion_at < options_.laggard_time) continue;
    const std::size_t all = catch_up.portion.messages.size();
    const auto lags = [all](const Reading& one) { return one.client != nullptr && one.at < all; };
    const auto laggards = std::count_if(catch_up.readings.begin(), catch_up.readings.end(), lags);
    if (laggards == std::ssize(catch_up.readings)) continue;
    for (Reading& reading : catch_up.readings) {
      if (!lags(reading)) continue;
      --reading_clients_;
      reading.client->stage = Stage::waiting;
      waiting_.push_back(reading.client);
      reading.client = nullptr;
    }
    schedule_catch_up(id);
  }
  for (const std::uint64_t id : over)
    end_catch_up(id);
}

}  // namespace outbox::gateway
