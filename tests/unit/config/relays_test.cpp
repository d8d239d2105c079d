// SPDX-License-Identifier: Apache-2.0
//
// Row A8: several named relays in one process.
#include "support.hpp"

namespace outbox::config {
namespace {

using ::testing::ElementsAre;
using testing::Given;
using ::testing::HasSubstr;
using testing::load_given;
using testing::refusal;
using namespace std::chrono_literals;

constexpr std::string_view two_relays =
    "relay: {batch-size: 200, envelope: standard}\n"
    "relays:\n"
    "  orders:\n"
    "    aggregate-types: [order, cart]\n"
    "    batch-size: 50\n"
    "  payments:\n"
    "    aggregate-types: payment\n"
    "    routes: [{event-type: 'PAY_*', topic: payment.events}]\n";

TEST(Relays, take_relay_settings_as_defaults_and_override_them) {
  const Settings settings = load_given({.yaml = std::string(two_relays)});
  EXPECT_THAT(settings.relay_names(), ElementsAre("orders", "payments"));
  EXPECT_EQ(settings.relay("orders").name, "orders");
  EXPECT_EQ(settings.relay("orders").batch_size, 50);
  EXPECT_EQ(settings.relay("payments").batch_size, 200);
  EXPECT_EQ(settings.relay("orders").envelope, Envelope::standard);
  EXPECT_THAT(settings.relay("orders").aggregate_types, ElementsAre("order", "cart"));
  EXPECT_EQ(settings.relay("payments").routes.size(), 1U);
  EXPECT_EQ(settings.origin("relays.orders.batch-size"), "outboxd.yaml:5");
}

TEST(Relays, are_set_by_flags_and_variables_too) {
  const Settings settings =
      load_given({.flags = {{"relays.orders.polling-interval", "2s"}},
                  .environment = {{"OUTBOXD_RELAYS_ORDERS_BATCH_SIZE", "9"},
                                  {"OUTBOXD_RELAYS_BIG_ONES_MAX_IN_FLIGHT_ROWS", "5000"},
                                  {"OUTBOXD_RELAYS_BIG_ONES_AGGREGATE_TYPES", "big"},
                                  {"OUTBOXD_RELAYS_ORDERS_AGGREGATE_TYPES", "order"}}});
  EXPECT_THAT(settings.relay_names(), ElementsAre("big-ones", "orders"));
  EXPECT_EQ(settings.relay("orders").polling_interval, 2s);
  EXPECT_EQ(settings.relay("orders").batch_size, 9);
  EXPECT_EQ(settings.relay("big-ones").max_in_flight_rows, 5'000);
}

TEST(Relays, are_one_named_default_where_none_is_named) {
  EXPECT_THAT(load_given({}).relay_names(), ElementsAre("default"));
}

TEST(Relays, that_are_switched_off_are_not_there) {
  EXPECT_TRUE(load_given({.flags = {{"relay.enabled", "false"}}}).relay_names().empty());
  const Settings settings =
      load_given({.flags = {{"relays.orders.enabled", "false"}}, .yaml = std::string(two_relays)});
  EXPECT_THAT(settings.relay_names(), ElementsAre("payments"));
  EXPECT_THROW(static_cast<void>(settings.relay("orders")), Error);
}

TEST(Relays, with_a_name_alone_take_all_defaults) {
  EXPECT_THAT(load_given({.yaml = "relays: {orders: }\n"}).relay_names(), ElementsAre("orders"));
  EXPECT_THAT(load_given({.yaml = "relays: {orders: {}}\n"}).relay_names(), ElementsAre("orders"));
}

TEST(Relays, wait_a_fixed_time_even_where_it_is_longer_than_the_longest_growing_one) {
  const Settings settings =
      load_given({.flags = {{"relay.backoff", "fixed"}, {"relay.backoff-initial", "10m"}}});
  EXPECT_EQ(settings.relay("default").backoff.initial, 10min);
  EXPECT_EQ(settings.relay("default").backoff.max, 10min);
}

struct Bad {
  Given given;
  std::vector<std::string> words;
};

class BadRelays : public ::testing::TestWithParam<Bad> {};

TEST_P(BadRelays, are_refused) {
  const std::string message = refusal(GetParam().given);
  for (const std::string& word : GetParam().words)
    EXPECT_THAT(message, HasSubstr(word));
  testing::expect_good_message(message);
}

INSTANTIATE_TEST_SUITE_P(
    Inputs, BadRelays,
    ::testing::Values(
        Bad{{.yaml = "relays:\n  a: {aggregate-types: [x, y]}\n  b: {aggregate-types: [z, y]}\n"},
            {"the relays 'a' (outboxd.yaml:2) and 'b' (outboxd.yaml:3)", "aggregate type 'y'"}},
        Bad{{.yaml = "relays:\n  a: {aggregate-types: [x]}\n  b: {batch-size: 5}\n"},
            {"'a'", "'b'", "'x'"}},
        Bad{{.yaml = "relays:\n  a: {batch-size: 0}\n"},
            {"relays.a.batch-size (outboxd.yaml:2) is '0'"}},
        Bad{{.yaml = "relays:\n  a: {batchsize: 5}\n"},
            {"'relays.a.batchsize' is no setting", "did you mean 'relays.a.batch-size'?"}},
        Bad{{.yaml = "relays:\n  a: {slots: 5}\n"}, {"'relays.a.slots' is no setting"}},
        Bad{{.yaml = "relays:\n  A_b: {batch-size: 5}\n"}, {"'relays.A_b.batch-size'"}},
        Bad{{.environment = {{"OUTBOXD_RELAYS_ORDERS_NOTHING", "5"}}},
            {"OUTBOXD_RELAYS_ORDERS_NOTHING"}}));

}  // namespace
}  // namespace outbox::config
