// SPDX-License-Identifier: Apache-2.0
//
// A message of the topic as clients get it. What is sent is made once and shared by all whom it
// goes to:
//
//   plain: the value, as a text frame, or as a binary one where it is no UTF-8
//   resumable: {"position":"0:15,1:7","key":"order-1","value":{...}}. A value that is JSON stands
//     there as it is, other text as a string, and what is no UTF-8 in "value_base64"
//   event stream: `id:` the position, `data:` the value, base64 under `event: base64`
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/consumer.hpp"
#include "http/push.hpp"

namespace outbox::gateway {

enum class Form : std::uint8_t { plain, resumable, event_stream };

/// What clients filter by.
struct Subject {
  std::string event_type;
  std::string aggregate_type;
  std::string aggregate_id;
};

struct Message {
  std::size_t slot = 0;  ///< Its partition, see positions.hpp.
  std::int64_t offset = 0;
  std::optional<std::string> key;
  http::PayloadPointer value;  ///< Empty text for a tombstone.
  bool is_tombstone = false;
  Subject subject;

  /// What it costs to keep.
  [[nodiscard]] std::size_t bytes() const;
};

using MessagePointer = std::shared_ptr<const Message>;

/// Takes the subject from the headers event_type, aggregate_type and aggregate_id; what is not
/// there, from the members of those names of a value that is a JSON object (the standard envelope).
[[nodiscard]] MessagePointer read_message(broker::IncomingMessage&& incoming, std::size_t slot);

/// `position` is the one after this message. For Form::plain it is not needed.
[[nodiscard]] http::PayloadPointer encode(const Message& message, Form form,
                                          std::string_view position);

/// A lost range. Null for Form::plain, which has no word for it.
[[nodiscard]] http::PayloadPointer encode_gap(Form form, std::string_view from,
                                              std::string_view to);

/// A position without a message: `{"position":"0:15"}`, or an event of `id:` alone, which a browser
/// remembers and shows to nobody. Null for Form::plain.
[[nodiscard]] http::PayloadPointer encode_position(Form form, std::string_view position);

}  // namespace outbox::gateway
