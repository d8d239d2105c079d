// SPDX-License-Identifier: Apache-2.0
//
// Makes Settings of the layers: reads each group, checks what must fit together, and records what
// check-config shows. One file a group of settings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/layers.hpp"
#include "config/reader.hpp"
#include "config/settings.hpp"

namespace outbox::config {

/// What a browser sends: scheme and host, without a path; or `*`.
[[nodiscard]] bool is_origin(const std::string& text);

class SettingsBuilder {
 public:
  /// Borrows the layers.
  explicit SettingsBuilder(const Layers& layers) : layers_(layers), reader_(layers) {}

  [[nodiscard]] Settings build(std::string_view command);

 private:
  void read_process();
  void read_database();
  [[nodiscard]] DatabaseSettings read_address(const std::string& url_name,
                                              const std::string& password_name);
  void read_stores();
  [[nodiscard]] StoreSettings read_shard(const std::string& name);
  void check_stores() const;
  void read_kafka();
  void read_kafka_security();
  void read_kafka_properties();
  void read_outbox();
  void read_table_name(TableShape& shape);
  void read_columns(TableShape& shape);
  void read_status(TableShape& shape);
  void check_shape(const TableShape& shape) const;
  void read_gateway();
  void read_gateway_tls();
  void warn_of_gateway();
  void read_admin();
  [[nodiscard]] std::vector<AdminToken> read_tokens(const std::string& setting) const;
  void check_token_names() const;
  void check_admin(std::string_view command);
  void read_alerts();
  void read_relays();
  void read_cleanup();
  [[nodiscard]] bool cleans_up_by_itself() const;
  void check_partitions() const;
  [[nodiscard]] RelaySettings read_relay(const std::string& name) const;
  void read_relay_rules(const Reader& reader, RelaySettings& relay) const;
  void check_transactional(const Reader& reader, const RelaySettings& relay) const;
  void check_relay(const Reader& reader, const RelaySettings& relay) const;
  void check_disjoint() const;
  void check_needed(std::string_view command) const;
  void record_effective();
  [[nodiscard]] std::string shown_text(const Setting& setting) const;
  void warn(std::string warning);

  const Layers& layers_;
  Reader reader_;
  Settings settings_;
};

}  // namespace outbox::config
