/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of the gateway's engine, shared by its files and by nobody else. */
#ifndef GODWIT_GATEWAY_GATEWAY_IMPL_H
#define GODWIT_GATEWAY_GATEWAY_IMPL_H

#include "gateway/flood.h"
#include "gateway/gateway.h"
#include "mobility/update.h"

/* RFC 2408 section 3.14.1 */
#define NOTIFY_NO_PROPOSAL 14
#define NOTIFY_INVALID_SPI 11
#define NOTIFY_INVALID_ID 18

#define PEER_IKES_MAX 4 /* established: the one in use and those that it replaced */
#define PEER_TUNNELS_MAX 16
#define PEER_NEGOTIATIONS_MAX 8 /* offers of the peer, and our own */
#define PEER_GOODBYES_MAX 128
#define ROAM_SPIS_MAX (PEER_TUNNELS_MAX * EPOCHS_MAX + PEER_NEGOTIATIONS_MAX)
#define TUNNELS_MAX CLASSIFIER_SLOTS
#define IKE_BUCKETS 16384 /* a power of two */
/* Of the last 24 hours, as far as they fit: no SPI is used twice in that time. */
#define SPIS_MAX 16384
#define SPI_AGE (24 * 3600 * VTIME_S)
#define TICK                                                                                       \
	VTIME_S /* lives, silences and what has changed are looked at no more often than that */
/* A slot that a tunnel has left: threads may still send by rules that name it. */
#define SLOT_REST (5 * VTIME_S)

/* One ISAKMP SA. */
struct gateway_ike {
	struct ike_sa *sa; /* NULL: the place is free */
	unsigned next; /* in its bucket; IKE_NONE: none */
	unsigned bucket;
	bool touched; /* it is in the ring of those that may have something to say */
	const struct gateway_entry *entry;
	struct gateway_peer *peer; /* once it is established */
	struct gateway_ike *peer_next; /* of that peer's */
	bool ours; /* we began it */
	bool main_mode; /* a stranger's key exchange is to come */
	bool authenticated;
	bool own; /* our own product is at the other end */
	bool roams; /* both ends have announced address updates */
	bool closing; /* CLOSE has been said */
	uint64_t begun; /* grows with each */
	uint64_t order; /* grows with each that is established; 0: not yet */
	vtime rekey_at; /* VTIME_NEVER: not this one */
	unsigned failures; /* of its renewal */
	struct path path;
	enum nat nat;
	bool natt; /* both ends speak NAT traversal, so that `nat` is known */
	struct identity id;
	char user[IKE_NAME_MAX]; /* accepted, or being verified */
	unsigned rounds; /* of XAUTH */
	bool verify_due; /* VERIFY is to be said */
	uint32_t verify; /* its id; 0: nothing is being verified */
	struct secret password;
	struct gateway_ike *renews; /* ours: what it is to replace */
	struct gateway_ike *renewed_by; /* and the other way round */
};

#define IKE_NONE UINT32_MAX

/* A quick mode under way; id 0: the place is free. */
struct gateway_negotiation {
	uint32_t id; /* ours: of the epoch to be; the peer's: IKE's name for its offer */
	struct gateway_ike *ike;
	bool ours;
	unsigned slot;
	uint32_t spi;
	uint32_t epoch; /* what the epoch to be is called */
	struct esp_in *in; /* the peer's: it may send before its message 3 has come */
	uint32_t spi_out; /* once there is `in` */
	bool deleted; /* its Delete for that has overtaken message 3 */
};

