// SPDX-License-Identifier: Apache-2.0
//
// Events handled in the process that wrote them, without a broker: an order is booked, told of in
// the same transaction, and delivered to a plain function, a future and a coroutine.
//
//     example_handlers                                  a file handlers.db in the working folder
//     example_handlers postgresql://localhost/trading   or another database of yours
#include <exception>
#include <future>
#include <iostream>
#include <string>

#include <outbox/database.hpp>
#include <outbox/handlers.hpp>
#include <outbox/migrate.hpp>
#include <outbox/queue.hpp>
#include <outbox/task.hpp>

namespace {

outbox::Event event(const std::string& domain, const std::string& type, const std::string& id) {
  outbox::Event made;
  made.aggregate_type = domain;
  made.aggregate_id = id;
  made.event_type = type;
  made.payload.bytes = R"({"quantity": 3})";
  return made;
}

outbox::Task<std::string> find_owner(outbox::QueueService& queue, std::string account) {
  co_await outbox::resume_on(queue);  // As if it came from elsewhere.
  co_return "the owner of " + account;
}

int run(const std::string& url) {
  outbox::migrate(url);
  outbox::Database database({.url = url});
  database.transaction([](outbox::Transaction& transaction) {
    // Your own statements stand here, too: both are there afterwards, or neither.
    transaction.publish(event("portfolio", "ORDER_FILLED", "account-1"));
    transaction.publish(event("market", "PRICE_CHANGED", "ACME"));
    transaction.publish(event("notification", "MAIL_WANTED", "account-1"));
  });

  outbox::QueueService queue;
  outbox::Handlers handlers({.database_url = url});
  handlers.on("ORDER_FILLED", [](const outbox::ReceivedEvent& filled, outbox::HandlerContext&) {
    std::cout << "booked for " << filled.aggregate_id << ": " << *filled.payload << '\n';
  });
  handlers.on("MARKET", "PRICE_CHANGED",
              [](const outbox::ReceivedEvent& changed, outbox::HandlerContext&) {
                return std::async(std::launch::async, [name = std::string(changed.aggregate_id)] {
                  std::cout << "priced " << name << '\n';
                });
              });
  handlers.on_any(
      [&](const outbox::ReceivedEvent& other, outbox::HandlerContext& context) -> outbox::Task<> {
        auto owner = find_owner(queue, std::string(other.aggregate_id));
        const std::string name = co_await std::move(owner);
        std::cout << "told " << name << " in the domain " << context.domain << '\n';
      });

  const outbox::HandledCounts counts = handlers.publish_pending_events();
  std::cout << "processed " << counts.processed << ", published " << counts.published << '\n';
  return counts.published == counts.processed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? argv[1] : "sqlite:///handlers.db");
  } catch (const std::exception& error) {
    std::cerr << "example_handlers: " << error.what() << '\n';
    return 1;
  }
}
