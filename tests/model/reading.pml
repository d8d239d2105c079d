/* SPDX-License-Identifier: Apache-2.0
 *
 * How far a read may skip: late commits, rows that were dropped, keys that were left out. The floor
 * of src/store/postgres/floor.cpp with what src/relay/core_rows.cpp tells it. What is in and what
 * is not: docs/model.md. One relay; rows 1 and 3 are one key's, row 2 is another key's. The rescan
 * every 10 seconds is left out: neither order nor loss may wait for it.
 */
#ifndef DROPS
#define DROPS 2            /* rows leave the relay's hand unsettled */
#endif
#ifndef BLOCKS
#define BLOCKS 1           /* the first key is left out for a while */
#endif
#define LAST 3
#define ALL 14
#define BIT(e) (1 << (e))
#define FROM(e) (ALL & ~((1 << (e)) - 1))
#define LOWEST(m) (((m) & 2) -> 1 : (((m) & 4) -> 2 : 3))
#define HIGHEST(m) (((m) & 8) -> 3 : (((m) & 4) -> 2 : 1))
#define MINIMUM(a, b) ((a) < (b) -> (a) : (b))
#define MAXIMUM(a, b) ((a) > (b) -> (a) : (b))
#define FIRST_KEY 10

/* The database. */
byte drawn;                /* the highest id that was given out */
byte committed, settled;
byte seen;                 /* in the log */
byte drops, blocks;

/* SafeFloor. */
byte covered, decided;
bit noted;
byte candidate, living, candidate_first;

/* The core. */
bit reading, outdated, rescan, read_rescans, blocked, more;
byte shown, waiting, in_hand;  /* in_hand: all of them, waiting or sent */
byte lowest_dropped, asked_lowest;  /* 0: none */

#define LOWER(what, by) what = (what == 0 || (by) < what -> (by) : what)
#define LEFT_OUT (blocked -> FIRST_KEY : 0)
/* What the core says of the lowest unsettled row; a blocked key's rows may lie anywhere. */
#define KNOWN_LOWEST \
  (blocked -> 1 : MINIMUM((in_hand -> LOWEST(in_hand) : LAST + 1), \
                          (lowest_dropped -> lowest_dropped : LAST + 1)))
#ifdef CURSOR              /* behind the last row that was seen */
#define START (covered + 1)
#elif defined(IGNORE_DROPPED)
#define START MINIMUM(covered + 1, (in_hand -> LOWEST(in_hand) : LAST + 1))
#else
#define START MINIMUM(covered + 1, KNOWN_LOWEST)
#endif
#define FOUND (committed & ~(settled | in_hand | LEFT_OUT) & FROM(start))

inline drop_rows() {       /* they are read again */
  LOWER(lowest_dropped, LOWEST(waiting));
  outdated = reading;
  in_hand = in_hand & ~waiting;
  waiting = 0
}

proctype Writers() {
end:
  do
  :: atomic { drawn == 0 -> drawn = 1 }
  :: atomic { drawn == 1 -> drawn = 2 }
  /* The first key's next writer has the lock once its former one has committed. */
  :: atomic { drawn == 2 && (committed & 2) -> drawn = 3 }
  :: atomic { drawn >= 1 && !(committed & 2) -> committed = committed | 2 }
  :: atomic { drawn >= 2 && !(committed & 4) -> committed = committed | 4 }
  :: atomic { drawn >= 3 && !(committed & 8) -> committed = committed | 8 }
  od
}

