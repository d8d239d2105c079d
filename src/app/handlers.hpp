// SPDX-License-Identifier: Apache-2.0
//
// The handlers that are declared in YAML, as the consumer runtime takes them. Each may be called by
// any number of threads at once.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include <outbox/received_event.hpp>
#include <outbox/transaction.hpp>

#include "config/consumers.hpp"
#include "consume/handlers.hpp"
#include "store/inbox.hpp"

namespace outbox::app {

/// Throws Error(configuration) for a command that is not there.
[[nodiscard]] std::shared_ptr<const consume::EventHandler> make_handler(
    const config::HandlerSettings& handler);

/// Lets the database plan the statements without running them. Throws Error(configuration), with
/// the place in the file, for one that it does not take.
void check_statements(std::span<const config::SqlStatement> statements,
                      store::InboxTransaction& transaction);

/// Runs the statements in the event's transaction. Throws Error(failed), naming the statement,
/// where a field is missing or too few rows were touched, and what the database throws.
void run_statements(std::span<const config::SqlStatement> statements, const ReceivedEvent& event,
                    Transaction& transaction);

/// Runs the command with the events as lines of JSON on its standard input. Throws Error(failed)
/// with its exit code and the end of its standard error; Error(unreachable), which blames no event,
/// where it could not be started or exited with 75 (EX_TEMPFAIL).
void run_command(const config::HandlerSettings& handler, std::span<const ReceivedEvent> events);

/// A program that is run without a shell.
struct ProgramRun {
  std::vector<std::string> words;  ///< The program and its arguments.
  std::string idempotency_key;     ///< In the variable IDEMPOTENCY_KEY; empty: it has none.
  std::string input;
  std::chrono::milliseconds timeout{};
  std::stop_token cut = {};  ///< Asked to stop, it ends the program, with Error(unreachable).
};
/// As run_command, with any input.
void run_program(ProgramRun run);

/// Posts to an endpoint, connections kept open in between.
class HttpCaller {
 public:
  HttpCaller();
  ~HttpCaller();
  HttpCaller(const HttpCaller&) = delete;
  HttpCaller& operator=(const HttpCaller&) = delete;

  /// Throws Error(failed) for an answer other than 2xx, or none in time; Error(unreachable), which
  /// blames no event, where nobody took the connection, or for 429 and 503.
  void post(const config::HandlerSettings& handler, std::span<const ReceivedEvent> events);

  struct Post {
    std::string url;
    std::string body;             ///< JSON.
    std::string idempotency_key;  ///< Empty: none is sent.
    std::chrono::milliseconds timeout{};
  };
  /// The same with any body.
  void post(const Post& post);

 private:
  class Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace outbox::app
