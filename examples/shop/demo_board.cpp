// SPDX-License-Identifier: Apache-2.0
#include "demo_board.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "events.hpp"

namespace shop {

namespace {

constexpr int columns_least = 80;
constexpr int lines_least = 24;
constexpr std::chrono::milliseconds rate_window{1000};

bool is_plain(const char* terminal) {
  return terminal == nullptr || std::string_view(terminal) == "dumb";
}

bool can_redraw() {
  if (is_plain(std::getenv("TERM"))) return false;
  winsize size{};
  return isatty(STDERR_FILENO) == 1 && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 &&
         size.ws_col >= columns_least && size.ws_row >= lines_least;
}

bool colour_wanted(int file_descriptor) {
  const char* const refused = std::getenv("NO_COLOR");
  return (refused == nullptr || *refused == '\0') && isatty(file_descriptor) == 1 &&
         !is_plain(std::getenv("TERM"));
}

bool is_installed(const std::string& program) {
  const char* const folders = std::getenv("PATH");
  std::string_view rest = folders == nullptr ? "" : folders;
  while (!rest.empty()) {
    const std::string folder(rest.substr(0, rest.find(':')));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string clock_text(std::chrono::milliseconds running) {
  const auto seconds = running.count() / 1000;
  return fmt::format("{:02}:{:02}", seconds / 60, seconds % 60);
}

std::string money(std::int64_t cents) {
  return fmt::format("{}.{:02}", grouped(cents / 100), cents % 100);
}

std::string bar(std::int64_t value, std::int64_t greatest) {
  constexpr std::int64_t width = 24;
  const std::int64_t blocks = greatest > 0 ? value * width / greatest : 0;
  std::string text;
  for (std::int64_t i = 0; i < width; ++i)
    text += i < blocks ? "█" : "·";
  return text;
}

}  // namespace

DemoBoard::DemoBoard(DemoAddresses addresses)
    : addresses_(std::move(addresses)),
      redraws_(can_redraw()),
      colour_(colour_wanted(STDERR_FILENO)) {
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
             "\n{}  Orders are written on SQLite, each with its events in one transaction;\n"
             "the relay sends the events to a broker inside this process, five consumers work\n"
             "on them, and a gateway shows them to browsers.\n"
             "\n  the page        {}\n  the API         {}/openapi.json\n  the gateway     {}\n"
             "  the broker      {}\n  the database    {}\n",
             paint("1", "shop demo"), paint("1;36", addresses_.page), addresses_.page,
             addresses_.gateway, addresses_.bootstrap_servers, addresses_.database_path);
  const bool has_kcat = is_installed("kcat");
  const bool has_sqlite = is_installed("sqlite3");
  if (has_kcat || has_sqlite) fmt::print(stderr, "\nLook in from another terminal:\n");
  if (has_kcat) {
    fmt::print(stderr, "  kcat -b {} -C -t {} -q -o end -f '%k  %s\\n   %h\\n'\n",
               addresses_.bootstrap_servers, order_topic);
  }
  if (has_sqlite) {
    fmt::print(stderr, "  sqlite3 -readonly {} 'SELECT * FROM daily_sales'\n",
               addresses_.database_path);
  }
  fmt::print(stderr, "\nCtrl-C ends it, with a proof and a summary.\n\n");
}

void DemoBoard::show(const DemoView& view) {
  const auto passed = view.running - running_before_;
  if (passed >= rate_window || rate_ == 0) {
    const double seconds = std::max(0.001, std::chrono::duration<double>(passed).count());
    rate_ = static_cast<double>(view.written - written_before_) / seconds;
  }
  if (passed >= rate_window) {
    running_before_ = view.running;
    written_before_ = view.written;
  }
  if (redraws_) {
    draw(lines_of(view));
    return;
  }
  // The summary follows with the last figures; a line more of them would be one too many.
  if (view.state == "finished") return;
  if (view.state != "running" && view.running - told_at_ < interval()) return;
  told_at_ = view.running;
  fmt::print(stderr,
             "{}  orders {}  written {} ({:.0f}/s)  rolled back {}  relayed {}  consumed {}  "
             "duplicates {}  p50 {:.0f} ms  p99 {:.0f} ms\n",
             clock_text(view.running), view.orders, view.written, rate_, view.rolled_back,
             view.relayed, view.consumed, view.duplicates, view.latency_p50_ms,
             view.latency_p99_ms);
}

std::vector<std::string> DemoBoard::lines_of(const DemoView& view) const {
  const auto line = [&](std::string_view name, std::string_view style, const std::string& figure,
                        std::string_view remark) {
    return fmt::format("  {:<12} {}   {}", name, paint(style, fmt::format("{:>12}", figure)),
                       paint("2", remark));
  };
  std::vector<std::string> lines = {
      fmt::format("  {}  {}", paint("1;36", view.state), paint("1", clock_text(view.running))),
      "",
      line("orders", "1;32", grouped(view.orders), "by a few shoppers, over HTTP"),
      line("written", "1;32", grouped(view.written),
           fmt::format("events, {:.0f} a second, each with its change", rate_)),
      line("rolled back", "1;33", grouped(view.rolled_back), "orders, on purpose: never sent"),
      line("relayed", "1;32", grouped(view.relayed), "acknowledged by the broker"),
      line("consumed", "1;32", grouped(view.consumed), "effects of five consumers"),
      line("duplicates", "1", grouped(view.duplicates), "skipped by the inbox"),
      line("latency", "1;35", fmt::format("{:.0f} ms", view.latency_p50_ms),
           fmt::format("half of them; 99 of 100 within {:.0f} ms, commit to effect",
                       view.latency_p99_ms)),
      "",
      "  " + paint("2", "revenue and stock, as the consumers keep them")};
  const std::int64_t greatest = view.sales.empty() ? 0 : view.sales.front().revenue;
  for (const DemoView::Sale& sale : view.sales) {
    lines.push_back(fmt::format("  {:<14} {} {:>14} {:>8}", sale.product,
                                paint("36", bar(sale.revenue, greatest)), money(sale.revenue),
                                grouped(sale.stock)));
  }
  if (view.state == "running") {
    lines.push_back("");
    lines.push_back("  " + paint("2", "Ctrl-C ends it with a proof and a summary"));
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

std::string demo_summary(const DemoView& view, const DemoProof& proof, int file_descriptor) {
  const bool colour = colour_wanted(file_descriptor);
  std::string out = "\n";
  const auto row = [&](std::string_view name, const std::string& value) {
    out += fmt::format("  {:<12} {:>12}\n", name, value);
  };
  row("orders", grouped(view.orders));
  row("written", grouped(view.written));
  row("rolled back", grouped(view.rolled_back));
  row("relayed", grouped(view.relayed));
  row("consumed", grouped(view.consumed));
  row("duplicates", grouped(view.duplicates));
  row("lost", grouped(proof.lost()));
  row("latency p50", fmt::format("{:.0f} ms", view.latency_p50_ms));
  row("latency p99", fmt::format("{:.0f} ms", view.latency_p99_ms));
  out += '\n';
  const auto judge = [&](bool good, const std::string& yes, const std::string& no) {
    const std::string word = good ? "ok" : "NO";
    const std::string shown =
        colour ? fmt::format("\x1b[{}m{}\x1b[0m", good ? "32" : "1;31", word) : word;
    out += fmt::format("  {} {}\n", shown, good ? yes : no);
  };
  judge(proof.lost() == 0, "every committed event was sent and took effect",
        fmt::format("{} committed events were not sent or had no effect", grouped(proof.lost())));
  judge(proof.rolled_back_seen == 0, "nothing that was rolled back was sent",
        fmt::format("{} events of orders that never were came through",
                    grouped(proof.rolled_back_seen)));
  const auto wrong = static_cast<std::int64_t>(proof.report.difference_count());
  judge(wrong == 0, "stock, sales, metrics, queue and cache are what the orders say",
        fmt::format("{} differences", grouped(wrong)));
  if (!proof.report.refused.empty()) {
    out += fmt::format("     {} events were refused and dead-lettered, such as:\n     {}\n",
                       proof.report.refused.size(), proof.report.refused.front());
  }
  for (const auto& [kind, lines] : proof.report.differences)
    out += fmt::format("     {}: {}\n", kind, lines.front());
  return out;
}

}  // namespace shop
