// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include <outbox/uuid.hpp>

#include "admin/dead_letters.hpp"
#include "app/commands.hpp"
#include "app/operating.hpp"
#include "app/plain_text.hpp"
#include "app/show.hpp"
#include "app/show_values.hpp"
#include "app/terminal.hpp"

namespace outbox::app {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& remedy) {
  throw Error(ErrorKind::usage, what, remedy);
}

admin::LetterSource source_of(const std::string& word) {
  if (word == "relay") return admin::LetterSource::relay;
  if (word == "consumer") return admin::LetterSource::consumer;
  refuse(fmt::format("--source '{}' is neither relay nor consumer", word), "leave it out for both");
}

std::string group_of(const std::string& text) {
  const bool is_group =
      text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_group) {
    refuse(fmt::format("--group '{}' is no group of causes", text),
           "`outboxd dlq groups` prints them; a consumer group goes with --consumer");
  }
  return text;
}

admin::LetterFilter filter_of(const Arguments& arguments) {
  admin::LetterFilter filter;
  if (const auto word = arguments.value("source")) filter.source = source_of(*word);
  filter.store = arguments.value("store");
  filter.consumer = arguments.value("consumer");
  filter.topic = arguments.value("topic");
  filter.dead_letter_topic = arguments.value("dead-letter-topic");
  filter.event_types = arguments.values("event-type");
  for (const std::string& text : arguments.values("event-id")) {
    const auto id = parse_uuid(text);
    if (!id) {
      refuse(fmt::format("--event-id '{}' is no UUID", text),
             "a dead letter's id stands behind the command, without an option");
    }
    filter.event_ids.insert(to_string(*id));
  }
  filter.key = arguments.value("key");
  if (const auto group = arguments.value("group")) filter.group = group_of(*group);
  filter.since_us = time_option(arguments, "since");
  filter.until_us = time_option(arguments, "until");
  filter.settled_too = arguments.has("settled-too");
  return filter;
}

bool has_filter(const Arguments& arguments) {
  constexpr std::string_view filters[] = {
      "source", "store", "consumer", "topic", "event-type", "event-id", "dead-letter-topic",
      "key",    "group", "since",    "until", "settled-too"};
  return std::any_of(std::begin(filters), std::end(filters),
                     [&](std::string_view name) { return arguments.has(name); });
}

admin::LetterChoice choice_of(const Arguments& arguments) {
  const std::string name = full_name(*arguments.command, arguments.action);
  admin::LetterChoice choice;
  for (std::size_t i = 1; i < arguments.words.size(); ++i)
    choice.ids.push_back(arguments.words[i]);
  const bool all = arguments.has("all");
  const bool by_event = arguments.has("event-id");
  if (!choice.ids.empty()) {
    if (all || has_filter(arguments))
      refuse(name + ": ids name the dead letters already", "leave out --all and the filters");
    return choice;
  }
  if (all == by_event)
    refuse(name + ": say which dead letters",
           "give their ids or --event-id, or --all with or without filters");
  choice.filter = filter_of(arguments);
  if (arguments.has("limit")) choice.letters_max = whole_number(arguments, "limit", 0);
  return choice;
}

std::string text_or_file(const std::string& option, const std::string& text) {
  if (!text.starts_with('@')) return text;
  std::ifstream file(text.substr(1), std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file) {
    refuse(fmt::format("--{}: the file '{}' cannot be read", option, text.substr(1)),
           "check its name; a text that begins with @ has to stand in a file");
  }
  return content.str();
}

admin::LetterEdit edit_of(const Arguments& arguments) {
  admin::LetterEdit edit;
  if (const auto text = arguments.value("payload")) edit.payload = text_or_file("payload", *text);
  if (const auto text = arguments.value("merge-patch"))
    edit.merge_patch = text_or_file("merge-patch", *text);
  if (edit.payload && edit.merge_patch)
    refuse("--payload and --merge-patch exclude each other", "leave one of them out");
  edit.topic = arguments.value("to-topic");
  edit.headers_json = arguments.value("headers");
  return edit;
}

std::optional<double> rate_of(const Arguments& arguments) {
  const auto text = arguments.value("rate");
  if (!text) return std::nullopt;
  double rate = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), rate);
  if (error != std::errc{} || end != text->data() + text->size() || !(rate > 0) || rate > 1e6) {
    refuse(fmt::format("--rate '{}' is no number of letters a second", *text), "such as 50 or 0.5");
  }
  return rate;
}

/// Long work as a person sees it: a bar, and a line for each letter worth one.
class Watched {
 public:
  Watched(const Operation& operation, std::string what, std::string done_word, bool tells_all)
      : json_(operation.json()), done_word_(std::move(done_word)), bar_(std::move(what)) {
    running_.stop = operation.stop();
    running_.tells_all = tells_all && !json_;
    running_.report = [this](const admin::Progress& progress) {
      bar_.show(progress.total, progress.done + progress.failed + progress.skipped);
    };
    running_.tell = [this](const admin::Json& one) { tell(one); };
  }

