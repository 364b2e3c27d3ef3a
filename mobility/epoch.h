/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mobility/ decides where to talk and whether to trust it, never what is said. It knows neither IKE
 * nor ESP: the session tells it what happened and carries out what it decides.
 *
 *	epoch.c      the epochs of a tunnel: which one data goes out on, which ones are received on,
 *	             when one is renewed, deleted, gone
 *	prober.c     when to ping through an epoch, and when to give it up
 *	target.c     whom the pings ask
 *	ladder.c     what is tried when the tunnel does not carry, from a ping to the next gateway
 *	nat_model.c  whether the parameters of the prober hold against NATs that guess
 *	paths.c      from the kernel's links, addresses and routes to the path that is used
 *	update*.c    IPADDRESS_UPDATE: the path changes, the SAs go on; both ends
 *	backoff.c    how long to wait before the next attempt
 *
 * An epoch is one pair of ESP SAs, one for each direction. A tunnel is the succession of epochs for
 * one pair of selectors. A newer epoch is received on at once, but data goes out on the older one
 * until the newer one is proved by an authentic packet that came on it, or until there is no choice.
 *
 *	installed ──► PROBING ──────────────────────────────────────┐
 *	    │            │ proved, answered, overdue, or the        │ given up (Delete at once),
 *	    │            │ current one has failed                   │ or the peer deleted it
 *	    │            ▼                                          │
 *	    └───────► CURRENT ────────────────────────────────┐     │
 *	 no other      │  ▲                   a newer one is  ▼     ▼
 *	 carries data, │  │ something came    used, the peer  RETIRING ──► DEAD
 *	 and it need   │  │ on it             deleted it, its     silent for 30 s or at the end
 *	 not be proved ▼  │                   life or its         of its life: Delete; 30 s later
 *	 first       IN DOUBT ──────────────► numbers are         it is gone
 *	     silent, or its probes unanswered: used up
 *	     what the host sends is held
 *
 * What happens is a table, rows of event and condition (epoch.c). How an epoch can be trusted is the
 * owner's to say (epochs_set_trust): by probes, or by data alone, when "overdue" stands for probes
 * that went unanswered; and whether the first one has to be proved as well.
 *
 * Not here yet: MOBIKE (RFC 4555).
 */
#ifndef GODWIT_MOBILITY_EPOCH_H
#define GODWIT_MOBILITY_EPOCH_H

#include <stdbool.h>

#include "base/vtime.h"

#define EPOCHS_MAX 8 /* of one tunnel */
/* An epoch that has been replaced is received on at least so long after its last packet. */
#define EPOCH_LINGER (30 * VTIME_S)
/* At the end of its life the Delete follows so long after the last packet of ours. */
#define EPOCH_GRACE (2 * VTIME_S)
#define EPOCHS_ROW_TEXT_MAX 40

enum epoch_state {
	EPOCH_FREE,
	EPOCH_PROBING, /* received on, not yet sent on */
	EPOCH_CURRENT, /* data goes out on it, unless it is in doubt */
	EPOCH_RETIRING, /* received on, not sent on any more */
	EPOCH_DEAD, /* to be taken away: epochs_remove */
};

enum epoch_event {
	EPOCH_EVENT_INSTALLED,
	EPOCH_EVENT_PROVED, /* its first authentic packet came */
	/* A reply to our probe of it came on another epoch: the peer has it, the way back is not proved. */
	EPOCH_EVENT_ANSWERED,
	EPOCH_EVENT_UNPROVED, /* its probes went unanswered: it is given up */
	EPOCH_EVENT_SILENT, /* idle pings on it went unanswered: it is in doubt */
	EPOCH_EVENT_DELETED, /* the peer deleted what is our outbound SA */
	EPOCH_EVENT_EXHAUSTED, /* its bytes or sequence numbers are used up */
	EPOCH_EVENT_EXPIRED, /* its life is over */
	/* Nothing else carries data; or no probes tell, and the current one is near its end. */
	EPOCH_EVENT_OVERDUE,
	EPOCH_EVENT_REKEY, /* time, or nearly no numbers left: negotiate its successor, once */
	EPOCH_EVENT_QUIET, /* retiring, and nothing came on it for EPOCH_LINGER */
	EPOCH_EVENT_EVICTED, /* its place is needed */
};

/* What is to be done beside what epochs_current and epochs_next say. */
enum epoch_action {
	EPOCH_NEGOTIATE = 1, /* a new epoch for the tunnel */
	EPOCH_DELETE = 2, /* a Delete for our inbound SA of this epoch */
};

struct epoch_life {
	vtime rekey_at; /* negotiate a successor */
	vtime margin_at; /* from here on an unproved successor may be used */
	vtime expires_at;
};

