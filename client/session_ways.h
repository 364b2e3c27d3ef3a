/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of a session, the part that keeps a way to the gateway; session_impl.h includes it. */
#ifndef GODWIT_CLIENT_SESSION_WAYS_H
#define GODWIT_CLIENT_SESSION_WAYS_H

#include "client/session_impl.h"

/* ---- session_recover.c ---- */

/* Tells the ladder; what it orders is the caller's to do, from s->start on where it begins anew. */
enum ladder_step session_climb(struct session *s, enum ladder_event event);

/* The gateway has lost us or we have lost it: from the beginning, until it succeeds. */
void session_recover(struct session *s, vtime now, const char *why);
/* The ISAKMP SA is good, all tunnels are negotiated anew, and the TUN changes. */
void session_reconfigure(struct session *s, vtime now, const char *why);
/* One attempt has failed. */
void session_recover_failed(struct session *s, vtime now, const char *why);
/* It is over: everything is as it should be. */
void session_recovered(struct session *s, vtime now);
void session_recover_due(struct session *s, vtime now);
/* A negotiation failed or an epoch came to nothing; too many in sequence: recover. */
void session_count_failure(struct session *s, vtime now);
/* The same for an epoch whose pings were not answered. */
void session_unproved(struct session *s, vtime now);
/* An epoch has been proved. */
void session_proved(struct session *s, vtime now);
/* Something authentic came. */
void session_heard(struct session *s, vtime now);
/* Asks the gateway whether it is alive. */
void session_probe(struct session *s, vtime now);
void session_silent(struct session *s, vtime now);
/* Looks at what has come since the last time, and asks after a long silence. */
void session_watch(struct session *s, vtime now);
vtime session_watch_due_at(const struct session *s);

/*
 * All begins anew from the new address, at once: the gateway is told over what there is that it ends,
 * and what the host sends waits.
 */
void session_recover_moved(struct session *s, vtime now, const char *why);
/*
 * The host was asleep: nothing goes out any more under a key that has expired since. Where that is the
 * ISAKMP SA's, all begins anew.
 */
void session_recover_slept(struct session *s, vtime now);
/* The same where nobody has said so yet: before anything else happens. */
void session_recover_late(struct session *s, vtime now);
/* The same for an attempt to recover that is under way, or waits for its time. */
void session_recover_again(struct session *s, vtime now);

/* ---- session_roam.c ---- */

void session_roam_init(struct session *s);
/* Asks for the facts; what is asked for already is not asked for again. */
void session_roam_look(struct session *s);
void session_roam_event(struct session *s, vtime now, const struct session_event *ev);
void session_roam_facts(struct session *s, vtime now, const struct paths_facts *facts);
/* s->path is another one, found by an attempt to connect. */
void session_roam_path(struct session *s);
/* The attempt has come to an end, and the session is up. */
void session_roam_up(struct session *s, vtime now);
/* What was asked of the gateway is void: all begins anew. */
void session_roam_stop(struct session *s, vtime now);
/* There is no path: what the host sends waits. */
bool session_roam_holds(const struct session *s);
/*
 * Called when all messages are on their way: what waited for a path follows them. An answer that comes at
 * once would else go to where we were. What the kernel is to do about a move comes behind that, too: it
 * takes longer than a round trip may. False: nothing waits, and nothing has been done.
 */
bool session_roam_release(struct session *s, vtime now);
/* This one is established, and the newest. */
void session_roam_established(struct session *s, vtime now, bool supported);
/*
 * It was negotiated from an address that we have left since: true when it comes along to where we are,
 * and the gateway is told, which takes us to be there.
 */
bool session_roam_stays(struct session *s, vtime now, const struct session_ike *i);
void session_roam_notify(struct session *s, vtime now, const struct session_ike *i,
			 const struct ike_effect *fx);
void session_roam_unanswered(struct session *s, vtime now, uint32_t id);
/* The gateway is heard over IKE; a ping with this number is answered. */
void session_roam_alive(struct session *s, vtime now);
void session_roam_answered(struct session *s, vtime now, uint16_t sequence);
void session_roam_due(struct session *s, vtime now);
vtime session_roam_due_at(const struct session *s);

/* ---- session_keepalive.c ---- */

/*
 * Behind a NAT that forgets: when 20 s have passed since anything was sent to the gateway's port
 * 4500, it gets a byte. The data threads leave a time with each SA, so that nobody looks more often.
 */
void session_keepalive_due(struct session *s, vtime now);
vtime session_keepalive_due_at(const struct session *s);
/* This effect is given out; it may be something that is sent. */
void session_keepalive_sent(struct session *s, vtime now, const struct session_effect *fx);

/* ---- session_mtu.c ---- */

/* The largest inner packet that fits the path with this suite; at least 1. */
unsigned session_mtu_inner(const struct session *s, const struct esp_suite *suite);
/* SAs came, or the path's MTU changed: tells the SAs and, where it has to follow, the TUN. */
void session_mtu_update(struct session *s, vtime now);
/* The device is to be made, and there may be no SA yet that tells. */
void session_mtu_expect(struct session *s, vtime now);
/* The path may carry less than it did, or more again: asks the kernel, once in a second at most. */
void session_mtu_ask(struct session *s, vtime now);
void session_mtu_answer(struct session *s, vtime now, const struct addr *remote, unsigned mtu);

#endif
