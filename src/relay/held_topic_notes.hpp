// SPDX-License-Identifier: Apache-2.0
//
// Which topics this relay holds, written into the store so that any process can tell (`outboxd
// status`). Best effort: what could not be written is written with the next change or look-up.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/log.hpp"
#include "relay/messages.hpp"
#include "store/home.hpp"

namespace outbox::relay {

/// Thread-safety: notice() and let_go() on one thread, write() on another at the same time.
class HeldTopicNotes {
 public:
  HeldTopicNotes(std::function<std::unique_ptr<store::Controls>()> make_controls, Logger& logger)
      : make_controls_(std::move(make_controls)), logger_(logger) {}

  /// True where it tells of a topic that is held, or no longer: then write() has something to do.
  bool notice(const Notice& notice);

  /// The relay ends: nothing is held any more.
  void let_go();

  /// Writes what is not written yet. Never throws.
  void write();

 private:
  const std::function<std::unique_ptr<store::Controls>()> make_controls_;
  Logger& logger_;
  std::unique_ptr<store::Controls> controls_;   ///< Of write() alone.
  std::map<std::string, std::string> written_;  ///< The same. Topics and reasons.
  std::mutex mutex_;
  std::map<std::string, std::string> held_;
};

}  // namespace outbox::relay
