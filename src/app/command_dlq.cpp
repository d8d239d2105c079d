// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <outbox/uuid.hpp>

#include "app/commands.hpp"
#include "app/dead_letters.hpp"
#include "app/signals.hpp"
#include "app/wire.hpp"
#include "consume/forwarder.hpp"

namespace outbox::app {
namespace {

constexpr std::string_view default_topic = "deadletter.events";
constexpr int listed_by_default = 100;
// A name for the brokers' rights alone; no group of it is joined.
constexpr const char* group_name = "outboxd-dlq";

struct Request {
  std::string topic;
  DeadLetterFilter filter;
  std::optional<int> limit;
  bool json = false;
};

Request request_of(const Arguments& arguments, const config::Settings& settings) {
  Request request;
  request.topic = arguments.value("topic").value_or(std::string(default_topic));
  request.filter.group = arguments.value("group").value_or("");
  request.filter.types = arguments.values("event-type");
  for (const std::string& text : arguments.values("event-id")) {
    const auto id = parse_uuid(text);
    if (!id) throw Error(ErrorKind::usage, fmt::format("--event-id '{}' is no UUID", text));
    request.filter.event_ids.insert(to_string(*id));
  }
  if (const auto since = arguments.value("since")) request.filter.since = since_of(*since);
  for (const std::string& text : arguments.values("offset"))
    request.filter.places.push_back(place_of(text));
  if (arguments.has("limit")) request.limit = whole_number(arguments, "limit", 0);
  request.json = settings.process().output == config::OutputFormat::json;
  return request;
}

/// A header's text as the number that it is; as it stands where it is none, null where it is empty.
nlohmann::ordered_json number_of(const std::string& text) {
  if (text.empty()) return {};
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code == std::errc() && end == text.data() + text.size()) return number;
  return text;
}

nlohmann::ordered_json to_json(const DeadLetter& letter) {
  nlohmann::ordered_json one = {{"topic", letter.topic},
                                {"partition", letter.partition},
                                {"offset", letter.offset},
                                {"event_id", letter.event_id},
                                {"event_type", letter.event_type},
                                {"aggregate_type", letter.aggregate_type},
                                {"aggregate_id", letter.aggregate_id}};
  one["key"] = letter.key ? nlohmann::ordered_json(*letter.key) : nlohmann::ordered_json();
  one["original_topic"] = letter.original_topic;
  one["original_partition"] = number_of(letter.original_partition);
  one["original_offset"] = number_of(letter.original_offset);
  one["group"] = letter.group;
  one["attempts"] = number_of(letter.attempts);
  one["error"] = letter.error;
  one["time"] = letter.time;
  return one;
}

void print_json(const nlohmann::ordered_json& json) {
  // Keys and errors may hold any bytes.
  fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

// For a line of a terminal: whatever bytes it holds, it stays one line and moves no cursor.
std::string plain(std::string text) {
  for (char& letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < ' ' || byte == 0x7f) letter = ' ';
  }
  return text;
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : plain(text);
}

// Up to seconds.
std::string short_time(const std::string& time) {
  return time.substr(0, std::string_view("0000-00-00T00:00:00").size());
}

void print_table(const std::vector<DeadLetter>& letters) {
  std::vector<std::vector<std::string>> lines = {
      {"PLACE", "TIME", "GROUP", "ATTEMPTS", "EVENT TYPE", "KEY", "EVENT ID", "FROM", "ERROR"}};
  for (const DeadLetter& letter : letters) {
    lines.push_back({letter.place(), short_time(letter.time), or_dash(letter.group),
                     or_dash(letter.attempts), or_dash(letter.event_type),
                     or_dash(letter.key.value_or("")), or_dash(letter.event_id),
                     letter.original_partition.empty()
                         ? or_dash(letter.original_topic)
                         : plain(fmt::format("{}/{}:{}", letter.original_topic,
                                             letter.original_partition, letter.original_offset)),
                     or_dash(letter.error)});
  }
  std::vector<std::size_t> widths(lines.front().size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i + 1 < line.size(); ++i)
      text += fmt::format("{:<{}}  ", line[i], widths[i]);
    fmt::print("{}{}\n", text, line.back());
  }
}

int list(const Request& request, broker::Reader& reader, std::chrono::milliseconds patience) {
  const auto limit = static_cast<std::size_t>(request.limit.value_or(listed_by_default));
  std::vector<DeadLetter> letters;
  std::size_t total = 0;
  const auto keep_latest = [&](std::size_t count) {
    std::stable_sort(letters.begin(), letters.end(),
                     [](const DeadLetter& a, const DeadLetter& b) { return a.time < b.time; });
    if (letters.size() > count)
      letters.erase(letters.begin(), letters.end() - std::ptrdiff_t(count));
  };
  read_dead_letters(reader, request.topic, request.filter, patience,
                    [&](const broker::IncomingMessage&, const DeadLetter& letter) {
                      ++total;
                      letters.push_back(letter);
                      // However many there are, few are kept.
                      if (letters.size() >= 2 * limit + 1000) keep_latest(limit);
                      return true;
                    });
  keep_latest(limit);
  if (request.json) {
    for (const DeadLetter& letter : letters)
      print_json(to_json(letter));
  } else if (!letters.empty()) {
    print_table(letters);
  }
  if (total > letters.size()) {
    fmt::print(stderr, "the latest {} of {} dead letters; --limit shows more\n", letters.size(),
               total);
  } else {
    fmt::print(stderr, "{} dead letter{}\n", total, total == 1 ? "" : "s");
  }
  return 0;
}