  [[nodiscard]] const admin::Running& running() const { return running_; }
  void end() { bar_.clear(); }

 private:
  void tell(const admin::Json& one) {
    if (json_) return;
    bar_.clear();
    const std::string reason = text_of(one, "reason");
    const std::string result = text_of(one, "result");
    const bool bad = result == "failed" || result == "skipped";
    fmt::print("{}  {}{}{}\n", text_of(one, "id"), bad ? result : done_word_,
               reason.empty() ? "" : ": ", reason);
  }

  const bool json_;
  const std::string done_word_;
  admin::Running running_;
  ProgressBar bar_;
};

std::string reasons_of(const admin::Json& outcome) {
  std::string text;
  for (const auto& [reason, letters] : field(outcome, "skip_reasons").items())
    text += (text.empty() ? "" : "; ") + plain(reason);
  return text;
}

/// `3 order.events, 1 stock.events`
std::string counts_of(const admin::Json& plan, const char* name) {
  std::string text;
  for (const admin::Json& one : list_of(plan, name)) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count_text(one, "letters"),
                        text_of(one, "name"));
  }
  return text;
}

std::string duration_of(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 120) return fmt::format("{} s", whole);
  if (whole < 7'200) return fmt::format("{} min", (whole + 59) / 60);
  return fmt::format("{} h {} min", whole / 3'600, whole % 3'600 / 60);
}

/// What stands in a plan beside its first line.
std::string plan_details(const admin::Json& plan) {
  std::string text;
  const auto line = [&text](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {}: {}\n", name, value);
  };
  line("by topic", counts_of(plan, "by_topic"));
  line("by event type", counts_of(plan, "by_event_type"));
  line("by consumer", counts_of(plan, "by_consumer"));
  std::string first;
  for (const admin::Json& id : list_of(plan, "first"))
    first += (first.empty() ? "" : ", ") + plain(id.get_ref<const std::string&>());
  line("the first", first);
  if (!field(plan, "edit").is_null()) line("changed by", plain(admin::to_text(plan["edit"])));
  for (const admin::Json& one : list_of(plan, "failures"))
    line("would fail", fmt::format("{}: {}", text_of(one, "id"), text_of(one, "reason")));
  if (const auto rate = number_of(plan, "letters_per_second")) {
    line("rate", fmt::format("{:g} a second, so {} in all", *rate,
                             duration_of(number_of(plan, "takes_seconds").value_or(0))));
  }
  return text;
}

/// The end of a replay or discard; `chosen`: letters were named, so none is a failure.
int tell_outcome(const Operation& operation, const admin::Json& outcome, const char* word,
                 bool chosen) {
  const auto count = [&outcome](const char* name) {
    return static_cast<std::int64_t>(number_of(outcome, name).value_or(0));
  };
  const std::int64_t done = count("done");
  const std::int64_t failed = count("failed");
  const std::int64_t skipped = count("skipped");
  const std::int64_t unconfirmed = count("unconfirmed");
  const bool stopped = is_true(outcome, "stopped");
  operation.print(outcome, "");
  if (!operation.json()) {
    std::string doubt;
    if (unconfirmed > 0) doubt = fmt::format(", {} unconfirmed", grouped(unconfirmed));
    fmt::print(stderr, "{} {}, {} failed, {} skipped{}{}\n", grouped(done), word, grouped(failed),
               grouped(skipped), doubt, stopped ? "; stopped before the end" : "");
  }
  const bool is_nothing = done + unconfirmed == 0 && !stopped;
  if (is_nothing && skipped == 0 && failed == count("missing")) {
    throw Error(ErrorKind::not_found,
                chosen ? "there is no such dead letter" : "no dead letter fits",
                "`outboxd dlq list` shows what there is");
  }
  if (is_nothing && failed == 0) {
    throw Error(ErrorKind::conflict, fmt::format("none was {}: {}", word, reasons_of(outcome)),
                "`outboxd events trace` shows what became of one");
  }
  if (unconfirmed > 0) return exit_partial;
  if (failed > 0) return done > 0 ? exit_partial : exit_code(ErrorKind::failed);
  if (stopped || (chosen && skipped > 0)) return exit_partial;
  return 0;
}

int tell_plan(const Operation& operation, const admin::Json& plan, const char* would,
              const char* word) {
  const char* more = is_true(plan, "exact") ? "" : " or more";
  std::string text = fmt::format("{}{} would be {}", count_text(plan, would), more, word);
  if (number_of(plan, "would_fail").value_or(0) > 0)
    text += fmt::format(", {} would fail", count_text(plan, "would_fail"));
  if (number_of(plan, "would_skip").value_or(0) > 0)
    text += fmt::format(", {} would be skipped", count_text(plan, "would_skip"));
  operation.print(plan, text + "\n" + plan_details(plan));
  return 0;
}

