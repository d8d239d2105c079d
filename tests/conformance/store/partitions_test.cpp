// SPDX-License-Identifier: Apache-2.0
//
// `outbox.partitions: daily`. Who relays a partitioned table is to notice nothing: the whole suite
// runs on one too.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "conformance/store/mariadb_under_test.hpp"
#include "conformance/store/postgres_under_test.hpp"
#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::chrono::hours month{30 * 24};
constexpr int days_ahead = 3;

store::RetentionRequest request() {
  return {.keep = month, .archive_table = {}, .rows_max = 1000};
}

/// Another store, its outbox in days.
class DailyStore final : public StoreUnderTest {
 public:
  explicit DailyStore(std::unique_ptr<StoreUnderTest> store) : store_(std::move(store)) {
    store::Home home = store_->open(options());
    home.migrations()->apply();
    days_ = home.retention()->keep_partitions({}, days_ahead).created;
  }

  /// The partitions made for today and the days ahead.
  [[nodiscard]] const std::vector<std::string>& days() const { return days_; }

  store::HomeOptions options() override {
    store::HomeOptions options = store_->options();
    options.daily_partitions = true;
    return options;
  }
  store::Home open(const store::HomeOptions& options) override { return store_->open(options); }
  std::optional<RowFacts> row(const std::string& id) override { return store_->row(id); }
  void pass_time(std::chrono::milliseconds duration) override { store_->pass_time(duration); }
  void execute(const std::string& sql) override { store_->execute(sql); }
  std::optional<std::string> value(const std::string& sql) override { return store_->value(sql); }
  std::unique_ptr<OpenWriter> open_writer() override { return store_->open_writer(); }
  void forge_checksum(int number) override { store_->forge_checksum(number); }
  void enter_unknown_migration(int number) override { store_->enter_unknown_migration(number); }

 private:
  std::unique_ptr<StoreUnderTest> store_;
  std::vector<std::string> days_;
};

/// A home and what its SQL says for a day; the name of the partition follows from the day.
struct PartitionedHome {
  MakeStore make;
  std::string add_day;  ///< {0}: its date without dashes, {1}: with, {2}: the day after, {3}: the
                        ///< partition of today, {4}: tomorrow without dashes.
  std::string prefix;
};

class Partitions : public ::testing::TestWithParam<PartitionedHome> {
 protected:
  void SetUp() override {
    plain_ = GetParam().make();
    store_ = std::make_unique<DailyStore>(GetParam().make());
    ASSERT_THAT(store_->days(), SizeIs(days_ahead + 1));
  }

  /// Makes 2001-01-01 … 2001-01-0n, each with one published row; the rows' ids.
  std::vector<std::string> old_days(int count) {
    std::vector<std::string> ids;
    for (int day = 1; day <= count; ++day) {
      const std::string& tomorrow = store_->days()[1];
      store_->execute(fmt::format(fmt::runtime(GetParam().add_day), fmt::format("2001010{}", day),
                                  fmt::format("2001-01-0{}", day),
                                  fmt::format("2001-01-0{}", day + 1), store_->days().front(),
                                  tomorrow.substr(tomorrow.size() - 8)));
      ids.push_back(row_of(fmt::format("2001-01-0{} 12:00:00", day), "PUBLISHED"));
    }
    return ids;
  }

  std::string row_of(const std::string& time, const std::string& status) {
    store::NewEvent event;
    event.aggregate_type = "order";
    event.aggregate_id = time;
    event.event_type = "ORDER_PAID";
    event.payload = "{}";
    const std::string id = store_->open(store_->options()).events()->insert({&event, 1}).front();
    store_->execute(
        fmt::format("UPDATE outbox_events SET status = '{0}', created_at = '{1}', "
                    "published_at = '{1}' WHERE id = {2}",
                    status, time, id));
    return id;
  }

  std::string name(const std::string& day) const { return GetParam().prefix + day; }
  std::unique_ptr<store::Retention> retention() {
    return store_->open(store_->options()).retention();
  }

  std::unique_ptr<StoreUnderTest> plain_;
  std::unique_ptr<DailyStore> store_;
};

