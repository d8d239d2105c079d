// SPDX-License-Identifier: Apache-2.0
#include "app/demo_board.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "app/cli.hpp"

namespace outbox::app {

namespace {

constexpr int columns_least = 80;
constexpr std::chrono::milliseconds rate_window{1000};

bool can_redraw() {
  const char* const terminal = std::getenv("TERM");
  if (terminal == nullptr || std::string_view(terminal) == "dumb") return false;
  winsize size{};
  return isatty(STDERR_FILENO) == 1 && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 &&
         size.ws_col >= columns_least && size.ws_row >= 22;
}

std::string clock_text(std::chrono::milliseconds running) {
  const auto seconds = running.count() / 1000;
  return fmt::format("{:02}:{:02}", seconds / 60, seconds % 60);
}

std::string money(std::int64_t cents) {
  return fmt::format("{}.{:02}", grouped(cents / 100), cents % 100);
}

std::string bar(std::int64_t value, std::int64_t greatest) {
  constexpr std::int64_t width = 28;
  const std::int64_t blocks = greatest > 0 ? value * width / greatest : 0;
  std::string text;
  for (std::int64_t i = 0; i < width; ++i)
    text += i < blocks ? "█" : "·";
  return text;
}

}  // namespace

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

DemoBoard::DemoBoard(DemoPlace place)
    : place_(std::move(place)), redraws_(can_redraw()), colour_(colour_wanted(STDERR_FILENO)) {
  greet();
  if (redraws_) fmt::print(stderr, "\x1b[?25l");  // The cursor would flicker over the figures.
}

DemoBoard::~DemoBoard() {
  finish();
}

std::string DemoBoard::paint(std::string_view style, std::string_view text) const {
  if (!colour_) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", style, text);
}

std::chrono::milliseconds DemoBoard::interval() const {
  return std::chrono::milliseconds(redraws_ ? 250 : 1000);
}

void DemoBoard::greet() const {
  fmt::print(stderr,
             "\n{}  A shop writes orders on SQLite, each with its event in one transaction; the\n"
             "relay sends the events to a broker inside this process, and a consumer counts them.\n"
             "\nLook in from another terminal:\n"
             "  kcat -b {} -C -t {} -o end -f '%k  %s\\n'\n"
             "  sqlite3 -readonly {} 'SELECT * FROM product_sales'\n\n",
             paint("1", "outboxd demo"), place_.bootstrap_servers, demo_topic,
             place_.database_path);
}

DemoBoard::Rates DemoBoard::rates_of(const DemoView& view) {
  const auto passed = view.running - before_.running;
  if (passed < rate_window && view.running > rate_window) return rates_;
  const double seconds = std::max(0.001, std::chrono::duration<double>(passed).count());
  const auto rate = [&](std::int64_t now, std::int64_t then) {
    return static_cast<double>(now - then) / seconds;
  };
  rates_ = {rate(view.figures.written, before_.figures.written),
            rate(view.relayed, before_.relayed),
            rate(view.figures.consumed, before_.figures.consumed)};
  if (passed >= rate_window) before_ = view;
  return rates_;
}

void DemoBoard::show(const DemoView& view) {
  const Rates rates = rates_of(view);
  if (redraws_) {
    draw(lines_of(view, rates));
    return;
  }
  fmt::print(stderr,
             "{}  written {} ({:.0f}/s)  rolled back {}  relayed {}  consumed {}  duplicates {}  "
             "p50 {:.1f} ms  p99 {:.1f} ms\n",
             clock_text(view.running), view.figures.written, rates.written,
             view.figures.rolled_back, view.relayed, view.figures.consumed, view.duplicates,
             view.figures.recent_p50_ms, view.figures.recent_p99_ms);
}

std::vector<std::string> DemoBoard::lines_of(const DemoView& view, const Rates& rates) const {
  const DemoFigures& figures = view.figures;
  const std::int64_t waiting = std::max<std::int64_t>(0, figures.written - figures.consumed);
  const auto line = [&](std::string_view name, std::string_view style, const std::string& count,
                        const std::string& rate, const std::string& remark) {
    return fmt::format("  {:<12} {}  {:>9}   {}", name, paint(style, fmt::format("{:>12}", count)),
                       rate, paint("2", remark));
  };
  const auto per_second = [](double rate) { return fmt::format("{:.0f}/s", rate); };
  std::vector<std::string> lines = {
      fmt::format("  {}  {}", paint("1;36", view.state), paint("1", clock_text(view.running))),
      "",
      line("written", "1;32", grouped(figures.written), per_second(rates.written),
           "orders, with their events"),
      line("rolled back", "1;33", grouped(figures.rolled_back), "", "on purpose: never sent"),
      line("relayed", "1;32", grouped(view.relayed), per_second(rates.relayed),
           "acknowledged by the broker"),
      line("consumed", "1;32", grouped(figures.consumed), per_second(rates.consumed),
           fmt::format("{} under way", grouped(waiting))),
      line("duplicates", "1", grouped(view.duplicates), "", "skipped by the inbox"),
      line("latency", "1;35", fmt::format("{:.1f} ms", figures.recent_p50_ms), "",
           fmt::format("half of them; 99 of 100 within {:.1f} ms, commit to consumed",
                       figures.recent_p99_ms)),
      ""};
  for (std::string& sales : sales_lines(view))
    lines.push_back(std::move(sales));
  if (view.state == "running") {
    lines.push_back("");
    lines.push_back("  " + paint("2", "Ctrl-C ends it with a proof and a summary"));
  }
  return lines;
}

std::vector<std::string> DemoBoard::sales_lines(const DemoView& view) const {
  std::vector<std::string> lines = {"  " + paint("2", "revenue, as the consumer keeps it")};
  const std::int64_t greatest = view.sales.empty() ? 0 : view.sales.front().revenue_cents;
  for (const ProductSales& sale : view.sales) {
    lines.push_back(fmt::format("  {:<14} {} {:>14}", sale.product,
                                paint("36", bar(sale.revenue_cents, greatest)),
                                money(sale.revenue_cents)));
  }
  return lines;
}

void DemoBoard::draw(const std::vector<std::string>& lines) {
  std::string out;
  if (lines_drawn_ > 0) out += fmt::format("\x1b[{}A", lines_drawn_);
  for (const std::string& line : lines)
    out += "\x1b[2K" + line + "\n";
  out += "\x1b[J";
  fmt::print(stderr, "{}", out);
  std::fflush(stderr);
  lines_drawn_ = lines.size();
}

void DemoBoard::finish() {
  if (!redraws_) return;
  redraws_ = false;
  fmt::print(stderr, "\x1b[?25h");
  std::fflush(stderr);
}

std::string demo_summary(const DemoView& view, const DemoProof& proof, bool colour) {
  const DemoFigures& figures = view.figures;
  const auto paint = [&](bool good, const std::string& text) {
    if (!colour) return text;
    return fmt::format("\x1b[{}m{}\x1b[0m", good ? "32" : "1;31", text);
  };
  const std::int64_t ghosts = figures.rolled_back_seen + proof.never_committed;
  std::string out = "\n";
  const auto row = [&](std::string_view name, const std::string& value) {
    out += fmt::format("  {:<12} {:>12}\n", name, value);
  };
  row("written", grouped(figures.written));
  row("rolled back", grouped(figures.rolled_back));
  row("relayed", grouped(view.relayed));
  row("consumed", grouped(figures.consumed));
  row("duplicates", grouped(view.duplicates));
  row("lost", grouped(proof.lost));
  row("latency p50", fmt::format("{:.1f} ms", figures.latency_p50_ms));
  row("latency p99", fmt::format("{:.1f} ms", figures.latency_p99_ms));
  out += '\n';
  const auto check = [&](bool good, const std::string& yes, const std::string& no) {
    out += fmt::format("  {} {}\n", paint(good, good ? "ok" : "NO"), good ? yes : no);
  };
  check(proof.lost == 0, "every committed order was counted",
        fmt::format("{} committed orders were never counted", grouped(proof.lost)));
  check(ghosts == 0, "nothing that was rolled back was sent",
        fmt::format("{} events of orders that never were came through", grouped(ghosts)));
  check(proof.effects_twice == 0, "each once",
        fmt::format("{} orders were counted twice", grouped(proof.effects_twice)));
  check(figures.out_of_order == 0, "each customer's in order",
        fmt::format("{} came after a newer order of the same customer",
                    grouped(figures.out_of_order)));
  check(proof.sales_agree, "the consumer's sums are those of the orders",
        "the consumer's sums are not those of the orders");
  return out;
}

}  // namespace outbox::app
