# SPDX-License-Identifier: Apache-2.0
"""A database of one test, looked at from outside as a back end would."""
import psycopg2
import psycopg2.extras

from waiting import wait_until


class Database:
    """One connection in autocommit mode, and questions to it."""

    def __init__(self, url):
        self.url = url
        self.connection = self.connect()

    def connect(self, autocommit=True):
        connection = psycopg2.connect(self.url)
        connection.autocommit = autocommit
        return connection

    def reconnect(self):
        """After the server was away."""
        self.connection.close()
        self.connection = self.connect()

    def execute(self, sql, *parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)

    def rows(self, sql, *parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall()

    def row(self, sql, *parameters):
        """The first row, its columns by name."""
        with self.connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchone()

    def value(self, sql, *parameters):
        return self.rows(sql, *parameters)[0][0]

    def insert(self, rows, table="outbox_events"):
        """Rows as dicts, in one transaction."""
        with self.connect(autocommit=False) as connection:
            with connection.cursor() as cursor:
                insert(cursor, rows, table)
        connection.close()

    def counts(self, table="outbox_events"):
        return dict(self.rows(f"select status, count(*) from {table} group by status"))

    def wait_for(self, sql, expected, seconds=20, parameters=()):
        """Until the query's one value is the expected one."""
        last = [None]

        def look():
            last[0] = self.value(sql, *parameters)
            return last[0] == expected
        wait_until(look, seconds, lambda: f"{sql} gives {last[0]}, expected {expected}")

    def wait_settled(self, seconds=30, table="outbox_events", words=("PUBLISHED", "DEAD")):
        unsettled = f"select count(*) from {table} where status <> all(%s)"
        self.wait_for(unsettled, 0, seconds, (list(words),))


def insert(cursor, rows, table="outbox_events"):
    for row in rows:
        names = ", ".join(row)
        marks = ", ".join(["%s"] * len(row))
        cursor.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))
