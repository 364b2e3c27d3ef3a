/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a session, shared by its files and by nobody else:
 *
 *	session.c          effects and steps, finding the gateway, the end, the four verbs
 *	session_ike.c      the ISAKMP SAs: begun, answered, renewed, replaced
 *	session_tunnels.c  negotiations of tunnels, by either end
 *	session_epochs.c   the epochs of a tunnel: published, watched, retired
 *	session_recover.c  is the gateway alive, and what if not
 *	session_mtu.c      what fits the path
 *	session_info.c     what status shows
 */
#ifndef GODWIT_CLIENT_SESSION_IMPL_H
#define GODWIT_CLIENT_SESSION_IMPL_H

#include "base/timer.h"
#include "client/session.h"

#define EFFECTS_MAX 512
/* Effects that one event can add: a tunnel gives one for each epoch and its slot, the rest few. */
#define EFFECTS_SPARE 32

#define SESSION_IKES_KEPT 6 /* established: the one in use and those that it replaced */
#define SESSION_HALF_OPEN_MAX 2 /* begun by the peer and not yet proved */
/* And one of ours that is not established, and one that is closing. */
#define SESSION_IKES_MAX (SESSION_IKES_KEPT + SESSION_HALF_OPEN_MAX + 2)
#define SESSION_NEGOTIATIONS_MAX (SESSION_TUNNELS_MAX + 8)
#define SESSION_GOODBYES_MAX (SESSION_TUNNELS_MAX * EPOCHS_MAX)

/* One ISAKMP SA. */
struct session_ike {
	struct ike_sa *sa; /* NULL: the place is free */
	bool accepted; /* the peer began it */
	bool first; /* of an attempt to connect, and not yet established */
	bool closing; /* a goodbye is to be said */
	bool closed; /* it has been told so */
	bool forgotten; /* it goes without a goodbye */
	uint64_t order; /* grows with each that is established; 0: not yet */
	vtime rekey_at; /* VTIME_NEVER: not this one */
	vtime expires_at; /* as far as rekey_at knows */
	struct path path;
	enum nat nat;
	struct identity peer;
};

/* A quick mode under way; id 0: the place is free. */
struct negotiation {
	uint32_t id; /* ours: of the epoch to be; the peer's: IKE's name for its offer */
	struct session_ike *ike;
	bool ours;
	unsigned slot;
	uint32_t spi;
	struct esp_in *in; /* the peer's: it may send before its last message has come */
	uint32_t spi_out; /* once there is `in` */
	bool deleted; /* the peer's Delete for that has overtaken its last message */
	uint32_t epoch; /* what the epoch to be is called */
};

/* What the session keeps for an epoch beside its state: in the same place as epochs.epoch. */
struct session_epoch {
	struct esp_in *in;
	struct esp_out *out;
	struct ike_child child; /* as agreed; its secrets are wiped once the SAs hold them */
	uint64_t heard; /* packets that had come when it was last looked at */
	uint64_t packets_max, bytes_max; /* what may be sent on it */
	uint64_t packets, bytes; /* that were sent on it when it was last looked at */
};

/* One tunnel: its place in the classifier and the epochs that serve it. */
struct tunnel {
	struct ike_child_config config; /* what is negotiated for it */
	struct epochs epochs;
	struct session_epoch epoch[EPOCHS_MAX];
	struct esp_out *published, *published_next;
	bool served; /* it has been up in this connection */
	bool wanted; /* a new epoch, while the peer is about to make one */
	unsigned failures; /* in sequence, to negotiate it */
	vtime retry_at;
	/* While an epoch waits for its proof: since when nothing has come, and what went out then. */
	vtime deaf_since;
	uint32_t deaf_epoch;
	uint64_t deaf_packets;
};

enum session_timer {
	T_EPOCHS, /* something is due for an epoch */
	T_TUNNELS, /* negotiate again */
	T_IKES, /* renew the ISAKMP SA */
	T_WATCH, /* look at the counters */
	T_RECOVER, /* the next attempt */
	T_PATH_MTU, /* the path may be wider again */
	T_COUNT,
};

struct session {
	const struct session_config *config;
	struct rng *rng;
	struct log *log;
	bool keylog;

	enum session_state state;
	vtime since;
	enum session_step step;
	vtime step_began;

	unsigned gateway; /* index of the gateway being tried */
	struct addr addrs[SESSION_ADDRESSES_MAX]; /* of that gateway */
	unsigned naddrs;
	unsigned addr; /* index of the address being tried */
	struct addr known; /* where the gateway was found last; FAMILY_NONE: nowhere yet */
	unsigned known_of; /* index of that gateway */
	unsigned path_mtu; /* of outer packets, as far as the kernel knows */

