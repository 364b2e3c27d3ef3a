/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of the loop, shared by its files and by nobody else:
 *
 *	loop.c          what happens, and when
 *	loop_effects.c  what the session asks for, and the answers
 *	loop_control.c  what is asked at the control socket
 */
#ifndef GODWIT_CLIENT_LOOP_IMPL_H
#define GODWIT_CLIENT_LOOP_IMPL_H

#include <uv.h>

#include "client/dns_check.h"
#include "client/runtime.h"
#include "client/sleep.h"

#define EVENTS_MAX 8

/* The answers to effects wait here until the session has been emptied: nothing recurses. */
struct waiting {
	struct session_event ev;
	struct addr addrs[SESSION_ADDRESSES_MAX];
	char text[600];
};

enum watch {
	WATCH_TIMER,
	WATCH_TX,
	WATCH_RX,
	WATCH_HOOKS,
	WATCH_ASK,
	WATCH_NET,
	WATCH_UNREACH4,
	WATCH_UNREACH6,
	WATCH_CLOCK,
	WATCH_SLEEP,
	WATCH_DNS,
	WATCH_COUNT,
};

struct loop {
	struct loop_options o;
	struct session *session;
	struct data *data;
	struct data_ops data_ops;
	struct control *control;
	struct control_ops control_ops;

	uv_loop_t uv;
	uv_poll_t watches[WATCH_COUNT];
	bool watched[WATCH_COUNT];
	uv_signal_t signals[4];
	uv_timer_t patience; /* with the end */
	uv_check_t check;
	int timer;
	vtime armed;
	struct lookup *lookup; /* of the gateway's name */
	struct names *names;
	struct setup *setup;
	struct dns_check dns;
	enum session_step step; /* that has begun last */
	struct addr remote; /* whose path is looked for when the script has made way for it */
	struct addr look[SESSION_ADDRESSES_MAX]; /* routes to these are looked for */
	unsigned nlook;
	bool looking; /* FACTS waits */
	struct sleep_account slept;
	int clock; /* of the day: set when the host wakes up */
	struct sleep_watch *sleep; /* NULL: the clocks alone tell of it */
	char user[IKE_NAME_MAX]; /* who has authenticated; "": nobody has been named */

	struct {
		control_ticket ticket; /* 0: the place is free */
		enum control_show show; /* FLOWS or HELD */
	} looks[CONTROL_CLIENTS_MAX]; /* who waits for what tx sees */

	struct waiting waiting[EVENTS_MAX];
	unsigned nwaiting;
	bool asked_to_end;
	bool was_up;
	bool told_up; /* options.up has been called */
	bool broken; /* it ended, or is about to, for a reason that was told */
	bool over;
	int exit;
};

/* ---- loop.c ---- */

/* Tells the session, and carries out what it asks for. */
void loop_event(struct loop *l, const struct session_event *ev);

/* ---- loop_control.c ---- */

char *loop_status(struct loop *l);
/* As control_ops.ask and control_ops.forget. */
char *loop_asked(void *ctx, const struct control_request *request, const char **why);
void loop_forget(void *ctx, control_ticket ticket);
/* A wish is fulfilled, or will not be. */
void loop_granted(struct loop *l, const struct session_granted *g);

/* ---- loop_effects.c ---- */

/* An answer of this type for the session, zeroed, to be filled in. */
struct waiting *loop_wait(struct loop *l, enum session_event_type type);
/* Does what the session asks for. */
void loop_carry_out(struct loop *l, const struct session_effect *fx);
/* The person's answer is there, or refused, or has to be asked for in another way. */
void loop_ask(struct loop *l);
/* Hands an answer over that needs more than its event. */
void loop_deliver_answer(struct loop *l, struct waiting *w);
void loop_deliver_facts(struct loop *l, struct waiting *w);
/* What came of a step of the set-up; of a script. */
void loop_setup(struct loop *l, enum setup_state state, const char *why);
void loop_script_ended(struct loop *l, const struct hooks_result *r);
/* Asks the servers of names whether they are there: the tunnel is up. Who waits for it is told after. */
void loop_check_dns(struct loop *l);
void loop_dns_checked(struct loop *l);

#endif
