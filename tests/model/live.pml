/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "Both receive again." It begins in every state in which loss, reboots and moves can have left the
 * NAT, the server and the clients, and from there on nothing is lost, an answer is faster than
 * pingtime and T_out, and at most one client has an unanswered probe: it waits until its answer has
 * come or its outstanding item has expired, then the other one may. The pings are of either kind, of
 * a new epoch and of one in use.
 *
 * Each process here is one thing that happens in the end when it can (weak fairness). What need not
 * happen has nothing for an alternative.
 */
#define PINGTRIES 1

#define READY 0
#define WAITING 1
#define DONE 2

byte turn, again; /* who may ping, and whether it has had the turn before */
byte stage = READY, tries;
byte answer = NONE; /* in flight, on this epoch */
byte renew[2]; /* its next turn begins with a negotiation */
#define AS_BEFORE 2 /* which offers SHARED again */
bit deaf[2]; /* its last round of pings was in vain, and what is sent to it has ceased */

inline ping(c) {
	received[c] = 0;
	if
	:: new[c] == NONE && (cur[c] == NONE || renew[c]) -> negotiate(c, (renew[c] == AS_BEFORE))
	:: else
	fi;
	renew[c] = 0;
	holder = (new[c] != NONE -> new[c] : cur[c]);
	if
	:: holder != NONE ->
		printf("client %d: pings on epoch %d\n", c, holder);
		nat_out(holder);
		if
		:: found ->
#if FIG == 7
			if
			:: holder == new[c] || scur[c] == NONE -> server_uses(c, holder)
			:: else
			fi;
#endif
			answer = scur[c]
		:: else
		fi
	:: else
	fi;
	stage = WAITING
}

inline unanswered(c) {
	if
	:: tries < PINGTRIES ->
		tries++;
		stage = READY
	:: else ->
		printf("client %d: no answer\n", c);
		tries = 0;
		stage = DONE;
		deaf[c] = 1;
#if PROBER
		proof[c] = (cur[c] == NONE -> UNPROVED : ALLOWED);
		holder = (new[c] != NONE -> new[c] : cur[c]);
		renew[c] = 1;
		if
		:: BUG == 2 && holder != NONE -> renew[c] = (shared[holder] -> AS_BEFORE : 1)
		:: else
		fi;
		if
		:: new[c] != NONE -> give_up(c, 1)
		:: else
		fi
#endif
	fi
}

#define has_outstanding_0 (item[0] == OUTSTANDING || item[1] == OUTSTANDING || item[K - 1] == OUTSTANDING)
#define has_outstanding_1 \
	(item[K] == OUTSTANDING || item[K + 1] == OUTSTANDING || item[2 * K - 1] == OUTSTANDING)
#define has_outstanding(c) ((c == 0 && has_outstanding_0) || (c == 1 && has_outstanding_1))

proctype client(byte c)
{
	do
	:: d_step { turn == c && stage == READY -> ping(c); tidy() }
	:: d_step {
		turn == c && stage == WAITING && received[c] ->
		tries = 0;
		stage = DONE
	}
	:: d_step {
		turn == c && stage == WAITING && !received[c] && answer == NONE ->
		unanswered(c);
		tidy()
	}
	:: d_step {
		turn == c && stage == DONE && answer == NONE && !has_outstanding(c) ->
		turn = 1 - c;
		again = 0;
		stage = READY
	}
	:: d_step {
		turn == c && stage == DONE && answer == NONE && !has_outstanding(c) && !again ->
		again = 1;
		stage = READY
	}
	od
}

proctype answers()
{
	do
	:: d_step { answer != NONE -> x = answer; answer = NONE; i = x; nat_in(i); tidy() }
	:: d_step { answer != NONE -> x = answer; answer = NONE; i = x; no_copies = 1; nat_in(i); tidy() }
	od
}

/*
 * What the server sends unasked: to whom something has come since its last round of pings in vain,
 * and to whom it is the turn of.
 */
#define speaks_on(e) (arrives_on(e) && (!deaf[CLIENT(e)] || turn == CLIENT(e)))

