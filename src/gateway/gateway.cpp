// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <thread>

#include <outbox/error.hpp>

namespace outbox::gateway {
namespace {

std::string instance_of(const GatewayOptions& options, const std::string& address) {
  if (!options.instance_id.empty()) return options.instance_id;
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
  return fmt::format("{}-{}", name[0] == '\0' ? "gateway" : name.data(),
                     address.substr(address.rfind(':') + 1));
}

/// The server asks for an application before there is a hub: the port is taken first, because that
/// is found out at once.
class Door : public http::Application {
 public:
  http::Answer answer(const http::Request& request) override { return endpoints->answer(request); }
  void tick() override { endpoints->tick(); }

  Endpoints* endpoints = nullptr;
};

class Gateway {
 public:
  Gateway(const GatewayOptions& options, const broker::ReaderMaker& make_reader, Logger& logger,
          const std::stop_token& stop)
      : options_(options),
        logger_(logger),
        server_(options.server, door_, logger),
        source_({options.topics, group_id()}, make_reader, logger),
        hub_(options.hub, Slots(options.topics), source_, posted()),
        endpoints_(options.access, hub_, [this] { return source_.brokers_away(); }) {
    for (const auto& start : source_.connect(options.start_timeout, stop))
      hub_.add_slot(start.topic, start.partition, start.offset);
    source_.attach(hub_, posted());
    door_.endpoints = &endpoints_;
  }

  void run(const std::stop_token& stop) {
    const std::stop_callback stopped(stop, [this] { ended_.request_stop(); });
    {
      // Stopped after the server: what it was told by the source has somewhere to go until then.
      const std::jthread reading([this](const std::stop_token& served) { read(served); });
      logger_.info("gateway listens", {{"address", server_.address()}, {"group", group_id()}});
      if (options_.on_listening) options_.on_listening(server_.address());
      server_.run(ended_.get_token(), options_.shutdown_timeout * 6 / 10);
    }
    if (failure_) std::rethrow_exception(failure_);
    logger_.info("gateway stopped");
  }

 private:
  std::string group_id() const {
    return options_.group_id_prefix + "-" + instance_of(options_, server_.address());
  }

  std::function<void(std::function<void()>)> posted() {
    return [this](std::function<void()> task) { server_.post(std::move(task)); };
  }

  void read(const std::stop_token& stop) {
    try {
      source_.run(stop);
    } catch (...) {  // Thread entry: carried over to the thread that serves.
      failure_ = std::current_exception();
      ended_.request_stop();
    }
  }

  const GatewayOptions& options_;
  Logger& logger_;
  Door door_;
  http::Server server_;
  Source source_;
  Hub hub_;
  Endpoints endpoints_;
  std::stop_source ended_;
  std::exception_ptr failure_;
};

}  // namespace

void run_gateway(const GatewayOptions& options, const broker::ReaderMaker& make_reader,
                 Logger& logger, const std::stop_token& stop) {
  Gateway(options, make_reader, logger, stop).run(stop);
}

}  // namespace outbox::gateway
