// SPDX-License-Identifier: Apache-2.0
//
// Each bad situation is made for real, and the diagnosis has to name it.
#include <gmock/gmock.h>

#include "integration/postgres/relay.hpp"
#include "store/postgres/diagnosis.hpp"

namespace outbox::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;

class PostgresDiagnosis : public ::testing::Test {
 protected:
  PostgresDiagnosis() {
    options_ = options_of(schema_);
    store::postgres::make_home(options_).migrations()->apply();
  }

  std::vector<Finding> examine(const store::HomeOptions& options) {
    return store::postgres::make_diagnosis(std::make_shared<store::postgres::Shared>(options),
                                           limits_)
        ->examine();
  }
  std::vector<Finding> examine() { return examine(options_); }

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

  PostgresSchema schema_;
  store::HomeOptions options_;
  store::DiagnosisLimits limits_;
};

TEST_F(PostgresDiagnosis, finds_nothing_to_warn_of_in_a_healthy_store) {
  for (const Finding& finding : examine()) {
    EXPECT_FALSE(finding.found.empty()) << finding.check;
    // The tests' user is the superuser of the tests' server, which is set to be quick, not durable;
    // its other sessions are not ours.
    if (finding.check == "grants" || finding.check == "durability" ||
        finding.check == "vacuum-horizon" || finding.check == "long-transactions" ||
        finding.check == "replication-slots") {
      continue;
    }
    EXPECT_LE(finding.severity, Severity::notice) << finding.check << ": " << finding.found;
    EXPECT_EQ(finding.severity == Severity::ok, finding.remedy.empty()) << finding.check;
  }
}

TEST_F(PostgresDiagnosis, tells_the_index_by_which_the_relay_reads) {
  EXPECT_THAT(examine(), found("read-plan", Severity::ok, "outbox_events_unsettled"));
}

TEST_F(PostgresDiagnosis, finds_that_the_index_of_unsettled_rows_is_gone) {
  schema_.execute("DROP INDEX outbox_events_unsettled");
  const Finding finding = of(examine(), "read-plan");
  EXPECT_EQ(finding.severity, Severity::problem);
  EXPECT_THAT(finding.found, HasSubstr("outbox_events_pkey"));
  // The remedy is a statement that mends it.
  schema_.execute(finding.remedy);
  EXPECT_EQ(of(examine(), "read-plan").severity, Severity::ok);
}

TEST_F(PostgresDiagnosis, finds_an_invalid_index_by_name) {
  schema_.execute("CREATE INDEX broken ON outbox_events (event_type)");
  schema_.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass");
  EXPECT_THAT(examine(), found("indexes", Severity::problem, "broken"));
}

TEST_F(PostgresDiagnosis, names_the_session_that_holds_the_vacuum_horizon) {
  limits_.old_horizon = std::chrono::milliseconds(0);
  store::postgres::Connection holder({.url = schema_.url(), .role = "forgotten"});
  holder.begin();
  holder.run("writing", "CREATE TABLE held (n int)", store::postgres::Parameters());
  // Others on the tests' server may hold it too, and longer: the oldest one is named.
  const Finding finding = of(examine(), "vacuum-horizon");
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_THAT(finding.found, HasSubstr("pid "));
  EXPECT_THAT(finding.remedy, HasSubstr("pg_terminate_backend("));
  holder.roll_back();
}

TEST_F(PostgresDiagnosis, names_a_transaction_that_is_open_for_long) {
  limits_.long_transaction = std::chrono::milliseconds(0);
  store::postgres::Connection holder({.url = schema_.url(), .role = "forgotten"});
  holder.begin();
  holder.run("writing", "SELECT 1", store::postgres::Parameters());
  const Finding finding = of(examine(), "long-transactions");
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_THAT(finding.found, HasSubstr("has a transaction open for"));
  holder.roll_back();
}

TEST_F(PostgresDiagnosis, finds_another_isolation_level_of_the_user) {
  store::HomeOptions options = options_;
  const std::string role = schema_.name() + "_reader";
  schema_.execute("CREATE ROLE " + role + " LOGIN");
  schema_.execute("ALTER ROLE " + role + " SET default_transaction_isolation = 'repeatable read'");
  schema_.execute("GRANT USAGE ON SCHEMA " + schema_.name() + " TO " + role);
  options.url = schema_.url();
  options.url.replace(options.url.find("outboxd@"), 8, role + "@");
  const auto findings = examine(options);
  EXPECT_THAT(findings, found("isolation-level", Severity::problem, "repeatable read"));
  EXPECT_THAT(findings, found("rights-missing", Severity::warning, "pauses"));
  EXPECT_THAT(findings, found("sessions-hidden", Severity::notice, "other users"));
  schema_.execute("DROP OWNED BY " + role);
  schema_.execute("DROP ROLE " + role);
}

