/* SPDX-License-Identifier: Apache-2.0
 *
 * Capture `row`: rows claimed by FOR UPDATE SKIP LOCKED and marked PROCESSING, with leases besides,
 * as src/store/postgres/row_capture.cpp and src/relay/core*.cpp do it. What is in and what is not:
 * docs/model.md. One slot, one key, two relays, two rows; claims and settles are transactions that
 * take time, and while they last others pass over the rows they lock. There is no clock.
 */
#ifndef ACQUISITIONS
#define ACQUISITIONS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef REFUSALS
#define REFUSALS 0
#endif
#define EVENTS 2
#define ALL 3
#define PIPES 3
#define BIT(e) (1 << (e))
#define LOWEST(m) (((m) & 1) -> 0 : 1)

/* The database. */
byte lease_epoch;
byte published;
byte later;                /* FAILED, and next_attempt_at is not over */
byte held_by[2];           /* PROCESSING: rows by relay */
bit key_stored;            /* outboxd_keys: the key waits for row 0 */
byte crashes, restarts, refusals;
byte seen;                 /* in the log */
chan pipe[PIPES] = [EVENTS] of {byte};
bit listened[PIPES];
byte acknowledgements[PIPES];

typedef Relay_state {
  byte epoch;
  byte handle;             /* 1 + its pipe */
  bit claiming, outdated;
  byte locked;             /* rows of the claim that is not committed yet */
  byte waiting, sent, acknowledged;
  byte released, retried;  /* to be settled so */
  bit settling;
  byte s_published, s_released, s_retried;  /* the settle that is not committed yet */
  bit blocked, backing_off;/* the key */
};
Relay_state relay[2];
#define R relay[me]
#define OTHER relay[1 - me]
#define IN_HAND (R.waiting | R.sent | R.acknowledged | R.released | R.retried | SETTLING(R))
#define SETTLING(who) (who.s_published | who.s_released | who.s_retried)
#define LOCKED (OTHER.locked | SETTLING(OTHER) | SETTLING(R))
#define KEY_WAITS (R.blocked && (R.backing_off || R.retried || R.s_retried))

/* Due, or marked by one of us who can no longer settle it, since the slot is mine. */
#ifdef TAKE_OVER_LATE      /* only locked_at's time-out frees a dead member's rows */
#define ELIGIBLE (ALL & ~(published | later | held_by[0] | held_by[1]))
#else
#define ELIGIBLE (ALL & ~(published | (later & ~(held_by[0] | held_by[1]))))
#endif
#ifdef NO_LEASES           /* rows alone say who works on them */
#define ELIGIBLE_TO_ME (ALL & ~(published | later | held_by[0] | held_by[1]))
#define IS_MINE true
#define GATE true
#else
#define ELIGIBLE_TO_ME ELIGIBLE
#define IS_MINE (R.epoch)
#define GATE (R.epoch == lease_epoch)
#endif
/* The claim passes over a head that is not due, as the database sees it, but not over its sibling:
 * the relay's own back-off may be over before. */
#ifdef BACK_OFF_ENDS_EARLY
#define BEHIND_ITS_HEAD false
#else
#define BEHIND_ITS_HEAD (R.blocked && !((R.locked | R.waiting | R.sent) & 1))
#endif
#ifdef READ_WHILE_RELEASING
#define NO_RELEASE true
#else
#define NO_RELEASE !(R.released | R.s_released)
#endif

inline drop_handle() {
  if
  :: R.handle -> listened[R.handle - 1] = 0; acknowledgements[R.handle - 1] = 0; R.handle = 0
  :: else
  fi
}

inline restart() {         /* what was sent or waits is given up: released, then claimed anew */
  drop_handle();
  R.outdated = R.claiming;
  R.released = R.released | R.waiting | R.sent;
  R.waiting = 0; R.sent = 0
}

/* The share lock on the lease row ends with the transactions, which the server rolls back. */
inline forget_all() {
  R.waiting = 0; R.acknowledged = 0; R.released = 0; R.retried = 0; R.sent = 0;
  R.blocked = 0; R.backing_off = 0
}

inline lose_slot() {
  if
  :: R.sent -> drop_handle()
  :: else
  fi;
  forget_all();
  R.outdated = R.claiming;
  R.epoch = 0
}

