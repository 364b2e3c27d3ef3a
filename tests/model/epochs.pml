/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two clients behind one NAT that forwards ESP by guessing, and their server: docs/epochs.md tells
 * the story, tests/model/run checks it.
 *
 *	FIG=7, 8    the server waits for a packet on a new epoch before it sends on it (7), or not (8)
 *	STRICT=0    at the end of an epoch's life data goes out on its successor, proved or not
 *	PROBER=0    a client as they are elsewhere: it uses a new epoch at once and never pings
 *	RACE=1…4    with PROBER=0: this race, and no other, is a failure; 5: the SPI collision
 *	BUG=1       the client switches before the proof
 *	BUG=2       it offers the same SPI again after giving up (seen with LIVE)
 *	BUG=3       maxidle > T_ei: an item in use may expire
 *	COLLIDE=0   incoming SPIs never collide
 *	LATE=0      what the server sent on an epoch is lost when it sends on another one
 *	COPIES=1    a proof that came as a copy to all is to count like any other (it cannot)
 *	LARGE=1     more of both; K=3 even more
 *	LIVE=1      live.pml instead: from any state of the NAT both clients receive again
 *
 * An epoch is a number: one of K names of its client. That number is the outgoing SPI, too, since
 * the server gives none twice. The incoming SPI is the same number, or SHARED, which both clients
 * may choose. A name is given anew only when nothing in the world remembers it: it is fresh then.
 *
 * What the server sends may arrive any number of times, at any later time, in any order, or never;
 * what a client sends may be lost before the NAT, behind it, or come to the server. N_out, which
 * makes the NAT drop, is one more loss.
 */
#ifndef FIG
#define FIG 7
#endif
#ifndef STRICT
#define STRICT 1
#endif
#ifndef PROBER
#define PROBER 1
#endif
#ifndef RACE
#define RACE 0
#endif
#ifndef BUG
#define BUG 0
#endif
#ifndef COLLIDE
#define COLLIDE (!RACE || RACE == 5)
#endif
#ifndef LATE
#define LATE 1
#endif
#ifndef COPIES
#define COPIES 0
#endif
#ifndef LIVE
#define LIVE 0
#endif
#ifndef LARGE
#define LARGE 0
#endif
#ifndef K
#define K 2
#endif

#if K == 2
#define EACH(A) A(0) A(1) A(2) A(3)
#define EACH_OF(c, A) (A(2 * (c)) && A(2 * (c) + 1))
#else
#define EACH(A) A(0) A(1) A(2) A(3) A(4) A(5)
#define EACH_OF(c, A) (A(3 * (c)) && A(3 * (c) + 1) && A(3 * (c) + 2))
#endif

#define EPOCHS (2 * K)
#define NONE EPOCHS
#define SHARED EPOCHS /* the incoming SPI that both clients may choose */
#define UNUSED (EPOCHS + 1) /* an incoming SPI that nobody sends with any more */

#define CLIENT(e) ((e) / K)
#define SPI(e) (shared[e] -> SHARED : (e))

/* What the NAT has for an outgoing SPI. */
#define ABSENT 0
#define OUTSTANDING 1
#define ESTABLISHED 2 /* plus the incoming SPI */

/* What is known of the epoch that data goes out on. */
#define UNPROVED 0
#define ALLOWED 1 /* proved, but by a copy, or in doubt since; or the rules leave no choice */
#define BY_ITEM 2 /* its last packet came through an item of the NAT */

byte item[EPOCHS]; /* the NAT's, by outgoing SPI */
/* Established items whose outgoing SPI is not used any more, by incoming SPI: 1 plus the client. */
byte orphan[EPOCHS + 1];
bit late[EPOCHS]; /* the server does not send on it any more, but what it sent may yet arrive */
bit shared[EPOCHS]; /* the incoming SPI is SHARED */
byte cur[2] = NONE; /* the client sends data on it */
byte new[2] = NONE; /* the client receives on it and is proving it */
byte proof[2]; /* of cur */
byte scur[2] = NONE; /* the server sends on it to this client */

#if RACE
bit used[EPOCHS]; /* the client has sent on it */
bit timed_out[EPOCHS]; /* its outstanding item expired */
bit gone_idle[EPOCHS]; /* its established item expired */
#endif

#if LIVE
bit received[2]; /* since its last ping */
#endif

/* These live within one step, and are 0 after it. */
byte i, x, v, holder, how, found;
bit no_copies; /* IKE for what is in use now is longer ago than T_ike */

