// SPDX-License-Identifier: Apache-2.0
//
// What `delivery: transactional` keeps in its control topic: one record a transaction, written in
// it, with the rows that it sends and those of earlier ones of the slot that are not yet known to
// be settled. Not a position: late commits and blocked keys stand behind one. The record's key is
// the slot's transactional id, its value JSON:
//
//     {"version":1,"epoch":7,"rows":["12","13"],"replays":["4"]}
//
// `epoch` is the lease's, for people; `rows` and `replays` are ids of the outbox table's rows, the
// second list of those that were sent on purpose once more. The topic is compacted and has one
// partition for each slot, so that a slot's records wait for no other slot's transactions.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/home.hpp"
#include "relay/sent_row.hpp"
#include "relay/transaction_plan.hpp"

namespace outbox::relay {

inline constexpr std::ptrdiff_t readers_max = 4;

/// The record's value.
[[nodiscard]] std::string encode_sent(std::int64_t epoch, std::span<const SentRow> rows);

/// Throws Error(conflict) where it is no such record: something else writes to the topic.
[[nodiscard]] std::vector<SentRow> decode_sent(std::string_view value);

/// `<outbox uuid>-g<generation>-s<slot>`; a relay that is not the only one names itself before the
/// generation. Never the lease's epoch: then nobody would be fenced.
[[nodiscard]] std::string transactional_id(const std::string& outbox_id,
                                           const std::string& relay_name, int generation, int slot);

/// The control topic of one relay. Thread-safe; a few threads read at a time, further ones wait.
class TransactionLog {
 public:
  /// `broker` and `plan` outlive it. Connects nothing yet.
  TransactionLog(const broker::Home& broker, const TransactionPlan& plan);

  /// Makes the topic where it is missing, once: compacted, one partition a slot, replicas as the
  /// brokers' default. Throws Error(configuration) where it is not as it has to be, with the
  /// remedy, and Error(unreachable) where no broker answers.
  void require_topic();

  /// The rows of the slot's last committed record. To be called after fence(): then nothing that
  /// came before is still open. Throws as broker::Reader does; Error(unreachable) where the end is
  /// not reached in time, Error(failed) once `stopped` says so.
  [[nodiscard]] std::vector<SentRow> read_back(int slot, const std::function<bool()>& stopped);

  [[nodiscard]] std::string transactional_id(int slot) const;

 private:
  [[nodiscard]] std::unique_ptr<broker::Reader> take_reader();

  const broker::Home& broker_;
  const TransactionPlan& plan_;
  std::counting_semaphore<readers_max> turns_{readers_max};
  std::mutex mutex_;
  bool has_topic_ = false;
  std::vector<std::unique_ptr<broker::Reader>> readers_;  ///< Not in use.
};

}  // namespace outbox::relay
