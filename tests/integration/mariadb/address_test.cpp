// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/address.hpp"

#include <gtest/gtest.h>

#include <outbox/error.hpp>

namespace outbox::store::mariadb {
namespace {

TEST(MariadbAddress, takes_the_one_form_that_config_writes) {
  const Address address = parse_address(
      "mariadb://u%40x:p%3A%2F@db.example:3307/shop%20db?tls=verify&tls_ca=/etc/ca%20.pem");
  EXPECT_EQ(address.user, "u@x");
  EXPECT_EQ(address.password, "p:/");
  EXPECT_EQ(address.host, "db.example");
  EXPECT_EQ(address.port, 3307);
  EXPECT_EQ(address.database, "shop db");
  EXPECT_TRUE(address.tls);
  EXPECT_TRUE(address.tls_verify);
  EXPECT_EQ(address.tls_ca, "/etc/ca .pem");
}

TEST(MariadbAddress, a_socket_and_an_ipv6_host_are_read) {
  EXPECT_EQ(parse_address("mariadb://u@/db?socket=/run/m.sock").socket, "/run/m.sock");
  const Address address = parse_address("mariadb://[::1]:3307/db?tls=on");
  EXPECT_EQ(address.host, "::1");
  EXPECT_EQ(address.port, 3307);
  EXPECT_FALSE(address.tls_verify);
}

TEST(MariadbAddress, what_is_wrong_is_a_matter_of_configuration_and_shows_no_password) {
  for (const char* url : {"postgresql://u:hunter2@h/db", "mariadb://u:hunter2@h:port/db",
                          "mariadb://u:hunter2@h/db?hunter=2", "mariadb://u:hunter2%@h/db"}) {
    try {
      static_cast<void>(parse_address(url));
      FAIL() << url;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::configuration);
      EXPECT_EQ(std::string_view(error.what()).find("hunter2"), std::string_view::npos);
    }
  }
}

}  // namespace
}  // namespace outbox::store::mariadb
