// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "app/admin_role.hpp"
#include "app/commands.hpp"
#include "app/roles.hpp"
#include "app/store_relays.hpp"
#include "app/wire.hpp"

namespace outbox::app {

namespace {

using Values = std::map<std::string, std::string>;

/// What cannot change while the program runs: all but the shards.
Values lasting_values(const config::Settings& settings) {
  Values values;
  for (const config::EffectiveValue& value : settings.effective()) {
    if (!value.name.starts_with("shards.")) values.emplace(value.name, value.text);
  }
  return values;
}

/// Those who look at the roles, and outlive them.
struct Observers {
  InstanceBoard& board;
  std::unique_ptr<Watch> watch;      ///< None: nobody would be told.
  std::unique_ptr<AdminRole> admin;  ///< After the watch, which it asks; may be none.
};

Observers make_observers(const Arguments& arguments, const config::Settings& settings,
                         InstanceBoard& board, Logger& logger) {
  Observers observers{board, nullptr, nullptr};
  const std::string_view command = arguments.command->name;
  const config::AdminSettings& given = settings.admin();
  const bool is_served = given.enabled && (command == "run" || given.is_address_given);
  if (!is_served && settings.alerts().empty()) return observers;
  observers.watch = std::make_unique<Watch>(settings, board, logger);
  observers.admin = start_admin_role(command, settings, board, *observers.watch, logger);
  return observers;
}

/// What one process runs: the relays of every database, and the consumers where it runs all roles.
/// With one database its failure ends the process; of several each is tried again by itself, and
/// the process ends only where none could be started at all.
class Roles {
 public:
  Roles(const Arguments& arguments, const config::Settings& settings, StopSignals& signals,
        Logger& logger, const Observers& observers)
      : arguments_(arguments),
        settings_(settings),
        signals_(signals),
        logger_(logger),
        board_(observers.board),
        watch_(observers.watch.get()),
        admin_(observers.admin.get()) {
    signals_.on_reload([this] {
      const std::lock_guard lock(mutex_);
      reload_wanted_ = true;
      changed_.notify_all();
    });
  }
  ~Roles() { signals_.on_reload({}); }
  Roles(const Roles&) = delete;
  Roles& operator=(const Roles&) = delete;

  void run(bool relays, bool consumers) {
    std::vector<std::jthread> threads;
    if (consumers) {
      threads.emplace_back([this] {
        carry_over([&] {
          consume_until_stopped(settings_, settings_.consumers(), signals_, logger_, board_);
        });
      });
    }
    if (relays) {
      carry_over([&] { start_stores(); });
      wait_for_the_end();
      // All are asked before the first is waited for, and the admin server with them: behind a
      // relay whose database hangs the time to stop would be over before it has answered.
      if (admin_ != nullptr) admin_->request_stop();
      for (auto& [name, store] : stores_)
        store->request_stop();
      stores_.clear();
      leaving_.clear();
    }
    threads.clear();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void start_stores() {
    first_tries_ = settings_.stores().size() * settings_.relay_names().size();
    for (const config::StoreSettings& store : settings_.stores())
      stores_.emplace(store.name, make_relays(store));
    for (auto& [name, store] : stores_)
      store->start();
  }

  std::unique_ptr<StoreRelays> make_relays(const config::StoreSettings& store) {
    return std::make_unique<StoreRelays>(
        settings_.for_store(store), store,
        StoreEvents{
            [this, name = store.name](const Uuid& outbox_id) { check_outbox(outbox_id, name); },
            [this] { any_up_ = true; },
            [this](const std::exception_ptr& failure, bool first) {
              return may_try_again(failure, first);
            }},
        board_);
  }

  bool may_try_again(const std::exception_ptr& failure, bool first) {
    const std::lock_guard lock(mutex_);
    if (first) ++failed_tries_;
    const bool none_works = !any_up_ && failed_tries_ >= first_tries_;
    if (settings_.has_shards() && !none_works) return true;
    if (!failure_) failure_ = failure;
    signals_.fail();
    return false;
  }

  void wait_for_the_end() {
    const std::stop_token stop = signals_.token();
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      changed_.wait(lock, stop, [&] { return reload_wanted_; });
      if (stop.stop_requested() || !std::exchange(reload_wanted_, false)) continue;
      lock.unlock();
      reload();
      lock.lock();
    }
  }

  void reload() {
    try {
      const config::Settings fresh = config::load(sources_of(arguments_));
      if (lasting_values(fresh) != lasting_values(settings_)) {
        logger_.warn("only shards are taken over while the program runs: restart it for the rest");
      }
      take_over(fresh);
    } catch (const Error& error) {
      logger_.error("the configuration was read again and refused, all goes on as before",
                    {{"error", error.what()}});
    }
  }

