/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gateway/ is the other end: a responder for many clients, the product's own and others that speak
 * IKEv1. It is an engine as the session is one: events in, effects out, no socket, file or clock.
 * What it asks for is what the session asks for, so that the same runtime can carry it out.
 *
 *	gateway.c  the four verbs, effects, rules, what the TUN is to have
 *	ikes.c     ISAKMP SAs: first messages, effects of ike/, renewal, their end
 *	user.c     XAUTH and Mode Config: who it is, what he is given
 *	peers.c    clients: which SA is whose, whether they live, their end
 *	tunnels.c  quick modes, begun by either end
 *	epochs.c   pairs of ESP SAs: installed, published, watched, retired
 *	roam.c     clients that move: IPADDRESS_UPDATE, and following those behind a NAT
 *	pool.c     addresses for clients; flood.c  what strangers may cost
 *	info.c     what status shows
 *
 * Around the engine:
 *
 *	run.c      the program: client/'s runtime, with this engine in the session's place
 *	serve.c    what servers behind us need of the host (which gets what: esp/servers.h)
 *	config*.c  gateway.conf
 *	status.c   what `status` answers; metrics.c: what `metrics` does
 *	users.c    the file of users; hash.c  what is in it; verifier.c  checks passwords: answers VERIFY
 *
 *	first message ──► limits ──► HALF OPEN, (XAUTH ◄─► VERIFY) ──► established: a peer's
 *	                               │ too many, no proof in time            │
 *	                               ▼                                       ▼
 *	                             gone                  PEER { ISAKMP SAs, addresses, tunnels }
 *	                                                    │ no SA left, or silent when asked
 *	                                                    ▼
 *	                                                   gone; its addresses stay its own for a while
 *
 * A peer is an identity with a user. Many may be behind one address, and even behind one port: they
 * are told apart by cookies, identities and users, never by where they are. Where an entry lets
 * several connect under one name (`several`), an SA belongs to the peer of that name that talks from
 * the same address and port, or that has the inner address which is asked for again; else it is a
 * new one. Otherwise a name is one peer, wherever it comes from.
 *
 * Outbound SAs are found by peer and tunnel. An offer with an SPI that another client behind the same
 * outer address uses already is refused with INVALID-SPI where our own client made it, so that it
 * takes another one, and counted where it was not.
 *
 * What clients are given are addresses of the pool and the networks behind us. They may ask for a
 * tunnel from their address to one of the networks, to a part of one, to everything (0.0.0.0/0: most
 * clients do), or to the gateway's own addresses, inner and outer. Those answer to echo requests:
 * the kernel has them, the first address of the pool on the TUN, the others where they always were.
 *
 * A new epoch is received on at once and sent on when something authentic has come on it (RFC 2409
 * has the responder wait for message 3; this waits for a packet). The first one of a tunnel is sent on
 * at once, unless raw ESP passes a NAT, which must see the client's packet first.
 *
 * Both phases are renewed by us when the client has not done so shortly before their end.
 *
 * Bounds: half-open SAs in all and for each source, first messages and key exchanges in a second
 * (flood.h); clients, ISAKMP SAs and tunnels for each of them, tunnels in all (CLASSIFIER_SLOTS).
 *
 * A client that announces address updates says where it is (mobility/update.h). Of others behind a NAT,
 * and of those whose NAT moves without their knowing it, the source of what is authentic and new tells.
 *
 * Not here: IKEv2, RADIUS.
 */
#ifndef GODWIT_GATEWAY_GATEWAY_H
#define GODWIT_GATEWAY_GATEWAY_H

#include <stdio.h>

#include "client/session.h"
#include "gateway/pool.h"
#include "mobility/update.h"

#define GATEWAY_ENTRIES_MAX 32
#define GATEWAY_CLIENTS_MAX 10000
#define GATEWAY_NETWORKS_MAX 64
#define GATEWAY_OWN_MAX 4
#define GATEWAY_PREFIXES_MAX 8
#define GATEWAY_ROUNDS_MAX 3 /* tries to prove oneself to XAUTH over one ISAKMP SA */

