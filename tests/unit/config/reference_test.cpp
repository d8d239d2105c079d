// SPDX-License-Identifier: Apache-2.0
#include "config/reference.hpp"

#include <fstream>
#include <sstream>

#include "app/cli.hpp"
#include "support.hpp"

namespace outbox::app {
namespace {

TEST(ReferencePage, in_the_docs_is_the_one_that_the_tables_make) {
  std::ifstream file(OUTBOX_SOURCE "/docs/configuration.md");
  std::ostringstream text;
  text << file.rdbuf();
  // The two whole pages would drown the remedy.
  EXPECT_TRUE(text.str() == configuration_page())
      << "run: outboxd help configuration > docs/configuration.md";
}

TEST(ReferencePage, has_every_setting) {
  const std::string page = config::reference_page();
  for (const config::Setting& setting : config::settings_table()) {
    EXPECT_NE(page.find("| `" + std::string(setting.name) + "`"), std::string::npos)
        << setting.name;
  }
}

}  // namespace
}  // namespace outbox::app
