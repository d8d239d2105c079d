/* SPDX-License-Identifier: Apache-2.0
 *
 * Delivery `transactional`: one slot, one transactional.id, a compacted control topic. What is in
 * and what is not: docs/model.md. Rows 0 and 2 are one key's, row 1 is another key's and commits
 * late. There is no clock, as in relay.pml.
 */
#ifndef ACQUISITIONS
#define ACQUISITIONS 3     /* of the slot, in all */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef UNKNOWNS
#define UNKNOWNS 1         /* answers of the broker that never come */
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 0         /* transaction.timeout.ms is over at the broker */
#endif
#ifndef REFUSALS
#define REFUSALS 0
#endif
#define EVENTS 3
#define ALL 7
#define BIT(e) (1 << (e))
#define LOWEST(m) (((m) & 1) -> 0 : (((m) & 2) -> 1 : 2))
#define KEY_OF(m) (((m) & 5) -> 5 : 2)   /* the rows of the key of m's lowest row */

/* The database. */
byte lease_epoch;          /* and token */
byte visible = 5;          /* committed by their writers */
byte published, dead;
byte crashes, unknowns, timeouts, refusals;

/* The broker, by transactional.id: one, unless each owner has its own. */
#ifdef EPOCH_IN_ID
#define ID me
#else
#define ID 0
#endif
byte open_rows[2], open_ids[2];
bit doubled[2];
byte in_log;               /* committed records */
byte control;              /* ids of the last committed record of the slot in the control topic */
byte newest_owner;         /* lease epoch of the last commit */

mtype = {idle, producing, produced, committing};
mtype = {without_lease, to_fence, to_verify, to_look, ready};
typedef Request { mtype kind; byte rows, ids, owner };
Request late[2];           /* what a relay that gave up has left on its way, one each */

typedef Relay_state {
  mtype phase;
  mtype stage;
  byte epoch;              /* of the lease */
  bit current;             /* Its producer has the newest epoch of its id at the broker. */
  byte batch, ids;         /* of the transaction under way */
  byte committed;          /* to be settled as published */
  byte carried;            /* committed, and not known to be settled */
  byte dying;              /* to be settled as dead */
  byte shown;              /* a read under way; rows dropped meanwhile are taken from it */
  bit reading;
  byte looked;
#ifdef ASSUME_ABORTED
  bit sure;
#endif
};
Relay_state relay[2];
#define R relay[me]
#define IN_HAND (R.batch | R.committed | R.dying)
#define LEFT_OUT (R.dying -> KEY_OF(R.dying) : 0)
#define UNSETTLED (visible & ~(published | dead | IN_HAND | LEFT_OUT))

inline clear(request) {
  request.kind = 0; request.rows = 0; request.ids = 0; request.owner = 0
}

/* Everything of the transaction under way is dropped; what it left on its way may still arrive. */
inline give_up() {
  if
  :: (R.stage == producing || R.stage == committing) && R.current ->
     late[me].kind = R.stage; late[me].rows = R.batch;
     late[me].ids = R.ids; late[me].owner = R.epoch
  :: else
  fi;
  R.stage = idle; R.batch = 0; R.ids = 0; R.reading = 0; R.shown = 0
}

inline new_producer() {
  give_up();
  R.phase = to_fence
}

inline lose_slot() {
  give_up();
  R.phase = without_lease;
  R.epoch = 0; R.current = 0; R.committed = 0; R.carried = 0; R.dying = 0; R.looked = 0
}

inline write_rows(id, what, known) {
  doubled[id] = doubled[id] || (open_rows[id] & (what));
  open_rows[id] = open_rows[id] | (what);
  open_ids[id] = known
}

inline commit(id, by) {
  assert(!doubled[id] && !(in_log & open_rows[id]));                    /* X: each event once */
  assert(!((open_rows[id] & 1) && (in_log & 4)));                       /* O1, strict */
  assert(!(open_rows[id] & dead));                                      /* D */
  assert(!open_rows[id] || by >= newest_owner);                         /* O2 */
  if
  :: open_rows[id] ->
     newest_owner = by;
     in_log = in_log | open_rows[id];
     control = open_ids[id]
  :: else
  fi;
  open_rows[id] = 0; open_ids[id] = 0; doubled[id] = 0
}

