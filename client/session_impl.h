/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a session, shared by its four files and by nobody else: session.c (finding the
 * gateway, IKE's effects, the four verbs), session_tunnels.c (tunnels: negotiation, publication,
 * end), session_mtu.c (what fits the path), session_info.c (what status shows).
 */
#ifndef GODWIT_CLIENT_SESSION_IMPL_H
#define GODWIT_CLIENT_SESSION_IMPL_H

#include "base/timer.h"
#include "client/session.h"

#define EFFECTS_MAX 256
/* Effects that one event can add: a tunnel gives at most 4, the rest a handful. */
#define EFFECTS_SPARE 16

/* One tunnel: its place in the classifier and the epoch that serves it. */
struct tunnel {
	struct esp_in *in;
	struct esp_out *out;
	struct ike_child_config config; /* what is negotiated for it */
	struct ike_child child; /* as agreed; its secrets are wiped once the SAs hold them */
	uint32_t pending; /* id of the negotiation under way, 0: none */
	vtime since;
	vtime expires;
};

enum session_timer {
	T_CHILD_EXPIRY,
	T_PATH_MTU,
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
	unsigned path_mtu; /* of outer packets, as far as the kernel knows */

	struct path path;
	uint32_t generation;
	enum nat nat;
	struct identity peer;
	struct ike_sa *ike;
	unsigned mtu; /* of the TUN */
	bool narrow; /* the path carries less than an inner link must */
	vtime mtu_asked; /* when the kernel was asked for the path MTU, 0: never */
	bool tun_asked;

	struct tunnel tunnels[SESSION_TUNNELS_MAX];
	uint32_t epochs; /* names given so far */
	struct policy rules;
	struct timers timers;
	struct ike_failure last_child_failure;

	struct session_effect queue[EFFECTS_MAX];
	unsigned head, queued;
	enum session_exit exit; /* while closing: how it ends, and why */
	char why[300];
	bool over;
};

/* ---- session.c ---- */

#define SESSION_GATEWAY_TEXT_MAX 320

/* Appends an effect of this type, zeroed, for the caller to fill in. */
struct session_effect *session_effect_add(struct session *s, enum session_effect_type type);
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
/* The same for a failure of IKE. */
void session_close_failed(struct session *s, vtime now, const struct ike_failure *why);
/* "192.0.2.1", or "vpn.example.com (192.0.2.1)" when the name is not the address. */
const char *session_gateway_text(const struct session *s, char buf[SESSION_GATEWAY_TEXT_MAX]);

/* ---- session_tunnels.c ---- */

/* Asks IKE for a child for every tunnel. */
void session_tunnels_begin(struct session *s, vtime now);
void session_tunnels_retire(struct session *s);
/* The SAs hold the keys by now: wipes the key material that made them. */
void session_tunnels_wipe(struct session *s);
/* Takes the child's secrets. */
void session_child_up(struct session *s, vtime now, struct ike_child *child);
void session_child_failed(struct session *s, vtime now, uint32_t id, const struct ike_failure *why);
void session_child_deleted(struct session *s, vtime now, uint32_t spi_out);
void session_child_expiry(struct session *s, vtime now);

/* ---- session_mtu.c ---- */

/* The largest inner packet that fits the path with this suite; at least 1. */
unsigned session_mtu_inner(const struct session *s, const struct esp_suite *suite);
/* SAs came, or the path's MTU changed: tells the SAs and, where it has to follow, the TUN. */
void session_mtu_update(struct session *s, vtime now);
/* The path may carry less than it did, or more again: asks the kernel, once in a second at most. */
void session_mtu_ask(struct session *s, vtime now);
void session_mtu_answer(struct session *s, vtime now, const struct addr *remote, unsigned mtu);

#endif
