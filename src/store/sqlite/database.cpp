// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/database.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <system_error>

namespace outbox::store::sqlite {

Turn::~Turn() {
  if (database_ != nullptr) database_->end_turn();
}

std::shared_ptr<Database> Database::of(const std::string& path) {
  // Two names of one file must meet in one object, or there would be two writing connections.
  std::error_code ignored;
  const auto canonical = std::filesystem::weakly_canonical(path, ignored);
  const std::string name = canonical.empty() ? path : canonical.string();

  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Database>> databases;
  const std::lock_guard lock(mutex);
  std::erase_if(databases, [](const auto& entry) { return entry.second.expired(); });
  if (auto known = databases[name].lock()) return known;
  auto made = std::make_shared<Database>(name);
  databases[name] = made;
  return made;
}

Turn Database::write(std::chrono::milliseconds wait, Access access) {
  std::unique_lock lock(mutex_);
  if (holder_ == std::this_thread::get_id()) {
    throw Error(ErrorKind::usage, "this thread already holds the writing connection to " + path_,
                "end the open inbox transaction before calling another seam");
  }
  if (!free_.wait_for(lock, wait, [&] { return !holder_.has_value(); })) {
    throw Error(
        ErrorKind::unreachable,
        fmt::format("the writing connection to {} was not free for {} ms", path_, wait.count()),
        "an inbox transaction of this process stays open too long");
  }
  if (writer_ == nullptr) writer_ = std::make_unique<Connection>(path_, access, wait);
  writer_->set_busy_timeout(wait);
  holder_ = std::this_thread::get_id();
  return Turn(shared_from_this(), *writer_);
}

void Database::end_turn() noexcept {
  writer_->checkpoint_if_due();
  {
    const std::lock_guard lock(mutex_);
    holder_.reset();
  }
  free_.notify_one();
}

std::unique_ptr<Connection> Database::reader(std::chrono::milliseconds busy_timeout) const {
  return std::make_unique<Connection>(path_, Access::read, busy_timeout);
}

std::shared_ptr<RelayLock> Database::relay_lock() {
  const std::lock_guard lock(relay_lock_mutex_);
  auto held = relay_lock_.lock();
  if (held == nullptr) {
    held = std::make_shared<RelayLock>(path_);
    relay_lock_ = held;
  }
  return held;
}

}  // namespace outbox::store::sqlite
