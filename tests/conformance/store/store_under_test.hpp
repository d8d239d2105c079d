// SPDX-License-Identifier: Apache-2.0
//
// What a home of the store gives the conformance suite, and the fixture that all its cases use. A
// home has one .cpp file here that derives StoreUnderTest and instantiates the suites that fit it:
// StoreConformance always, RowCaptureConformance where it has capture `row`, and
// OpenWriterConformance where two transactions can be open at once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <outbox/error.hpp>

#include "store/home.hpp"

namespace outbox::testing {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// A row of the outbox as a person would look it up.
struct RowFacts {
  std::string status;
  int retry_count = 0;
  std::string error_message;
  std::string locked_by;
  bool has_locked_at = false;
  bool has_published_at = false;
  std::optional<std::chrono::milliseconds> next_attempt_in;
};

/// A back end's transaction on the outbox. Destroyed without commit() it is rolled back.
class OpenWriter {
 public:
  virtual ~OpenWriter() = default;
  virtual void insert(const std::string& key) = 0;
  virtual void commit() = 0;
};

/// One case's store: a database or schema of its own, migrated, gone with the object.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;

  /// Options for this case's database; the case changes names, modes and times.
  virtual store::HomeOptions options() = 0;
  virtual store::Home open(const store::HomeOptions& options) = 0;
  /// The row of the product's own table; nothing where it is gone.
  virtual std::optional<RowFacts> row(const std::string& id) = 0;
  /// As if that much time had gone by for leases, members, blocked keys, locks, attempts and row
  /// locks.
  virtual void pass_time(std::chrono::milliseconds duration) = 0;
  /// Runs a statement of a person's, outside of every seam.
  virtual void execute(const std::string& sql) = 0;
  /// The first column of the first row as text; nothing where there is no row or it is NULL.
  virtual std::optional<std::string> value(const std::string& sql) = 0;
  /// Only for OpenWriterConformance.
  virtual std::unique_ptr<OpenWriter> open_writer() { return nullptr; }
  /// Only for OpenWriterConformance: keeps everybody else from one of our own tables until the
  /// object is gone.
  virtual std::shared_ptr<void> lock_table(const std::string& /*name*/) { return nullptr; }
  /// Changes the stored checksum of an applied migration.
  virtual void forge_checksum(int number) = 0;
  /// Enters a migration as applied that no program knows yet.
  virtual void enter_unknown_migration(int number) = 0;
};

using MakeStore = std::function<std::unique_ptr<StoreUnderTest>()>;

/// A ReadRequest without its leases, all of it optional.
struct Query {
  std::span<const RowId> in_flight = {};
  std::span<const std::string> blocked_keys = {};
  std::span<const std::string> only_keys = {};
  std::span<const store::RouteColumns> held_routes = {};
  std::optional<RowId> lowest_unsettled = {};
  bool rescan = false;
  std::size_t rows_max = 1000;
  std::size_t bytes_max = 16U << 20U;
};

/// A SettleRequest without its leases, all of it optional.
struct Settling {
  std::span<const store::PublishedRow> published = {};
  std::span<const store::RowChange> changes = {};
  std::span<const store::KeyChange> keys = {};
};

/// A relay on the store, as far as the seams go.
struct Member {
  store::Home home;
  std::unique_ptr<store::Leases> leases;
  std::unique_ptr<store::Capture> capture;
  std::unique_ptr<store::Settlement> settlement;
  std::vector<store::SlotLease> held;

  RowBatch read(const Query& query = {}) {
    return capture->read({.leases = held,
                          .in_flight = query.in_flight,
                          .blocked_keys = query.blocked_keys,
                          .only_keys = query.only_keys,
                          .held_routes = query.held_routes,
                          .lowest_unsettled = query.lowest_unsettled,
                          .rescan = query.rescan,
                          .rows_max = query.rows_max,
                          .bytes_max = query.bytes_max});
  }

  store::SettleResult settle(const Settling& settling) {
    return settlement->settle({.leases = held,
                               .published = settling.published,
                               .changes = settling.changes,
                               .keys = settling.keys});
  }

  store::SettleResult publish(const RowBatch& batch) {
    std::vector<store::PublishedRow> rows;
    for (const OutboxRow& row : batch.rows)
      rows.push_back({.id = row.id, .slot = row.slot});
    return settle({.published = rows});
  }
};

class StoreConformance : public ::testing::TestWithParam<MakeStore> {
 protected:
  void SetUp() override { store_ = GetParam()(); }
  void TearDown() override { store_.reset(); }

  [[nodiscard]] store::HomeOptions options(const std::string& member = "publisher-00000001") {
    store::HomeOptions options = store_->options();
    options.member_name = member;
    return options;
  }

  /// Agreed and joined; holds up to `slots_max` slots.
  [[nodiscard]] Member join(const store::HomeOptions& options, int slots_max = 1000) {
    Member member{
        .home = store_->open(options), .leases = {}, .capture = {}, .settlement = {}, .held = {}};
    member.home.agreement()->agree(terms(options));
    member.leases = member.home.leases();
    member.capture = member.home.capture();
    member.settlement = member.home.settlement();
    member.leases->join();
    for (const store::AcquiredSlot& slot : member.leases->acquire(slots_max)) {
      member.held.push_back(slot.lease);
    }
    return member;
  }

  [[nodiscard]] static store::Terms terms(const store::HomeOptions& options) {
    return {.relay_name = options.relay_name,
            .aggregate_types = options.aggregate_types,
            .capture = options.capture == store::CaptureMode::row ? "row" : "lease",
            .settle = options.settle == store::SettleMode::remove ? "delete" : "mark",
            .slots = options.slots};
  }

  [[nodiscard]] static store::NewEvent event(const std::string& key,
                                             const std::string& payload = R"({"n": 1})") {
    store::NewEvent event;
    event.aggregate_type = "order";
    event.aggregate_id = key;
    event.event_type = "ORDER_PAID";
    event.payload = payload;
    return event;
  }

  /// One event a key; returns the rows' ids.
  std::vector<std::string> insert(const std::vector<std::string>& keys) {
    std::vector<store::NewEvent> events;
    for (const std::string& key : keys)
      events.push_back(event(key));
    return insert_events(events);
  }

  std::vector<std::string> insert_events(const std::vector<store::NewEvent>& events) {
    return store_->open(options()).events()->insert(events);
  }

  [[nodiscard]] static std::vector<std::string> ids(const RowBatch& batch) {
    std::vector<std::string> ids;
    for (const OutboxRow& row : batch.rows)
      ids.push_back(to_string(row.id));
    return ids;
  }

  [[nodiscard]] static std::vector<std::string> keys(const RowBatch& batch) {
    std::vector<std::string> keys;
    for (const OutboxRow& row : batch.rows)
      keys.emplace_back(row.key);
    return keys;
  }

  std::unique_ptr<StoreUnderTest> store_;
};

class RowCaptureConformance : public StoreConformance {
 protected:
  [[nodiscard]] store::HomeOptions row_options(const std::string& member = "publisher-00000001") {
    store::HomeOptions with_rows = options(member);
    with_rows.capture = store::CaptureMode::row;
    return with_rows;
  }
};

class OpenWriterConformance : public StoreConformance {};

}  // namespace outbox::testing