proctype Relay() {
  byte start, e;
end:
  do
  /* SafeFloor::look_around: note the highest id, and then who lives. */
#ifdef LIVING_FIRST
  :: d_step { !noted && !candidate_first -> living = FROM(1) & ((2 << drawn) - 1) & ~committed;
       candidate_first = 1 }
  :: d_step { candidate_first -> candidate = drawn; candidate_first = 0; noted = 1 }
#else
  :: d_step { !noted && !candidate_first && drawn > decided ->
       candidate = drawn; candidate_first = 1 }
  :: d_step { candidate_first -> living = FROM(1) & ((2 << drawn) - 1) & ~committed;
       candidate_first = 0; noted = 1 }
#endif
  :: d_step { noted && !reading && !(living & ~committed) ->
       decided = MAXIMUM(decided, candidate); noted = 0; candidate = 0; living = 0 }
#ifdef NO_HORIZON          /* whatever was given out has committed */
  :: d_step { !reading && decided < drawn -> decided = drawn }
#endif

  /* Reading: all, or one row and the word that there are more. */
  :: d_step { !reading ->
       start = (rescan -> 1 : START);
       if
       :: rescan -> covered = 0
       :: else
       fi;
       read_rescans = rescan; rescan = 0;
       asked_lowest = lowest_dropped; lowest_dropped = 0;
       shown = FOUND; more = 0; reading = 1;
#ifdef CURSOR
       covered = (shown -> MAXIMUM(covered, HIGHEST(shown)) : covered);
#else
       covered = MAXIMUM(covered, decided);
#endif
       start = 0 }
  :: d_step { !reading ->
       start = (rescan -> 1 : START);
       e = (FOUND -> LOWEST(FOUND) : 0);
       if
       :: e && (FOUND & ~BIT(e)) ->
          if
          :: rescan -> covered = 0
          :: else
          fi;
          read_rescans = rescan; rescan = 0;
          asked_lowest = lowest_dropped; lowest_dropped = 0;
          shown = BIT(e); more = 1; reading = 1;
#ifdef CURSOR
          covered = MAXIMUM(covered, e)
#else
          covered = MAXIMUM(covered, MINIMUM(decided, e))
#endif
       :: else
       fi;
       start = 0; e = 0 }
  :: d_step { reading ->
       if
       :: outdated ->
#ifndef IGNORE_DROPPED
          if
          :: shown -> LOWER(lowest_dropped, LOWEST(shown))
          :: else
          fi;
          if
          :: asked_lowest -> LOWER(lowest_dropped, asked_lowest)
          :: else
          fi;
#endif
          rescan = rescan | read_rescans
       :: else ->
          if
          :: more && (asked_lowest || read_rescans) -> LOWER(lowest_dropped, HIGHEST(shown))
          :: else
          fi;
          waiting = waiting | (shown & ~LEFT_OUT);
          in_hand = in_hand | (shown & ~LEFT_OUT)
       fi;
       reading = 0; outdated = 0; shown = 0; more = 0; read_rescans = 0; asked_lowest = 0 }

  :: d_step { waiting ->
       e = LOWEST(waiting);
       waiting = waiting & ~BIT(e);
       assert(!(e == 1 && (seen & 8)));                                        /* O1 */
       seen = seen | BIT(e);
       e = 0 }
  :: d_step { in_hand & ~waiting ->
       e = LOWEST(in_hand & ~waiting);
       settled = settled | BIT(e); in_hand = in_hand & ~BIT(e);
       e = 0 }
  :: d_step { waiting && drops < DROPS -> drops++; drop_rows() }

  /* A key in trouble: its rows are dropped and left out, until it is free again. */
  :: d_step { !blocked && blocks < BLOCKS ->
       blocks++;
       if
       :: waiting -> drop_rows()
       :: else
       fi;
       blocked = 1 }
  :: d_step { blocked ->
       blocked = 0;
#ifndef NO_RESCAN
       rescan = 1;
#endif
     }
  od
}

/* No loss: a relay that finds nothing more has settled all. */
proctype Drained() {
  atomic { committed == ALL && !reading && !in_hand && !lowest_dropped && !rescan && !blocked &&
           !noted && !candidate_first && decided == LAST && covered == LAST ->
    assert(settled == ALL) }
}

init {
  atomic { run Writers(); run Relay(); run Drained() }
}