proctype data()
{
	do
	:: x = 0 /* nothing */
#define ARRIVE(e) \
	:: d_step { speaks_on(e) -> nat_in(e); tidy() } \
	:: d_step { speaks_on(e) -> no_copies = 1; nat_in(e); tidy() }
	EACH(ARRIVE)
	od
}

proctype tout()
{
	do
#define TOUT(e) \
	:: d_step { item[e] == OUTSTANDING && (answer == NONE || CLIENT(e) != turn) -> item[e] = ABSENT; tidy() }
	EACH(TOUT)
	od
}

proctype tei()
{
	do
	:: x = 0 /* nothing */
#define TEI(e) \
	:: d_step { \
		item[e] >= ESTABLISHED -> \
		look_whether_kept(CLIENT(e), item[e] - ESTABLISHED); \
		if \
		:: !found -> item[e] = ABSENT \
		:: else \
		fi; \
		tidy() \
	}
	EACH(TEI)
#define TEI_ORPHAN(spi) \
	:: d_step { \
		orphan[spi] -> \
		look_whether_kept(orphan[spi] - 1, spi); \
		orphan[spi] = (found -> orphan[spi] : 0); \
		tidy() \
	}
	EACH(TEI_ORPHAN)
	TEI_ORPHAN(SHARED)
	od
}

/* What was sent on an epoch that is not used any more has arrived in the end. */
proctype calm()
{
	do
#define none_late(e) !late[e]
	:: d_step {
		!(EACH_OF(0, none_late) && EACH_OF(1, none_late)) ->
#define CLEAR(e) late[e] = 0;
		EACH(CLEAR)
		tidy()
	}
	od
}

/* ---- every beginning ---- */

inline either(what, a, b) {
	if
	:: what = a
	:: what = b
	fi
}

inline any_client(c) {
	either(cur[c], NONE, c * K);
#if LARGE
	either(new[c], NONE, c * K + 1);
#endif
	proof[c] = (cur[c] == NONE -> UNPROVED : ALLOWED);
	if
	:: scur[c] = cur[c]
	:: scur[c] = new[c]
#if K == 3
	:: scur[c] = c * K + 2
#endif
	fi;
	if
	:: cur[c] != NONE -> shared[cur[c]] = 1
	:: new[c] != NONE -> shared[new[c]] = 1
	:: true
	fi
}

/* Who has the incoming SPI of e, if anybody: each item that is in use, or one of either client. */
inline any_holder(e) {
	if
	:: arrives_on(e) || sends_on(e) ->
		d_step { v = SPI(e); find_established() };
		if
		:: true
		:: holder == NONE && sends_on(0) && !item[0] -> item[0] = ESTABLISHED + v
		:: holder == NONE && sends_on(1) && !item[1] -> item[1] = ESTABLISHED + v
		:: holder == NONE && sends_on(K) && !item[K] -> item[K] = ESTABLISHED + v
		:: holder == NONE && sends_on(K + 1) && !item[K + 1] -> item[K + 1] = ESTABLISHED + v
		:: holder == NONE -> orphan[v] = 1
		:: holder == NONE -> orphan[v] = 2
		fi
	:: else
	fi
}

inline any_rest(e) {
	d_step { find_outstanding() };
	if
	:: true
	:: !item[e] && x == NONE -> item[e] = OUTSTANDING
	:: !item[e] && sends_on(e) -> item[e] = ESTABLISHED + UNUSED
	fi
}

init {
	atomic {
		any_client(0);
		any_client(1);
		either(turn, 0, 1);
		d_step { tidy() };
		any_holder(0);
		any_holder(1);
		any_holder(K);
		any_holder(K + 1);
		any_rest(0);
		any_rest(1);
		any_rest(K);
		any_rest(K + 1);
		d_step { tidy() };
		run client(0); run client(1); run answers(); run data();
		run tout(); run tei(); run calm()
	}
}

/* The other client is no different. */
ltl receives_again { []<> received[0] }
