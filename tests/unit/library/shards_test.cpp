// SPDX-License-Identifier: Apache-2.0
//
// Which shard an aggregate belongs to (C2). No database is connected to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include <outbox/shards.hpp>

namespace outbox {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

Event about(const std::string& aggregate_id) {
  Event event;
  event.aggregate_id = aggregate_id;
  return event;
}

template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

Shard shard(const std::string& name, bool active = true) {
  return {name, {.url = "sqlite:///" + name + ".db"}, active};
}

TEST(RouteByHash, gives_each_shard_its_share) {
  const ShardRouter router = route_by_hash({"a", "b", "c", "d"});
  std::map<std::string, int> counts;
  for (int id = 0; id < 40'000; ++id)
    ++counts[router(about(std::to_string(id)))];
  ASSERT_EQ(counts.size(), 4U);
  for (const auto& [name, count] : counts)
    EXPECT_THAT(count, AllOf(Ge(9'500), Le(10'500))) << name;
}

TEST(RouteByHash, moves_only_what_a_new_shard_takes) {
  const ShardRouter before = route_by_hash({"c", "a", "b"});
  const ShardRouter after = route_by_hash({"a", "b", "c", "d"});
  int moved = 0;
  for (int id = 0; id < 10'000; ++id) {
    const Event event = about(std::to_string(id));
    if (before(event) == after(event)) continue;
    EXPECT_EQ(after(event), "d");
    ++moved;
  }
  EXPECT_THAT(moved, AllOf(Ge(2'300), Le(2'700)));
}

TEST(RouteByHash, keeps_its_places_for_ever) {
  // Aggregates of a running system lie where these say: a change here loses their order.
  const ShardRouter router = route_by_hash({"eu-1", "eu-2", "us-1"});
  std::string places;
  for (int id = 1; id <= 12; ++id)
    places += router(about(std::to_string(id))) + " ";
  EXPECT_EQ(places, "us-1 us-1 us-1 eu-2 us-1 us-1 eu-1 eu-2 us-1 eu-1 eu-1 eu-1 ");
}

TEST(RouteByRange, goes_by_the_last_range_that_begins_at_or_below) {
  const ShardRouter router = route_by_range({{1'000, "new"}, {-5, "odd"}, {0, "old"}});
  EXPECT_EQ(router(about("-5")), "odd");
  EXPECT_EQ(router(about("0")), "old");
  EXPECT_EQ(router(about("999")), "old");
  EXPECT_EQ(router(about("1000")), "new");
  EXPECT_EQ(router(about("9223372036854775807")), "new");
  EXPECT_THAT(refusal([&] { static_cast<void>(router(about("-6"))); }),
              HasSubstr("-6 lies below the first range, which begins at -5"));
  EXPECT_THAT(refusal([&] { static_cast<void>(router(about("4a"))); }),
              HasSubstr("'4a' is no whole number"));
}

TEST(Routers, without_shards_or_with_ranges_that_clash_are_refused) {
  EXPECT_THAT(refusal([] { static_cast<void>(route_by_hash({})); }), HasSubstr("no shard"));
  EXPECT_THAT(refusal([] { static_cast<void>(route_by_range({})); }), HasSubstr("no range"));
  EXPECT_THAT(refusal([] {
                static_cast<void>(route_by_range({{1, "a"}, {1, "b"}}));
              }),
              HasSubstr("two ranges begin at 1"));
}

TEST(Shards, with_one_name_or_none_are_refused) {
  EXPECT_THAT(refusal([] {
                Shards({.shards = {shard("a"), shard("a")}});
              }),
              HasSubstr("two shards have the name 'a'"));
  EXPECT_THAT(refusal([] { Shards({.shards = {shard("global")}}); }), HasSubstr("'global'"));
  EXPECT_THAT(refusal([] { Shards({.shards = {shard("A b")}}); }), HasSubstr("'A b' is no name"));
  EXPECT_THAT(refusal([] { Shards({.shards = {shard("a", false)}}); }),
              HasSubstr("no active shard"));
}

TEST(Shards, that_are_not_active_keep_their_aggregates) {
  Shards all({.shards = {shard("a"), shard("b")}});
  Shards some({.shards = {shard("a"), shard("b", false)}});
  int refused = 0;
  for (int id = 0; id < 100; ++id) {
    const Event event = about(std::to_string(id));
    if (&all.of(event) == &all.at("a")) {
      EXPECT_EQ(&some.of(event), &some.at("a"));
    } else {
      EXPECT_THAT(refusal([&] { static_cast<void>(some.of(event)); }),
                  HasSubstr("no active shard 'b'"));
      ++refused;
    }
  }
  EXPECT_GT(refused, 20);
}

TEST(Shards, are_the_active_ones_and_an_unknown_name_lists_them) {
  Shards shards({.shards = {shard("b"), shard("a"), shard("off", false)},
                 .global = DatabaseOptions{.url = "sqlite:///g.db"},
                 .router = [](const Event& event) { return event.aggregate_id; }});
  EXPECT_THAT(shards.names(), ElementsAre("a", "b"));
  EXPECT_EQ(&shards.of(about("b")), &shards.at("b"));
  EXPECT_EQ(&shards.of(about("global")), &shards.at("global"));
  EXPECT_THAT(refusal([&] { static_cast<void>(shards.of(about("off"))); }),
              HasSubstr("there is no active shard 'off': they are: a, b, global"));
}

}  // namespace
}  // namespace outbox
