// SPDX-License-Identifier: Apache-2.0
//
// A broker in memory with the rules that matter here, as tried on the real one (anchors of the
// design): batches of a handle reach a partition in order; a batch is refused whole for one message
// in it; a refusal ends the handle, but what is on the wire still arrives; a partition that has not
// yet taken a batch of the handle takes any sequence, so siblings of a refused first batch pass.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/producer.hpp"
#include "relay/messages.hpp"
#include "simulation/store.hpp"
#include "simulation/world.hpp"

namespace outbox::simulation {

struct LogEntry {
  std::int64_t row = 0;
  std::string key;
};

using PartitionName = std::pair<std::string, int>;

class Broker;

/// One producer handle. Its messages on the wire outlive it, as those of a crashed process do.
class Handle : public std::enable_shared_from_this<Handle> {
 public:
  using Report = std::function<void(std::vector<broker::Delivery>, std::optional<Failure>)>;

  Handle(Broker& broker, World& world, Report report)
      : broker_(broker), world_(world), report_(std::move(report)) {}

  struct Message {
    std::uint64_t tag = 0;
    std::int64_t row = 0;
    std::string key;
  };

  /// False where the handle is finished.
  bool produce(const PartitionName& partition, Message message);
  /// Nothing more is sent or reported.
  void abandon();
  /// Everything in flight is in doubt and the handle is finished, as after a fatal error.
  void break_down();

 private:
  friend class Broker;
  struct Lane {
    std::deque<Message> queue;
    int batches_on_wire = 0;
    std::uint64_t next_batch = 0;
    bool send_planned = false;
    Moment last_arrival;
    /// What the broker knows of this producer on the partition: nothing before its first batch.
    std::optional<std::uint64_t> next_expected;
  };

  void plan_send(const PartitionName& partition);
  void send(const PartitionName& partition);
  void answered(const PartitionName& partition, const std::vector<Message>& batch, bool refused);

  Broker& broker_;
  World& world_;
  Report report_;
  std::map<PartitionName, Lane> lanes_;
  bool abandoned_ = false;
  bool fatal_ = false;
};

class Broker {
 public:
  Broker(World& world, Store& store) : world_(world), store_(store) {}

  std::shared_ptr<Handle> open(Handle::Report report) {
    return std::make_shared<Handle>(*this, world_, std::move(report));
  }

  /// Appends or refuses a batch; calls `answer(refused)` when the acknowledgement comes, which may
  /// be never while the partition stalls.
  void arrive(const std::shared_ptr<Handle>& handle, const PartitionName& partition,
              const std::vector<Handle::Message>& batch, std::uint64_t number);

  /// Visible from now on, whatever it came by.
  void append(const PartitionName& partition, const LogEntry& entry);

  [[nodiscard]] Moment stalled_until(const PartitionName& partition) const {
    const auto found = stalled_.find(partition);
    return found == stalled_.end() ? Moment{} : found->second;
  }

  void stall(const PartitionName& partition, Moment until) { stalled_[partition] = until; }

  [[nodiscard]] const std::map<PartitionName, std::vector<LogEntry>>& logs() const { return logs_; }

  std::function<void(const PartitionName&, const LogEntry&)> on_append;
  std::map<std::string, int> topics;  ///< Partition counts; absent: missing.

 private:
  World& world_;
  Store& store_;
  std::map<PartitionName, std::vector<LogEntry>> logs_;
  std::map<PartitionName, Moment> stalled_;
};

}  // namespace outbox::simulation
