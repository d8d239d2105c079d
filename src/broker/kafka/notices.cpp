// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/notices.hpp"

#include <fmt/format.h>

#include <utility>

namespace outbox::broker::kafka {
namespace {

constexpr std::chrono::seconds interval{10};
constexpr std::size_t subjects_max = 50;

}  // namespace

void Notices::add(std::string_view subject, std::string text, Moment now) {
  latest_ = text;
  auto found = subjects_.find(subject);
  if (found == subjects_.end() && subjects_.size() >= subjects_max) found = subjects_.find("");
  if (found == subjects_.end()) {
    const bool last_one = subjects_.size() + 1 >= subjects_max;
    found = subjects_.try_emplace(last_one ? std::string() : std::string(subject)).first;
  } else if (now - found->second.told < interval) {
    ++found->second.held_back;
    return;
  }
  if (found->second.held_back > 0) {
    text += fmt::format(" ({} more like this were left out)", found->second.held_back);
  }
  found->second = {now, 0};
  kept_.push_back(std::move(text));
}

std::vector<std::string> Notices::take() {
  return std::exchange(kept_, {});
}

}  // namespace outbox::broker::kafka