	struct path path;
	uint32_t generation;
	enum nat nat;
	struct identity peer;
	struct session_ike ike[SESSION_IKES_MAX];
	uint64_t ike_order;
	unsigned ike_failures; /* in sequence, to renew the ISAKMP SA */
	vtime ike_retry_at;
	vtime accepted_at; /* the last time that the peer began one; 0: never */
	unsigned mtu; /* of the TUN */
	bool narrow; /* the path carries less than an inner link must */
	vtime mtu_asked; /* when the kernel was asked for the path MTU, 0: never */
	bool tun_asked;
	struct prefix routes[SESSION_ROUTES_MAX]; /* what is reached through the tunnel */
	unsigned nroutes;

	struct tunnel tunnels[SESSION_TUNNELS_MAX];
	struct negotiation negotiations[SESSION_NEGOTIATIONS_MAX];
	uint32_t epochs; /* names given so far */
	struct policy rules;
	struct timers timers;
	struct ike_failure last_child_failure;
	/* Deletes to be sent, one by one, so that IKE need not keep many messages. */
	uint32_t goodbyes[SESSION_GOODBYES_MAX];
	unsigned first_goodbye, ngoodbyes;

	unsigned nepoch; /* negotiations that failed in sequence, and epochs that came to nothing */
	unsigned failures; /* attempts to recover that failed in sequence */
	unsigned relapses; /* recoveries in sequence that did not last, whatever was heard meanwhile */
	vtime heard_at; /* when something authentic was last noticed */
	vtime watched_at;
	bool probing; /* the gateway has been asked whether it is alive */

	struct session_effect queue[EFFECTS_MAX];
	unsigned head, queued;
	enum session_exit exit; /* while closing: how it ends */
	char why[300]; /* while closing or recovering: because of what */
	bool over;
};

/* ---- session.c ---- */

#define SESSION_GATEWAY_TEXT_MAX 320

