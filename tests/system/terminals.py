# SPDX-License-Identifier: Apache-2.0
"""A command on a terminal of its own, as a person has it."""
import errno
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

from waiting import wait_until

ORDERS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A process whose three streams are a terminal of so many columns; `text` is what it showed."""

    def __init__(self, outboxd, *words, columns=120, rows=50, **settings):
        from programs import flags
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = dict(outboxd._environment(None), TERM="xterm-256color")
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            [outboxd.program, *words, *flags(settings)], cwd=outboxd.folder, env=environment,
            stdin=follower, stdout=follower, stderr=follower, start_new_session=True)
        os.close(follower)
        self.seen = b""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self.leader, 65536)
            except OSError as error:
                assert error.errno == errno.EIO  # The other end is closed.
                return
            if not data:
                return
            self.seen += data

    @property
    def raw(self):
        return self.seen.decode(errors="replace")

    @property
    def text(self):
        return ORDERS.sub("", self.raw).replace("\r", "")

    def wait_for(self, pattern, seconds=30):
        return wait_until(lambda: re.search(pattern, self.text), seconds,
                          lambda: f"{pattern!r} in\n{self.text[-3000:]}")

    def type(self, text):
        os.write(self.leader, text.encode())

    def end(self, seconds=20):
        code = self.process.wait(timeout=seconds)
        self.reader.join(seconds)
        os.close(self.leader)
        return code
