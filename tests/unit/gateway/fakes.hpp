// SPDX-License-Identifier: Apache-2.0
//
// What the gateway's parts are tested on: connections that take what they are given when the test
// says so, and messages of little content.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/reader.hpp"
#include "gateway/catch_up.hpp"
#include "gateway/client.hpp"
#include "gateway/message.hpp"

namespace outbox::gateway::testing {

inline MessagePointer message(std::size_t slot, std::int64_t offset, Subject subject = {}) {
  auto made = std::make_shared<Message>();
  made->slot = slot;
  made->offset = offset;
  made->key = "k";
  made->subject = std::move(subject);
  const std::string value = std::to_string(slot) + "/" + std::to_string(offset);
  made->value = std::make_shared<const http::Payload>(http::Payload{"\"" + value + "\"", false});
  return made;
}

/// A connection: `received` is what was sent whole.
class FakePush : public http::Push {
 public:
  void send(http::PayloadPointer payload) override { sending = std::move(payload); }
  void close(http::CloseCode code, std::string_view reason) override {
    close_code = static_cast<int>(code);
    close_reason = reason;
  }
  void drop() override { close_code = 1006; }

  std::vector<std::string> received;
  http::PayloadPointer sending;
  int close_code = 0;
  std::string close_reason;
};

/// A client and its connection, which take in what they can get unless they are stuck.
struct Connected {
  std::shared_ptr<Client> client;
  std::shared_ptr<FakePush> push = std::make_shared<FakePush>();
  bool is_stuck = false;

  void open() { client->opened(push); }

  /// Takes in one message. False: there was none.
  bool take_one() {
    if (is_stuck || !push->sending) return false;
    push->received.push_back(std::exchange(push->sending, nullptr)->bytes);
    client->sent();
    return true;
  }
  const std::vector<std::string>& take_all() {
    while (take_one()) {
    }
    return push->received;
  }
};

/// Tasks that would run on the server's thread.
class FakePost {
 public:
  [[nodiscard]] std::function<void(std::function<void()>)> function() {
    return [this](std::function<void()> task) { tasks_.push_back(std::move(task)); };
  }
  bool run_one() {
    if (tasks_.empty()) return false;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }
  void run() {
    while (run_one()) {
    }
  }

 private:
  std::deque<std::function<void()>> tasks_;
};

/// Remembers what the hub asked for.
class FakeCatchUps : public CatchUps {
 public:
  void open(std::uint64_t id) override { opened.push_back(id); }
  void start(std::uint64_t id, Offsets from) override { started.emplace_back(id, from); }
  void more(std::uint64_t id) override { mores.push_back(id); }
  void end(std::uint64_t id) override { ended.push_back(id); }

  std::vector<std::uint64_t> opened;
  std::vector<std::pair<std::uint64_t, Offsets>> started;
  std::vector<std::uint64_t> mores;
  std::vector<std::uint64_t> ended;
};

}  // namespace outbox::gateway::testing
