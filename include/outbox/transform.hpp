// SPDX-License-Identifier: Apache-2.0
//
// A payload transformer written in C++ (A8), between the row and its message. It sees the event and
// says what goes out as the value and, if it likes, to which topic. It never decides the key: the
// key is the row's, because order and the division of work among relays follow it.
//
//     outbox::Transformer transformer;
//     transformer.value = [](const outbox::TransformInput& event) {
//       return std::optional<std::string>(encode(event.event_type, *event.payload));
//     };
//
// Order: first the steps of `relay.transform`, then these functions, then the envelope, which wraps
// what they return. The rows of a table are transformed on the thread that reads them, ahead of
// sending.
//
// Pure: the same input must give the same output, whenever and however often it is asked. An event
// is transformed again after each restart, retry and takeover, and answers for a topic are
// remembered.
//
// Failures: what derives from std::exception and is thrown makes the event a dead letter, its
// reason naming the row and what(); only its own key's later events are affected, as by any dead
// letter. std::bad_alloc is passed on. Do not throw anything else.
//
// Thread-safety: the functions are called from several threads at once; they must not share state
// without guarding it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace outbox {

/// All that a topic may be chosen by. While a topic cannot be written, its rows are left out of
/// reading by just these columns; a topic that followed anything else could let later events of a
/// key pass earlier ones.
struct RouteInput {
  std::string_view topic;  ///< After the row's own, the routes and the steps of `relay.transform`.
  std::string_view aggregate_type;  ///< The row's.
  std::string_view event_type;      ///< The row's.
};

/// An event on its way out. The views live until the function returns.
struct TransformInput {
  std::string_view event_id;                ///< 36 characters.
  std::string_view event_type;              ///< The row's.
  std::string_view aggregate_type;          ///< The row's.
  std::string_view aggregate_id;            ///< The row's.
  std::string_view key;                     ///< The wire key; no function changes it.
  std::string_view topic;                   ///< The final one.
  std::string_view content_type;            ///< Empty where the row does not say.
  std::int64_t occurred_at_us = 0;          ///< Microseconds since 1970 UTC.
  std::optional<std::string_view> payload;  ///< None: NULL.
};

/// Gives the topic; it is checked as a row's would be.
using TopicFunction = std::function<std::string(const RouteInput&)>;

/// Gives the payload that goes into the envelope. None: NULL, a tombstone where the envelope has
/// such.
using ValueFunction = std::function<std::optional<std::string>(const TransformInput&)>;

/// Either function may be left empty.
struct Transformer {
  TopicFunction topic;  ///< Empty: the topic stays.
  ValueFunction value;  ///< Empty: the payload stays.
};

}  // namespace outbox