struct gateway_peer {
	bool used;
	uint32_t id;
	const struct gateway_entry *entry;
	struct identity identity;
	char user[IKE_NAME_MAX];
	struct path path; /* of the newest ISAKMP SA */
	enum nat nat;
	bool natt;
	bool own; /* our own product is at the other end */
	struct addr inner[2]; /* IPv4, IPv6: given by the pool */
	vtime since;
	vtime heard_at;
	bool probing; /* it has been asked whether it is alive */
	bool asleep; /* it has not answered, and may come back, from wherever */
	struct gateway_ike *ikes; /* its ISAKMP SAs */
	unsigned slots[PEER_TUNNELS_MAX];
	unsigned nslots;
	struct gateway_negotiation negotiations[PEER_NEGOTIATIONS_MAX];
	uint32_t goodbyes[PEER_GOODBYES_MAX]; /* Deletes to be sent, one by one */
	unsigned first_goodbye, ngoodbyes;
	uint64_t gone_in, gone_out; /* bytes of epochs that are no more */
	bool roams; /* its newest ISAKMP SA announced address updates */
	struct update_gateway update;
	enum nat nat_before; /* the last change */
	struct esp_limit *limit; /* of all its SAs; NULL: none */
	struct endpoint source; /* something authentic came from there, */
	vtime source_due; /* and it is followed then; VTIME_NEVER: not */
	vtime source_at; /* since when; it was IKE: */
	bool source_ike;
	bool source_waits; /* until it is known whether the client is where it is asked */
	struct endpoint left; /* where it was before */
	vtime left_at;
};

/* In the same place as epochs.epoch. */
struct gateway_epoch {
	struct esp_in *in;
	struct esp_out *out;
	struct ike_child child; /* its secrets are wiped */
	uint64_t heard; /* packets that had come when it was last looked at */
	vtime looked_at; /* when that was */
};

/* A slot of the classifier. */
struct gateway_tunnel {
	struct gateway_peer *peer; /* NULL: free, or resting */
	vtime rests_until;
	struct ts_pair ts; /* local is our side */
	struct ike_child_config config; /* what was agreed last: we begin with the same */
	struct epochs epochs;
	struct gateway_epoch epoch[EPOCHS_MAX];
	struct esp_out *published, *published_next;
	bool ruled; /* there is a rule for it */
	unsigned failures; /* in sequence, of our own negotiations */
	vtime retry_at; /* VTIME_NEVER: nothing is to be negotiated by us */
	bool refused;
};

struct gateway_spi {
	uint32_t spi;
	vtime at;
};

struct gateway {
	const struct gateway_config *config;
	struct rng *rng;
	struct log *log;
	bool running, stopping, over;
	char why[300]; /* how it ended */
	bool failed;
	vtime tick_at; /* there is something to look at; VTIME_NEVER: not */
	vtime ticked_at; /* the last look */

	struct gateway_ike *ikes;
	unsigned nikes; /* places */
	vtime *dues; /* of each: side by side, because all are gone through often */
	unsigned place; /* where the search for a free one goes on */
	unsigned buckets[IKE_BUCKETS];
	uint64_t bucket_key;
	unsigned *ring; /* those that may have something to say; nikes places */
	unsigned ring_first, ring_n;
	vtime ikes_due; /* no ISAKMP SA is due before that */
	uint64_t ike_order, ikes_begun;
	unsigned verifies; /* VERIFYs to be said */
	uint32_t verify_ids;
	struct halfopen halfopen;
	struct rates firsts, exchanges;
	vtime stranger_at; /* of strangers no more is told before that */

	struct gateway_peer *peers;
	unsigned npeers; /* in use */
	unsigned peers_end; /* none is in use from there on */
	unsigned ngoodbyes; /* of all together */
	unsigned goodbye_turn; /* whose Deletes are looked for first */
	uint32_t peer_ids;
	struct gateway_tunnel *tunnels[TUNNELS_MAX]; /* NULL: never used */
	unsigned tunnels_end; /* none has been used from there on */
	unsigned tunnels_busy; /* have a peer */
	unsigned slot_next; /* where the search for a free one goes on */
	uint32_t epoch_ids;
	struct gateway_spi *spis; /* a ring */
	unsigned first_spi;
	struct pool *pool;

	struct update_policy policy,
		policy_nobody; /* of updates; of those from where nobody may be */
	vtime roam_due; /* nothing of roam.c is due before that */
	struct endpoint arrived_from, arrived_to; /* the IKE message at hand */
	size_t arrived_n;

	struct policy_rule *rules; /* one for each tunnel that has come up; grows */
	unsigned nrules, rules_room;
	bool rules_due;
	struct addr tun_inner[2];
	struct prefix tun_routes[GATEWAY_ENTRIES_MAX * GATEWAY_PREFIXES_MAX + 512];
	struct gateway_counters counters;

	struct gateway_effect *queue; /* a ring */
	unsigned queue_size, head, queued;
};

