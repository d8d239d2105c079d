// SPDX-License-Identifier: Apache-2.0
#include "admin/dead_letters.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/controls.hpp"
#include "admin/cursor.hpp"
#include "admin/letter_edit.hpp"
#include "admin/letter_feed.hpp"
#include "admin/letter_groups.hpp"
#include "admin/letter_run.hpp"

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds reading_max{5};
constexpr std::chrono::seconds counting_max{10};
constexpr std::size_t whole_payload_max = 1U << 20U;
constexpr std::size_t patched_payload_max = 4U << 20U;
constexpr std::size_t audit_bytes_max = 64U << 10U;
constexpr std::size_t page_max = 1'000;
constexpr std::size_t looks_per_portion = 1'000;

// What stood there can be put back by hand, unless it was very large.
Json audit_text(const std::optional<std::string>& text) {
  return text ? text_json(std::string_view(*text).substr(0, audit_bytes_max)) : Json();
}

double rate_of(const Site& site, const std::optional<double>& wanted) {
  const double most = site.replays_per_second_max;
  if (!wanted || *wanted <= 0) return most;
  return most > 0 ? std::min(*wanted, most) : *wanted;
}

void check_replay(const Site& site, const ReplayRequest& request) {
  check_choice(site, request.choice);
  check_edit(request.edit);
  if (request.letters_per_second && !(*request.letters_per_second > 0)) {
    throw Error(ErrorKind::usage, "the rate is none", "give letters a second above 0");
  }
}

/// What a look at the chosen letters found, until the deadline.
struct Plan {
  std::int64_t would_do = 0;
  std::int64_t would_fail = 0;
  std::int64_t would_skip = 0;
  bool exact = true;
};

bool edit_fails(const LetterEdit& edit, const Letter& letter) {
  if (edit.empty()) return false;
  if (letter.source == LetterSource::relay) return !edit_row(edit, letter.row).fault.empty();
  return !edit_message(edit, letter.message).fault.empty();
}

Plan plan(const Site& site, LetterAccess& access, const LetterOrder& order, Moment deadline) {
  Plan plan;
  const std::size_t payload_bytes_max = order.edit.merge_patch ? patched_payload_max : 0;
  LetterFeed feed(site, access, order.choice, payload_bytes_max);
  LetterFeed::Portion portion;
  const std::optional<std::int64_t>& most = order.choice.letters_max;
  bool is_more = true;
  while (is_more) {
    if (BootClock::now() >= deadline) {
      plan.exact = false;
      break;
    }
    is_more = feed.next(portion, deadline);
    for (const LetterFeed::Missing& one : portion.missing)
      ++(one.is_settled ? plan.would_skip : plan.would_fail);
    for (const Letter& letter : portion.letters) {
      if (most && plan.would_do + plan.would_fail >= *most) return plan;
      if (letter.stage == LetterStage::replaying) {
        ++plan.would_skip;
      } else {
        ++(edit_fails(order.edit, letter) ? plan.would_fail : plan.would_do);
      }
    }
  }
  plan.exact = plan.exact && feed.errors().empty();
  return plan;
}

/// For the progress; none where counting takes too long.
std::optional<std::int64_t> total_of(const Site& site, const LetterOrder& order) {
  if (!order.choice.filter) return static_cast<std::int64_t>(order.choice.ids.size());
  LetterOrder plain = order;
  plain.edit = {};
  OwnAccess access(site);
  const Plan found = plan(site, access, plain, BootClock::now() + counting_max);
  if (!found.exact) return std::nullopt;
  return found.would_do + found.would_fail + found.would_skip;
}

LetterOrder order_of(const Site& site, const ReplayRequest& request) {
  return {LetterAction::replay, request.choice,
          request.edit,         rate_of(site, request.letters_per_second),
          request.reason,       std::nullopt};
}

}  // namespace

DeadLetters::DeadLetters(Office& office) : office_(office), counts_(std::make_unique<Counts>()) {}

DeadLetters::~DeadLetters() = default;

Json DeadLetters::list(const LettersPage& page) {
  const std::size_t limit = std::clamp<std::size_t>(page.limit, 1, page_max);
  OfficeAccess access(office_);
  LetterScan scan(office_.site(), access, page.filter, page.payload_bytes_max);
  scan.go_on_at(read_cursor(page.cursor));
  const Moment deadline = BootClock::now() + reading_max;
  std::vector<Letter> letters;
  bool is_more = true;
  // A filter that finds little looks at much; without one a page is what it reads.
  std::size_t looks = limit + 1;
  while (is_more && letters.size() <= limit && BootClock::now() < deadline) {
    is_more = scan.next(letters, looks, deadline);
    looks = looks_per_portion;
  }
  const bool complete = !is_more || letters.size() >= limit;
  Json place = is_more ? scan.place() : Json();
  if (letters.size() > limit) {
    letters.resize(limit);
    place = LetterScan::place_behind(letters.back());
  }
  Json items = Json::array();
  for (const Letter& letter : letters)
    items.push_back(letter_json(letter, page.payload_bytes_max));
  return {{"items", std::move(items)},
          {"next_cursor", place.is_null() ? Json() : Json(cursor_text(place))},
          {"complete", complete},
          {"errors", scan.errors()}};
}

