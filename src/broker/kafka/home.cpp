// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/home.hpp"

#include "broker/kafka/admin.hpp"
#include "broker/kafka/consumer.hpp"
#include "broker/kafka/producer.hpp"
#include "broker/kafka/properties.hpp"
#include "broker/kafka/reader.hpp"
#include "broker/kafka/transactional_producer.hpp"

namespace outbox::broker::kafka {

Home make_home(const ConnectionOptions& options) {
  const auto learnt = std::make_shared<Learnt>();
  Home home;
  home.bootstrap_servers = options.bootstrap_servers;
  home.producer = [options, learnt](const std::string& name) -> std::unique_ptr<Producer> {
    Properties properties = producer_properties(options, name, learnt->batch_bytes_max.load());
    return std::make_unique<KafkaProducer>(properties.make(RD_KAFKA_PRODUCER),
                                           options.queue_bytes_max);
  };
  home.transactional_producer =
      [options,
       learnt](const TransactionOptions& transactions) -> std::unique_ptr<TransactionalProducer> {
    Properties properties =
        transactional_properties(options, transactions, learnt->batch_bytes_max.load());
    return std::make_unique<KafkaTransactionalProducer>(properties.make(RD_KAFKA_PRODUCER),
                                                        options.queue_bytes_max);
  };
  home.consumer = [options](const ConsumerOptions& consumer) -> std::unique_ptr<Consumer> {
    return std::make_unique<KafkaConsumer>(consumer_properties(options, consumer), consumer,
                                           options.bootstrap_servers);
  };
  home.reader = [options](const std::string& group_id) -> std::unique_ptr<Reader> {
    return std::make_unique<KafkaReader>(reader_properties(options, group_id),
                                         options.bootstrap_servers);
  };
  home.admin = [options, learnt]() -> std::unique_ptr<Admin> {
    return std::make_unique<KafkaAdmin>(admin_properties(options).make(RD_KAFKA_PRODUCER),
                                        options.bootstrap_servers, learnt);
  };
  return home;
}

}  // namespace outbox::broker::kafka
