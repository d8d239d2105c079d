// SPDX-License-Identifier: Apache-2.0
#include "gateway/hub.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace outbox::gateway {

Hub::Hub(const HubOptions& options, Slots slots, CatchUps& catch_ups,
         std::function<void(std::function<void()>)> post)
    : options_(options),
      slots_(std::move(slots)),
      catch_ups_(catch_ups),
      post_(std::move(post)),
      ring_(options.ring_bytes),
      now_(BootClock::now()) {}

std::shared_ptr<Client> Hub::make_client(ClientTerms terms) {
  return std::make_shared<Client>(std::move(terms), options_.queue, *this);
}

void Hub::joined(Client& client) {
  clients_.insert(&client);
  if (client.terms().resume) return resume(client);
  follow(client);
  if (client.terms().wants_progress) tell_position(client);
}

void Hub::left(Client& client) {
  clients_.erase(&client);
  switch (client.stage) {
    case Stage::live:
      index_.remove(client);
      break;
    case Stage::ring:
      ring_clients_.erase(&client);
      break;
    case Stage::waiting:
      std::erase(waiting_, &client);
      break;
    case Stage::reading:
      leave_catch_up(client);
      break;
    case Stage::joining:
    case Stage::gone:
      break;
  }
}

void Hub::resume(Client& client) {
  const Slots::Parsed& resume = *client.terms().resume;
  client.next = resume.offsets;
  client.next.resize(slots_.size(), 0);
  if (resume.has_unknown) tell_gap(client, client.terms().resume_text);
  if (client.stage == Stage::gone) return;
  if (!is_ahead(client) && ring_.covers(client.next)) return go_to_ring(client);
  wait_for_catch_up(client);
}

void Hub::follow(Client& client) {
  client.stage = Stage::live;
  client.next = {};
  client.is_behind = false;
  client.told_at = now_;
  index_.add(client);
}

void Hub::tell_gap(Client& client, const std::string& from) {
  client.push(encode_gap(client.form(), from, slots_.text(client.next)));
}

void Hub::tell_position(Client& client) {
  client.told_at = now_;
  client.told_count = published_;
  client.push(encode_position(client.form(), slots_.text(next_)));
}

void Hub::add_slot(const std::string& topic, int partition, std::int64_t offset) {
  if (slots_.add(topic, partition) < next_.size()) return;
  next_.push_back(offset);
  ring_.add_slot(offset);
  for (Client* client : clients_) {
    // Who is on the way has missed nothing of a partition that is new.
    if (client->stage != Stage::live) client->next.push_back(offset);
  }
  // What is being read was chosen without the new one.
  restart_catch_ups();
}

void Hub::publish(std::vector<MessagePointer> messages) {
  for (MessagePointer& message : messages) {
    next_[message->slot] = message->offset + 1;
    ++published_;
    deliver(message);
    ring_.add(std::move(message));
  }
  if (!ring_clients_.empty()) serve_ring_clients();
}

void Hub::deliver(const MessagePointer& message) {
  found_.clear();
  index_.find(message->subject, found_);
  if (found_.empty()) return;
  std::array<http::PayloadPointer, 3> encoded;
  std::string position;
  for (Client* client : found_) {
    http::PayloadPointer& payload = encoded[static_cast<std::size_t>(client->form())];
    if (!payload) {
      if (client->form() != Form::plain && position.empty()) position = slots_.text(next_);
      payload = encode(*message, client->form(), position);
    }
    client->told_at = now_;
    client->told_count = published_;
    if (client->fits(*payload)) {
      client->push(payload);
    } else {
      fall_behind(*client, *message);
    }
  }
}

/// Who cannot keep up with a burst follows at its own pace, from memory, for a while: this message,
/// which comes into the ring next, is its first.
void Hub::fall_behind(Client& client, const Message& message) {
  index_.remove(client);
  client.stage = Stage::ring;
  client.next = next_;
  client.next[message.slot] = message.offset;
  client.cursor = ring_.end();
  client.is_behind = true;
  client.behind_since = now_;
  ring_clients_.insert(&client);
}

void Hub::send_laggards_away() {
  const std::vector<Client*> all(ring_clients_.begin(), ring_clients_.end());
  for (Client* client : all) {
    if (client->is_behind && now_ - client->behind_since > options_.lag_max) client->send_away();
  }
}

void Hub::passed(std::size_t slot, std::int64_t offset) {
  next_[slot] = std::max(next_[slot], offset);
  if (!ring_clients_.empty()) schedule_ring_clients();
}

void Hub::moved(std::size_t slot, std::int64_t offset) {
  const std::string from = slots_.text(next_);
  const bool is_back = offset < next_[slot];
  next_[slot] = offset;
  ring_.restart(slot, offset);
  const std::string to = slots_.text(next_);
  const std::vector<Client*> all(clients_.begin(), clients_.end());
  for (Client* client : all) {
    if (client->stage == Stage::live) {
      client->push(encode_gap(client->form(), from, to));
    } else {
      moved_under(*client, slot, offset, is_back);
    }
  }
  // A catch-up reads by the old offsets; those of one further on find out by themselves.
  if (is_back) restart_catch_ups();
}

void Hub::moved_under(Client& client, std::size_t slot, std::int64_t offset, bool is_back) {
  const bool loses = is_back || (client.stage == Stage::ring && client.next[slot] < offset);
  if (!loses) return;
  const std::string from = slots_.text(client.next);
  client.next[slot] = offset;
  tell_gap(client, from);
}

void Hub::tick(Moment now) {
  now_ = now;
  send_laggards_away();
  look_at_catch_ups();
  start_catch_ups();
  const std::vector<Client*> all(clients_.begin(), clients_.end());
  for (Client* client : all) {
    const bool is_due = client->terms().wants_progress && client->stage == Stage::live &&
                        client->told_count != published_ &&
                        now - client->told_at >= options_.progress_interval;
    if (is_due) tell_position(*client);
  }
}

}  // namespace outbox::gateway
