/* SPDX-License-Identifier: Apache-2.0
 *
 * Lease, fence and idempotent delivery (capture `lease`), as src/relay/core*.cpp does it. What is
 * in and what is not: docs/model.md. One slot, one partition, RELAYS relays, EVENTS rows of one or
 * two keys. There is no clock: a lease may be taken over at any moment, and each step may come at
 * any time after the one before, so that a pause of any length is among the runs.
 *
 * Each `-D` at the head of docs/model.md's table leaves out one rule or adds one hazard.
 */
#ifndef EVENTS
#define EVENTS 3
#endif
#ifndef KEYS
#define KEYS 1
#endif
#ifndef ACQUISITIONS
#define ACQUISITIONS 2     /* of the slot, in all */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef RESTARTS
#define RESTARTS 1         /* of handles without a refusal: fatal errors, stalls */
#endif
#ifndef REFUSALS
#define REFUSALS 0         /* by the broker, of any event */
#endif
#define RELAYS 2
#ifndef PIPES
#define PIPES 4            /* handles whose messages may still be on their way */
#endif

#define ALL ((1 << EVENTS) - 1)
#define BIT(e) (1 << (e))
#define BEHIND(e) (ALL & ~((1 << ((e) + 1)) - 1))
#define LOWEST(m) (((m) & 1) -> 0 : (((m) & 2) -> 1 : 2))
#if KEYS == 1
#define KEY(e) 0
#define ROWS_OF(k) ALL
#else                      /* the middle row is another key's */
#define KEY(e) ((e) == 1)
#define ROWS_OF(k) ((k) -> 2 : 5)
#endif

/* The database. Epoch and token are one number here: no epoch is given out twice. */
byte lease_epoch;
byte published, dead;      /* rows, a bit each */
byte stored_head[KEYS];    /* outboxd_keys: 1 + the head that its key waits for; 0: none */
byte crashes, restarts, refusals;

/* The broker: what each handle sent and is not written yet, and what it knows of the producer. */
mtype = {fresh, known, broken};
chan pipe[PIPES] = [EVENTS] of {byte};
mtype sequence[PIPES] = fresh;
bit listened[PIPES];       /* Some relay still hears of its deliveries. */
byte acknowledgements[PIPES];
byte refusal[PIPES];       /* 1 + the event */
byte seen;                 /* in the log */
byte written_last[KEYS];   /* 1 + the event of the key's last record */

typedef Relay_state {
  byte epoch;              /* of the lease it believes to hold; 0: none */
  bit verified;            /* The lease, since a handle was thrown away. */
  bit reading, outdated;   /* A read is under way; rows were dropped since it began. */
  byte shown;              /* what the read under way answers */
  byte waiting, sent;      /* for and on the main handle */
  byte second_waiting, second_sent;
  byte acknowledged;       /* to be settled as published */
  byte retried, dying;     /* to be settled as retried, as dead */
  byte isolated;           /* rows in hand that belong to the second handle, in any stage */
  byte main, second;       /* 1 + its pipe; 0: not open */
  bit passed;              /* The main handle has had an acknowledgement. */
};
Relay_state relay[RELAYS];
typedef Trouble {          /* KeyTrouble, by relay and key */
  bit known_bad, head_done, backing_off;
  byte head;
};
Trouble trouble[RELAYS * KEYS];

#define R relay[me]
#define T(k) trouble[me * KEYS + (k)]
#ifdef PIPELINE_FIRST_BATCH
#define MAY_PIPELINE true
#else
#define MAY_PIPELINE (!R.sent || R.passed)
#endif
#define IN_HAND (R.waiting | R.sent | R.second_waiting | R.second_sent | R.acknowledged \
                 | R.retried | R.dying)