/* ---- gateway.c ---- */

/* Appends one of the session's effects, zeroed, for the caller to fill in. */
struct session_effect *gateway_effect_add(struct gateway *g, enum session_effect_type type);
/*
 * Clients, their tunnels or ISAKMP SAs are to be looked at then, if not before. What has changed is
 * looked at TICK later.
 */
void gateway_due(struct gateway *g, vtime at);
/* Ends everything; clients that can be told are. */
void gateway_stop(struct gateway *g, vtime now, bool failed, const char *why);
/*
 * A client of this entry may be there. Nobody is at an inner address: what we would send there goes
 * through our own tunnels, and so around and around.
 */
bool gateway_admits(const struct gateway_config *c, const struct gateway_entry *e,
		    const struct addr *from);
/* How long an SA of this life (0: no limit) is kept before we renew it. */
struct epoch_life gateway_life(const struct gateway *g, vtime now, uint32_t seconds);

/* ---- ikes.c ---- */

void ikes_init(struct gateway *g);
void ikes_free(struct gateway *g);
void ikes_datagram(struct gateway *g, vtime now, const struct gateway_event *ev);
void ikes_timeout(struct gateway *g, vtime now);
void ikes_tick(struct gateway *g, vtime now);
/* When the first of them is to be renewed. */
vtime ikes_renewal_at(const struct gateway *g);
/* Gives it an event; what it says to that comes with the next outputs. */
void ike_give(struct gateway *g, vtime now, struct gateway_ike *i, const struct ike_event *ev);
/* The place is free afterwards; nothing is said. */
void ike_drop(struct gateway *g, struct gateway_ike *i);
/* A Delete, then it is DEAD. */
void ike_close(struct gateway *g, vtime now, struct gateway_ike *i);
/* The next effect of any of them: a message is in *out. False: they have nothing to say. */
bool ikes_pull(struct gateway *g, vtime now, struct session_effect *out, bool *message);

/* ---- user.c ---- */

void user_ask(struct gateway *g, vtime now, struct gateway_ike *i);
void user_reply(struct gateway *g, vtime now, struct gateway_ike *i, const struct ike_effect *fx);
void user_verified(struct gateway *g, vtime now, uint32_t id, bool ok);
/* The next VERIFY; false: none. */
bool user_pull(struct gateway *g, struct gateway_effect *out);
void user_forget(struct gateway *g, struct gateway_ike *i);
void user_config(struct gateway *g, vtime now, struct gateway_ike *i, const struct ike_effect *fx);

/* ---- peers.c ---- */

/* Finds or makes the peer of an SA that is established. False: there is no room. */
bool peer_join(struct gateway *g, vtime now, struct gateway_ike *i);
/* The SA belongs to that peer from now on, not to its own any more. */
void peer_merge(struct gateway *g, vtime now, struct gateway_ike *i, struct gateway_peer *to);
/* The one whose address this is, by the pool; NULL: none. */
struct gateway_peer *peer_with(struct gateway *g, const struct addr *inner);
/* For the log: its identity, and its user where it has one. */
struct log_field peer_field(const struct gateway_peer *p);
bool peer_same_name(const struct gateway_peer *p, const struct gateway_ike *i);
/* The ISAKMP SA that new exchanges go over; NULL: none. */
struct gateway_ike *peer_main(const struct gateway_peer *p);
unsigned peer_ikes(const struct gateway_peer *p);
/* It is nobody's any more. */
void peer_unlink(struct gateway_ike *i);
void peer_heard(struct gateway *g, vtime at, struct gateway_peer *p);
/* It does not answer over this SA. */
void peer_silent(struct gateway *g, vtime now, const struct gateway_ike *i);
/* Room for somebody: of those that are asleep the one that has been so for longest goes. False: none. */
bool peer_evict(struct gateway *g, vtime now);
/* One of its SAs is gone. */
void peer_lost(struct gateway *g, vtime now, struct gateway_peer *p);
/* All of it goes at once; goodbye: it is told of its ISAKMP SAs' end. */
void peer_drop(struct gateway *g, vtime now, struct gateway_peer *p, bool goodbye, const char *why);
void peers_tick(struct gateway *g, vtime now);
/* When the next of them, or of their tunnels, is to be looked at. */
vtime peers_due_at(const struct gateway *g);
void peer_goodbye(struct gateway *g, struct gateway_peer *p, uint32_t spi);
/* Sends the next Delete; false: there is none. */
bool peers_say(struct gateway *g, vtime now);