  void take_over(const config::Settings& fresh) {
    if (fresh.has_shards() != settings_.has_shards()) {
      logger_.warn("from one database to shards, or back: restart it, all goes on as before");
      return;
    }
    if (!fresh.has_shards()) {
      logger_.info("the configuration was read again: there are no shards to take up or to leave");
      return;
    }
    std::map<std::string, std::unique_ptr<StoreRelays>> coming;
    std::set<std::string> staying;
    for (const config::StoreSettings& store : fresh.stores()) {
      const auto running = stores_.find(store.name);
      staying.insert(store.name);
      if (running != stores_.end() && running->second->store() == store) continue;
      // Made before anything is left: one that is refused changes nothing, and stops no other.
      try {
        coming.emplace(store.name, make_relays(store));
      } catch (const Error& error) {
        logger_.error("the shard was not taken up, it stays as it was",
                      {{"shard", store.name}, {"error", error.what()}});
      }
    }
    for (auto running = stores_.begin(); running != stores_.end();) {
      const bool leaves = !staying.contains(running->first) || coming.contains(running->first);
      if (leaves) leave(std::move(running->second));
      running = leaves ? stores_.erase(running) : std::next(running);
    }
    for (auto& [name, store] : coming) {
      logger_.info("taking up a shard",
                   {{"shard", name}, {"database", store->store().database.shown}});
      stores_.emplace(name, std::move(store)).first->second->start();
    }
    if (watch_ != nullptr) watch_->take_over(fresh);
    if (admin_ != nullptr) admin_->take_over(fresh);
    logger_.info("the configuration was read again", {{"shards", stores_.size()}});
  }

  /// Drains aside: a database that does not answer keeps nobody else waiting.
  void leave(std::unique_ptr<StoreRelays> store) {
    logger_.info("leaving a shard", {{"shard", store->store().name}});
    store->request_stop();
    {
      const std::lock_guard lock(mutex_);
      std::erase_if(outboxes_, [&](const auto& one) { return one.second == store->store().name; });
    }
    leaving_.emplace_back([leaver = std::move(store)]() mutable { leaver.reset(); });
  }

  /// A copy of a shard's database has its outbox_id too, and then its rows are taken for the
  /// other's: consumers would skip them as known. Whoever comes first is relayed.
  void check_outbox(const Uuid& outbox_id, const std::string& shard) {
    const std::lock_guard lock(mutex_);
    const auto [known, fresh] = outboxes_.try_emplace(outbox_id, shard);
    if (fresh || known->second == shard) return;
    throw Error(ErrorKind::conflict,
                "this database has the same outbox_id (" + to_string(outbox_id) +
                    ") as the shard '" + known->second + "': it is a copy of it, or the same",
                "name each database once; give a copy a new UUID as the value of 'outbox_id' in "
                "its outboxd_meta before anything is relayed from it");
  }

  template <class Role>
  void carry_over(const Role& role) {
    try {
      role();
    } catch (...) {  // Thread entry: carried over to the main thread.
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      signals_.fail();
    }
  }

  const Arguments& arguments_;
  const config::Settings& settings_;
  StopSignals& signals_;
  Logger& logger_;
  InstanceBoard& board_;
  Watch* const watch_;  ///< May be none, and the next.
  AdminRole* const admin_;
  std::map<std::string, std::unique_ptr<StoreRelays>> stores_;
  std::map<Uuid, std::string> outboxes_;  ///< Who relays which.
  std::vector<std::jthread> leaving_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool reload_wanted_ = false;
  std::atomic<bool> any_up_{false};
  std::size_t first_tries_ = 0;
  std::size_t failed_tries_ = 0;
  std::exception_ptr failure_;
};

std::string shown_databases(const config::Settings& settings) {
  std::string text;
  for (const config::StoreSettings& store : settings.stores()) {
    if (!text.empty()) text += ", ";
    if (settings.has_shards()) text += store.name + ": ";
    text += store.database.shown;
  }
  return text;
}

}  // namespace

int command_relay(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  StopSignals signals(settings.process().shutdown_timeout);
  Logger logger(log_level(settings), log_format(settings));
  const LibraryVersions versions = library_versions();
  logger.info("outboxd starts", {{"version", OUTBOX_VERSION},
                                 {"librdkafka", versions.librdkafka},
                                 {"database", shown_databases(settings)},
                                 {"table", settings.outbox().table.table}});
  require_libraries();
  for (const std::string& warning : settings.warnings())
    logger.warn(warning);
  const bool relays = settings.outbox().enabled && !settings.relay_names().empty();
  const bool consumers = arguments.command->name == "run" && !settings.consumers().empty();
  if (!relays) logger.info("nothing to relay: outbox.enabled or relay.enabled is false");
  if (!relays && !consumers) return 0;
  try {
    InstanceBoard board;
    const Observers observers = make_observers(arguments, settings, board, logger);
    Roles(arguments, settings, signals, logger, observers).run(relays, consumers);
  } catch (const Error&) {
    // Stopping before the start was done is no failure.
    if (signals.token().stop_requested() && !signals.failed()) return 0;
    throw;
  }
  return 0;
}

}  // namespace outbox::app