#ifdef DEAD_NOT_WAITED
#define PENDING(k) (R.retried & ROWS_OF(k))
#else
#define PENDING(k) ((R.retried | R.dying) & ROWS_OF(k))
#endif
#define BLOCKED(k) (T(k).known_bad && (PENDING(k) || T(k).backing_off))
#ifdef RETRY_BEHIND_SIBLING  /* Back-off belongs to the row, not to its key. */
#define LEFT_OUT(k) (BLOCKED(k) -> BIT(T(k).head) : 0)
#else
#define LEFT_OUT(k) (BLOCKED(k) -> ROWS_OF(k) : 0)
#endif
#if KEYS == 1
#define ALL_LEFT_OUT LEFT_OUT(0)
#else
#define ALL_LEFT_OUT (LEFT_OUT(0) | LEFT_OUT(1))
#endif

#define MAY_READ (R.epoch && R.main && R.verified && !R.reading)
#define UNSETTLED (ALL & ~(published | dead | IN_HAND | ALL_LEFT_OUT))

inline write_record(e) {
#ifdef STRICT   /* without the exception of docs/guarantees.md, 4 */
  assert((seen & BIT(e)) || !(seen & ROWS_OF(KEY(e)) & BEHIND(e)));            /* O1 */
#else
  assert((seen & BIT(e)) || (dead & BIT(e)) || !(seen & ROWS_OF(KEY(e)) & BEHIND(e)));  /* O1 */
#endif
  seen = seen | BIT(e);
#ifdef CHECK_O2
  assert(writer_epoch[p] >= newest_epoch);                                     /* O2 */
  newest_epoch = writer_epoch[p];
#endif
#ifdef CHECK_O3
  written_last[KEY(e)] = 1 + e;
#endif
}

#ifdef CHECK_O2
byte newest_epoch;         /* of the owners whose records stand in the log */
byte writer_epoch[PIPES];
#endif

inline close_pipe(handle) {
  if
  :: handle ->
     listened[handle - 1] = 0;
     acknowledgements[handle - 1] = 0;
     refusal[handle - 1] = 0;
     handle = 0
  :: else
  fi
}

/* A new handle, on a pipe of which nothing is on its way any more. */
inline open_pipe(handle) {
  p = 0;
  do
  :: p < PIPES && (listened[p] || len(pipe[p]) > 0) -> p++
  :: else -> break
  od;
  if
  :: p < PIPES ->
     listened[p] = 1;
     sequence[p] = fresh;
     handle = 1 + p
  :: else
  fi;
  p = 0
}
#define NOTHING_IN_FLIGHT \
  (len(pipe[0]) == 0 && len(pipe[1]) == 0 && len(pipe[2]) == 0 && len(pipe[3]) == 0 \
   && len(pipe[PIPES - 1]) == 0)
#define A_PIPE_IS_FREE \
  (!(listened[0] || len(pipe[0]) > 0) || !(listened[1] || len(pipe[1]) > 0) \
   || !(listened[2] || len(pipe[2]) > 0) || !(listened[3] || len(pipe[3]) > 0) \
   || !(listened[PIPES - 1] || len(pipe[PIPES - 1]) > 0))

/* Core::restart: whether what was in flight stands in the log is not known. */
inline restart_main() {
  close_pipe(R.main);
#ifdef WAITING_KEPT
  if
  :: R.sent -> R.outdated = 1
  :: else
  fi;
#else
  if
  :: R.sent | R.waiting -> R.outdated = 1
  :: else
  fi;
  R.waiting = 0;
#endif
  R.sent = 0;
  R.passed = 0;
  R.verified = 0
}

inline restart_second() {
  close_pipe(R.second);
  if
  :: R.second_sent | R.second_waiting -> R.outdated = 1
  :: else
  fi;
  R.isolated = R.isolated & ~(R.second_sent | R.second_waiting);
  R.second_sent = 0;
  R.second_waiting = 0;
  R.verified = 0
}

inline forget_keys() {
  k = 0;
  do
  :: k < KEYS ->
     T(k).known_bad = 0; T(k).head = 0; T(k).head_done = 0; T(k).backing_off = 0;
     k++
  :: else -> break
  od;
  k = 0
}

