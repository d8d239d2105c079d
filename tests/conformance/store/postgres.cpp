// SPDX-License-Identifier: Apache-2.0
#include "conformance/store/operators_mapped.hpp"
#include "conformance/store/postgres_under_test.hpp"

namespace outbox::testing {
namespace {

const MakeStore make_postgres = [] { return std::make_unique<PostgresUnderTest>(); };

INSTANTIATE_TEST_SUITE_P(postgres, StoreConformance, ::testing::Values(make_postgres));
INSTANTIATE_TEST_SUITE_P(postgres, OperatorsMapped, ::testing::Values(make_postgres));
INSTANTIATE_TEST_SUITE_P(postgres, RowCaptureConformance, ::testing::Values(make_postgres));
INSTANTIATE_TEST_SUITE_P(postgres, OpenWriterConformance, ::testing::Values(make_postgres));

}  // namespace
}  // namespace outbox::testing
