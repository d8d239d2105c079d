// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "app/event_json.hpp"
#include "app/handlers.hpp"
#include "config/values.hpp"
#include "core/clock.hpp"

namespace outbox::app {
namespace {

constexpr int exit_not_now = 75;     // EX_TEMPFAIL of sysexits.h
constexpr int exit_not_found = 127;  // What a shell says, too, of a program that is not there.
constexpr std::chrono::milliseconds look_interval{50};
constexpr std::size_t reason_max = 500;  // Bytes of its output that stand in a dead letter.

[[noreturn]] void not_started(const std::string& what) {
  throw Error(ErrorKind::unreachable, what, "the events wait until it can be");
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  [[nodiscard]] int number() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

struct Pipe {
  Descriptor reading;
  Descriptor writing;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) not_started(std::strerror(errno));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

void do_not_block(const Descriptor& descriptor) {
  fcntl(descriptor.number(), F_SETFL, O_NONBLOCK);
}

// A process that is running, or was: it never outlives this object.
class Process {
 public:
  Process(const std::vector<std::string>& words, const std::string& idempotency_key,
          std::string input)
      : input_(std::move(input)) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    start(words, idempotency_key, in.reading.number(), out.writing.number());
    input_end_ = std::move(in.writing);
    output_end_ = std::move(out.reading);
    do_not_block(input_end_);
    do_not_block(output_end_);
    // Where the kernel has none it is looked after every now and then.
    process_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, id_, 0)));
  }

  ~Process() {
    if (id_ > 0) end();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Feeds and reads it until it ends; false where that takes longer, or `cut` comes first.
  bool run_until(Moment deadline, const std::stop_token& cut) {
    while (!has_ended()) {
      if (cut.stop_requested()) return false;
      auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - BootClock::now());
      if (rest.count() <= 0) return false;
      if (process_.number() < 0 || cut.stop_possible()) rest = std::min(rest, look_interval);
      std::array<pollfd, 3> waits = {pollfd{process_.number(), POLLIN, 0},
                                     pollfd{output_end_.number(), POLLIN, 0},
                                     pollfd{input_end_.number(), POLLOUT, 0}};
      if (poll(waits.data(), waits.size(), static_cast<int>(rest.count())) < 0 && errno != EINTR) {
        not_started(std::strerror(errno));
      }
      if (waits[1].revents != 0) read_output();
      if (waits[2].revents != 0) write_input();
    }
    read_output();
    return true;
  }

  /// How it ended; ends it, with what it started, where it still runs.
  int end() {
    if (id_ > 0) {
      kill(-id_, SIGKILL);
      int status = 0;
      while (waitpid(id_, &status, 0) < 0 && errno == EINTR) {
      }
      id_ = -1;
      status_ = status;
    }
    return status_;
  }

  /// How a process ended that run_until() saw end.
  int take_status() {
    int status = 0;
    while (waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    // What it left running in its group would hold on to nothing that is waited for.
    id_ = -1;
    return status_ = status;
  }

  [[nodiscard]] const std::string& output() const { return output_; }

 private:
  void start(const std::vector<std::string>& words, const std::string& idempotency_key, int in,
             int out) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const std::string& word : words)
      arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    std::string variable = "IDEMPOTENCY_KEY=" + idempotency_key;
    std::vector<char*> variables;
    for (char** one = environ; *one != nullptr; ++one)
      variables.push_back(*one);
    if (!idempotency_key.empty()) variables.push_back(variable.data());
    variables.push_back(nullptr);

    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
    // The program's own threads have signals blocked and ignored that a child is to have.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    sigset_t all_default;
    sigemptyset(&all_default);
    sigaddset(&all_default, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all_default);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    const int error =
        posix_spawnp(&id_, arguments[0], &files, &attributes, arguments.data(), variables.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (error == 0) return;
    id_ = -1;
    not_started(fmt::format("{} could not be started: {}", words.front(), std::strerror(error)));
  }

  // It can still be waited for.
  [[nodiscard]] bool has_ended() const {
    siginfo_t found{};
    const auto id = static_cast<id_t>(id_);
    return waitid(P_PID, id, &found, WEXITED | WNOHANG | WNOWAIT) == 0 && found.si_pid == id_;
  }

  void write_input() {
    const std::string_view rest = std::string_view(input_).substr(written_);
    const ssize_t count = write(input_end_.number(), rest.data(), rest.size());
    if (count > 0) written_ += static_cast<std::size_t>(count);
    const bool broken = count < 0 && errno != EAGAIN && errno != EINTR;
    // One that wants no input may close it; how it exits is what counts.
    if (broken || written_ == input_.size()) input_end_.close();
  }

  // Passed on as it comes; the end of it is kept for the reason of a failure.
  void read_output() {
    std::array<char, 4096> bytes{};
    for (;;) {
      const ssize_t count = read(output_end_.number(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count == 0) output_end_.close();
      if (count <= 0) return;
      const auto size = static_cast<std::size_t>(count);
      [[maybe_unused]] const ssize_t passed = write(STDERR_FILENO, bytes.data(), size);
      output_.append(bytes.data(), size);
      if (output_.size() > reason_max) output_.erase(0, output_.size() - reason_max);
    }
  }

  std::string input_;
  std::size_t written_ = 0;
  std::string output_;
  Descriptor input_end_;
  Descriptor output_end_;
  Descriptor process_;
  pid_t id_ = -1;
  int status_ = 0;
};

std::string reason_of(const std::string& program, const std::string& what,
                      const std::string& output) {
  std::string text(config::trimmed(output));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return fmt::format("{} {}{}{}", program, what, text.empty() ? "" : ": ", text);
}

}  // namespace

void run_command(const config::HandlerSettings& handler, std::span<const ReceivedEvent> events) {
  std::string input;
  for (const ReceivedEvent& event : events) {
    append_event_json(input, event);
    input += '\n';
  }
  const std::string key = handler.batch ? std::string() : to_string(events.front().event_id);
  run_program({handler.command, key, std::move(input), handler.timeout});
}

void run_program(ProgramRun run) {
  const std::string& program = run.words.front();
  Process process(run.words, run.idempotency_key, std::move(run.input));
  if (!process.run_until(BootClock::now() + run.timeout, run.cut)) {
    process.end();
    if (run.cut.stop_requested()) not_started(program + " was ended, because outboxd stops");
    throw Error(
        ErrorKind::failed,
        reason_of(program,
                  fmt::format("did not end within {}",
                              config::format_duration(static_cast<double>(run.timeout.count()))),
                  process.output()));
  }
  const int status = process.take_status();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const std::string what = WIFEXITED(status)
                               ? fmt::format("exited with {}", WEXITSTATUS(status))
                               : fmt::format("was ended by signal {}", WTERMSIG(status));
  const bool waits = WIFEXITED(status) &&
                     (WEXITSTATUS(status) == exit_not_now || WEXITSTATUS(status) == exit_not_found);
  throw Error(waits ? ErrorKind::unreachable : ErrorKind::failed,
              reason_of(program, what, process.output()));
}

}  // namespace outbox::app
