// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

template <class Call>
std::optional<Error> error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

TEST_P(StoreConformance, all_instances_agree_on_one_outbox_id_and_slot_count) {
  store::HomeOptions eight = options("publisher-00000002");
  eight.slots = 8;
  const store::Agreed first = store_->open(options()).agreement()->agree(terms(options()));
  const store::Agreed second = store_->open(eight).agreement()->agree(terms(eight));
  EXPECT_FALSE(first.outbox_id.is_nil());
  EXPECT_EQ(second.outbox_id, first.outbox_id);
  EXPECT_EQ(first.slots, 32);
  EXPECT_EQ(second.slots, 32) << "what is stored counts";
}

TEST_P(StoreConformance, an_instance_with_another_settle_is_refused_while_one_lives) {
  Member first = join(options("publisher-00000001"));
  store::HomeOptions other = options("publisher-00000002");
  other.settle = store::SettleMode::remove;
  const auto error = error_of([&] { store_->open(other).agreement()->agree(terms(other)); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::conflict);
  EXPECT_THAT(error->what(),
              AllOf(HasSubstr("relay.settle"), HasSubstr("mark"), HasSubstr("publisher-00000001")));
  first.leases->leave();
  EXPECT_FALSE(error_of([&] { store_->open(other).agreement()->agree(terms(other)); }));
}

TEST_P(StoreConformance, relays_whose_aggregate_types_overlap_are_refused) {
  store::HomeOptions orders = options("publisher-00000001");
  orders.relay_name = "orders";
  orders.aggregate_types = {"order", "payment"};
  const Member first = join(orders);
  store::HomeOptions payments = options("publisher-00000002");
  payments.relay_name = "payments";
  payments.aggregate_types = {"payment"};
  const auto error = error_of([&] { store_->open(payments).agreement()->agree(terms(payments)); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::conflict);
  EXPECT_THAT(error->what(), AllOf(HasSubstr("orders"), HasSubstr("payments")));
}

TEST_P(StoreConformance, who_agreed_first_and_joins_after_others_changed_the_terms_is_refused) {
  store::HomeOptions first = options("publisher-00000001");
  const store::Home home = store_->open(first);
  home.agreement()->agree(terms(first));
  store::HomeOptions other = options("publisher-00000002");
  other.settle = store::SettleMode::remove;
  const Member second = join(other);
  const auto error = error_of([&] { home.leases()->join(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::conflict);
}

TEST_P(StoreConformance, a_partition_count_is_adopted_where_the_expected_one_stands) {
  const auto agreement = store_->open(options()).agreement();
  agreement->agree(terms(options()));
  EXPECT_EQ(agreement->partition_count("orders"), std::nullopt);
  EXPECT_EQ(agreement->adopt_partition_count("orders", 0, 6), 6);
  EXPECT_EQ(agreement->adopt_partition_count("orders", 0, 12), 6) << "another was first";
  EXPECT_EQ(agreement->adopt_partition_count("orders", 6, 12), 12);
  EXPECT_EQ(agreement->adopt_partition_count("orders", 6, 24), 12);
  EXPECT_EQ(agreement->partition_count("orders"), 12);
  EXPECT_EQ(agreement->partition_count("others"), std::nullopt);
}

TEST_P(StoreConformance, migrating_twice_changes_nothing) {
  const auto migrations = store_->open(options()).migrations();
  EXPECT_TRUE(migrations->apply().empty()) << "the case's database is migrated";
  const auto views = migrations->status();
  ASSERT_GE(views.size(), 3U);
  for (const store::MigrationView& view : views) {
    EXPECT_TRUE(view.applied_at) << view.name;
    for (const char* placeholder : {"{schema}", "{table}", "{name:", "{outbox}", "{slots}"}) {
      EXPECT_THAT(view.sql, ::testing::Not(HasSubstr(placeholder)));
    }
  }
}

TEST_P(StoreConformance, a_changed_migration_is_refused) {
  store_->forge_checksum(2);
  const auto migrations = store_->open(options()).migrations();
  const auto error = error_of([&] { migrations->status(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::conflict);
  EXPECT_THAT(error->what(), AllOf(HasSubstr("0002"), HasSubstr("checksum")));
  EXPECT_TRUE(error_of([&] { migrations->apply(); }));
}

TEST_P(StoreConformance, a_database_newer_than_the_program_is_refused) {
  store_->enter_unknown_migration(9000);
  const auto error = error_of([&] { store_->open(options()).migrations()->apply(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::conflict);
  EXPECT_THAT(error->what(), HasSubstr("9000"));
}

}  // namespace
}  // namespace outbox::testing