/* ---- tunnels.c ---- */

void tunnel_offer(struct gateway *g, vtime now, struct gateway_ike *i, uint32_t id,
		  const struct ts_pair *ts, uint32_t spi);
/* Both take the child's secrets. */
void tunnel_child_ready(struct gateway *g, vtime now, struct gateway_ike *i,
			struct ike_child *child);
void tunnel_child_up(struct gateway *g, vtime now, struct gateway_ike *i, struct ike_child *child);
void tunnel_child_failed(struct gateway *g, vtime now, struct gateway_ike *i, uint32_t id,
			 const char *why);
/* What this SA negotiated has come to nothing with it. */
void tunnel_negotiations_end(struct gateway *g, vtime now, const struct gateway_ike *i);
/* A packet waits for an SA. */
void tunnel_wanted(struct gateway *g, vtime now, unsigned slot);
/* We want a new epoch. */
void tunnel_negotiate(struct gateway *g, vtime now, unsigned slot);
/* Takes all of it away, without a word. */
void tunnel_close(struct gateway *g, vtime now, unsigned slot);
void tunnels_tick(struct gateway *g, vtime now);
void tunnels_free(struct gateway *g);
void rules_make(struct gateway *g);

/* ---- roam.c ---- */

void roam_init(struct gateway *g);
/* The peer is new and has its path; it is no more, and its SAs neither. */
void roam_begin(struct gateway *g, struct gateway_peer *p);
void roam_end(struct gateway *g, struct gateway_peer *p);
/* Another ISAKMP SA is its newest; its path is p->path by now. */
void roam_joined(struct gateway *g, vtime now, struct gateway_peer *p);
/* What SAs that are new have to keep to. Either may be NULL. */
void roam_limit(const struct gateway_peer *p, struct esp_in *in, struct esp_out *out);
void roam_notify(struct gateway *g, vtime now, struct gateway_ike *i, const struct ike_effect *fx);
/* Something authentic has come over ESP, or (the message at hand) over IKE. */
void roam_source(struct gateway *g, vtime now, const struct data_event *ev);
void roam_heard(struct gateway *g, vtime now, const struct gateway_ike *i);
/* A message of IKE's is about to go; false: it is a repeat, and too much for where it would go. */
bool roam_may_send(const struct gateway_peer *p, const struct ike_effect *fx);
void roam_timeout(struct gateway *g, vtime now);

/* ---- epochs.c ---- */

struct esp_in *epoch_inbound_new(struct gateway *g, unsigned slot, const struct ike_child *child);
/* Takes the child's secrets, and `in`, which may be there already. */
void epoch_install(struct gateway *g, vtime now, unsigned slot, struct ike_child *child,
		   struct esp_in *in);
void epoch_event(struct gateway *g, vtime now, unsigned slot, uint32_t id, enum epoch_event event);
/* The peer deleted its inbound SA with this SPI. */
void epoch_deleted(struct gateway *g, vtime now, struct gateway_peer *p, uint32_t spi_out);
/* Looks at counters and lives. When something came last, if something did since the last look; else 0. */
vtime epochs_tick(struct gateway *g, vtime now, unsigned slot);
/* The next packet on any of its SAs is told of. */
void epochs_await(const struct gateway_tunnel *t);
/* It is: on an epoch that was in doubt, or of a client that was asleep. */
void epoch_heard(struct gateway *g, vtime now, unsigned slot);
void epochs_close(struct gateway *g, unsigned slot);
/* They are sent to where the client was: what comes next is used at once. */
void epochs_moved(struct gateway *g, unsigned slot);
bool epochs_none(const struct gateway_tunnel *t);
/* Another client behind the same outer address is sent to with this SPI. */
bool epoch_twin(const struct gateway *g, const struct gateway_peer *p, uint32_t spi_out);
/* Random, and not used by us in the last 24 hours. */
uint32_t spi_choose(struct gateway *g, vtime now);

#endif