/* So do these: an assertion that fails names the property. */
bit data_on_proved_epoch, item_names_its_client;
#if RACE
bit race_1, race_2, race_3, race_4, collision;
#endif

/* ---- what can be forgotten ---- */

#define sends_on(e) (cur[CLIENT(e)] == (e) || new[CLIENT(e)] == (e))
#define arrives_on(e) (scur[CLIENT(e)] == (e) || late[e])
#define alive(e) (sends_on(e) || arrives_on(e))

/* found: somebody may yet send with this incoming SPI */
inline look_for_spi(spi) {
	found = 0;
	i = 0;
	do
	:: i < EPOCHS ->
		if
		:: alive(i) && SPI(i) == spi -> found = 1
		:: else
		fi;
		i++
	:: else -> break
	od
}

#define CANONICAL (K > 1 && !RACE && !BUG && !COPIES)

/* Epochs a and b of client c change names. */
inline swap(c, a, b) {
	i = item[a]; item[a] = item[b]; item[b] = i;
	i = orphan[a]; orphan[a] = orphan[b]; orphan[b] = i;
	i = late[a]; late[a] = late[b]; late[b] = i;
	i = shared[a]; shared[a] = shared[b]; shared[b] = i;
	cur[c] = (cur[c] == a -> b : (cur[c] == b -> a : cur[c]));
	new[c] = (new[c] == a -> b : (new[c] == b -> a : new[c]));
	scur[c] = (scur[c] == a -> b : (scur[c] == b -> a : scur[c]));
	i = 0;
	do
	:: i < EPOCHS ->
		item[i] = (item[i] == ESTABLISHED + a -> ESTABLISHED + b :
			   (item[i] == ESTABLISHED + b -> ESTABLISHED + a : item[i]));
		i++
	:: else -> break
	od
}

/* The first name is that of cur, the second that of new. */
inline rename(c) {
	if
	:: cur[c] != NONE && cur[c] != c * K -> x = cur[c]; swap(c, c * K, x)
	:: else
	fi;
	if
	:: new[c] != NONE && new[c] != c * K + 1 -> x = new[c]; swap(c, c * K + 1, x)
	:: else
	fi;
#if K == 3
	if
	:: scur[c] == c * K && scur[c] != cur[c] -> swap(c, c * K, c * K + 2)
	:: scur[c] == c * K + 1 && scur[c] != new[c] -> swap(c, c * K + 1, c * K + 2)
	:: else
	fi
#endif
}

/*
 * Items that nobody can tell apart become the same, and those that nobody can ever meet again go.
 * Nothing else that happens depends on them or on which name an epoch has.
 */
inline tidy() {
	x = 0;
	do
	:: x < EPOCHS ->
		if
		:: item[x] >= ESTABLISHED && item[x] != ESTABLISHED + UNUSED ->
			look_for_spi(item[x] - ESTABLISHED);
			if
			:: !found -> item[x] = ESTABLISHED + UNUSED
			:: else
			fi
		:: else
		fi;
		if
		:: item[x] >= ESTABLISHED && !sends_on(x) ->
			i = item[x] - ESTABLISHED;
			if
			:: i != UNUSED -> orphan[i] = 1 + CLIENT(x)
			:: else
			fi;
			item[x] = ABSENT
		:: else
		fi;
		if
		:: arrives_on(x) && scur[CLIENT(x)] == x -> late[x] = 0
		:: !alive(x) -> shared[x] = 0
		:: else
		fi;
#if RACE
		if
		:: !alive(x) -> used[x] = 0; timed_out[x] = 0; gone_idle[x] = 0
		:: else
		fi;
#endif
		x++
	:: else -> break
	od;
	x = 0;
	do
	:: x <= EPOCHS ->
		look_for_spi(x);
		orphan[x] = (found -> orphan[x] : 0);
		x++
	:: else -> break
	od;
#if CANONICAL
	rename(0);
	rename(1);
#endif
#if RACE
	race_1 = 0; race_2 = 0; race_3 = 0; race_4 = 0; collision = 0;
#endif
	i = 0; x = 0; v = 0; holder = 0; how = 0; found = 0; no_copies = 0;
	data_on_proved_epoch = 0; item_names_its_client = 0
}

/* ---- the NAT ---- */

/* x: who has the outstanding item, or NONE */
inline find_outstanding() {
	x = 0;
	do
	:: x < EPOCHS && item[x] != OUTSTANDING -> x++
	:: else -> break
	od
}