inline abort(id) {
  open_rows[id] = 0; open_ids[id] = 0; doubled[id] = 0
}

/* init_transactions: whoever had the id has it no longer, nor what he has left on its way. */
inline fence(id) {
  abort(id);
#ifdef EPOCH_IN_ID
  R.current = 0;
  clear(late[me])
#else
  relay[0].current = 0; relay[1].current = 0;
  clear(late[0]); clear(late[1])
#endif
}

inline write_settled() {
#ifndef NO_FENCE
  assert(lease_epoch == R.epoch);                                       /* F */
#endif
  published = published | (R.committed & ~dead);
  assert(!(published & ~in_log));                                       /* L */
  dead = dead | (R.dying & ~published);
  assert(!(dead & in_log))                                              /* D */
}

/* What the control topic says of the rows: settle these instead of sending them. */
inline look() {
  R.looked = control;
#ifdef POSITION            /* "all up to the highest id" instead of the ids */
  R.looked = (control & 4 -> 7 : (control & 2 -> 3 : control));
#endif
#ifdef REPLAY_BY_ID        /* row 1 is row 0, set back by a replay: the same id */
  R.looked = R.looked | (R.looked & 1 -> 2 : 0);
#endif
#ifdef NO_LOOK
  R.looked = 0;
#endif
}

inline forget_relay() {
  R.phase = without_lease; R.epoch = 0; R.current = 0; R.committed = 0; R.carried = 0;
  R.dying = 0; R.looked = 0
}

