// SPDX-License-Identifier: Apache-2.0
#include "config/database_url.hpp"

#include "config/fault.hpp"
#include "support.hpp"

namespace outbox::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Good {
  std::string_view url;
  std::string_view taken;
  std::string_view shown;
};

class GoodUrl : public ::testing::TestWithParam<Good> {};

TEST_P(GoodUrl, becomes_what_the_library_takes_and_is_shown_without_its_password) {
  const DatabaseAddress address = parse_database_url(GetParam().url, "");
  EXPECT_EQ(address.settings.url, GetParam().taken);
  EXPECT_EQ(address.settings.shown, GetParam().shown);
}

INSTANTIATE_TEST_SUITE_P(
    Urls, GoodUrl,
    ::testing::Values(
        Good{"postgresql+asyncpg://user:pw@host:5432/db",
             "user='user' password='pw' host='host' port='5432' dbname='db'",
             "user='user' password=*** host='host' port='5432' dbname='db'"},
        Good{"postgres://u@h/db", "user='u' host='h' dbname='db'", "user='u' host='h' dbname='db'"},
        Good{"PostgreSQL+psycopg2://h", "host='h'", "host='h'"},
        Good{"postgresql:///db?host=/var/run/postgresql", "dbname='db' host='/var/run/postgresql'",
             "dbname='db' host='/var/run/postgresql'"},
        Good{"postgresql://u:p%40%3A%2Fw%27@h/db",
             R"(user='u' password='p@:/w\'' host='h' dbname='db')",
             "user='u' password=*** host='h' dbname='db'"},
        Good{"postgresql://u:p@w@h/db", "user='u' password='p@w' host='h' dbname='db'",
             "user='u' password=*** host='h' dbname='db'"},
        Good{"postgresql://h1:5433,h2/db", "host='h1,h2' port='5433,5432' dbname='db'",
             "host='h1,h2' port='5433,5432' dbname='db'"},
        Good{"postgresql://[::1]:5432/db", "host='::1' port='5432' dbname='db'",
             "host='::1' port='5432' dbname='db'"},
        Good{"postgresql+asyncpg://u@h/db?ssl=require&prepared_statement_cache_size=0",
             "user='u' host='h' dbname='db' sslmode='require'",
             "user='u' host='h' dbname='db' sslmode='require'"},
        Good{"host=h dbname='my db' password=s\\'ecret",
             R"(host='h' dbname='my db' password='s\'ecret')",
             "host='h' dbname='my db' password=***"},
        Good{"postgresql://u@h/db?password=pw", "user='u' host='h' dbname='db' password='pw'",
             "user='u' host='h' dbname='db' password=***"},
        Good{"mysql+pymysql://u:p%40%2F@h/db", "mariadb://u:p%40/@h/db", "mariadb://u:***@h/db"},
        Good{"mariadb+aiomysql://u@h:3307/db?ssl=true", "mariadb://u@h:3307/db?tls=verify",
             "mariadb://u@h:3307/db?tls=verify"},
        Good{"mysql://u@127.0.0.1/db?ssl_mode=REQUIRED", "mariadb://u@127.0.0.1/db?tls=on",
             "mariadb://u@127.0.0.1/db?tls=on"},
        Good{"mysql+asyncmy://u@localhost/db?ssl_ca=/etc/ca.pem",
             "mariadb://u@localhost/db?tls_ca=/etc/ca.pem&tls=verify",
             "mariadb://u@localhost/db?tls_ca=/etc/ca.pem&tls=verify"},
        Good{"mariadb://u@/db?unix_socket=/run/mysqld/mysqld.sock&charset=utf8mb4",
             "mariadb://u@/db?socket=/run/mysqld/mysqld.sock",
             "mariadb://u@/db?socket=/run/mysqld/mysqld.sock"},
        Good{"mariadb://u@[::1]:3307/db?ssl_mode=disabled", "mariadb://u@[::1]:3307/db",
             "mariadb://u@[::1]:3307/db"},
        Good{"sqlite:///outbox.db", "outbox.db", "sqlite:///outbox.db"},
        Good{"sqlite+aiosqlite:////var/lib/outbox.db", "/var/lib/outbox.db",
             "sqlite:////var/lib/outbox.db"}));

struct Bad {
  std::string_view url;
  std::string_view what;
};