/* holder: an epoch of the client whose item has the incoming SPI v, or NONE */
inline find_established() {
	holder = 0;
	do
	:: holder < EPOCHS && item[holder] != ESTABLISHED + v -> holder++
	:: else -> break
	od;
	holder = (holder == NONE && orphan[v] -> (orphan[v] - 1) * K : holder)
}

/* A client sends on epoch e. found: the NAT lets it pass. */
inline nat_out(e) {
	find_outstanding();
	found = (item[e] != ABSENT || x == NONE);
	if
	:: !found ->
		printf("    NAT: dropped, epoch %d of client %d is outstanding\n", x, CLIENT(x))
	:: found && item[e] == ABSENT ->
		item[e] = OUTSTANDING;
		printf("    NAT: epoch %d is outstanding\n", e)
	:: else
	fi;
#if RACE
	used[e] = 1
#endif
}

/* found: an item that leads to the epoch in use of its own client, which keeps it alive */
inline look_whether_kept(c, spi) {
	found = BUG != 3 && PROBER && cur[c] != NONE && spi == SPI(cur[c]) && proof[c] == BY_ITEM
}

/* While the proof of the epoch in use stands, its incoming SPI is in no item of the other client. */
inline judge(c) {
#if PROBER
	item_names_its_client = 1;
	if
	:: cur[c] != NONE && proof[c] == BY_ITEM ->
		v = SPI(cur[c]);
		find_established();
		item_names_its_client = (holder == NONE || CLIENT(holder) == c)
	:: else
	fi;
	assert(item_names_its_client)
#else
	skip
#endif
}

/*
 * What a client does that neither proves nor waits nor pings meets all of these. `found`: this
 * packet has established the item.
 */
inline judge_race(e) {
#if RACE
	race_1 = (how == BY_ITEM -> 0 : !used[e]);
	race_2 = (CLIENT(holder) != CLIENT(e) && found && !used[e]);
	race_3 = (CLIENT(holder) != CLIENT(e) && found && timed_out[e] && !gone_idle[e]);
	race_4 = (CLIENT(holder) != CLIENT(e) && found && gone_idle[e] && gone_idle[holder]);
	collision = (CLIENT(holder) != CLIENT(e) && !found && shared[e] && shared[holder]);
#endif
#if RACE == 1
	assert(!race_1)
#elif RACE == 2
	assert(!race_2)
#elif RACE == 3
	assert(!race_3)
#elif RACE == 4
	assert(!race_4)
#elif RACE == 5
	assert(!collision)
#else
	skip
#endif
}

/* Client c receives something authentic on epoch e. */
inline heard(c, e) {
	printf("    client %d: receives on epoch %d\n", c, e);
	if
	:: e == new[c] ->
		cur[c] = e;
		new[c] = NONE
	:: else
	fi;
#if LIVE
	received[c] = 1;
	deaf[c] = 0;
#endif
	proof[c] = (COPIES -> BY_ITEM : how)
}

/* A packet of the server on epoch e comes to the NAT. */
inline nat_in(e) {
	v = SPI(e);
	found = 0;
	how = BY_ITEM;
	find_established();
	find_outstanding();
	if
	:: holder == NONE && x != NONE ->
		item[x] = ESTABLISHED + v;
		holder = x;
		found = 1;
		printf("    NAT: the item of epoch %d takes incoming SPI %d\n", x, v)
	:: holder == NONE && x == NONE ->
		how = ALLOWED;
		holder = e;
		printf("    NAT: no item, a copy to every client\n")
	:: else
	fi;
	if
	:: CLIENT(holder) != CLIENT(e) ->
		printf("    NAT: given to client %d, who cannot read it\n", CLIENT(holder))
	:: else
	fi;
	judge_race(e);
	if
	:: CLIENT(holder) == CLIENT(e) && sends_on(e) &&
	   !(no_copies && how == ALLOWED && e == cur[CLIENT(e)]) ->
		heard(CLIENT(e), e)
	:: else
	fi;
	judge(0);
	judge(1)
}

/* ---- client and server agree ---- */

/* From now on the server sends on e; what it sent on another one may yet arrive. */
inline server_uses(c, e) {
	if
	:: scur[c] != NONE && scur[c] != e -> late[scur[c]] = LATE
	:: else
	fi;
	scur[c] = e
}

#define fresh(e) (!alive(e) && item[e] == ABSENT)

/* x: a fresh name, or beyond the last one of this client */
inline find_fresh(c) {
	x = c * K;
	do
	:: x < c * K + K && !fresh(x) -> x++
	:: else -> break
	od
}