TEST_P(Partitions, today_and_the_days_ahead_are_made_once) {
  const auto retaining = retention();
  EXPECT_THAT(retaining->keep_partitions({}, days_ahead).created, IsEmpty()) << "made before";
  EXPECT_THAT(retaining->keep_partitions({}, days_ahead + 2).created, SizeIs(2));
}

TEST_P(Partitions, days_whose_rows_are_all_published_long_ago_are_dropped) {
  const std::vector<std::string> ids = old_days(3);
  const std::string today = row_of("2001-02-05 00:00:00", "PUBLISHED");
  const store::PartitionChanges changes = retention()->keep_partitions(request(), days_ahead);
  EXPECT_THAT(changes.dropped, ElementsAre(name("20010101"), name("20010102"), name("20010103")));
  EXPECT_THAT(changes.kept, IsEmpty());
  for (const std::string& id : ids)
    EXPECT_FALSE(store_->row(id)) << id;
  EXPECT_TRUE(store_->row(today)) << "it stands in no day of its own";
}

TEST_P(Partitions, a_day_with_a_row_that_is_not_done_with_is_kept_as_a_whole) {
  const std::vector<std::string> ids = old_days(5);
  const auto change = [&](int day, const std::string& set) {
    store_->execute(fmt::format("UPDATE outbox_events SET {} WHERE id = {}", set, ids[day]));
  };
  change(0, "status = 'PENDING'");
  change(1, "status = 'DEAD'");
  change(2, "status = 'FAILED'");
  change(3, "published_at = '2100-01-01 00:00:00'");
  const auto retaining = retention();
  const store::RetentionView view = retaining->preview(request(), {}, 100);
  EXPECT_THAT(view.partitions, ElementsAre(name("20010105")));
  EXPECT_THAT(view.kept, SizeIs(4));
  EXPECT_EQ(view.rows, 0);
  const store::PartitionChanges changes = retaining->keep_partitions(request(), days_ahead);
  EXPECT_THAT(changes.dropped, ElementsAre(name("20010105")));
  EXPECT_THAT(changes.kept,
              ElementsAre(name("20010101"), name("20010102"), name("20010103"), name("20010104")));
  for (int day = 0; day < 4; ++day)
    EXPECT_TRUE(store_->row(ids[static_cast<std::size_t>(day)])) << day;
}

TEST_P(Partitions, a_table_in_use_is_asked_for_once_and_not_for_each_day) {
  old_days(5);
  const auto writer = store_->open_writer();
  writer->insert("a");
  const auto retaining = retention();
  const auto begun = std::chrono::steady_clock::now();
  const store::PartitionChanges changes = retaining->keep_partitions(request(), days_ahead);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(4));
  EXPECT_TRUE(changes.busy);
  EXPECT_THAT(changes.dropped, IsEmpty());
  writer->commit();
  EXPECT_THAT(retaining->keep_partitions(request(), days_ahead).dropped, SizeIs(5));
}

TEST_P(Partitions, published_rows_of_a_kept_day_go_one_by_one) {
  const std::vector<std::string> ids = old_days(1);
  const std::string dead = row_of("2001-01-01 13:00:00", "DEAD");
  const auto retaining = retention();
  EXPECT_THAT(retaining->keep_partitions(request(), days_ahead).kept, SizeIs(1));
  EXPECT_EQ(retaining->preview(request(), {}, 100).rows, 1);
  EXPECT_EQ(retaining->clear_published(request()).rows, 1);
  EXPECT_FALSE(store_->row(ids.front()));
  EXPECT_TRUE(store_->row(dead));
}

TEST_P(Partitions, with_an_archive_a_day_goes_once_its_rows_are_moved) {
  old_days(1);
  const auto retaining = retention();
  retaining->make_archive("outbox_archive", false);
  store::RetentionRequest archiving = request();
  archiving.archive_table = "outbox_archive";
  EXPECT_THAT(retaining->keep_partitions(archiving, days_ahead).kept, SizeIs(1));
  EXPECT_EQ(retaining->clear_published(archiving).rows, 1);
  EXPECT_THAT(retaining->keep_partitions(archiving, days_ahead).dropped, SizeIs(1));
}

