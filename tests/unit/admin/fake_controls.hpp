// SPDX-License-Identifier: Apache-2.0
//
// What operators and relays leave in the store in memory, behind its other seams.
#pragma once

#include "unit/admin/fake_store.hpp"

namespace outbox::testing {

class FakeControls : public store::Controls {
 public:
  explicit FakeControls(FakeStorePointer store) : store_(std::move(store)) {}

  std::vector<store::Pause> pauses() override {
    const auto lock = store_->enter();
    return store_->pauses;
  }
  bool pause(const store::Pause& pause) override {
    const auto lock = store_->enter();
    for (const store::Pause& one : store_->pauses) {
      if (one.kind == pause.kind && one.name == pause.name) return false;
    }
    store_->pauses.push_back(pause);
    return true;
  }
  bool resume(store::PauseKind kind, const std::string& name) override {
    const auto lock = store_->enter();
    return std::erase_if(store_->pauses, [&](const store::Pause& one) {
             return one.kind == kind && one.name == name;
           }) > 0;
  }
  void note(const store::AuditEntry& entry) override {
    const auto lock = store_->enter();
    if (store_->log_is_gone) throw Error(ErrorKind::failed, "the audit log takes nothing");
    store_->audit.push_back(entry);
    store_->audit.back().number = static_cast<std::int64_t>(store_->audit.size());
    store_->audit.back().at_us = 1'000'000 * store_->audit.back().number;
  }
  std::vector<store::AuditEntry> audit(std::optional<std::int64_t> before,
                                       std::size_t entries_max) override {
    const auto lock = store_->enter();
    std::vector<store::AuditEntry> entries;
    for (auto one = store_->audit.rbegin(); one != store_->audit.rend(); ++one) {
      if (before && one->number >= *before) continue;
      if (entries.size() < entries_max) entries.push_back(*one);
    }
    return entries;
  }
  std::vector<store::HeldTopic> held_topics() override { return {}; }
  void note_held_topic(const std::string& /*topic*/, const std::string& /*reason*/) override {}

 private:
  const FakeStorePointer store_;
};

class FakeMarks : public store::LetterMarks {
 public:
  explicit FakeMarks(FakeStorePointer store) : store_(std::move(store)) {}

  std::vector<store::LetterMark> marks(const store::LetterPlace& first,
                                       std::size_t marks_max) override {
    const auto lock = store_->enter();
    std::vector<store::LetterMark> marks;
    for (auto one = store_->marks.lower_bound({first.partition, first.offset});
         one != store_->marks.end() && marks.size() < marks_max; ++one)
      if (one->second.place.topic == first.topic) marks.push_back(one->second);
    return marks;
  }
  std::vector<bool> claim(std::span<const store::LetterPlace> places, const std::string& who,
                          std::int64_t /*stale_after_ms*/) override {
    const auto lock = store_->enter();
    std::vector<bool> claimed;
    for (const store::LetterPlace& place : places) {
      store::LetterMark mark{place, store::LetterState::replaying, who, {}, 1};
      const auto [one, is_new] = store_->marks.try_emplace({place.partition, place.offset}, mark);
      claimed.push_back(is_new || !one->second.place.is_of(place));
      if (claimed.back()) one->second = mark;
    }
    return claimed;
  }
  void settle(std::span<const store::LetterMark> marks) override {
    const auto lock = store_->enter();
    for (const store::LetterMark& mark : marks)
      store_->marks[{mark.place.partition, mark.place.offset}] = mark;
  }
  void forget(std::span<const store::LetterPlace> places) override {
    const auto lock = store_->enter();
    for (const store::LetterPlace& place : places)
      store_->marks.erase({place.partition, place.offset});
  }
  void forget_before(const store::LetterPlace& first) override {
    const auto lock = store_->enter();
    std::erase_if(store_->marks, [&](const auto& one) {
      const store::LetterPlace& place = one.second.place;
      return place.topic == first.topic && place.partition == first.partition &&
             place.offset < first.offset;
    });
  }

 private:
  const FakeStorePointer store_;
};

class FakeBacklog : public store::Backlog {
 public:
  explicit FakeBacklog(FakeStorePointer store) : store_(std::move(store)) {}
  store::BacklogView view(std::int64_t /*count_max*/) override {
    const auto lock = store_->enter();
    store::BacklogView view;
    for (const auto& [id, row] : store_->rows) {
      view.dead += row.state == store::EventState::dead ? 1 : 0;
      view.pending += row.state == store::EventState::pending ? 1 : 0;
    }
    if (view.pending > 0) view.pending_by_type.push_back({"order", view.pending});
    return view;
  }
  std::vector<store::TypeCount> pending_types(std::int64_t /*count_max*/,
                                              const std::vector<std::string>& /*known*/) override {
    return {};
  }

 private:
  const FakeStorePointer store_;
};

class FakeLeases : public store::Leases {
 public:
  explicit FakeLeases(FakeStorePointer store) : store_(std::move(store)) {}
  void join() override {}
  store::Heartbeat heartbeat(std::span<const store::SlotLease> /*held*/) override { return {}; }
  std::vector<store::AcquiredSlot> acquire(int /*slots_max*/) override { return {}; }
  void release(std::span<const store::SlotLease> /*held*/) override {}
  void leave() override {}
  store::LeaseView view() override {
    const auto lock = store_->enter();
    store::LeaseView view;
    for (int slot = 0; slot < 4; ++slot)
      view.slots.push_back({slot, "publisher-1", 1, std::chrono::seconds(5)});
    view.members.push_back({"publisher-1", "host", 7, std::chrono::milliseconds(10), true});
    return view;
  }

 private:
  const FakeStorePointer store_;
};

}  // namespace outbox::testing
