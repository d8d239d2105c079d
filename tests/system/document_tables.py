# SPDX-License-Identifier: Apache-2.0
"""The outbox tables of the five documents, as their programs make them (A4, B2, C1, D1, E1)."""

PUBLISHER = """
create table outbox_events (
  id uuid primary key default gen_random_uuid(),
  aggregate_type varchar(100) not null,
  aggregate_id varchar(255) not null,
  event_type varchar(100) not null,
  topic varchar(255),
  payload jsonb not null,
  status varchar(20) not null default 'PENDING'
    check (status in ('PENDING', 'PROCESSING', 'PUBLISHED', 'FAILED')),
  retry_count integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  locked_by varchar(100),
  locked_at timestamptz,
  created_at timestamptz not null default now(),
  published_at timestamptz
);
create index outbox_pending on outbox_events (next_attempt_at)
  where status in ('PENDING', 'FAILED');
"""

SHOP = """
create table outbox_events (
  id uuid primary key default gen_random_uuid(),
  aggregate_type varchar(50) not null,
  aggregate_id bigint not null,
  event_type varchar(50) not null,
  topic varchar(100),
  payload jsonb not null,
  status varchar(20) not null default 'PENDING',
  retry_count integer not null default 0,
  next_attempt_at timestamp not null default (now() at time zone 'utc'),
  locked_by text,
  locked_at timestamp,
  error_message text,
  created_at timestamp not null default (now() at time zone 'utc')
);
"""

TRADING = """
create table outbox_events (
  id varchar(36) primary key,
  event_type varchar(100) not null,
  aggregate_id varchar(100) not null,
  aggregate_type varchar(100) not null,
  event_data json not null,
  status varchar(20) not null default 'pending'
    check (status in ('pending', 'published', 'failed', 'retry')),
  retry_count integer not null default 0,
  max_retries integer not null default 3,
  created_at timestamp not null default current_timestamp,
  updated_at timestamp not null default current_timestamp,
  published_at timestamp
);
"""

FRAMEWORK = """
create table outbox_events (
  id bigserial primary key,
  aggregate_id varchar(255) not null,
  event_type varchar(255) not null,
  event_data text not null,
  created_at timestamp not null default current_timestamp,
  processed_at timestamp,
  status varchar(20) not null default 'PENDING'
    check (status in ('PENDING', 'PROCESSED', 'FAILED')),
  retry_count integer not null default 0,
  version bigint not null default 0
);
"""

COMMERCE = """
create table outbox_events (
  id bigserial primary key,
  event_type varchar(255) not null,
  topic varchar(255) not null,
  partition_key varchar(255) not null,
  payload text not null,
  status varchar(255) not null default 'PENDING'
    check (status in ('PENDING', 'PUBLISHED', 'FAILED')),
  retry_count integer not null default 0,
  created_at timestamp(6) not null default current_timestamp
);
"""

# The same two documents on MariaDB and MySQL.
TRADING_MARIADB = """
create table outbox_events (
  id char(36) primary key,
  event_type varchar(100) not null,
  aggregate_id varchar(100) not null,
  aggregate_type varchar(100) not null,
  event_data json not null,
  status enum('pending', 'published', 'failed', 'retry') not null default 'pending',
  retry_count int not null default 0,
  max_retries int not null default 3,
  created_at timestamp not null default current_timestamp,
  updated_at timestamp not null default current_timestamp,
  published_at timestamp null,
  key idx_status_created (status, created_at)
) engine = InnoDB default charset = utf8mb4
"""

FRAMEWORK_MARIADB = """
create table outbox_events (
  id bigint auto_increment primary key,
  aggregate_id varchar(255) not null,
  event_type varchar(255) not null,
  event_data text not null,
  created_at timestamp not null default current_timestamp,
  processed_at timestamp null,
  status enum('PENDING', 'PROCESSED', 'FAILED') not null default 'PENDING',
  retry_count int not null default 0,
  version bigint not null default 0
) engine = InnoDB default charset = utf8mb4
"""

# D once more, on an embedded database (D2).
FRAMEWORK_SQLITE = """
create table outbox_events (
  id integer primary key autoincrement,
  aggregate_id varchar(255) not null,
  event_type varchar(255) not null,
  event_data text not null,
  created_at timestamp not null default current_timestamp,
  processed_at timestamp,
  status varchar(20) not null default 'PENDING'
    check (status in ('PENDING', 'PROCESSED', 'FAILED')),
  retry_count integer not null default 0,
  version bigint not null default 0
)
"""

# E as JPA makes it there: without AUTOINCREMENT.
COMMERCE_SQLITE = """
create table outbox_events (
  id integer,
  event_type varchar(255) not null,
  topic varchar(255) not null,
  partition_key varchar(255) not null,
  payload text not null,
  status varchar(255) not null default 'PENDING',
  retry_count integer not null default 0,
  created_at timestamp not null default current_timestamp,
  primary key (id)
)
"""

MARIADB_TABLES = {"trading": TRADING_MARIADB, "framework": FRAMEWORK_MARIADB}

TABLES = {"publisher": PUBLISHER, "shop": SHOP, "trading": TRADING, "framework": FRAMEWORK,
          "commerce": COMMERCE}