Json DeadLetters::groups(const LetterFilter& filter) {
  return counts_->groups(office_, filter);
}

Json DeadLetters::show(const std::string& id) {
  OfficeAccess access(office_);
  const Letter letter =
      find_letter(office_.site(), access, parse_letter_id(office_.site(), id), whole_payload_max);
  return letter_json(letter, whole_payload_max);
}

Json DeadLetters::edit(const std::string& id, const LetterEdit& edit, const Actor& actor,
                       const std::string& reason) {
  check_edit(edit);
  if (edit.empty()) {
    throw Error(ErrorKind::usage, "the edit changes nothing",
                "give merge_patch, payload, topic or headers");
  }
  const LetterId parsed = parse_letter_id(office_.site(), id);
  const auto* const row = std::get_if<RowLetterId>(&parsed);
  if (row == nullptr) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}' stands in a topic, where nothing can be changed", clean_utf8(id)),
                "give the edit to the replay, which sends a changed copy");
  }
  OfficeAccess access(office_);
  const Letter letter = find_letter(office_.site(), access, parsed, patched_payload_max);
  const Error conflict(
      ErrorKind::conflict,
      fmt::format("'{}' is no longer dead, and only dead letters are changed", letter.id));
  if (letter.row.state != store::EventState::dead) throw conflict;
  const auto outcome = edit_row(edit, letter.row);
  if (!outcome.fault.empty()) {
    throw Error(ErrorKind::usage, "the edit cannot be made: " + outcome.fault);
  }
  office_.ask<bool>(row->store->name, Pace::slow,
                    [row = letter.row, id = letter.id, edit, edited = outcome.edited, actor, reason,
                     conflict](StoreSeams& seams) {
                      store::AuditEntry entry;
                      entry.action = "edit";
                      entry.target = id;
                      entry.reason = reason;
                      Json before = {{"payload", audit_text(row.payload)},
                                     {"topic", text_json(row.topic)},
                                     {"headers", text_json(row.headers_json)}};
                      note(seams.controls(), actor, entry,
                           {{"edit", edit_json(edit)}, {"before", std::move(before)}});
                      if (!seams.dead_rows().edit(row.row, edited)) throw conflict;
                      return true;
                    });
  counts_->forget();
  return show(letter.id);
}

Json DeadLetters::plan_replay(const ReplayRequest& request) {
  check_replay(office_.site(), request);
  OfficeAccess access(office_);
  const Plan found = plan(office_.site(), access, order_of(office_.site(), request),
                          BootClock::now() + reading_max);
  return {{"dry_run", true},
          {"would_replay", found.would_do},
          {"would_fail", found.would_fail},
          {"would_skip", found.would_skip},
          {"exact", found.exact}};
}

Json DeadLetters::plan_discard(const DiscardRequest& request) {
  check_choice(office_.site(), request.choice);
  OfficeAccess access(office_);
  LetterOrder order;
  order.choice = request.choice;
  const Plan found = plan(office_.site(), access, order, BootClock::now() + reading_max);
  return {{"dry_run", true}, {"would_discard", found.would_do}, {"exact", found.exact}};
}

Json DeadLetters::replay(const ReplayRequest& request, const Actor& actor, const Running& running) {
  check_replay(office_.site(), request);
  LetterOrder order = order_of(office_.site(), request);
  order.total = total_of(office_.site(), order);
  Json done = LetterRun(office_.site(), order, actor, running).run();
  counts_->forget();
  return done;
}

Json DeadLetters::discard(const DiscardRequest& request, const Actor& actor,
                          const Running& running) {
  if (request.reason.empty()) {
    throw Error(ErrorKind::usage, "discarding needs a reason", "say why in `reason`");
  }
  check_choice(office_.site(), request.choice);
  LetterOrder order{LetterAction::discard, request.choice, {}, 0, request.reason, std::nullopt};
  order.total = total_of(office_.site(), order);
  Json done = LetterRun(office_.site(), order, actor, running).run();
  counts_->forget();
  return done;
}

}  // namespace outbox::admin
