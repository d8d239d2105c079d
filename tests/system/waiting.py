# SPDX-License-Identifier: Apache-2.0
"""Waiting for what a test needs to see, with a deadline: never for time alone."""
import time

POLL_SECONDS = 0.03


def wait_until(condition, seconds, what):
    """Calls condition until it is true and returns what it gave; what may be a text or a call."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {seconds} s: {text}")
        time.sleep(POLL_SECONDS)


def holds_for(condition, seconds, what):
    """For what must not happen: the condition is true all the time that it is looked at."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), what() if callable(what) else what
        time.sleep(POLL_SECONDS)
