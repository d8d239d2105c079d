// SPDX-License-Identifier: Apache-2.0
//
// Each bad situation is made for real, and the diagnosis has to name it.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "integration/sqlite/scratch.hpp"
#include "store/sqlite/diagnosis.hpp"
#include "store/sqlite/home.hpp"

namespace outbox::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

class SqliteDiagnosis : public ::testing::Test {
 protected:
  SqliteDiagnosis() {
    options_.url = folder_.file();
    options_.member_name = "publisher-00000001";
    store::sqlite::make_home(options_).migrations()->apply();
    std::filesystem::permissions(
        folder_.file(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }

  std::vector<Finding> examine() {
    return store::sqlite::make_diagnosis(std::make_shared<const store::sqlite::Context>(options_),
                                         limits_)
        ->examine();
  }

  static auto found(const std::string& check, Severity severity, const std::string& text) {
    return Contains(AllOf(Field("check", &Finding::check, check),
                          Field("severity", &Finding::severity, severity),
                          Field("found", &Finding::found, HasSubstr(text))));
  }

  static Finding of(const std::vector<Finding>& findings, const std::string& check) {
    for (const Finding& finding : findings) {
      if (finding.check == check) return finding;
    }
    ADD_FAILURE() << "no finding of " << check;
    return {};
  }

  ScratchFolder folder_;
  store::HomeOptions options_;
  store::DiagnosisLimits limits_;
};

TEST_F(SqliteDiagnosis, finds_nothing_to_warn_of_in_a_healthy_store) {
  for (const Finding& finding : examine()) {
    EXPECT_FALSE(finding.found.empty()) << finding.check;
    if (finding.check == "disk-space") continue;  // The machine's, not ours.
    EXPECT_LE(finding.severity, Severity::notice) << finding.check << ": " << finding.found;
    EXPECT_EQ(finding.severity == Severity::ok, finding.remedy.empty()) << finding.check;
  }
}

TEST_F(SqliteDiagnosis, tells_the_index_by_which_the_relay_reads) {
  EXPECT_THAT(examine(), found("read-plan", Severity::ok, "outbox_events_unsettled"));
}

TEST_F(SqliteDiagnosis, finds_that_the_index_of_unsettled_rows_is_gone_and_how_to_make_it) {
  Client client(folder_.file());
  client.run("DROP INDEX outbox_events_unsettled");
  const Finding finding = of(examine(), "read-plan");
  EXPECT_EQ(finding.severity, Severity::problem);
  client.run(finding.remedy.substr(0, finding.remedy.find(';')));
  EXPECT_EQ(of(examine(), "read-plan").severity, Severity::ok);
}

TEST_F(SqliteDiagnosis, finds_a_damaged_file) {
  Client(folder_.file()).run("PRAGMA wal_checkpoint(TRUNCATE)");
  {
    // A page of some table, past the schema's.
    std::fstream file(folder_.file(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(folder_.file())) - 4096);
    file << std::string(4096, '\x5a');
  }
  EXPECT_EQ(of(examine(), "integrity").severity, Severity::problem);
}

TEST_F(SqliteDiagnosis, leaves_a_large_file_unchecked_and_says_so) {
  limits_.quick_check_bytes = 1;
  EXPECT_THAT(examine(), found("integrity", Severity::notice, "was not checked"));
}

TEST_F(SqliteDiagnosis, finds_a_write_ahead_log_that_grows) {
  limits_.log_bytes = 0;
  Client client(folder_.file());
  client.run("CREATE TABLE more (n INTEGER)");
  EXPECT_THAT(examine(), found("write-ahead-log", Severity::warning, "KiB"));
}

TEST_F(SqliteDiagnosis, finds_a_file_that_everybody_may_write) {
  std::filesystem::permissions(folder_.file(),
                               std::filesystem::perms::all & ~std::filesystem::perms::owner_exec);
  EXPECT_THAT(examine(), found("file-permissions", Severity::warning, "every user"));
}

TEST_F(SqliteDiagnosis, finds_a_schema_that_is_older_than_the_program) {
  Client(folder_.file()).run("DELETE FROM outboxd_migrations WHERE number = 8");
  EXPECT_THAT(examine(), found("schema-version", Severity::warning, "0008"));
}

TEST_F(SqliteDiagnosis, tells_that_there_is_no_table_yet) {
  options_.url = folder_.file() + "-empty";
  Client(options_.url).run("CREATE TABLE other (n INTEGER)");
  EXPECT_THAT(examine(), found("outbox-table", Severity::problem, "outbox_events"));
}

TEST_F(SqliteDiagnosis, gives_figures_without_counting) {
  const auto diagnosis = store::sqlite::make_home(options_).diagnosis();
  EXPECT_GT(diagnosis->figures().bytes.value_or(0), 0);
  EXPECT_GT(diagnosis->clock_us(), 1'600'000'000'000'000);
}

}  // namespace
}  // namespace outbox::testing
