// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/relay_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <outbox/error.hpp>

namespace outbox::store::sqlite {

namespace {

std::string holder_of(int descriptor) {
  char text[32] = {};
  const ssize_t got = pread(descriptor, text, sizeof text - 1, 0);
  std::string holder(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!holder.empty() && holder.back() == '\n')
    holder.pop_back();
  return holder.empty() ? "unknown" : holder;
}

}  // namespace

RelayLock::RelayLock(const std::string& database_path) {
  const std::string path = database_path + "-relay";
  descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor_ < 0) {
    throw Error(ErrorKind::configuration,
                fmt::format("the lock file {} cannot be opened: {}", path, std::strerror(errno)),
                "give this user the right to write the database's folder");
  }
  if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = holder_of(descriptor_);
    close(descriptor_);
    throw Error(ErrorKind::conflict,
                fmt::format("process {} already relays from {}", holder, database_path),
                "on SQLite one process relays; end that one first");
  }
  const std::string own = fmt::format("{}\n", getpid());
  // What stands in the file is for people only, so a full disk is no reason not to relay.
  if (ftruncate(descriptor_, 0) != 0 ||
      pwrite(descriptor_, own.data(), own.size(), 0) != static_cast<ssize_t>(own.size())) {
    errno = 0;
  }
}

RelayLock::~RelayLock() {
  close(descriptor_);
}

}  // namespace outbox::store::sqlite
