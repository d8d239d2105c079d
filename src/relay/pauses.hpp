// SPDX-License-Identifier: Apache-2.0
//
// What operators have paused, as this relay last heard it with a heartbeat: itself, topics and wire
// keys. Where the store does not answer, what was heard last stands.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/controls.hpp"

namespace outbox::relay {

class Pauses {
 public:
  struct Change {
    std::vector<store::Pause> begun;
    std::vector<store::Pause> ended;

    [[nodiscard]] bool empty() const { return begun.empty() && ended.empty(); }
  };

  /// Takes what stands now, of this relay alone, and tells what is new in it and what is gone.
  Change heed(const std::vector<store::Pause>& standing);

  [[nodiscard]] bool relay() const { return relay_; }
  [[nodiscard]] bool topic(std::string_view name) const {
    return !topics_.empty() && topics_.contains(name);
  }
  [[nodiscard]] bool key(std::string_view name) const {
    return !keys_.empty() && keys_.contains(name);
  }
  [[nodiscard]] bool any_key() const { return !keys_.empty(); }

  /// Adds the paused keys to those that a read leaves out: as many as a statement may name. The
  /// rows of others are turned away when they have been read.
  void add_keys(std::vector<std::string>& blocked) const;

 private:
  std::vector<store::Pause> standing_;
  bool relay_ = false;
  std::set<std::string, std::less<>> topics_;
  std::set<std::string, std::less<>> keys_;
};

}  // namespace outbox::relay