// Sends dead letters back, each acknowledged before the next is sent.
class Replay {
 public:
  Replay(const Request& request, broker::Home broker, bool dry_run, std::stop_token stop)
      : request_(request),
        forwarder_(std::move(broker)),
        dry_run_(dry_run),
        stop_(std::move(stop)) {}

  /// False: no more.
  bool take(const broker::IncomingMessage& message, const DeadLetter& letter) {
    const std::string key = letter.original_topic + "\n" + letter.key.value_or("");
    if (letter.group.empty()) {
      // A relay's copy: the row is the dead letter, and stays one whatever becomes of the copy.
      tell(letter, "failed", "it names no consumer group, so it is no consumer's dead letter");
      ++failed_;
    } else if (failed_keys_.contains(key)) {
      tell(letter, "failed", "an earlier one of its key failed, which it must not overtake");
      ++failed_;
    } else if (dry_run_) {
      tell(letter, "would be replayed", {});
      ++done_;
    } else {
      send(message, letter, key);
    }
    const bool limited = request_.limit && done_ + failed_ >= *request_.limit;
    return !limited && !stop_.stop_requested();
  }

  [[nodiscard]] int finish() const {
    fmt::print(stderr, "{} {}, {} failed\n", done_, dry_run_ ? "would be replayed" : "replayed",
               failed_);
    if (failed_ > 0) return done_ > 0 ? exit_partial : exit_code(ErrorKind::failed);
    return 0;
  }

  [[nodiscard]] int seen() const { return done_ + failed_; }

 private:
  void send(const broker::IncomingMessage& message, const DeadLetter& letter,
            const std::string& key) {
    if (const auto failure = forwarder_.send_back(message, stop_)) {
      tell(letter, "failed", failure->reason);
      failed_keys_.insert(key);
      ++failed_;
      return;
    }
    tell(letter, "replayed", {});
    ++done_;
  }

  void tell(const DeadLetter& letter, const char* what, const std::string& reason) const {
    if (request_.json) {
      nlohmann::ordered_json one = to_json(letter);
      one["result"] = what;
      if (!reason.empty()) one["reason"] = reason;
      print_json(one);
      return;
    }
    fmt::print("{} {}: event {} ({}, key {}) {}{}{}\n", letter.topic, letter.place(),
               or_dash(letter.event_id), or_dash(letter.event_type),
               or_dash(letter.key.value_or("")), what,
               letter.original_topic.empty() ? "" : " to " + plain(letter.original_topic),
               reason.empty() ? "" : ": " + plain(reason));
  }

  const Request& request_;
  consume::Forwarder forwarder_;
  const bool dry_run_;
  const std::stop_token stop_;
  std::set<std::string> failed_keys_;
  int done_ = 0;
  int failed_ = 0;
};

int replay(const Arguments& arguments, const Request& request, const config::Settings& settings) {
  const bool chosen = !request.filter.event_ids.empty() || !request.filter.places.empty();
  if (chosen == arguments.has("all")) {
    throw Error(ErrorKind::usage, "dlq replay: say which dead letters",
                "give --event-id or --offset, or --all with or without filters");
  }
  const StopSignals signals(settings.process().shutdown_timeout);
  const broker::Home broker = make_broker(settings);
  Replay run(request, broker, arguments.has("dry-run"), signals.token());
  read_dead_letters(*broker.reader(group_name), request.topic, request.filter,
                    settings.process().start_timeout,
                    [&](const broker::IncomingMessage& message, const DeadLetter& letter) {
                      return run.take(message, letter);
                    });
  if (chosen && run.seen() == 0) {
    throw Error(ErrorKind::not_found,
                fmt::format("topic '{}' holds no such dead letter", request.topic),
                "`outboxd dlq list` shows what it holds");
  }
  return run.finish();
}

}  // namespace

int command_dlq(const Arguments& arguments) {
  const std::string what = arguments.words.empty() ? "" : arguments.words.front();
  if (what != "list" && what != "replay") {
    throw Error(ErrorKind::usage, "dlq: say what to do", "`list` or `replay`");
  }
  if (what == "list" && (arguments.has("all") || arguments.has("dry-run"))) {
    throw Error(ErrorKind::usage, "dlq list takes neither --all nor --dry-run",
                "they are of `dlq replay`");
  }
  const config::Settings settings = config::load(sources_of(arguments));
  const Request request = request_of(arguments, settings);
  if (what == "replay") return replay(arguments, request, settings);
  return list(request, *make_broker(settings).reader(group_name), settings.process().start_timeout);
}

}  // namespace outbox::app
