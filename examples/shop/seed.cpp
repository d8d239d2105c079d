// SPDX-License-Identifier: Apache-2.0
#include "seed.hpp"

#include <array>
#include <string>

#include <fmt/format.h>

#include "commands.hpp"
#include "products.hpp"
#include "schema.hpp"

namespace shop {
namespace {

struct Sample {
  const char* name;
  std::int64_t price;
};
constexpr std::array samples = {
    Sample{"Kettle", 3490},       Sample{"Coffee mill", 8900},  Sample{"Mug", 1250},
    Sample{"Tea pot", 4200},      Sample{"Bread knife", 2790},  Sample{"Cutting board", 3150},
    Sample{"Frying pan", 5490},   Sample{"Salad bowl", 1990},   Sample{"Apron", 2450},
    Sample{"Pepper mill", 3890},  Sample{"Rolling pin", 1690},  Sample{"Whisk", 890},
    Sample{"Casserole", 7900},    Sample{"Ladle", 1190},        Sample{"Storage jar", 1490},
    Sample{"Oven gloves", 1590},  Sample{"Milk jug", 2190},     Sample{"Cake tin", 2390},
    Sample{"Espresso pot", 3290}, Sample{"Kitchen scale", 4590}};

int run_seed(const Options& options) {
  outbox::Database database({.url = options.needed("database")});
  expect_outbox(database);
  make_tables(database);
  const std::int64_t made = seed(database, {.products = options.number("products", 1, 10'000),
                                            .stock = options.number("stock", 0, 1'000'000)});
  if (made == 0)
    fmt::print("There are products already: nothing to do.\n");
  else
    fmt::print("{} products made.\n", made);
  return 0;
}

}  // namespace

std::int64_t seed(outbox::Database& database, const SeedOptions& options) {
  return database.transaction([&](outbox::Transaction& transaction) -> std::int64_t {
    one_at_a_time(transaction);
    if (!products(transaction, 0, 1).empty()) return 0;
    for (std::int64_t number = 0; number < options.products; ++number) {
      const auto round = number / static_cast<std::int64_t>(samples.size());
      const Sample& sample = samples[static_cast<std::size_t>(number) % samples.size()];
      create_product(
          transaction,
          {.name = round == 0 ? sample.name : fmt::format("{} {}", sample.name, round + 1),
           .price = sample.price + 10 * round,
           .stock = options.stock});
    }
    return options.products;
  });
}

const Command seed_command{.name = "seed",
                           .words = "",
                           .help = "Products for a shop that has none",
                           .flags = {database_flag,
                                     {"products", "", "20", "how many"},
                                     {"stock", "", "1000", "how much of each"}},
                           .run = run_seed};

}  // namespace shop
