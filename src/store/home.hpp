// SPDX-License-Identifier: Apache-2.0
//
// What a home of the store offers, as makers: one object a caller, each with a connection of its
// own.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/table_shape.hpp"
#include "store/agreement.hpp"
#include "store/backlog.hpp"
#include "store/capture.hpp"
#include "store/controls.hpp"
#include "store/dead_rows.hpp"
#include "store/diagnosis.hpp"
#include "store/event_lookup.hpp"
#include "store/events.hpp"
#include "store/inbox.hpp"
#include "store/leases.hpp"
#include "store/letter_marks.hpp"
#include "store/locks.hpp"
#include "store/migrations.hpp"
#include "store/retention.hpp"
#include "store/schedules.hpp"
#include "store/settlement.hpp"

namespace outbox::store {

enum class CaptureMode : std::uint8_t { lease, row };
enum class SettleMode : std::uint8_t { mark, remove };  ///< `relay.settle: mark | delete`

struct HomeOptions {
  std::string url;  ///< libpq URL or key=value text; for SQLite the file's path.
  TableShape table;
  std::string relay_name = "default";
  std::string member_name;                   ///< `publisher-` and 8 hex digits (A3).
  std::vector<std::string> aggregate_types;  ///< This relay's share; empty: all.
  CaptureMode capture = CaptureMode::lease;
  SettleMode settle = SettleMode::mark;
  std::string delivery = "idempotent";  ///< Of the terms (store/agreement.hpp).
  std::chrono::milliseconds lease_ttl{10000};
  std::chrono::milliseconds lock_timeout{300000};      ///< When a stale row lock is taken over.
  std::chrono::milliseconds statement_timeout{30000};  ///< For every statement of the relay's.
  int slots = 32;                                      ///< Made by migrate where none are stored.
  bool daily_partitions = false;                       ///< Of the table that migrate makes.
  bool lookup_indexes = false;                         ///< Made by migrate (EventLookup).
  std::string consumer_name;                           ///< For `inbox`.
};

/// Makers; each may be called any number of times, from any thread. Connecting happens on first
/// use.
struct Home {
  std::function<std::unique_ptr<Agreement>()> agreement;
  std::function<std::unique_ptr<Capture>()> capture;
  std::function<std::unique_ptr<Settlement>()> settlement;
  std::function<std::unique_ptr<Leases>()> leases;
  std::function<std::unique_ptr<Backlog>()> backlog;
  std::function<std::unique_ptr<Migrations>()> migrations;
  std::function<std::unique_ptr<Events>()> events;
  std::function<std::unique_ptr<Inbox>()> inbox;
  std::function<std::unique_ptr<Locks>()> locks;
  std::function<std::unique_ptr<Schedules>()> schedules;
  std::function<std::unique_ptr<Retention>()> retention;
  std::function<std::unique_ptr<EventLookup>()> lookup;
  std::function<std::unique_ptr<DeadRows>()> dead_rows;
  std::function<std::unique_ptr<Controls>()> controls;
  std::function<std::unique_ptr<LetterMarks>()> letter_marks;
  std::function<std::unique_ptr<Diagnosis>()> diagnosis;
  std::function<void()> ping;  ///< One round trip; throws Error(configuration|unreachable|…).
};

}  // namespace outbox::store