proctype Relay(byte me) {
  byte e, p;
end:
  do
  /* Leases: SKIP LOCKED passes over a slot whose lease row a claim or a settle has locked. */
  :: d_step { !R.epoch && lease_epoch < ACQUISITIONS && !OTHER.claiming && !OTHER.settling &&
              !R.claiming && !R.settling ->
       lease_epoch++; R.epoch = lease_epoch;
#ifndef NO_KEYS_LOADED
       R.blocked = key_stored; R.backing_off = key_stored;
#endif
     }
  :: d_step { R.epoch && R.epoch != lease_epoch && !R.settling -> lose_slot() }
  :: d_step { R.epoch && crashes < CRASHES && lease_epoch < ACQUISITIONS ->
       crashes++;
       drop_handle(); forget_all();
       R.claiming = 0; R.outdated = 0; R.locked = 0;
       R.settling = 0; R.s_published = 0; R.s_released = 0; R.s_retried = 0;
       R.epoch = 0 }
  :: d_step { R.sent && restarts < RESTARTS -> restarts++; restart() }
  :: d_step { IS_MINE && !R.handle &&
              (!listened[0] && len(pipe[0]) == 0 || !listened[1] && len(pipe[1]) == 0 ||
               !listened[2] && len(pipe[2]) == 0) ->
       do
       :: listened[p] || len(pipe[p]) > 0 -> p++
       :: else -> break
       od;
       listened[p] = 1; R.handle = 1 + p; p = 0 }

  /* A claim: locks and reads what no other transaction has locked, and is committed later. */
  :: d_step { IS_MINE && GATE && R.handle && !R.claiming && NO_RELEASE && !KEY_WAITS &&
              (ELIGIBLE_TO_ME & ~(IN_HAND | LOCKED)) ->
       R.claiming = 1;
       R.locked = ELIGIBLE_TO_ME & ~(IN_HAND | LOCKED) }
  :: d_step { IS_MINE && GATE && R.handle && !R.claiming && NO_RELEASE && !KEY_WAITS &&
              (ELIGIBLE_TO_ME & ~(IN_HAND | LOCKED)) == 3 ->
       R.claiming = 1; R.locked = 1 }
  :: d_step { R.claiming ->
       held_by[me] = held_by[me] | R.locked;
       held_by[1 - me] = held_by[1 - me] & ~R.locked;
       later = later & ~R.locked;
       if
       :: R.epoch == 0 && GATE == 0            /* lost meanwhile: nobody's, and taken over */
       :: else ->
          if
          :: R.outdated || KEY_WAITS || BEHIND_ITS_HEAD -> R.released = R.released | R.locked
          :: else -> R.waiting = R.waiting | R.locked
          fi
       fi;
       R.claiming = 0; R.locked = 0; R.outdated = 0 }

  /* Hand-over; one in flight while the key is in trouble. */
  :: d_step { R.waiting && IS_MINE && R.handle && (!R.blocked || !R.sent) &&
              len(pipe[R.handle - 1]) < EVENTS ->
       e = LOWEST(R.waiting);
       R.waiting = R.waiting & ~BIT(e); R.sent = R.sent | BIT(e);
       pipe[R.handle - 1]!e;
       e = 0 }
  :: d_step { R.handle && (acknowledgements[R.handle - 1] & R.sent) ->
       e = LOWEST(acknowledgements[R.handle - 1] & R.sent);
       acknowledgements[R.handle - 1] = acknowledgements[R.handle - 1] & ~BIT(e);
       R.sent = R.sent & ~BIT(e); R.acknowledged = R.acknowledged | BIT(e);
       e = 0 }
#ifdef TAKE_OVER_LATE
  :: d_step { held_by[me] & ~IN_HAND -> held_by[me] = held_by[me] & IN_HAND }
#endif
#if REFUSALS               /* of the head, alone in flight */
  :: d_step { refusals < REFUSALS && (R.sent & 1) && R.handle && len(pipe[R.handle - 1]) == 1 &&
              pipe[R.handle - 1]?[0] ->
       refusals++;
       pipe[R.handle - 1]?e;
       R.sent = R.sent & ~1; R.retried = 1; R.blocked = 1; R.backing_off = 1;
       restart();
       e = 0 }
  :: d_step { R.backing_off && !R.retried && !R.s_retried -> R.backing_off = 0 }
  :: d_step { later -> later = 0 }             /* next_attempt_at is over */
#endif

  /* A settle: its rows are locked until it is committed. */
  :: d_step { (R.acknowledged | R.released | R.retried) && !R.settling && IS_MINE &&
              !((R.acknowledged | R.released | R.retried) & (OTHER.locked | SETTLING(OTHER))) ->
       if
       :: GATE ->
          R.settling = 1;
          R.s_published = R.acknowledged; R.s_released = R.released; R.s_retried = R.retried;
          R.acknowledged = 0; R.released = 0; R.retried = 0
       :: else -> lose_slot()
       fi }
  :: d_step { R.settling ->
       /* Only rows that this member still has marked. */
       published = published | (R.s_published & held_by[me]);
       assert(!(published & ~seen));                                           /* L */
       later = later | (R.s_retried & held_by[me] & ~published);
       if
       :: R.s_retried & held_by[me] -> key_stored = 1
       :: published & 1 -> key_stored = 0
       :: else
       fi;
       held_by[me] = held_by[me] & ~SETTLING(R);
       if
       :: published & 1 -> R.blocked = 0; R.backing_off = 0
       :: else
       fi;
       R.settling = 0; R.s_published = 0; R.s_released = 0; R.s_retried = 0 }
  od
}

proctype Wire(byte p) {
  byte e;
end:
  do
  :: d_step { len(pipe[p]) > 0 ->
       pipe[p]?e;
       assert((seen & BIT(e)) || !(e == 0 && (seen & 2)));                     /* O1 */
       seen = seen | BIT(e);
       if
       :: listened[p] -> acknowledgements[p] = acknowledgements[p] | BIT(e)
       :: else
       fi;
       e = 0 }
  :: d_step { !listened[p] && len(pipe[p]) > 0 ->
       do
       :: len(pipe[p]) > 0 -> pipe[p]?e
       :: else -> break
       od;
       e = 0 }
  od
}

/* No loss: where nothing can happen any more, this has ended, or spin finds an invalid end. */
proctype Drained() {
  atomic { published == ALL -> skip }
}

init {
  atomic {
#ifndef NO_LEASES
    lease_epoch = 1; relay[0].epoch = 1;
#endif
    run Relay(0); run Relay(1); run Wire(0); run Wire(1); run Wire(2); run Drained()
  }
}
