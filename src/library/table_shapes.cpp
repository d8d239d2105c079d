// SPDX-License-Identifier: Apache-2.0
#include "library/table_shapes.hpp"

#include "config/settings.hpp"

namespace outbox::library {

TableShape find_table_shape(const std::string& preset, const std::string& table) {
  config::Sources sources;
  // A library reads no files of a process that is somebody else's: no folder of this name can be.
  sources.working_directory = "/dev/null";
  if (!preset.empty()) sources.flags.emplace_back("outbox.preset", preset);
  if (!table.empty()) sources.flags.emplace_back("outbox.table", table);
  return config::load(sources).outbox().table;
}

}  // namespace outbox::library