proctype Relay(byte me) {
end:
  do
  /* Leases. */
  :: d_step { lease_epoch < ACQUISITIONS && !R.epoch ->
       lease_epoch++; R.epoch = lease_epoch; R.phase = to_fence }
  :: d_step { R.epoch && R.epoch != lease_epoch -> lose_slot() }
  :: d_step { crashes < CRASHES && lease_epoch < ACQUISITIONS && R.epoch ->
       crashes++; give_up(); forget_relay() }

  /* Fence, verify, look, and only then read. */
  :: d_step { R.phase == to_fence ->
#ifdef LOOK_BEFORE_FENCE
       skip;
     }
     d_step { R.phase == to_fence -> look() }
     d_step {
       R.phase == to_fence ->
#endif
       fence(ID);
       R.current = 1;
#ifdef NO_VERIFY
       R.phase = to_look
#else
       R.phase = to_verify
#endif
     }
  :: d_step { R.phase == to_verify && R.epoch == lease_epoch -> R.phase = to_look }
  :: d_step { R.phase == to_look ->
#ifdef LOOK_BEFORE_FENCE
       skip;
#else
       look();
#endif
#ifdef ASSUME_ABORTED      /* An answer that never came means "no": only a new owner looks. */
       R.looked = (R.sure -> R.carried : R.looked);
       R.sure = 0;
#endif
       R.committed = R.looked & ~(published | dead) | R.committed;
#ifdef FORGET_LOOKED
       R.carried = 0;
#else
       R.carried = R.carried | R.looked;
#endif
       R.looked = 0;
       R.phase = ready }

  /* Reading. */
#ifdef READ_BEFORE_FENCE
#define MAY_READ (R.epoch && !R.reading && R.phase != without_lease)
#else
#define MAY_READ (R.phase == ready && !R.reading)
#endif
  :: d_step { MAY_READ && R.stage == idle && UNSETTLED -> R.shown = UNSETTLED; R.reading = 1 }
#ifndef WHOLE_READS
  :: d_step { MAY_READ && R.stage == idle && UNSETTLED ->
       R.shown = BIT(LOWEST(UNSETTLED)); R.reading = 1 }
#endif

  /* A batch is one transaction, and so is what the control topic says of it. */
  :: d_step { R.phase == ready && R.stage == idle && R.reading ->
       R.batch = R.shown & ~(IN_HAND | LEFT_OUT);
       R.shown = 0; R.reading = 0;
#ifdef ONLY_THIS_BATCH
       R.ids = R.batch;
#else
       R.ids = R.batch | R.carried;
#endif
       R.stage = (R.batch -> producing : idle);
       R.ids = (R.batch -> R.ids : 0) }
  :: d_step { R.stage == producing ->
       if
       :: R.current ->
          write_rows(ID, R.batch, R.ids);
#ifdef SETTLE_AT_DELIVERY
          R.committed = R.committed | R.batch;
#endif
          R.stage = produced
       :: else -> new_producer()
       fi }
  :: d_step { R.stage == produced -> R.stage = committing }
  :: d_step { R.stage == committing ->
       if
       :: R.current ->
          commit(ID, R.epoch);
          R.committed = R.committed | R.batch;
          R.carried = R.carried | R.batch;
          R.batch = 0; R.ids = 0; R.stage = idle
       :: else -> new_producer()
       fi }
  /* An answer does not come: a new producer, and a fresh look at rows and ids. */
  :: d_step { unknowns < UNKNOWNS && (R.stage == producing || R.stage == committing) &&
              late[me].kind == 0 ->
       unknowns++;
#ifdef REUSE_PRODUCER      /* It aborts and goes on. */
       give_up();
       if
       :: R.current -> abort(ID)
       :: else
       fi
#else
#ifdef ASSUME_COMMITTED
       if
       :: R.stage == committing -> R.committed = R.committed | R.batch
       :: else
       fi;
#endif
#ifdef ASSUME_ABORTED
       R.sure = 1;
#endif
       new_producer()
#endif
     }
#if REFUSALS
  :: d_step { refusals < REFUSALS && R.stage == producing && late[me].kind == 0 ->
       refusals++;
       R.dying = R.dying | BIT(LOWEST(R.batch));
       new_producer() }
#endif

  /* Settling; the answer may be lost, and then the same is settled again. */
  :: d_step { (R.committed | R.dying) && R.epoch ->
       if
#ifdef NO_FENCE
       :: true ->
#else
       :: R.epoch == lease_epoch ->
#endif
          write_settled();
          R.carried = R.carried & ~R.committed;
          R.committed = 0; R.dying = 0
       :: else -> lose_slot()
       fi }
  :: d_step { (R.committed | R.dying) & ~(published | dead) && R.epoch && R.epoch == lease_epoch ->
       write_settled() }
#ifdef DROP_EARLY          /* The settle is on its way: its ids are carried no longer. */
  :: d_step { R.carried & R.committed -> R.carried = R.carried & ~R.committed }
#endif
  od
}

/* What was given up arrives late, or never. */
proctype Network(byte me) {
end:
  do
  :: d_step { late[me].kind != 0 ->
       if
       :: late[me].kind == producing -> write_rows(ID, late[me].rows, late[me].ids)
       :: else -> commit(ID, late[me].owner)
       fi;
       clear(late[me]) }
  :: d_step { late[me].kind != 0 -> clear(late[me]) }
#if TIMEOUTS
  :: d_step { me == 0 && timeouts < TIMEOUTS && open_rows[0] ->
       timeouts++; fence(0) }
#endif
  od
}

proctype Writer() {
#if defined(REPLAY) || defined(REPLAY_BY_ID)
  atomic { published & 1 -> visible = ALL }
#else
  visible = ALL
#endif
}

/* No loss: where nothing can happen any more, this has ended, or spin finds an invalid end. */
proctype Drained() {
  atomic { (published | dead) == ALL -> assert(in_log == published) }
}

init {
  atomic {
    relay[0].phase = without_lease; relay[1].phase = without_lease;
    relay[0].stage = idle; relay[1].stage = idle;
    lease_epoch = 1; relay[0].epoch = 1; relay[0].phase = to_fence;
    run Relay(0); run Relay(1); run Network(0); run Network(1); run Writer(); run Drained()
  }
}