inline lose_slot() {
  was_sent = R.sent | R.second_sent;
  if
  :: was_sent && R.second_sent -> restart_second()
  :: else
  fi;
  if
  :: was_sent -> restart_main()
  :: else
  fi;
  was_sent = 0;
  R.waiting = 0; R.second_waiting = 0; R.acknowledged = 0; R.retried = 0; R.dying = 0;
  R.isolated = 0;
  R.epoch = 0;
  R.outdated = R.reading;
  forget_keys()
}

inline free_key_if_clean(k) {
  if
  :: T(k).known_bad && T(k).head_done && !BLOCKED(k) && !(R.isolated & ROWS_OF(k)) ->
     T(k).known_bad = 0; T(k).head = 0; T(k).head_done = 0
  :: else
  fi
}

/* One statement, gated by the lease row, which it locks: nobody acquires in its middle. */
inline write_settled() {
#ifndef SETTLE_BEFORE_ACK
  assert(!(R.acknowledged & ~seen));
#endif
  assert(lease_epoch == R.epoch);                                              /* F */
  published = published | (R.acknowledged & ~dead);
  dead = dead | (R.dying & ~published);
  assert(!(published & ~seen));                                                /* L */
  k = 0;
  do
  :: k < KEYS ->
     if
     :: R.retried & ROWS_OF(k) -> stored_head[k] = 1 + LOWEST(R.retried & ROWS_OF(k))
     :: stored_head[k] && ((published | dead) & BIT(stored_head[k] - 1)) -> stored_head[k] = 0
     :: else
     fi;
     k++
  :: else -> break
  od;
  k = 0
}

inline finish_settled() {
  k = 0;
  do
  :: k < KEYS ->
     if
     :: T(k).known_bad && ((R.acknowledged | R.dying) & BIT(T(k).head)) -> T(k).head_done = 1
     :: else
     fi;
     k++
  :: else -> break
  od;
  R.isolated = R.isolated & ~(R.acknowledged | R.retried | R.dying);
  R.acknowledged = 0; R.retried = 0; R.dying = 0;
  free_key_if_clean(0);
#if KEYS == 2
  free_key_if_clean(1);
#endif
  k = 0
}

inline enter_rows() {
  e = 0;
  do
  :: e < EVENTS ->
     if
     :: !(R.shown & BIT(e)) || (LEFT_OUT(KEY(e)) & BIT(e))
     :: else ->
        if
        :: T(KEY(e)).known_bad ->
           R.second_waiting = R.second_waiting | BIT(e);
           R.isolated = R.isolated | BIT(e)
        :: else -> R.waiting = R.waiting | BIT(e)
        fi
     fi;
     e++
  :: else -> break
  od;
  e = 0
}