class BadUrl : public ::testing::TestWithParam<Bad> {};

TEST_P(BadUrl, is_refused_with_a_remedy_and_without_its_password) {
  try {
    static_cast<void>(parse_database_url(GetParam().url, ""));
    FAIL() << GetParam().url;
  } catch (const Fault& fault) {
    EXPECT_THAT(fault.what, HasSubstr(std::string(GetParam().what)));
    EXPECT_THAT(fault.what + fault.hint, Not(HasSubstr("hunter2")));
    EXPECT_FALSE(fault.hint.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Urls, BadUrl,
    ::testing::Values(Bad{"mysql://u:hunter2@h/", "names no database"},
                      Bad{"mysql+aiomysql://u:hunter2@h1,h2/db", "several hosts"},
                      Bad{"mariadb://u:hunter2@h/db?ssl_mode=hunter2", "an ssl_mode"},
                      Bad{"mongodb://u:hunter2@h/db", "unknown scheme 'mongodb'"},
                      Bad{"hunter2", "neither a URL"}, Bad{"host='hunter2", "neither a URL"},
                      Bad{"postgresql://u:hunter2@h:port/db", "a port that is no number"},
                      Bad{"postgresql://u:a/hunter2@h/db", "a port that is no number"},
                      Bad{"postgresql://u:hunter2%@h/db", "'%'"},
                      Bad{"postgresql://h:70000/db", "a port"}, Bad{"postgresql://[::1/db", "'['"},
                      Bad{"postgresql://h/db?sslmode", "'='"},
                      Bad{"sqlite://host/x.db", "names a host"},
                      Bad{"sqlite:///:memory:", "in memory"}, Bad{"sqlite:///", "in memory"}));

TEST(DatabaseUrl, takes_the_separate_password_in_place_of_its_own) {
  const DatabaseAddress address = parse_database_url("postgresql://u:old@h/db", "new");
  EXPECT_THAT(address.settings.url, HasSubstr("password='new'"));
  EXPECT_THAT(address.settings.url, Not(HasSubstr("old")));
}

TEST(DatabaseUrl, warns_of_a_password_that_may_go_in_clear_off_loopback) {
  const auto warnings = [](const std::string& url) {
    return testing::load_given({.environment = {{"DATABASE_CONN", url}}}).warnings().size();
  };
  EXPECT_EQ(warnings("postgresql://u:p@db.example/x"), 1U);
  EXPECT_EQ(warnings("postgresql://u:p@db.example/x?sslmode=require"), 1U);
  EXPECT_EQ(warnings("postgresql://u:p@db.example/x?sslmode=verify-full"), 0U);
  EXPECT_EQ(warnings("postgresql://u:p@localhost/x"), 0U);
  EXPECT_EQ(warnings("postgresql://u:p@127.0.0.1:5433/x"), 0U);
  EXPECT_EQ(warnings("postgresql://u:p@[::1]/x"), 0U);
  EXPECT_EQ(warnings("postgresql://u:p@/x?host=/var/run/postgresql"), 0U);
  EXPECT_EQ(warnings("postgresql://u@db.example/x"), 0U);
  EXPECT_EQ(warnings("mariadb://u:p@db.example/x"), 1U);
  EXPECT_EQ(warnings("mariadb://u:p@db.example/x?sslmode=verify-full"), 0U);
  EXPECT_EQ(warnings("mariadb://u:p@db.example/x?ssl_mode=required"), 0U) << "always verified";
  EXPECT_EQ(warnings("mariadb://u:p@db.example/x?ssl_mode=required&ssl_verify_cert=false"), 1U);
  EXPECT_EQ(warnings("mariadb://u:p@localhost/x"), 0U);
  EXPECT_EQ(warnings("mariadb://u:p@localhost/x?charset=utf8mb4"), 1U) << "left out";
}

TEST(DatabaseUrl, error_names_the_setting_and_its_source) {
  const std::string message =
      testing::refusal({.environment = {{"DATABASE_CONN", "mongodb://u:hunter2@h/db"}}});
  EXPECT_THAT(
      message,
      HasSubstr("database.url (environment DATABASE_CONN) has the unknown scheme 'mongodb'"));
  EXPECT_THAT(message, Not(HasSubstr("hunter2")));
  testing::expect_good_message(message);
}

}  // namespace
}  // namespace outbox::config
