// SPDX-License-Identifier: Apache-2.0
//
// SQLite's diagnosis with limits, for tests.
#pragma once

#include <memory>

#include "store/examination.hpp"
#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {

[[nodiscard]] std::unique_ptr<Diagnosis> make_diagnosis(SharedContext context,
                                                        const DiagnosisLimits& limits);

}  // namespace outbox::store::sqlite
