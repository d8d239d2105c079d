# SPDX-License-Identifier: Apache-2.0
"""A SQLite file of one test, looked at from outside as a back end would."""
import sqlite3

from databases import Database


class SqliteDatabase(Database):
    """By Python's own driver; `url` is the file's path."""

    def connect(self, autocommit=True):
        return sqlite3.connect(self.url, timeout=30, isolation_level=None)

    def execute(self, sql, *parameters):
        self.connection.execute(sql, parameters)

    def rows(self, sql, *parameters):
        return self.connection.execute(sql, parameters).fetchall()

    def insert(self, rows, table="outbox_events"):
        """Rows as dicts, in one transaction."""
        self.execute("begin immediate")
        for row in rows:
            marks = ", ".join("?" * len(row))
            self.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", *row.values())
        self.execute("commit")