/*
 * Who may come, and how he proves himself. The first entry that fits a client's first message is
 * his: of aggressive mode that is the mode, the method and the identity, of main mode (which does not
 * tell it in time) method and address; and the key, which is tried at message 5.
 */
struct gateway_entry {
	const char *name;
	/* With `gateway` set. remote: who it must be; remote_any: anybody who has the key or a
	 * certificate of ours. */
	struct ike_config ike;
	struct prefix from[GATEWAY_PREFIXES_MAX]; /* outer addresses; none: anywhere */
	unsigned nfrom;
	bool several; /* more than one connection under one name */
	/* Inner addresses that a client may have of its own accord, besides what it is given. */
	struct prefix inner[GATEWAY_PREFIXES_MAX];
	unsigned ninner;
};

/* Pure data; outlives the engine. */
struct gateway_config {
	struct gateway_entry entries[GATEWAY_ENTRIES_MAX];
	unsigned nentries;
	struct ike_child_config child; /* suites, PFS (DH_NONE: what the client wants), keylife */
	struct pool_range pool[POOL_RANGES_MAX];
	unsigned npool;
	struct prefix networks[GATEWAY_NETWORKS_MAX]; /* behind us */
	unsigned nnetworks;
	bool split; /* clients are told of them; else they send everything through the tunnel */
	struct addr dns[IKE_DNS_MAX];
	unsigned ndns;
	char domain[IKE_NAME_MAX];
	char banner[IKE_BANNER_MAX];
	struct addr own[GATEWAY_OWN_MAX]; /* our outer addresses */
	unsigned nown;
	unsigned path_mtu; /* towards clients */
	bool roaming; /* address updates are heeded; `address_update` of the entries announces it */
	vtime dpd; /* ask whether a client lives after so long a silence; 0: never */
	vtime rekeymargin; /* we renew so long before the end: less than clients do */
	unsigned rekeyfuzz;
	vtime patience; /* see epochs_init */
	unsigned clients_max; /* at most GATEWAY_CLIENTS_MAX */
	unsigned half_open_max, half_open_source_max;
	unsigned firsts_per_s; /* first messages; 0: no limit */
	/* Key exchanges of those who are not yet authenticated. */
	unsigned exchanges_per_s, exchanges_burst, exchanges_source_per_s, exchanges_source_burst;
};

/* Fills in what a person rarely changes: limits, margins, MTU, dpd. */
void gateway_config_defaults(struct gateway_config *c);

enum gateway_event_type {
	GATEWAY_EVENT_START, /* the TUN is asked for, and clients are taken from now on */
	GATEWAY_EVENT_STOP, /* all clients are told; DONE follows */
	GATEWAY_EVENT_DATAGRAM, /* an IKE message, marker stripped */
	GATEWAY_EVENT_DATA, /* from a data engine */
	GATEWAY_EVENT_TUN_FAILED, /* text says what was refused: the end */
	GATEWAY_EVENT_VERIFIED, /* the answer to VERIFY; one that comes too late is ignored */
	GATEWAY_EVENT_DROP, /* end the connection of peer `drop` */
};

struct gateway_event {
	enum gateway_event_type type;
	union {
		struct {
			struct endpoint from;
			struct endpoint to;
			struct slice bytes;
		} datagram;
		const struct data_event *data;
		const char *text;
		struct {
			uint32_t id;
			bool ok;
		} verified;
		uint32_t drop;
	};
};

enum gateway_effect_type {
	/*
	 * One of the session's: SEND, TUN, PUBLISH_RULES, PUBLISH_SLOT, PUBLISH_SPI, REFUSE_SLOT,
	 * RETIRE, DONE. TUN comes once; nothing in it is assigned and its path is empty.
	 */
	GATEWAY_EFFECT_SESSION,
	GATEWAY_EFFECT_VERIFY, /* is this the user's password? answered by VERIFIED */
};

