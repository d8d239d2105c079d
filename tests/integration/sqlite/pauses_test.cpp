// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <outbox/error.hpp>

#include "integration/sqlite/scratch.hpp"
#include "store/sqlite/home.hpp"

namespace outbox::testing {
namespace {

TEST(SqlitePauses, no_more_than_ten_thousand_stand_at_once) {
  const ScratchFolder folder;
  store::HomeOptions options;
  options.url = folder.file();
  const store::Home home = store::sqlite::make_home(options);
  home.migrations()->apply();
  Client(folder.file())
      .run(
          "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
          "INSERT INTO outboxd_pauses (outbox_table, kind, name, who, since) "
          "SELECT 'outbox_events', 'key', 'key-' || i, 'ada', i FROM n");
  const auto controls = home.controls();
  const store::Pause one_more{store::PauseKind::key, "one more", "ada", "", 0};
  try {
    controls->pause(one_more);
    FAIL() << "no error came";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::conflict);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("10000 pauses"));
    EXPECT_FALSE(error.hint().empty());
  }
  EXPECT_TRUE(controls->resume(store::PauseKind::key, "key-1"));
  EXPECT_TRUE(controls->pause(one_more));
}

}  // namespace
}  // namespace outbox::testing
