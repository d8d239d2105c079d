# SPDX-License-Identifier: Apache-2.0
"""A database of one test in MariaDB, looked at from outside as a back end would."""
import re
import urllib.parse

import pymysql

from databases import Database


class MariadbDatabase(Database):
    def connect(self, autocommit=True):
        url = urllib.parse.urlsplit(self.url)
        connection = pymysql.connect(host=url.hostname, port=url.port, user=url.username,
                                     password=url.password, database=url.path[1:] or None,
                                     charset="utf8mb4", autocommit=autocommit)
        with connection.cursor() as cursor:
            cursor.execute("set time_zone = '+00:00'")
        return connection

    def insert(self, rows, table="outbox_events"):
        """Rows as dicts, in one transaction."""
        connection = self.connect(autocommit=False)
        with connection.cursor() as cursor:
            for row in rows:
                places = ", ".join(["%s"] * len(row))
                cursor.execute(f"insert into {table} ({', '.join(row)}) values ({places})",
                               list(row.values()))
        connection.commit()
        connection.close()

    def insert_many(self, count, keys, topic):
        """Native rows with numbered payloads, their keys in turn, from the server itself."""
        assert re.fullmatch(r"[\w.]+", topic)
        self.execute("insert into outbox_events (aggregate_type, aggregate_id, event_type, "
                     f"payload, topic) select 'order', concat('k', seq mod {keys}), 'ORDER_PAID', "
                     f"concat('{{\"n\": ', seq, '}}'), '{topic}' from seq_1_to_{count}")
