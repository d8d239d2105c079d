# SPDX-License-Identifier: Apache-2.0
"""Back ends under load: threads that change aggregates and insert their events."""

import threading

import psycopg2


class Writers:
    """Writers that take the aggregate's lock before the row's id is drawn, as order asks of them.

    Every fifth transaction is rolled back. Used as a context; ends and joins its threads.
    """

    def __init__(self, database, topic, keys=40, threads=2, rows_per_transaction=3):
        self.database = database
        self.topic = topic
        self.keys = keys
        self.rows_per_transaction = rows_per_transaction
        self.stopping = threading.Event()
        self.failures = []
        self.committed = [0] * threads
        self.threads = [threading.Thread(target=self._run, args=(number,))
                        for number in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures[0]

    @property
    def rows(self):
        return sum(self.committed)

    def _run(self, number):
        connection = self.database.connect(autocommit=False)
        turn = number
        try:
            while not self.stopping.is_set():
                turn += 1
                self._transaction(connection, number, turn)
                self.stopping.wait(0.002)  # The pace of the load: some hundred rows a second.
        except psycopg2.Error as error:
            self.failures.append(error)
        finally:
            connection.close()

    def payload(self, turn):
        """SQL for the payload of row i of a transaction."""
        return f"json_build_object('turn', {turn}, 'row', i)"

    def _transaction(self, connection, number, turn):
        key = f"k{turn * 7 % self.keys}"
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", (key,))
            cursor.execute(
                "insert into outbox_events (aggregate_type, aggregate_id, event_type, payload, "
                f"topic) select 'order', %s, 'ORDER_PAID', {self.payload(turn)}, %s "
                "from generate_series(1, %s) i", (key, self.topic, self.rows_per_transaction))
        if turn % 5 == 0:
            connection.rollback()
        else:
            connection.commit()
            self.committed[number] += self.rows_per_transaction
