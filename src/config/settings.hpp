// SPDX-License-Identifier: Apache-2.0
//
// The effective configuration: one value for every setting, and where each came from. By
// precedence: flag, OUTBOXD_* variable, one of A2's seven names, `.env`, YAML, preset, default.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/consumers.hpp"
#include "config/groups.hpp"

namespace outbox::config {

/// Where a configuration is read from. Nothing else is looked at, so that a test gives all of it.
struct Sources {
  /// The command that is to run: what it needs must be set (`relay` needs database.url). Empty:
  /// none.
  std::string command;
  /// Settings given as flags, by name without dashes, in order: {"relay.batch-size", "500"}.
  std::vector<std::pair<std::string, std::string>> flags;
  /// The process's environment. Also names the files: OUTBOXD_CONFIG, OUTBOXD_ENV_FILE.
  std::map<std::string, std::string> environment;
  /// Where `./outboxd.yaml` and `./.env` are looked for, which may both be absent; a file that is
  /// named by flag or environment must be there. Empty: the process's own.
  std::string working_directory;
};

/// The environment of this process, for Sources.
[[nodiscard]] std::map<std::string, std::string> process_environment();

/// One setting as check-config shows it.
struct EffectiveValue {
  std::string name;
  std::string text;  ///< As it was given, secrets masked; empty where not set.
  std::string
      origin;  ///< E.g. `flag --relay.batch-size`, `outboxd.yaml:12`, `preset shop`, `default`.
};

/// Everything typed and checked. A value: copies may be used on any thread.
class Settings {
 public:
  [[nodiscard]] const DatabaseSettings& database() const { return database_; }
  /// The databases that hold an outbox, by name: the active shards, and database.url as `global`.
  /// Without shards database.url alone; empty where nothing is set.
  [[nodiscard]] const std::vector<StoreSettings>& stores() const { return stores_; }
  /// True where shards are declared, active or not.
  [[nodiscard]] bool has_shards() const { return has_shards_; }
  /// The same settings for one of stores(): its database is database() of them, its cap the
  /// relays'.
  [[nodiscard]] Settings for_store(const StoreSettings& store) const;

  [[nodiscard]] const KafkaSettings& kafka() const { return kafka_; }
  [[nodiscard]] const OutboxSettings& outbox() const { return outbox_; }
  [[nodiscard]] const GatewaySettings& gateway() const { return gateway_; }
  [[nodiscard]] const AdminSettings& admin() const { return admin_; }
  /// By name.
  [[nodiscard]] const std::vector<AlertSettings>& alerts() const { return alerts_; }
  [[nodiscard]] const CleanupSettings& cleanup() const { return cleanup_; }
  [[nodiscard]] const LogSettings& log() const { return log_; }
  [[nodiscard]] const ProcessSettings& process() const { return process_; }

  /// The enabled relays' names, sorted: those under `relays`, or else "default". Empty where
  /// `relay.enabled` is false.
  [[nodiscard]] std::vector<std::string> relay_names() const;

  /// Throws Error(configuration) for a name that is none of relay_names().
  [[nodiscard]] const RelaySettings& relay(std::string_view name) const;

  /// Those declared under `consume`, in their order.
  [[nodiscard]] const std::vector<ConsumerSettings>& consumers() const { return consumers_; }

  /// The word in `outbox.preset`; empty for the product's own table.
  [[nodiscard]] const std::string& preset() const { return preset_; }

  /// What is allowed but unwise, one line each: credentials in clear off loopback, a setting that
  /// has no effect yet. To be logged at start.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

  /// Every setting in the table's order, then the named relays' own.
  [[nodiscard]] const std::vector<EffectiveValue>& effective() const { return effective_; }

  /// Where a setting's value came from, as in EffectiveValue; for messages about it later on.
  [[nodiscard]] std::string origin(std::string_view name) const;

 private:
  friend class SettingsBuilder;

  DatabaseSettings database_;
  std::vector<StoreSettings> stores_;
  bool has_shards_ = false;
  KafkaSettings kafka_;
  OutboxSettings outbox_;
  GatewaySettings gateway_;
  AdminSettings admin_;
  std::vector<AlertSettings> alerts_;
  CleanupSettings cleanup_;
  LogSettings log_;
  ProcessSettings process_;
  std::map<std::string, RelaySettings, std::less<>> relays_;
  std::vector<ConsumerSettings> consumers_;
  std::string preset_;
  std::vector<std::string> warnings_;
  std::vector<EffectiveValue> effective_;
};

/// Reads and checks everything. Throws Error(configuration) with one line that names the setting,
/// where its value came from, what is allowed, and the remedy; Error(usage) for a flag that does
/// not exist.
[[nodiscard]] Settings load(const Sources& sources);

}  // namespace outbox::config
