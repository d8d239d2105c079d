// SPDX-License-Identifier: Apache-2.0
//
// Alerts of its own: rules over the figures that are kept anyway, told to webhooks and commands
// (D7, docs/alerts.md). Rules are looked at on one thread; each of their channels has a thread that
// sends, so that one that does not answer holds up no other, and nothing else. Neither touches a
// database save for what was told, which stands in the locks of the first store.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "admin/alert_states.hpp"
#include "admin/instance.hpp"
#include "admin/json.hpp"
#include "admin/samples.hpp"
#include "core/log.hpp"
#include "store/locks.hpp"

namespace outbox::admin {

class AlertSender;
class LockedAlertMemory;

/// How messages go out. Each throws std::exception where its message was not taken; called from
/// several threads.
struct AlertChannels {
  std::function<void(const std::string& url, const std::string& body)> post;
  /// To be ended where `cut` is asked to stop.
  std::function<void(const std::vector<std::string>& command, const std::string& input,
                     const std::stop_token& cut)>
      run;
};

struct AlertSources {
  const Instance* instance = nullptr;
  std::function<Samples()> samples;
  /// Of the store that remembers what was told; empty: only this process does.
  std::function<std::unique_ptr<store::Locks>()> locks;
  std::string host;  ///< Stands in the messages, and tells instances apart.
};

/// The value of a rule's figure; none where it is not known just now.
[[nodiscard]] std::optional<AlertValue> value_of(AlertFigure figure, const Samples& samples,
                                                 const std::vector<RelayFigures>& relays);

/// What is sent: {alert, state, when, value, threshold, detail, since_at, sent_at, host, text}.
[[nodiscard]] Json message_json(const AlertMessage& message, const std::string& host,
                                std::int64_t now_us);

/// Thread-safety: figures() and document() from any thread.
class Alerts {
 public:
  /// Begins at once. Borrows what the sources name, and `logger`.
  Alerts(std::vector<AlertRule> rules, AlertSources sources, AlertChannels channels,
         Logger& logger);
  /// Hands over what no channel took yet, for a few seconds at most.
  ~Alerts();
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;

  [[nodiscard]] std::vector<AlertFigures> figures() const;

  /// {items:[{name,when,state,value,detail,threshold,since_at,error}]}
  [[nodiscard]] Json document() const;

 private:
  using SendersOfRule = std::map<AlertChannel, std::unique_ptr<AlertSender>>;

  [[nodiscard]] SendersOfRule make_senders(std::size_t index, const AlertChannels& channels);
  void watch(const std::stop_token& stop);
  void carry_out(std::size_t index, const std::vector<AlertOrder>& orders);
  void look_now();
  [[nodiscard]] std::optional<AlertValue> consumer_value(AlertFigure figure, Moment now);

  const AlertSources sources_;
  Logger& logger_;
  const std::unique_ptr<LockedAlertMemory> memory_;
  AlertStates states_;
  std::uint64_t consumer_dead_letters_ = 0;  ///< As they stood at the last look.
  bool has_looked_ = false;
  std::deque<std::pair<Moment, std::uint64_t>> new_consumer_dead_letters_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool look_wanted_ = false;
  std::stop_source cut_;
  std::vector<SendersOfRule> senders_;
  std::jthread watcher_;
};

}  // namespace outbox::admin
