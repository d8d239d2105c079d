# SPDX-License-Identifier: Apache-2.0
"""Orders and what they tell, written by SQL as fast as the database takes it: for the storm."""

PRODUCTS = 50

VIEW = """
create or replace view order_told as
select o.id, o.user_id, o.status, o.total_amount, coalesce(o.paid_on, date '2026-11-01') as day,
  o.paid_on is not null as paid,
  jsonb_agg(jsonb_build_object('product_id', i.product_id, 'qty', i.qty,
                               'price', i.price)) as items,
  jsonb_agg(jsonb_build_object('productId', i.product_id, 'quantity', i.qty,
                               'price', i.price)) as lines
from orders o join order_items i on i.order_id = o.id group by o.id
"""

# Of ten orders six are paid, two paid and then canceled, one canceled unpaid, one left alone.
ORDERS = """
insert into orders (id, user_id, status, total_amount, event_version, paid_on)
select n, 1 + n %% 500,
  case when n %% 10 < 6 then 'PAID' when n %% 10 < 9 then 'CANCELED' else 'CREATED' end, 0, 3,
  case when n %% 10 < 8 then date '2026-11-01' + (n %% 7)::int end
from generate_series(%(first)s, %(last)s) as n;
insert into order_items (order_id, product_id, qty, price)
select n, p.id, 1 + n %% 2, p.price from generate_series(%(first)s, %(last)s) as n
join products p on p.id = 1 + (n * 7) %% 50 or (n %% 2 = 0 and p.id = 1 + (n * 11 + 3) %% 50);
update orders o set total_amount = (select sum(qty * price) from order_items where order_id = o.id)
where id between %(first)s and %(last)s;
"""

ORDER_EVENT = """
insert into outbox_events (aggregate_type, aggregate_id, event_type, topic, payload)
select 'order', id::text, '{type}', 'order.events',
  jsonb_build_object('order_id', id, 'user_id', user_id, 'items', items,
                     'total_amount', total_amount, 'date', day::text)::text::json
from order_told where id between %(first)s and %(last)s and {which} order by id;
insert into outbox_events (aggregate_type, aggregate_id, event_type, topic, headers, payload)
select 'order', id::text, '{metrics_type}', 'order-events',
  '{{"event_version":"{version}"}}',
  jsonb_build_object('orderId', id, 'userId', user_id, 'items', lines,
                     'totalAmount', total_amount)::text::json
from order_told where id between %(first)s and %(last)s and {which} order by id;
"""

ORDER_STEPS = [
    {"type": "ORDER_CREATED", "metrics_type": "OrderCreatedEvent", "version": 1, "which": "true"},
    {"type": "ORDER_PAID", "metrics_type": "PaymentCompletedEvent", "version": 2, "which": "paid"},
    {"type": "ORDER_CANCELED", "metrics_type": "OrderCancelledEvent", "version": 3,
     "which": "status = 'CANCELED'"}]

RESTOCKED = """
insert into outbox_events (aggregate_type, aggregate_id, event_type, topic, payload)
select 'product', product_id::text, 'RESTOCKED', 'stock.events',
  jsonb_build_object('product_id', product_id, 'qty', 1 + n %% 9)::text::json
from (select n, 1 + n %% 50 as product_id from generate_series(%(first)s, %(last)s) as n) wanted
"""

LIKES_AND_VIEWS = """
insert into product_likes (product_id, user_id)
select 1 + n %% 50, n from generate_series(%(first)s, %(last)s) as n;
insert into outbox_events (aggregate_type, aggregate_id, event_type, topic, headers, payload)
select 'product', (1 + n %% 50)::text,
  case kind when 1 then 'LikeAddedEvent' else 'ProductViewEvent' end, 'catalog-events',
  json_build_object('event_version', (n * 2 + kind)::text),
  jsonb_build_object('productId', 1 + n %% 50, 'userId', n)::text::json
from generate_series(%(first)s, %(last)s) as n, generate_series(0, 1) as kind order by n, kind
"""

PRICES = """
with changed as (update products set price = price + 1 where id %% 2 = %(first)s %% 2 returning id)
insert into outbox_events (aggregate_type, aggregate_id, event_type, topic, payload)
select 'product', id::text, 'PRICE_UPDATED', 'product.events',
  jsonb_build_object('product_id', id)::text::json from changed
"""

FLASH_SALE = """
insert into flash_sale_queue_entries (flash_sale_id, user_id, status)
select 1 + n %% 5, n, 'WAITING' from generate_series(%(first)s, %(last)s) as n;
insert into outbox_events (aggregate_type, aggregate_id, event_type, topic, payload)
select 'flash_sale', (1 + n %% 5)::text,
  (array['QUEUE_JOINED', 'QUEUE_ADMITTED', 'QUEUE_LEFT'])[step],
  'flashsale.events',
  jsonb_build_object('flash_sale_id', 1 + n %% 5, 'user_id', n)::text::json
from generate_series(%(first)s, %(last)s) as n, generate_series(1, 3) as step
where step <= 1 + n %% 3 order by n, step
"""


def write_wave(database, first, orders):
    """So many orders from that number on, with all else that goes on in a shop meanwhile."""
    sequence = {"first": first, "last": first + orders - 1}
    few = {"first": first, "last": first + orders // 10 - 1}
    with database.connect(autocommit=False) as connection:
        with connection.cursor() as cursor:
            cursor.execute(VIEW)
            cursor.execute(ORDERS, sequence)
            cursor.execute(ORDER_EVENT.format(**ORDER_STEPS[0]), sequence)
            cursor.execute(RESTOCKED, few)
            cursor.execute(ORDER_EVENT.format(**ORDER_STEPS[1]), sequence)
            cursor.execute(LIKES_AND_VIEWS, few)
            cursor.execute(ORDER_EVENT.format(**ORDER_STEPS[2]), sequence)
            cursor.execute(PRICES, few)
            cursor.execute(FLASH_SALE, few)
    connection.close()
