// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <string_view>
#include <vector>

#include "broker/producer.hpp"
#include "relay/messages.hpp"

namespace outbox::relay {

/// Makes rows messages, one at a time.
class Outgoing {
 public:
  /// With the lease's epoch behind the row's headers. Valid until the next call.
  [[nodiscard]] broker::OutgoingMessage message(const OutgoingRow& row) {
    const auto written = std::to_chars(epoch_, epoch_ + sizeof(epoch_), row.lease_epoch);
    const auto first = row.batch->headers.begin() + row.row->headers_begin;
    headers_.assign(first, first + row.row->headers_count);
    headers_.push_back(
        {"lease_epoch", std::string_view(epoch_, static_cast<std::size_t>(written.ptr - epoch_))});
    broker::OutgoingMessage message;
    message.topic = row.row->topic;
    message.partition = row.partition;
    message.key = row.row->row->key;
    message.value = row.row->value;
    message.headers = headers_;
    message.tag = row.tag;
    return message;
  }

 private:
  char epoch_[20] = {};
  std::vector<broker::Header> headers_;
};

}  // namespace outbox::relay