#define not_shared(e) (!shared[e] && item[e] != ESTABLISHED + SHARED)
#define may_share(c) (EACH_OF(c, not_shared) && orphan[SHARED] != 1 + (c))

/* Both ends have the new epoch afterwards; nothing happens while no name is fresh. */
inline negotiate(c, sh) {
	find_fresh(c);
	if
	:: x < c * K + K ->
		printf("client %d: negotiates epoch %d, incoming SPI %d\n", c, x, (sh -> SHARED : x));
		shared[x] = sh;
#if FIG == 8
		server_uses(c, x);
#endif
#if !PROBER || BUG == 1
		cur[c] = x;
		proof[c] = UNPROVED
#else
		new[c] = x
#endif
	:: else
	fi
}

/* told: our Delete reaches the server, which goes back to what it sent on before */
inline give_up(c, told) {
	printf("client %d: gives up epoch %d\n", c, new[c]);
	if
	:: told && scur[c] == new[c] -> server_uses(c, cur[c])
	:: else
	fi;
	new[c] = NONE
}

/* Both ends know when the life of an epoch is over. */
inline end_of_life(c) {
	printf("client %d: the life of epoch %d is over\n", c, cur[c]);
	if
	:: scur[c] == cur[c] -> server_uses(c, new[c])
	:: else
	fi;
#if STRICT
	cur[c] = NONE;
	proof[c] = UNPROVED
#else
	cur[c] = new[c];
	new[c] = NONE;
	proof[c] = (cur[c] == NONE -> UNPROVED : ALLOWED)
#endif
}

#if LIVE
#include "live.pml"
#else

/* ---- what can happen ---- */

proctype client(byte c)
{
	do
	:: d_step { new[c] == NONE -> negotiate(c, 0); tidy() }
#if COLLIDE
	:: d_step { new[c] == NONE && may_share(c) -> negotiate(c, 1); tidy() }
#endif
	:: d_step {
		cur[c] != NONE ->
		printf("client %d: data on epoch %d\n", c, cur[c]);
		data_on_proved_epoch = !PROBER || proof[c] != UNPROVED;
		assert(data_on_proved_epoch);
		nat_out(cur[c]);
		tidy()
	}
#if PROBER
	:: d_step {
		new[c] != NONE ->
		printf("client %d: probe on epoch %d\n", c, new[c]);
		nat_out(new[c]);
		tidy()
	}
#if FIG == 7
	/* The same, and it comes to the server. */
	:: d_step {
		new[c] != NONE ->
		printf("client %d: probe on epoch %d\n", c, new[c]);
		nat_out(new[c]);
		if
		:: found ->
			printf("    server: hears client %d on epoch %d\n", c, new[c]);
			server_uses(c, new[c])
		:: else
		fi;
		tidy()
	}
#endif
	:: d_step { new[c] != NONE -> give_up(c, 1); tidy() }
	:: d_step { new[c] != NONE -> give_up(c, 0); tidy() }
	/* Idle pings go unanswered. */
	:: d_step {
		cur[c] != NONE && proof[c] == BY_ITEM ->
		printf("client %d: epoch %d is silent\n", c, cur[c]);
		proof[c] = ALLOWED
	}
	:: d_step { cur[c] != NONE -> end_of_life(c); tidy() }
#endif
	od
}

proctype nat()
{
	do
#define ARRIVE(e) \
	:: d_step { \
		arrives_on(e) -> \
		printf("server: sends to client %d on epoch %d\n", CLIENT(e), e); \
		nat_in(e); \
		tidy() \
	}
	EACH(ARRIVE)
#define LOSE(e) \
	:: d_step { late[e] -> late[e] = 0; tidy() }
	EACH(LOSE)
#if RACE
#define NOTE(history, e) history[e] = 1
#else
#define NOTE(history, e) skip
#endif
#define TOUT(e) \
	:: d_step { \
		item[e] == OUTSTANDING -> \
		printf("NAT: the outstanding item of epoch %d expires\n", e); \
		NOTE(timed_out, e); \
		item[e] = ABSENT; \
		tidy() \
	}
	EACH(TOUT)
#define TEI(e) \
	:: d_step { \
		item[e] >= ESTABLISHED -> \
		look_whether_kept(CLIENT(e), item[e] - ESTABLISHED); \
		if \
		:: !found -> \
			printf("NAT: the established item of epoch %d expires\n", e); \
			NOTE(gone_idle, e); \
			item[e] = ABSENT \
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

init {
	atomic { run client(0); run client(1); run nat() }
}
#endif