struct gateway_effect {
	enum gateway_effect_type type;
	union {
		struct session_effect session;
		struct {
			uint32_t id; /* never 0 */
			const char *entry; /* its name */
			const char *user; /* both borrowed until the next call into the engine */
			struct slice password;
		} verify;
	};
};

struct gateway;

/*
 * config, rng and log are borrowed. SAs still alive when it is freed are freed with it, as with a
 * session.
 */
struct gateway *gateway_new(const struct gateway_config *config, struct rng *rng, struct log *log);
void gateway_free(struct gateway *g);

void gateway_event(struct gateway *g, vtime now, const struct gateway_event *ev);
void gateway_timeout(struct gateway *g, vtime now);
/* Pull until false after each event or timeout; carry each effect out before the next call. */
bool gateway_output(struct gateway *g, vtime now, struct gateway_effect *out);
vtime gateway_deadline(const struct gateway *g);

/* ---- the program (run.c) ---- */

struct gateway_options {
	const char *file; /* gateway.conf */
	bool verbose; /* debug events on stderr */
};

/*
 * Runs a gateway until SIGTERM or SIGINT; says on stdout when it is ready. One complaint on stderr.
 * Returns an exit code.
 */
int gateway_run(const struct gateway_options *options);
/* Reads a configuration and says whether it is good. Returns an exit code. */
int gateway_check(const char *file, FILE *out, FILE *err);
/* Writes gateway.conf.example. */
void gateway_example(FILE *out);
/* What the file of users has behind a name, for the password that is read from `in`. An exit code. */
int gateway_hash(FILE *in, FILE *out, FILE *err);

/* ---- what status shows (info.c) ---- */

struct gateway_counters {
	uint64_t firsts; /* first messages that were answered */
	uint64_t limited; /* dropped: too many first messages or key exchanges in a second */
	uint64_t evicted; /* half-open SAs that had to go for others */
	uint64_t unfit; /* first messages that fit no entry */
	uint64_t unknown; /* messages of ISAKMP SAs that there are not */
	uint64_t authenticated;
	uint64_t refused_users; /* wrong name or password */
	uint64_t pool_exhausted;
	uint64_t twin_spis; /* offers with an SPI that is used behind the same address, */
	uint64_t twin_refused; /* and those of them that were refused */
	uint64_t offers_refused;
	uint64_t epochs; /* that came up, */
	uint64_t epochs_ours; /* and those of them that we began */
	uint64_t clients_refused; /* for there are clients_max */
	uint64_t updates[UPDATE_GATEWAY_RULE_COUNT]; /* rows of the table that were taken */
	uint64_t followed; /* to where authentic packets came from, and the other times that they did */
	uint64_t not_followed;
};

struct gateway_info {
	unsigned clients; /* peers */
	unsigned half_open;
	unsigned ikes; /* ISAKMP SAs of all kinds */
	unsigned tunnels;
	unsigned leases;
	struct gateway_counters counters;
};

struct gateway_peer_info {
	unsigned place; /* the engine's */
	uint32_t id; /* for DROP */
	const char *entry;
	const struct identity *identity;
	const char *user; /* "" for none */
	struct path path;
	enum nat nat;
	struct addr inner[2];
	vtime since, heard_at;
	unsigned ikes, tunnels;
	uint64_t bytes_in, bytes_out;
};

struct gateway_epoch_info {
	uint32_t spi_in, spi_out;
	enum epoch_state state;
};

struct gateway_tunnel_info {
	const struct ts_pair *ts; /* local is our side */
	unsigned nepochs;
	struct gateway_epoch_info epochs[EPOCHS_MAX];
};

void gateway_info(const struct gateway *g, struct gateway_info *out);
/*
 * The next peer, in no order, and *place moves on: 0 at first. False: there are no more. Borrowed until
 * the next call into the engine.
 */
bool gateway_peer_info(const struct gateway *g, unsigned *place, struct gateway_peer_info *out);
/* The k-th tunnel of that peer; false: it has no more. Borrowed as that is. */
bool gateway_tunnel_info(const struct gateway *g, const struct gateway_peer_info *peer, unsigned k,
			 struct gateway_tunnel_info *out);

#endif
