// SPDX-License-Identifier: Apache-2.0
#include "gateway/filter.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "fakes.hpp"
#include "gateway/hub.hpp"

namespace outbox::gateway {
namespace {

const Subject paid{"ORDER_PAID", "order", "42"};

TEST(Filter, without_values_lets_everything_pass) {
  EXPECT_TRUE(Filter{}.matches(paid));
  EXPECT_TRUE(Filter{}.matches({}));
}

TEST(Filter, takes_values_of_one_field_as_alternatives_and_fields_together) {
  const Filter filter{{"ORDER_PAID", "ORDER_CANCELLED"}, {"order"}, {}};
  EXPECT_TRUE(filter.matches(paid));
  EXPECT_TRUE(filter.matches({"ORDER_CANCELLED", "order", "1"}));
  EXPECT_FALSE(filter.matches({"ORDER_PAID", "parcel", "42"}));
  EXPECT_FALSE(filter.matches({"RESTOCKED", "order", "42"}));
  EXPECT_FALSE(filter.matches({}));
}

class FilterIndexTest : public ::testing::Test {
 protected:
  std::shared_ptr<Client> client(Filter filter) {
    ClientTerms terms;
    terms.filter = std::move(filter);
    return hub_.make_client(std::move(terms));
  }
  std::vector<Client*> found(const Subject& subject) {
    std::vector<Client*> clients;
    index_.find(subject, clients);
    return clients;
  }

  testing::FakeCatchUps catch_ups_;
  testing::FakePost post_;
  Hub hub_{{}, Slots({"realtime.events"}), catch_ups_, post_.function()};
  FilterIndex index_;
};

TEST_F(FilterIndexTest, finds_each_client_once_whichever_fields_it_filters_by) {
  const auto all = client({});
  const auto by_id = client({{}, {}, {"42", "42", "43"}});
  const auto by_event = client({{"ORDER_PAID", "ORDER_CANCELLED"}, {}, {}});
  const auto by_type = client({{}, {"order", "parcel"}, {}});
  const auto by_all = client({{"ORDER_PAID"}, {"order"}, {"42"}});
  const auto others = client({{"ORDER_PAID"}, {"parcel"}, {"42"}});
  for (const auto& one : {all, by_id, by_event, by_type, by_all, others})
    index_.add(*one);
  std::vector<Client*> expected = {all.get(), by_id.get(), by_event.get(), by_type.get(),
                                   by_all.get()};
  std::vector<Client*> clients = found(paid);
  std::sort(expected.begin(), expected.end());
  std::sort(clients.begin(), clients.end());
  EXPECT_EQ(clients, expected);
}

TEST_F(FilterIndexTest, forgets_a_client_under_all_its_values) {
  const auto one = client({{}, {}, {"42", "43"}});
  const auto other = client({{}, {}, {"42"}});
  index_.add(*one);
  index_.add(*other);
  index_.remove(*one);
  EXPECT_EQ(found(paid), (std::vector<Client*>{other.get()}));
  EXPECT_TRUE(found({"", "", "43"}).empty());
}

}  // namespace
}  // namespace outbox::gateway
