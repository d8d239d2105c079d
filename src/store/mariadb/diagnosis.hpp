// SPDX-License-Identifier: Apache-2.0
//
// The parts of MariaDB's diagnosis, and its maker with limits, for tests.
#pragma once

#include <memory>

#include "store/examination.hpp"
#include "store/mariadb/seams.hpp"

namespace outbox::store::mariadb {

/// What one diagnosis looks at and with.
struct Patient {
  Shared& shared;
  Connection& connection;
  const DiagnosisLimits& limits;
};

// diagnosis_server.cpp: the session, the server's settings, rights, other sessions.
void examine_server(Examination& examination, Patient& patient);

// diagnosis_table.cpp: the outbox table and what is agreed on it.
void examine_table(Examination& examination, Patient& patient, const Table& table);
[[nodiscard]] TableFigures read_figures(Connection& connection, const Table& table);

std::unique_ptr<Diagnosis> make_diagnosis(std::shared_ptr<Shared> shared,
                                          const DiagnosisLimits& limits);

}  // namespace outbox::store::mariadb