bool is_chosen(const admin::LetterChoice& choice) {
  return !choice.ids.empty() || !choice.filter->event_ids.empty();
}

int replay(const Arguments& arguments) {
  admin::ReplayRequest request{choice_of(arguments), edit_of(arguments), rate_of(arguments),
                               reason_of(arguments)};
  const admin::Actor actor = actor_of(arguments);
  Operation operation(arguments, true);
  admin::DeadLetters letters(operation.office());
  if (arguments.has("dry-run"))
    return tell_plan(operation, letters.plan_replay(request), "would_replay", "replayed");
  const bool chosen = is_chosen(request.choice);
  Watched watched(operation, "replaying", "replayed", chosen);
  const admin::Json outcome = letters.replay(request, actor, watched.running());
  watched.end();
  return tell_outcome(operation, outcome, "replayed", chosen);
}

/// What is thrown away is not thrown away by a slip: a person is asked, a script says --yes.
bool may_discard(const Operation& operation, admin::DeadLetters& letters,
                 const admin::DiscardRequest& request) {
  const Arguments& arguments = operation.arguments();
  if (!arguments.has("all") || arguments.has("yes")) return true;
  if (!is_terminal(0)) {
    refuse("dlq discard --all asks first, and nobody is there to answer",
           "look with --dry-run, then write --yes");
  }
  const admin::Json plan = letters.plan_discard(request);
  const char* more = is_true(plan, "exact") ? "" : " or more";
  return confirmed(
      fmt::format("Discard {}{} dead letters?", count_text(plan, "would_discard"), more),
      operation.stop());
}

int discard(const Arguments& arguments) {
  const admin::DiscardRequest request{choice_of(arguments), arguments.has("dry-run")
                                                                ? reason_of(arguments)
                                                                : required_reason(arguments)};
  const admin::Actor actor = actor_of(arguments);
  Operation operation(arguments, true);
  admin::DeadLetters letters(operation.office());
  if (arguments.has("dry-run"))
    return tell_plan(operation, letters.plan_discard(request), "would_discard", "discarded");
  if (!may_discard(operation, letters, request)) {
    fmt::print(stderr, "nothing was discarded\n");
    return exit_code(ErrorKind::failed);
  }
  const bool chosen = is_chosen(request.choice);
  Watched watched(operation, "discarding", "discarded", chosen);
  const admin::Json outcome = letters.discard(request, actor, watched.running());
  watched.end();
  return tell_outcome(operation, outcome, "discarded", chosen);
}

int edit(const Arguments& arguments) {
  admin::LetterEdit change = edit_of(arguments);
  change.expected_version = arguments.value("expected-version");
  if (change.empty())
    refuse("dlq edit: say what to change", "--payload, --merge-patch, --to-topic or --headers");
  const admin::Actor actor = actor_of(arguments);
  Operation operation(arguments);
  admin::DeadLetters letters(operation.office());
  const admin::Json letter =
      letters.edit(arguments.words.at(1), change, actor, reason_of(arguments));
  operation.print(letter, show_letter(letter, operation.look()));
  if (!operation.json())
    fmt::print(stderr, "changed; `outboxd dlq replay {}` sends it\n", plain(arguments.words.at(1)));
  return 0;
}

int groups(const Arguments& arguments) {
  const admin::LetterFilter filter = filter_of(arguments);
  Operation operation(arguments);
  admin::DeadLetters letters(operation.office());
  const admin::Json groups = letters.groups(filter);
  operation.print(groups, show_groups(groups, operation.look()));
  if (!operation.json()) {
    const bool exact = is_true(groups, "exact");
    fmt::print(stderr, "{}{} dead letters of {} causes\n", count_text(groups, "letters"),
               exact ? "" : " or more", list_of(groups, "items").size());
  }
  return list_of(groups, "errors").empty() ? 0 : exit_partial;
}

}  // namespace

int command_dlq(const Arguments& arguments) {
  const std::string_view action = arguments.action->name;
  if (action == "replay") return replay(arguments);
  if (action == "discard") return discard(arguments);
  if (action == "edit") return edit(arguments);
  if (action == "groups") return groups(arguments);
  if (action == "show") {
    Operation operation(arguments);
    const admin::Json letter = admin::DeadLetters(operation.office()).show(arguments.words.at(1));
    operation.print(letter, show_letter(letter, operation.look()));
    return 0;
  }
  admin::LettersPage page;
  page.filter = filter_of(arguments);
  page.limit = page_limit(arguments);
  page.cursor = arguments.value("cursor").value_or("");
  Operation operation(arguments);
  const admin::Json list = admin::DeadLetters(operation.office()).list(page);
  return operation.print_page(list, show_letters(list, operation.look()), "dead letter");
}

}  // namespace outbox::app
