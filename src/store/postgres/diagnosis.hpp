// SPDX-License-Identifier: Apache-2.0
//
// The parts of PostgreSQL's diagnosis, and its maker with limits, for tests.
#pragma once

#include <memory>

#include "store/examination.hpp"
#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {

/// What one diagnosis looks at and with.
struct Patient {
  Shared& shared;
  Connection& connection;
  const DiagnosisLimits& limits;
};

// diagnosis_server.cpp: the session, the server's settings, rights.
void examine_connection(Examination& examination, Patient& patient);
void examine_settings(Examination& examination, Patient& patient);
void examine_rights(Examination& examination, Patient& patient, const Table& table);

// diagnosis_activity.cpp: what other sessions do to us.
void examine_activity(Examination& examination, Patient& patient);
[[nodiscard]] std::vector<ReplicationSlot> read_slots(Connection& connection);

// diagnosis_table.cpp: the outbox table and what is agreed on it.
void examine_table(Examination& examination, Patient& patient, const Table& table);
[[nodiscard]] TableFigures read_figures(Connection& connection, const Table& table);

std::unique_ptr<Diagnosis> make_diagnosis(std::shared_ptr<Shared> shared,
                                          const DiagnosisLimits& limits);

}  // namespace outbox::store::postgres
