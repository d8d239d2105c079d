// SPDX-License-Identifier: Apache-2.0
#include "admin/doctor.hpp"

#include "app/commands.hpp"
#include "app/operating.hpp"
#include "app/show.hpp"
#include "app/show_values.hpp"

namespace outbox::app {

int command_doctor(const Arguments& arguments) {
  Operation operation(arguments);
  const admin::Json doctor = admin::doctor(operation.office(), arguments.value("store"));
  operation.print(doctor, show_findings(doctor, arguments.has("all"), operation.look()));
  const std::string state = text_of(doctor, "state");
  const bool bad = state == "problem" || (arguments.has("strict") && state != "ok");
  return bad ? exit_code(ErrorKind::failed) : 0;
}

}  // namespace outbox::app
