// SPDX-License-Identifier: Apache-2.0
//
// How a message becomes an item of the worker's: its event, its claim, its handler, or its fault.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "consume/worker.hpp"
#include "core/clock.hpp"

namespace outbox::consume {

namespace {

std::int64_t number_in(const broker::IncomingMessage& message, std::string_view name) {
  const std::string_view text = header_of(message, name).value_or("");
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

void Worker::read(LaneId lane, broker::IncomingMessage message) {
  Held& held = lanes_.at(lane).held.emplace_back();
  held.message = std::move(message);
  held.reading = read_event(held.message);
  NewItem item;
  item.offset = held.message.offset;
  item.fault = held.reading.fault;
  if (held.reading.event) {
    const ReceivedEvent& event = *held.reading.event;
    held.handler = around_.handlers.find(event.event_type);
    held.claim_id = around_.options.claim_key == ClaimKey::event_id ? event.event_id
                                                                    : aggregate_version_id(event);
    if (around_.options.claim_key == ClaimKey::aggregate_version &&
        (!event.has_version || event.aggregate_id.empty())) {
      item.fault =
          "the event says no version of an aggregate, by which this consumer claims: its "
          "writer sets aggregate_id and the header event_version";
    }
    if (held.handler == nullptr && around_.options.dead_letter_unknown) {
      item.fault = fmt::format("no handler takes events of type '{}'", event.event_type);
    }
  }
  if (!around_.options.work.ordered && held.message.topic == around_.options.delay_topic) {
    // Another machine's clock may be wrong, and a header anybody's: at most the longest back-off.
    std::chrono::milliseconds most{0};
    for (const AttemptPolicy& policy : around_.options.work.policies)
      most = std::max(most, policy.backoff.max);
    const std::int64_t due = number_in(held.message, "retry_due_ms");
    const std::int64_t now = wall_clock_us() / 1000;
    const std::int64_t rest = due <= now ? 0 : std::min<std::int64_t>(due - now, most.count());
    item.not_before = BootClock::now() + std::chrono::milliseconds(rest);
    item.attempts_before = static_cast<int>(
        std::clamp<std::int64_t>(number_in(held.message, "retry_attempts"), 0, 1'000'000));
  }
  core_.add(lane, std::move(item));
}

}  // namespace outbox::consume
