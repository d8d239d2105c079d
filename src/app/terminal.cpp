// SPDX-License-Identifier: Apache-2.0
#include "app/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>

#include <fmt/format.h>

#include "app/cli.hpp"
#include "app/show_values.hpp"

namespace outbox::app {
namespace {

constexpr std::chrono::milliseconds redraw_interval{200};

struct Size {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

Size size_of(int descriptor) {
  winsize window{};
  Size size;
  if (ioctl(descriptor, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) return size;
  size.columns = std::max<std::size_t>(80, window.ws_col);
  if (window.ws_row > 0) size.rows = window.ws_row;
  return size;
}

}  // namespace

bool is_terminal(int descriptor) {
  return isatty(descriptor) == 1;
}

Look look_of(int descriptor) {
  if (!is_terminal(descriptor)) return {};
  return {size_of(descriptor).columns, colour_wanted(descriptor)};
}

bool wait_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

Screen::Screen() : in_place_(is_terminal(STDOUT_FILENO)) {
  if (in_place_) fmt::print("\x1b[?1049h\x1b[?25l");
}

Screen::~Screen() {
  if (!in_place_) return;
  fmt::print("\x1b[?25h\x1b[?1049l{}", last_);
  std::fflush(stdout);
}

void Screen::draw(const std::string& text) {
  last_ = text;
  if (!in_place_) {
    fmt::print("{}\n", text);
    std::fflush(stdout);
    return;
  }
  // Written over what stands there, so that nothing flickers; a line too many would scroll.
  const std::size_t rows = size_of(STDOUT_FILENO).rows;
  std::string drawn = "\x1b[H";
  std::size_t at = 0;
  for (std::size_t row = 0; row + 1 < rows && at < text.size(); ++row) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    drawn += text.substr(at, end - at) + "\x1b[K\r\n";
    at = end + 1;
  }
  fmt::print("{}\x1b[J", drawn);
  std::fflush(stdout);
}

ProgressBar::ProgressBar(std::string what)
    : what_(std::move(what)),
      wanted_(is_terminal(STDERR_FILENO)),
      started_(BootClock::now()),
      next_(started_) {}

ProgressBar::~ProgressBar() {
  clear();
}

void ProgressBar::clear() {
  if (stands_) fmt::print(stderr, "\r\x1b[K");
  stands_ = false;
}

void ProgressBar::show(std::optional<std::int64_t> total, std::int64_t done) {
  const Moment now = BootClock::now();
  if (!wanted_ || now < next_) return;
  next_ = now + redraw_interval;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  fmt::print(stderr, "\r{}\x1b[K", progress_line(what_, total, done, seconds));
  std::fflush(stderr);
  stands_ = true;
}

std::string progress_line(const std::string& what, std::optional<std::int64_t> total,
                          std::int64_t done, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  if (!total || *total <= 0)
    return fmt::format("{}  {}  {}/s", what, grouped(done), rate_text(rate));
  const double part = std::clamp(static_cast<double>(done) / static_cast<double>(*total), 0.0, 1.0);
  constexpr std::size_t width = 24;
  const auto full = static_cast<std::size_t>(part * width);
  std::string line = fmt::format("{}  [{}{}] {:>3.0f} %  {} of {}  {}/s", what,
                                 std::string(full, '#'), std::string(width - full, '.'), part * 100,
                                 grouped(done), grouped(*total), rate_text(rate));
  if (rate > 0 && done < *total)
    line += "  " + duration_text(static_cast<double>(*total - done) / rate * 1000) + " left";
  return line;
}

bool confirmed(const std::string& question, const std::stop_token& stop) {
  fmt::print(stderr, "{} [yes/no] ", question);
  std::fflush(stderr);
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (poll(&input, 1, 100) == 0) {
    if (stop.stop_requested()) return false;
  }
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "yes" || answer == "y";
}

}  // namespace outbox::app