/* Appends an effect of this type, zeroed, for the caller to fill in. */
struct session_effect *session_effect_add(struct session *s, enum session_effect_type type);
void session_set_state(struct session *s, vtime now, enum session_state state);
/* Reports that a step begins, or that the current one ended well. */
void session_step_begin(struct session *s, vtime now, enum session_step step, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void session_step_end(struct session *s, vtime now, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Ends the session: Deletes to the gateway where there is an ISAKMP SA, then every tunnel retired
 * and DONE with this exit and line. The first call counts.
 */
void session_close(struct session *s, vtime now, enum session_exit exit, const char *text);
/* The last ISAKMP SA is gone while closing. */
void session_finish(struct session *s, vtime now);
/* An attempt to connect failed: the end of the session at first, another attempt later on. */
void session_failed(struct session *s, vtime now, enum session_exit exit, const char *text);
/* The same for a failure of IKE; `next`: the next address is tried before. */
void session_failed_ike(struct session *s, vtime now, const struct ike_failure *why, bool next);
/* Begins to look for the gateway, from its first name on. */
void session_find(struct session *s, vtime now);
/* "192.0.2.1", or "vpn.example.com (192.0.2.1)" when the name is not the address. */
const char *session_gateway_text(const struct session *s, char buf[SESSION_GATEWAY_TEXT_MAX]);
/* How long an SA of this life (0: no limit) is kept before it is renewed. */
struct epoch_life session_life(const struct session *s, vtime now, uint32_t seconds);

/* ---- session_ike.c ---- */

/* The ISAKMP SA that new exchanges go over: of the established ones the last; NULL: none. */
struct session_ike *session_ike_main(struct session *s);
const struct session_ike *session_ike_shown(const struct session *s);
/* Begins the first phase 1 of an attempt on s->path. */
void session_ike_start(struct session *s, vtime now);
void session_ike_datagram(struct session *s, vtime now, const struct session_event *ev);
/* Closes all: those that are established say so to the gateway. Their DEAD follows. */
void session_ikes_close(struct session *s, vtime now);
void session_ikes_free(struct session *s);
bool session_ikes_any(const struct session *s);
/* Time to renew the ISAKMP SA, and when that is. */
void session_ikes_due(struct session *s, vtime now);
vtime session_ikes_due_at(const struct session *s);
/* IKE's own timers. */
void session_ikes_timeout(struct session *s, vtime now);
vtime session_ikes_deadline(const struct session *s);
/*
 * The next message that an ISAKMP SA sends; what else it has to tell is dealt with on the way, and
 * then false is returned as long as there are effects to be given out first.
 */
bool session_ikes_output(struct session *s, vtime now, struct session_effect *out);

/* ---- session_tunnels.c ---- */

/* Asks IKE for a child for every tunnel. */
void session_tunnels_begin(struct session *s, vtime now);
/* Asks for a new child of one tunnel, now or as soon as may be. */
void session_negotiate(struct session *s, vtime now, unsigned slot);
/* The SAs hold the keys by now: wipes the key material that made them. */
void session_tunnels_wipe(struct session *s);
/* Takes the child's secrets, as session_child_up. */
void session_child_ready(struct session *s, vtime now, struct session_ike *ike,
			 struct ike_child *child);
void session_child_up(struct session *s, vtime now, struct session_ike *ike,
		      struct ike_child *child);
void session_child_failed(struct session *s, vtime now, struct session_ike *ike, uint32_t id,
			  const struct ike_failure *why);
/* The peer wants one. */
void session_child_offer(struct session *s, vtime now, struct session_ike *ike, uint32_t id,
			 const struct ts_pair *ts);
/* What this ISAKMP SA negotiated has come to nothing with it. */
void session_negotiations_lost(struct session *s, vtime now, const struct session_ike *ike,
			       const struct ike_failure *why);
/* The end of all; the same without effects, for a session that is freed. */
void session_negotiations_end(struct session *s);
void session_negotiations_free(struct session *s);
/* The last negotiation of an attempt may have ended. */
void session_tunnels_settle(struct session *s, vtime now);
/* Time to try again, and when that is. */
void session_tunnels_due(struct session *s, vtime now);
vtime session_tunnels_due_at(const struct session *s);

/* ---- session_epochs.c ---- */

/* Makes SAs of a child and publishes them; takes its secrets, and `in`, which may be there already. */
void session_epoch_install(struct session *s, vtime now, unsigned slot, struct ike_child *child,
			   struct esp_in *in);
/* Makes and publishes the inbound SA of a child alone. */
struct esp_in *session_inbound_new(struct session *s, unsigned slot, const struct ike_child *child);
/* Something happened to an epoch of this tunnel. */
void session_epoch_event(struct session *s, vtime now, unsigned slot, uint32_t id,
			 enum epoch_event event);
/* The peer deleted its inbound SA with this SPI. */
void session_child_deleted(struct session *s, vtime now, uint32_t spi_out);
/* What time brings to epochs, and when. */
void session_epochs_due(struct session *s, vtime now);
vtime session_epochs_due_at(const struct session *s);
/* Every epoch is in doubt from now on. */
void session_epochs_doubt(struct session *s);
/* True when any tunnel has an epoch that can be relied upon. */
bool session_epochs_usable(const struct session *s);
/* Looks at the counters: true when something came. *soonest: when to look at limits again. */
bool session_epochs_watch(struct session *s, vtime now, vtime *soonest);
/* Takes all away. goodbye: the gateway is told. */
void session_epochs_retire(struct session *s, bool goodbye);
bool session_spi_taken(const struct session *s, uint32_t spi);
/* A Delete for our inbound SPI is sent when there is an ISAKMP SA for it. */
void session_goodbye(struct session *s, uint32_t spi);

/* ---- session_recover.c ---- */

/* The gateway has lost us or we have lost it: from the beginning, until it succeeds. */
void session_recover(struct session *s, vtime now, const char *why);
/* One attempt has failed. */
void session_recover_failed(struct session *s, vtime now, const char *why);
/* It is over: everything is as it should be. */
void session_recovered(struct session *s, vtime now);
void session_recover_due(struct session *s, vtime now);
/* A negotiation failed or an epoch came to nothing; too many in sequence: recover. */
void session_count_failure(struct session *s, vtime now);
/* An epoch has been proved. */
void session_proved(struct session *s, vtime now);
/* Something authentic came. */
void session_heard(struct session *s, vtime now);
/* Asks the gateway whether it is alive. */
void session_probe(struct session *s, vtime now);
void session_silent(struct session *s, vtime now);
/* Looks at what has come and gone since the last time. */
void session_watch(struct session *s, vtime now);

/* ---- session_mtu.c ---- */

/* The largest inner packet that fits the path with this suite; at least 1. */
unsigned session_mtu_inner(const struct session *s, const struct esp_suite *suite);
/* SAs came, or the path's MTU changed: tells the SAs and, where it has to follow, the TUN. */
void session_mtu_update(struct session *s, vtime now);
/* The path may carry less than it did, or more again: asks the kernel, once in a second at most. */
void session_mtu_ask(struct session *s, vtime now);
void session_mtu_answer(struct session *s, vtime now, const struct addr *remote, unsigned mtu);

#endif
