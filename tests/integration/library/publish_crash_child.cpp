// SPDX-License-Identifier: Apache-2.0
//
// One change with its event, in a process that may be killed meanwhile. It writes `r` when COMMIT
// is next, and what the result says when it is there.
//
//     publish_crash_child URL ORDER_ID EVENT_ID
#include <unistd.h>

#include <string>
#include <string_view>

#include <outbox/database.hpp>

namespace {

void say(std::string_view text) {
  [[maybe_unused]] const auto written = write(STDOUT_FILENO, text.data(), text.size());
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  outbox::Database database({.url = arguments[1], .connections_max = 1});
  outbox::Event event;
  event.event_type = "ORDER_PAID";
  event.aggregate_type = "order";
  event.aggregate_id = arguments[2];
  event.payload = outbox::json_payload("{}");
  event.event_id = outbox::parse_uuid(arguments[3]).value();
  const outbox::PublishResult result =
      database.publish_in_transaction(event, [&](outbox::Transaction& transaction) {
        transaction.execute("INSERT INTO orders (id, status) VALUES ($1, 'PAID')", arguments[2]);
        say("r");
      });
  say(outbox::to_string(result.outcome));
  return 0;
}
