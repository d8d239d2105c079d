// SPDX-License-Identifier: Apache-2.0
//
// Work that outlasts a request: it runs on a thread of its own, tells how far it is, and can be
// cancelled. What ended is remembered for a while; nothing survives the process, and need not: what
// a replay has done is done.
//
// Thread-safety: from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "admin/actor.hpp"
#include "admin/json.hpp"
#include "admin/running.hpp"

namespace outbox::admin {

struct NewJob {
  std::string action;  ///< `replay`, `discard`, `cleanup`
  Actor actor;
  std::string reason;
  std::function<Json(const Running&)> work;  ///< What it returns is the job's `result`.
};

class LongJobs {
 public:
  explicit LongJobs(std::size_t running_max = 4, std::size_t remembered_max = 200);
  /// Orders all to stop and waits for them.
  ~LongJobs();
  LongJobs(const LongJobs&) = delete;
  LongJobs& operator=(const LongJobs&) = delete;

  /// Job as it begins: {id,action,state,total,done,failed,skipped,skip_reasons,unconfirmed,
  /// started_at,ended_at,who,reason,error,result}. Throws Error(conflict) where as many run as may.
  Json start(NewJob job);

  /// {items:[Job]}, the newest first.
  [[nodiscard]] Json list() const;

  /// Throws Error(not_found).
  [[nodiscard]] Json show(const std::string& id) const;

  /// Orders it to stop, which takes it a moment; Job. Throws Error(not_found), Error(conflict)
  /// where it has ended.
  Json cancel(const std::string& id);

 private:
  class Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace outbox::admin
