-- SPDX-License-Identifier: Apache-2.0
-- The shop's own tables on SQLite; the outbox and the inbox come from `outboxd migrate`.
-- Amounts are in minor units (cents): whole numbers, never rounded.

CREATE TABLE IF NOT EXISTS products (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL,
  price         INTEGER NOT NULL CHECK (price >= 0),
  stock         INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0),
  is_sold_out   INTEGER NOT NULL DEFAULT 0,
  event_version INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS orders (
  id            INTEGER PRIMARY KEY,
  user_id       INTEGER NOT NULL,
  status        TEXT NOT NULL CHECK (status IN ('CREATED', 'PAID', 'CANCELED')),
  total_amount  INTEGER NOT NULL CHECK (total_amount >= 0),
  event_version INTEGER NOT NULL DEFAULT 0,
  paid_on       TEXT,
  created_at    TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE IF NOT EXISTS order_items (
  order_id   INTEGER NOT NULL REFERENCES orders (id),
  product_id INTEGER NOT NULL REFERENCES products (id),
  qty        INTEGER NOT NULL CHECK (qty > 0),
  price      INTEGER NOT NULL,
  PRIMARY KEY (order_id, product_id)
);

CREATE TABLE IF NOT EXISTS product_likes (
  product_id INTEGER NOT NULL REFERENCES products (id),
  user_id    INTEGER NOT NULL,
  PRIMARY KEY (product_id, user_id)
);

CREATE TABLE IF NOT EXISTS idempotency_keys (
  key          TEXT PRIMARY KEY,
  request_hash TEXT NOT NULL,
  status       INTEGER NOT NULL,
  answer       TEXT NOT NULL,
  created_at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE IF NOT EXISTS flash_sale_queue_entries (
  flash_sale_id INTEGER NOT NULL,
  user_id       INTEGER NOT NULL,
  status        TEXT NOT NULL CHECK (status IN ('WAITING', 'ADMITTED', 'LEFT')),
  PRIMARY KEY (flash_sale_id, user_id)
);

-- What the consumers keep.

CREATE TABLE IF NOT EXISTS stock_history (
  id           INTEGER PRIMARY KEY,
  product_id   INTEGER NOT NULL REFERENCES products (id),
  order_id     INTEGER,
  event_id     TEXT NOT NULL,
  reason       TEXT NOT NULL,
  stock_before INTEGER NOT NULL,
  stock_after  INTEGER NOT NULL,
  delta        INTEGER NOT NULL,
  UNIQUE (event_id, product_id)
);
CREATE INDEX IF NOT EXISTS stock_history_order ON stock_history (order_id);

CREATE TABLE IF NOT EXISTS daily_sales (
  date             TEXT PRIMARY KEY,
  total_orders     INTEGER NOT NULL,
  total_revenue    INTEGER NOT NULL,
  unique_customers INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS daily_customers (
  date    TEXT NOT NULL,
  user_id INTEGER NOT NULL,
  PRIMARY KEY (date, user_id)
);

CREATE TABLE IF NOT EXISTS product_daily_stats (
  product_id     INTEGER NOT NULL,
  date           TEXT NOT NULL,
  purchase_count INTEGER NOT NULL,
  revenue        INTEGER NOT NULL,
  PRIMARY KEY (product_id, date)
);

CREATE TABLE IF NOT EXISTS product_metrics (
  product_id         INTEGER PRIMARY KEY,
  like_count         INTEGER NOT NULL DEFAULT 0,
  view_count         INTEGER NOT NULL DEFAULT 0,
  sales_count        INTEGER NOT NULL DEFAULT 0,
  total_sales_amount INTEGER NOT NULL DEFAULT 0
);
