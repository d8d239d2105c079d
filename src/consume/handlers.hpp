// SPDX-License-Identifier: Apache-2.0
//
// Which handler takes which events.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <outbox/error.hpp>
#include <outbox/received_event.hpp>

#include "store/inbox.hpp"

namespace outbox::consume {

/// Does the events' work by the transaction and nothing else that must not happen twice. It may be
/// called again for the same events, after everything it did was rolled back. What it throws fails
/// them, save an Error(unreachable), which blames nobody.
struct EventHandler {
  std::function<void(std::span<const ReceivedEvent>, store::InboxTransaction&)> call;
  bool batch = false;  ///< Takes several events at once; else exactly one a call.
};

/// Filled before it is used, then read by any thread.
class Handlers {
 public:
  /// Throws Error(usage) where the type has one already.
  void add(const std::string& event_type, std::shared_ptr<const EventHandler> handler) {
    if (!by_type_.emplace(event_type, std::move(handler)).second) {
      throw Error(ErrorKind::usage, "event type '" + event_type + "' has a handler already");
    }
  }
  /// For all types that have none.
  void add_for_others(std::shared_ptr<const EventHandler> handler) {
    if (others_) throw Error(ErrorKind::usage, "a handler for all other events is there already");
    others_ = std::move(handler);
  }

  /// Null: none.
  [[nodiscard]] const EventHandler* find(std::string_view event_type) const {
    const auto found = by_type_.find(event_type);
    return found != by_type_.end() ? found->second.get() : others_.get();
  }
  [[nodiscard]] bool empty() const { return by_type_.empty() && !others_; }

 private:
  std::map<std::string, std::shared_ptr<const EventHandler>, std::less<>> by_type_;
  std::shared_ptr<const EventHandler> others_;
};

}  // namespace outbox::consume