struct epoch {
	enum epoch_state state;
	uint32_t id; /* the owner's name, never 0 and growing from one to the next */
	vtime since;
	struct epoch_life life;
	vtime quiet_at; /* RETIRING */
	bool proved;
	bool answered; /* the peer has it: a reply to our probe came on another one */
	bool spent; /* nothing can be sent on it: deleted by the peer, or used up */
	bool doubted; /* the peer may have lost it: not sent on, and its successor is used at once */
	bool back; /* doubted, but something came on it since: sent on until the successor is there */
	bool renewed; /* its successor is there, or has been asked for */
	bool rival; /* another one was made at about the same time */
	bool deleted; /* our Delete is out: never sent on again */
};

struct epochs {
	vtime patience; /* how old an unproved epoch must be before it may be overdue */
	bool strict, probed; /* epochs_set_trust */
	uint64_t *reached; /* the owner's: bit i is set when row i is taken; NULL: not counted */
	struct epoch epoch[EPOCHS_MAX];
};

struct epoch_config {
	vtime keylife; /* the shorter of ours and the peer's; 0: no limit */
	vtime margin;
	unsigned fuzz; /* per cent of the margin */
};

/*
 * When an epoch that begins now is to be renewed: at a time in [keylife - (1 + fuzz) margin, keylife
 * - margin] that `random` (0 … UINT32_MAX) picks. With a short keylife the margin is at most a third
 * of it, and renewal never begins in its first third.
 */
struct epoch_life epoch_life(const struct epoch_config *config, vtime now, uint32_t random);

/* patience: (pingtries + 1) times pingtime. Neither strict nor probed. */
void epochs_init(struct epochs *es, vtime patience);
/*
 * How epochs are proved; it can change at any time.
 *
 * strict: raw ESP passes a NAT (or may): nothing goes out on an epoch before it is proved, not even
 * on the first one, and a reply that came on another epoch proves nothing. Without probes nobody
 * would ever answer to prove the first one, and it is used at once.
 * probed: probes are sent, and EPOCH_EVENT_UNPROVED tells when one is to be given up; else data alone
 * must prove an epoch, which may be overdue then. So it is with who waits for the peer's probes.
 */
void epochs_set_trust(struct epochs *es, bool strict, bool probed);
/*
 * Enters a new epoch and returns its place in es->epoch; the owner keeps what belongs to it under
 * the same number. -1 when there is no room: evict first (epochs_evictable).
 */
int epochs_install(struct epochs *es, vtime now, uint32_t id, const struct epoch_life *life);
/*
 * The epoch that can best go to make room: none that carries data, rather one that the peer does not
 * use. 0 when there is room. Call epochs_heard before.
 */
uint32_t epochs_evictable(const struct epochs *es);
/* Something happened to epoch `id`; returns the actions. An unknown id and a dead epoch: nothing. */
unsigned epochs_event(struct epochs *es, vtime now, uint32_t id, enum epoch_event event);
/*
 * A packet came on it not later than now. True: the epoch was in doubt, and data goes out on it again.
 * Tell it before epochs_doubt, or SILENT, what came before them.
 */
bool epochs_heard(struct epochs *es, vtime now, uint32_t id);
/*
 * The peer may have lost all of them: nothing is sent on them until something comes, and the next
 * one that is installed is used at once.
 */
void epochs_doubt(struct epochs *es);
/*
 * They may carry on, those in doubt excepted, but the next one that is installed is used at once
 * where it need not be proved first: the peer lives, and what comes next may end what there is.
 */
void epochs_supersede(struct epochs *es);
/* An event whose time has come, for epochs_event; false: none. Call epochs_heard before. */
bool epochs_due(const struct epochs *es, vtime now, uint32_t *id, enum epoch_event *event);
vtime epochs_deadline(const struct epochs *es);
/* Empties the place of a dead epoch. */
void epochs_remove(struct epochs *es, unsigned place);

/* The place of the epoch that data goes out on; -1: none, what the host sends is to be held. */
int epochs_current(const struct epochs *es);
/* The place of the epoch that is used from its first authentic packet on; -1: none. */
int epochs_next(const struct epochs *es);
/* True when there is one that data can go out on and that is not in doubt. */
bool epochs_usable(const struct epochs *es);
/* "probing", "current", "retiring", "dead" */
const char *epoch_state_name(enum epoch_state state);

/* The rows of the table, for those who count which ones were reached. */
unsigned epochs_rows(void);
/* Event, state and condition of a row < epochs_rows(), "proved retiring bare"; returns buf. */
const char *epochs_row_text(unsigned row, char buf[EPOCHS_ROW_TEXT_MAX]);

#endif