TEST_F(PostgresDiagnosis, finds_that_a_commit_may_be_lost_in_a_crash) {
  const std::string role = schema_.name() + "_quick";
  schema_.execute("CREATE ROLE " + role + " LOGIN");
  schema_.execute("ALTER ROLE " + role + " SET synchronous_commit = off");
  options_.url = schema_.url();
  options_.url.replace(options_.url.find("outboxd@"), 8, role + "@");
  const auto findings = examine();
  schema_.execute("DROP ROLE " + role);
  EXPECT_THAT(findings, found("durability", Severity::problem, "synchronous_commit is off"));
}

TEST_F(PostgresDiagnosis, finds_that_autovacuum_is_off_for_the_table) {
  schema_.execute("ALTER TABLE outbox_events SET (autovacuum_enabled = false)");
  EXPECT_THAT(examine(), found("autovacuum", Severity::problem, "switched off"));
}

TEST_F(PostgresDiagnosis, counts_dead_rows_by_the_servers_statistics) {
  limits_.dead_rows = 1;
  schema_.execute("ALTER TABLE outbox_events SET (autovacuum_enabled = false)");
  schema_.execute(
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
      "SELECT 'order', n::text, 'PAID', '{}' FROM generate_series(1, 100) n");
  schema_.execute("DELETE FROM outbox_events");
  schema_.execute("SELECT pg_stat_force_next_flush()");
  EXPECT_THAT(examine(), found("autovacuum", Severity::warning, "100 dead row versions"));
}

TEST_F(PostgresDiagnosis, finds_a_slot_that_nobody_reads) {
  limits_.slot_bytes = 0;
  const std::string slot = schema_.name();
  schema_.execute("SELECT pg_create_physical_replication_slot('" + slot + "', true)");
  const auto findings = examine();
  schema_.execute("SELECT pg_drop_replication_slot('" + slot + "')");
  EXPECT_THAT(findings, found("replication-slots", Severity::warning, slot));
  EXPECT_THAT(findings, found("replication-slots", Severity::warning, "max_slot_wal_keep_size"));
}

TEST_F(PostgresDiagnosis, finds_a_schema_that_is_older_than_the_program) {
  schema_.execute("DELETE FROM outboxd_migrations WHERE number = 8");
  EXPECT_THAT(examine(), found("schema-version", Severity::warning, "0008"));
}

TEST_F(PostgresDiagnosis, finds_a_living_relay_that_goes_by_other_settings) {
  store::HomeOptions other = options_;
  other.settle = store::SettleMode::remove;
  const Member member = join(other);
  const Finding finding = of(examine(), "settings-agreement");
  EXPECT_EQ(finding.severity, Severity::problem);
  EXPECT_THAT(finding.found, HasSubstr("relay.settle"));
}

TEST_F(PostgresDiagnosis, tells_what_is_wrong_with_a_table_that_is_not_there) {
  options_.table.table = "elsewhere";
  EXPECT_THAT(examine(), found("outbox-table", Severity::problem, "elsewhere"));
}

TEST_F(PostgresDiagnosis, gives_up_what_does_not_fit_into_its_time) {
  limits_.budget = std::chrono::milliseconds(0);
  const auto findings = examine();
  EXPECT_THAT(findings, Each(Field("severity", &Finding::severity, Severity::notice)));
}

TEST_F(PostgresDiagnosis, gives_figures_without_counting) {
  schema_.execute(
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
      "SELECT 'order', n::text, 'PAID', '{}' FROM generate_series(1, 500) n");
  schema_.execute("ANALYZE outbox_events");
  const auto diagnosis = store::postgres::make_home(options_).diagnosis();
  const store::TableFigures figures = diagnosis->figures();
  EXPECT_EQ(figures.rows, 500);
  EXPECT_GT(figures.bytes.value_or(0), 0);
  EXPECT_GE(figures.inbox_rows.value_or(-1), 0);
  EXPECT_GT(diagnosis->clock_us(), 1'600'000'000'000'000);
}

}  // namespace
}  // namespace outbox::testing