proctype Relay(byte me) {
  byte e, k, p, was_sent;
end:
  do
  /* Leases: the database finds the slot free or expired. The local deadline is left out. */
  :: d_step { lease_epoch < ACQUISITIONS ->
       if
       :: R.epoch -> lose_slot()
       :: else
       fi;
       lease_epoch++;
       R.epoch = lease_epoch;
       R.verified = 1;
       k = 0;
       do
       :: k < KEYS ->
          if
          :: stored_head[k] ->
             T(k).known_bad = 1; T(k).head = stored_head[k] - 1;
             T(k).head_done = 0; T(k).backing_off = 1
          :: else
          fi;
          k++
       :: else -> break
       od;
       k = 0 }
  :: d_step { R.epoch && R.epoch != lease_epoch -> lose_slot() }      /* a heartbeat says so */
  :: d_step { R.epoch && R.epoch == lease_epoch && !R.verified -> R.verified = 1 }
  :: d_step { crashes < CRASHES && lease_epoch < ACQUISITIONS && (R.epoch || R.main) ->
       crashes++;
       close_pipe(R.main); close_pipe(R.second);
       R.epoch = 0; R.verified = 0; R.reading = 0; R.outdated = 0; R.shown = 0;
       R.waiting = 0; R.sent = 0; R.second_waiting = 0; R.second_sent = 0;
       R.acknowledged = 0; R.retried = 0; R.dying = 0; R.isolated = 0; R.passed = 0;
       forget_keys() }

  /* Handles. */
  :: d_step { R.epoch && !R.main && A_PIPE_IS_FREE -> open_pipe(R.main) }
#if REFUSALS
  :: d_step { R.epoch && !R.second && A_PIPE_IS_FREE &&
              (T(0).known_bad || T(KEYS - 1).known_bad) -> open_pipe(R.second) }
#endif
  :: d_step { restarts < RESTARTS && R.sent -> restarts++; restart_main() }
#if REFUSALS
  :: d_step { restarts < RESTARTS && R.second_sent -> restarts++; restart_second() }
#endif

  /* Reading. */
  :: d_step { MAY_READ && UNSETTLED -> R.shown = UNSETTLED; R.reading = 1 }
#ifndef WHOLE_READS        /* Limits of rows and bytes end a read early. */
  :: d_step { MAY_READ && UNSETTLED -> R.shown = BIT(LOWEST(UNSETTLED)); R.reading = 1 }
#endif
  :: d_step { R.reading ->
#ifndef KEEP_OUTDATED_READ
       if
       :: !R.outdated -> enter_rows()
       :: else
       fi;
#else
       if
       :: R.epoch -> enter_rows()
       :: else
       fi;
#endif
       R.reading = 0; R.outdated = 0; R.shown = 0 }

  /* Hand-over. */
  :: d_step { R.waiting && R.epoch && R.main && len(pipe[R.main - 1]) < EVENTS && MAY_PIPELINE ->
       e = LOWEST(R.waiting);
       R.waiting = R.waiting & ~BIT(e);
       R.sent = R.sent | BIT(e);
#ifdef SETTLE_BEFORE_ACK
       R.acknowledged = R.acknowledged | BIT(e);
#endif
#ifdef CHECK_O2
       writer_epoch[R.main - 1] = R.epoch;
#endif
       if
       :: sequence[R.main - 1] != broken -> pipe[R.main - 1]!e
       :: else
       fi;
       e = 0 }
#if REFUSALS
  :: d_step { R.second_waiting && R.epoch && R.second && !R.second_sent &&
              len(pipe[R.second - 1]) < EVENTS ->
       e = LOWEST(R.second_waiting);
       R.second_waiting = R.second_waiting & ~BIT(e);
       R.second_sent = BIT(e);
       pipe[R.second - 1]!e;
       e = 0 }
#endif

  /* Deliveries. */
  :: d_step { R.main && (acknowledgements[R.main - 1] & R.sent) ->
       e = LOWEST(acknowledgements[R.main - 1] & R.sent);
       acknowledgements[R.main - 1] = acknowledgements[R.main - 1] & ~BIT(e);
       R.sent = R.sent & ~BIT(e);
       R.acknowledged = R.acknowledged | BIT(e);
       R.passed = 1;
       e = 0 }
#if REFUSALS
  :: d_step { R.second && (acknowledgements[R.second - 1] & R.second_sent) ->
       acknowledgements[R.second - 1] = 0;
       R.acknowledged = R.acknowledged | R.second_sent;
       R.second_sent = 0 }
  :: d_step { R.main && refusal[R.main - 1] && !acknowledgements[R.main - 1] ->
       e = refusal[R.main - 1] - 1;
       if                                     /* Core::suspect */
       :: !T(KEY(e)).known_bad || T(KEY(e)).head_done ->
          T(KEY(e)).known_bad = 1; T(KEY(e)).head = e; T(KEY(e)).head_done = 0
       :: else
       fi;
       restart_main();
       e = 0 }
  :: d_step { R.second && refusal[R.second - 1] && R.second_sent ->   /* it may succeed later */
       e = refusal[R.second - 1] - 1;
       R.second_sent = 0;
       R.retried = R.retried | BIT(e);
       T(KEY(e)).known_bad = 1; T(KEY(e)).head = e; T(KEY(e)).head_done = 0;
       T(KEY(e)).backing_off = 1;
       R.outdated = R.reading;
       restart_second();
       e = 0 }
  :: d_step { R.second && refusal[R.second - 1] && R.second_sent ->   /* it never can */
       e = refusal[R.second - 1] - 1;
       R.second_sent = 0;
       R.dying = R.dying | BIT(e);
       if
       :: !T(KEY(e)).known_bad || T(KEY(e)).head_done ->
          T(KEY(e)).known_bad = 1; T(KEY(e)).head = e; T(KEY(e)).head_done = 0
       :: else
       fi;
       restart_second();
       e = 0 }
  :: d_step { T(0).backing_off && !PENDING(0) -> T(0).backing_off = 0; free_key_if_clean(0) }
#if KEYS == 2
  :: d_step { T(1).backing_off && !PENDING(1) -> T(1).backing_off = 0; free_key_if_clean(1) }
#endif
#endif

  /* Settling; the answer may be lost, and then the same is settled again. */
  :: d_step { (R.acknowledged | R.retried | R.dying) && R.epoch ->
       if
#ifdef NO_FENCE
       :: true ->
#else
       :: R.epoch == lease_epoch ->
#endif
          write_settled(); finish_settled()
       :: else -> lose_slot()
       fi }
  :: d_step { (R.acknowledged & ~(published | dead) | R.dying & ~(published | dead)) && R.epoch &&
              R.epoch == lease_epoch -> write_settled() }
  od
}