TEST_P(Partitions, rows_are_read_in_the_order_of_their_ids_across_days) {
  old_days(3);
  store_->execute("UPDATE outbox_events SET status = 'PENDING', published_at = NULL");
  const store::HomeOptions options = [&] {
    store::HomeOptions wanted = store_->options();
    wanted.member_name = "publisher-00000001";
    return wanted;
  }();
  // The first row in the latest day, so that the order of the days is not that of the ids.
  store_->execute(
      "UPDATE outbox_events SET created_at = '2001-01-03 11:00:00' WHERE created_at < "
      "'2001-01-02 00:00:00'");
  store::Home home = store_->open(options);
  home.agreement()->agree({.relay_name = "default",
                           .aggregate_types = {},
                           .capture = "lease",
                           .settle = "mark",
                           .slots = options.slots});
  const auto leases = home.leases();
  leases->join();
  Member relay{.home = home,
               .leases = {},
               .capture = home.capture(),
               .settlement = home.settlement(),
               .held = {}};
  for (const store::AcquiredSlot& slot : leases->acquire(1000))
    relay.held.push_back(slot.lease);
  const RowBatch batch = relay.read();
  ASSERT_EQ(batch.rows.size(), 3U);
  EXPECT_LT(batch.rows[0].id.number, batch.rows[1].id.number);
  EXPECT_LT(batch.rows[1].id.number, batch.rows[2].id.number);
  EXPECT_EQ(relay.publish(batch).rows_settled, 3);
  EXPECT_EQ(home.backlog()->view(100).pending, 0);
}

TEST_P(Partitions, a_table_with_rows_is_not_made_anew) {
  store::NewEvent event;
  event.aggregate_type = "order";
  event.aggregate_id = "1";
  event.event_type = "ORDER_PAID";
  event.payload = "{}";
  store::HomeOptions options = plain_->options();
  const std::string id = plain_->open(options).events()->insert({&event, 1}).front();
  options.daily_partitions = true;
  try {
    plain_->open(options).migrations()->apply();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::conflict);
    EXPECT_THAT(error.what(), HasSubstr("rows"));
  }
  EXPECT_TRUE(plain_->row(id));
}

TEST_P(Partitions, a_table_that_is_not_partitioned_has_no_days_to_keep) {
  const auto retaining = plain_->open(plain_->options()).retention();
  EXPECT_THAT(retaining->keep_partitions(request(), days_ahead).created, IsEmpty());
}

const MakeStore make_postgres = [] { return std::make_unique<PostgresUnderTest>(); };
const MakeStore make_mariadb = [] { return std::make_unique<MariadbUnderTest>(); };

INSTANTIATE_TEST_SUITE_P(
    postgres, Partitions,
    ::testing::Values(PartitionedHome{
        make_postgres,
        "CREATE TABLE outbox_events_p{0} PARTITION OF outbox_events FOR VALUES FROM ('{1} "
        "00:00:00+00') TO ('{2} 00:00:00+00')",
        "outbox_events_p"}));
INSTANTIATE_TEST_SUITE_P(
    mariadb, Partitions,
    ::testing::Values(PartitionedHome{
        make_mariadb,
        "ALTER TABLE outbox_events REORGANIZE PARTITION {3} INTO (PARTITION p{0} VALUES LESS THAN "
        "('{2}'), PARTITION {3} VALUES LESS THAN ('{4}'))",
        "p"}));

const MakeStore make_daily_postgres = [] {
  return std::make_unique<DailyStore>(std::make_unique<PostgresUnderTest>());
};
const MakeStore make_daily_mariadb = [] {
  return std::make_unique<DailyStore>(std::make_unique<MariadbUnderTest>());
};
INSTANTIATE_TEST_SUITE_P(daily_postgres, StoreConformance, ::testing::Values(make_daily_postgres));
INSTANTIATE_TEST_SUITE_P(daily_mariadb, StoreConformance, ::testing::Values(make_daily_mariadb));

}  // namespace
}  // namespace outbox::testing
