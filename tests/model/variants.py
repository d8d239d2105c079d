# SPDX-License-Identifier: Apache-2.0
"""The variants of the models: which switches, and what spin has to say of each."""
from typing import NamedTuple

HOLDS = "holds"


class Variant(NamedTuple):
    model: str
    switches: str
    finds: str  # HOLDS, or a part of the assertion that has to fail
    words: str


def safe(model, switches, words):
    return Variant(model, switches, HOLDS, words)


O1 = "seen&(1<<e)"
O1_STRICT = "!(((e==0)&&(seen&2)))"
READ_O1 = "!(((e==1)&&(seen&8)))"
FENCE = "lease_epoch==relay[me].epoch"
RELAY_LOSS = "!((published&~(seen)))"
ONCE = "!(doubled["
LOSS = "!((published&~(in_log)))"
OWNERS = ">=newest_owner"
READ_LOSS = "settled==14"

SAFE = [
    safe("relay", "", "3 rows, takeover, crash, handle thrown away"),
    safe("relay", "EVENTS=2 ACQUISITIONS=3 CRASHES=0", "2 rows, the slot goes to and fro"),
    safe("relay", "EVENTS=2 REFUSALS=1", "one refusal besides takeover, crash, handle"),
    safe("relay", "EVENTS=2 REFUSALS=2 RESTARTS=0", "refused twice: retries and dead letters"),
    safe("relay", "KEYS=2 REFUSALS=1 CRASHES=0 RESTARTS=0", "a blocked key beside a healthy one"),
    safe("relay", "EVENTS=2 REFUSALS=1 CRASHES=0 RESTARTS=0 FORGETFUL REARM",
         "the broker forgets idle producers, and the relay waits for an acknowledgement anew"),
    safe("rows", "REFUSALS=1", "claims beside leases; takeover, crash, refusal"),
    safe("reading", "", "late commits, dropped rows, a blocked key"),
    safe("transactional", "", "three owners, a crash, an answer that never comes"),
    safe("transactional", "REFUSALS=1 TIMEOUTS=1 ACQUISITIONS=2",
         "a refusal, and the broker ends a transaction"),
    safe("transactional", "REPLAY", "a replayed row that is told apart from its first sending"),
]

BROKEN = [
    Variant("relay", "NO_FENCE", FENCE, "settling is not fenced"),
    Variant("relay", "SETTLE_BEFORE_ACK", RELAY_LOSS, "settled before the acknowledgement"),
    Variant("relay", "KEEP_OUTDATED_READ ACQUISITIONS=1", O1,
            "a read that began before rows were dropped counts"),
    Variant("relay", "WAITING_KEPT ACQUISITIONS=1", O1,
            "a new handle goes on with what waited for the old one"),
    Variant("relay", "PIPELINE_FIRST_BATCH EVENTS=2 REFUSALS=1 ACQUISITIONS=1", O1,
            "several in flight before a handle's first acknowledgement"),
    Variant("relay", "NOT_GAPLESS REFUSALS=1 ACQUISITIONS=1", O1,
            "what follows a refused message passes"),
    Variant("relay", "RETRY_BEHIND_SIBLING EVENTS=2 REFUSALS=2 ACQUISITIONS=1", O1,
            "back-off belongs to the row instead of the key"),
    Variant("relay", "DEAD_NOT_WAITED EVENTS=2 REFUSALS=2 RESTARTS=0", O1,
            "a key goes on before its dead letter is settled"),
    Variant("rows", "NO_LEASES", O1_STRICT, "SKIP LOCKED alone"),
    Variant("rows", "TAKE_OVER_LATE", O1_STRICT,
            "a dead member's rows wait for the lock's time-out"),
    Variant("rows", "READ_WHILE_RELEASING", O1_STRICT, "claims while a release is being written"),
    Variant("rows", "REFUSALS=1 NO_KEYS_LOADED", O1_STRICT,
            "a new owner knows nothing of keys in trouble"),
    Variant("rows", "REFUSALS=1 BACK_OFF_ENDS_EARLY ACQUISITIONS=1", O1_STRICT,
            "siblings are sent while their head is not yet due in the database"),
    Variant("relay", "FORGETFUL REFUSALS=1 ACQUISITIONS=1", O1,
            "a producer that the broker forgot (`producer.id.expiration.ms`) pipelines on"),
    Variant("reading", "CURSOR", READ_LOSS, "reads begin behind the last row seen"),
    Variant("reading", "NO_HORIZON", READ_LOSS, "what was given out counts as committed"),
    Variant("reading", "LIVING_FIRST", READ_LOSS, "who lives is noted before the highest id"),
    Variant("reading", "IGNORE_DROPPED", READ_LOSS, "dropped rows do not hold the floor"),
    Variant("reading", "NO_RESCAN", READ_LOSS, "a freed key asks for no rescan"),
    Variant("transactional", "EPOCH_IN_ID", ONCE, "the epoch in the transactional.id"),
    Variant("transactional", "NO_LOOK", ONCE, "the control topic is not read back"),
    Variant("transactional", "LOOK_BEFORE_FENCE", ONCE, "read back, and then fenced"),
    Variant("transactional", "READ_BEFORE_FENCE", ONCE, "rows are read before the fence"),
    Variant("transactional", "NO_VERIFY", OWNERS, "the lease is not verified behind the fence"),
    Variant("transactional", "POSITION", LOSS, "a position instead of ids"),
    Variant("transactional", "ONLY_THIS_BATCH", ONCE, "ids of this batch alone"),
    Variant("transactional", "FORGET_LOOKED", ONCE, "ids read back are not carried on"),
    Variant("transactional", "DROP_EARLY", ONCE, "ids go before their settle is known"),
    Variant("transactional", "SETTLE_AT_DELIVERY", LOSS, "settled before the commit"),
    Variant("transactional", "ASSUME_COMMITTED", LOSS, "no answer to a commit means yes"),
    Variant("transactional", "ASSUME_ABORTED", ONCE, "no answer to a commit means no"),
    Variant("transactional", "REUSE_PRODUCER", ONCE, "after no answer the producer is used again"),
    Variant("transactional", "NO_FENCE REFUSALS=1", "&dead", "settling is not fenced"),
    Variant("transactional", "REPLAY_BY_ID", LOSS, "a replayed row is taken for its first sending"),
]

# What the relay does not shut out, found so that the pages say no more than is true.
LIMITS = [
    Variant("relay", "CHECK_O2", "writer_epoch", "O2 of idempotent delivery: a paused relay's "
            "message comes behind its successor's (guarantees.md, 4)"),
    Variant("relay", "CHECK_O3", "written_last", "O3 of idempotent delivery: the same as the key's "
            "last record (guarantees.md, 4)"),
    Variant("relay", "STRICT EVENTS=2 REFUSALS=2 ACQUISITIONS=1", O1,
            "O1 with what was dead-lettered meanwhile (guarantees.md, 4)"),
]

ALL = [*SAFE, *BROKEN, *LIMITS]