proctype Wire(byte p) {    /* one handle's way to the log */
  byte e;
end:
  do
  :: d_step { len(pipe[p]) > 0 ->
       pipe[p]?e;
       write_record(e);
       sequence[p] = known;
       if
       :: listened[p] -> acknowledgements[p] = acknowledgements[p] | BIT(e)
       :: else
       fi;
       e = 0 }
#if REFUSALS
  :: d_step { refusals < REFUSALS && len(pipe[p]) > 0 ->
       refusals++;
       pipe[p]?e;
       if
       :: listened[p] -> refusal[p] = 1 + e
       :: else
       fi;
#ifndef NOT_GAPLESS
       if                                      /* What follows has the wrong sequence. */
       :: sequence[p] == known ->
          sequence[p] = broken;
          do
          :: len(pipe[p]) > 0 -> pipe[p]?e
          :: else -> break
          od
       :: else
       fi;
#endif
       e = 0 }
#endif
  /* A handle that was thrown away may have got no further. */
  :: d_step { !listened[p] && len(pipe[p]) > 0 ->
       do
       :: len(pipe[p]) > 0 -> pipe[p]?e
       :: else -> break
       od;
       e = 0 }
#ifdef FORGETFUL   /* producer.id.expiration.ms, of a handle that was idle */
  :: d_step { len(pipe[p]) == 0 && listened[p] && sequence[p] == known ->
#ifdef REARM               /* The relay waits for an acknowledgement again after less idleness. */
       if
       :: relay[0].main == 1 + p -> relay[0].passed = 0
       :: relay[1].main == 1 + p -> relay[1].passed = 0
       :: else
       fi;
#endif
       sequence[p] = fresh }
#endif
  od
}

/* No loss: where nothing can happen any more, this has ended, or spin finds an invalid end. */
proctype Drained() {
  atomic { (published | dead) == ALL && NOTHING_IN_FLIGHT ->
#ifdef CHECK_O3
    assert(written_last[KEY(EVENTS - 1)] == EVENTS || (dead & BIT(EVENTS - 1)));        /* O3 */
#endif
    skip }
}

init {
  atomic {
    lease_epoch = 1; relay[0].epoch = 1; relay[0].verified = 1;
    run Relay(0); run Relay(1);
    run Wire(0); run Wire(1); run Wire(2); run Wire(3);
#if PIPES == 5
    run Wire(4);
#endif
    run Drained()
  }
}
