// SPDX-License-Identifier: Apache-2.0
#include "conformance/store/mariadb_under_test.hpp"
#include "conformance/store/operators_mapped.hpp"

namespace outbox::testing {
namespace {

const MakeStore make_mariadb = [] { return std::make_unique<MariadbUnderTest>(); };

INSTANTIATE_TEST_SUITE_P(mariadb, StoreConformance, ::testing::Values(make_mariadb));
INSTANTIATE_TEST_SUITE_P(mariadb, OperatorsMapped, ::testing::Values(make_mariadb));
INSTANTIATE_TEST_SUITE_P(mariadb, RowCaptureConformance, ::testing::Values(make_mariadb));
INSTANTIATE_TEST_SUITE_P(mariadb, OpenWriterConformance, ::testing::Values(make_mariadb));

}  // namespace
}  // namespace outbox::testing
