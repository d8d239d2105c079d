// SPDX-License-Identifier: Apache-2.0
#include "relay/dead_letter_copies.hpp"

#include <exception>
#include <vector>

#include "core/murmur2.hpp"

namespace outbox::relay {

namespace {

constexpr std::chrono::milliseconds look_up_timeout{2000};
constexpr std::chrono::seconds repeat_interval{10};

}  // namespace

int DeadLetterCopies::partitions() {
  if (partitions_ > 0) return partitions_;
  const broker::TopicView view = admin_()->topics({topic_}, look_up_timeout).at(0);
  if (view.failure) {
    logger_.warn("a dead letter was not copied", {{"reason", view.failure->reason}});
    return 0;
  }
  return partitions_ = view.partitions;
}

void DeadLetterCopies::copy(const CopyDeadLetter& command) {
  try {
    if (producer_ == nullptr) producer_ = maker_("dead-letters");
    take_deliveries();
    const int count = partitions();
    if (count == 0) return;
    std::vector<broker::Header> headers;
    for (const auto& [name, value] : command.headers) {
      headers.push_back({name, value ? std::optional<std::string_view>(*value) : std::nullopt});
    }
    broker::OutgoingMessage message;
    message.topic = topic_;
    message.partition = partition_of(command.key, count);
    message.key = command.key;
    if (command.value) message.value = *command.value;
    message.headers = headers;
    message.tag = ++last_tag_;
    const broker::Handover handed_over = producer_->produce(message);
    if (handed_over == broker::Handover::accepted) return;
    logger_.warn(
        "a dead letter was not copied",
        {{"topic", topic_},
         {"reason", handed_over == broker::Handover::refused ? producer_->refusal().reason
                                                             : "the handle takes no more"}});
    if (handed_over == broker::Handover::fatal) producer_.reset();
  } catch (const std::exception& error) {
    std::uint64_t suppressed = 0;
    if (logger_.may_repeat("dead letter copy", repeat_interval, suppressed)) {
      logger_.warn("a dead letter was not copied", {{"topic", topic_}, {"error", error.what()}});
    }
  }
}

void DeadLetterCopies::take_deliveries() {
  const broker::Poll poll = producer_->poll(std::chrono::milliseconds{0});
  for (const broker::Delivery& delivery : poll.deliveries) {
    if (delivery.status == broker::DeliveryStatus::acknowledged) continue;
    logger_.warn("a dead letter was not copied",
                 {{"topic", topic_}, {"reason", delivery.failure.reason}});
  }
  if (poll.fatal) producer_ = maker_("dead-letters");
}

}  // namespace outbox::relay
