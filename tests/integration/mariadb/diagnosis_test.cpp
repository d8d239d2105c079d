// SPDX-License-Identifier: Apache-2.0
//
// Each bad situation is made for real, and the diagnosis has to name it.
#include <gmock/gmock.h>

#include <chrono>

#include "integration/mariadb/relay.hpp"
#include "store/mariadb/diagnosis.hpp"

namespace outbox::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

class MariadbDiagnosis : public ::testing::Test {
 protected:
  MariadbDiagnosis() {
    options_.url = database_.url();
    options_.member_name = "publisher-00000001";
    store::mariadb::make_home(options_).migrations()->apply();
  }

  std::vector<Finding> examine() {
    return store::mariadb::make_diagnosis(std::make_shared<store::mariadb::Shared>(options_),
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

  MariadbDatabase database_;
  store::HomeOptions options_;
  store::DiagnosisLimits limits_;
};

TEST_F(MariadbDiagnosis, finds_nothing_to_warn_of_in_a_healthy_store) {
  for (const Finding& finding : examine()) {
    EXPECT_FALSE(finding.found.empty()) << finding.check;
    // The tests' user may do all on the tests' server, which is set to be quick, not durable; its
    // other sessions are not ours.
    if (finding.check == "grants" || finding.check == "durability" ||
        finding.check == "long-transactions") {
      continue;
    }
    EXPECT_LE(finding.severity, Severity::notice) << finding.check << ": " << finding.found;
    EXPECT_EQ(finding.severity == Severity::ok, finding.remedy.empty()) << finding.check;
  }
}

TEST_F(MariadbDiagnosis, tells_the_index_by_which_the_relay_reads) {
  EXPECT_THAT(examine(), found("read-plan", Severity::ok, "outboxd_open"));
}

TEST_F(MariadbDiagnosis, finds_that_the_index_of_unsettled_rows_is_gone_and_how_to_make_it) {
  database_.execute("ALTER TABLE outbox_events DROP KEY outboxd_open");
  const Finding finding = of(examine(), "read-plan");
  EXPECT_EQ(finding.severity, Severity::problem);
  database_.execute(finding.remedy);
  EXPECT_EQ(of(examine(), "read-plan").severity, Severity::ok);
}

TEST_F(MariadbDiagnosis, names_a_transaction_that_is_open_for_long) {
  limits_.long_transaction = std::chrono::milliseconds(0);
  store::mariadb::Connection holder({.url = database_.url(), .role = "forgotten", .database = {}});
  holder.begin();
  holder.run("writing",
             "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
             "VALUES ('order', '1', 'PAID', '{}')");
  // InnoDB tells anew of its transactions once nobody has asked for 100 ms.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  Finding finding = of(examine(), "long-transactions");
  while (finding.severity == Severity::ok && std::chrono::steady_clock::now() < deadline) {
    database_.execute("DO sleep(0.12 + 0.3 * rand())");
    finding = of(examine(), "long-transactions");
  }
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_THAT(finding.found, HasSubstr("has a transaction open for"));
  EXPECT_THAT(finding.remedy, HasSubstr("KILL "));
  holder.roll_back();
}

TEST_F(MariadbDiagnosis, finds_a_table_that_takes_part_in_no_transaction) {
  database_.execute("ALTER TABLE outboxd_members ENGINE = Aria");
  EXPECT_THAT(examine(), found("storage-engine", Severity::problem, "outboxd_members"));
}

TEST_F(MariadbDiagnosis, finds_that_the_user_may_do_all_on_the_server) {
  EXPECT_THAT(examine(), found("grants", Severity::warning, "on the whole server"));
}

TEST_F(MariadbDiagnosis, says_which_right_is_missing_to_see_other_sessions) {
  const std::string user = "d" + database_.name().substr(database_.name().size() - 12);
  database_.execute("CREATE USER " + user + "@'%' IDENTIFIED BY 'p'");
  database_.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON " + database_.name() + ".* TO " +
                    user + "@'%'");
  const auto at = options_.url.find('@');
  options_.url.replace(10, at - 10, user + ":p");
  const auto findings = examine();
  database_.execute("DROP USER " + user + "@'%'");
  EXPECT_THAT(findings, found("grants", Severity::ok, "in its own database alone"));
  const Finding finding = of(findings, "long-transactions");
  EXPECT_EQ(finding.severity, Severity::notice);
  EXPECT_THAT(finding.remedy, HasSubstr("GRANT PROCESS"));
}

TEST_F(MariadbDiagnosis, finds_a_schema_that_is_older_than_the_program) {
  database_.execute("DELETE FROM outboxd_migrations WHERE number = 8");
  EXPECT_THAT(examine(), found("schema-version", Severity::warning, "0008"));
}

TEST_F(MariadbDiagnosis, finds_a_living_relay_that_goes_by_other_settings) {
  store::HomeOptions other = options_;
  other.settle = store::SettleMode::remove;
  const auto home = store::mariadb::make_home(other);
  home.agreement()->agree({.relay_name = "default",
                           .aggregate_types = {},
                           .capture = "lease",
                           .settle = "delete",
                           .slots = other.slots});
  const auto leases = home.leases();
  leases->join();
  const Finding finding = of(examine(), "settings-agreement");
  EXPECT_EQ(finding.severity, Severity::problem);
  EXPECT_THAT(finding.found, HasSubstr("relay.settle"));
}

TEST_F(MariadbDiagnosis, gives_figures_without_counting) {
  const auto diagnosis = store::mariadb::make_home(options_).diagnosis();
  EXPECT_GT(diagnosis->figures().bytes.value_or(0), 0);
  EXPECT_GT(diagnosis->clock_us(), 1'600'000'000'000'000);
  EXPECT_TRUE(diagnosis->replication_slots().empty());
}

}  // namespace
}  // namespace outbox::testing
