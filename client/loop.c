/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"

#define EVENTS_MAX 8
/* With the script's `disconnect` the end takes less than 2 s. */
#define CLOSE_MAX_MS 200
#define MARKER_SIZE 4
#define SLEPT VTIME_S /* what is shorter is no sleep that anybody else notices */

/* The answers to effects wait here until the session has been emptied: nothing recurses. */
struct waiting {
	struct session_event ev;
	struct addr addrs[SESSION_ADDRESSES_MAX];
	char text[200];
};

enum watch {
	WATCH_TIMER,
	WATCH_TX,
	WATCH_RX,
	WATCH_HOOKS,
	WATCH_ASK,
	WATCH_NET,
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
	struct addr remote; /* whose path is looked for when the script has made way for it */
	struct addr look[SESSION_ADDRESSES_MAX]; /* routes to these are looked for */
	unsigned nlook;
	bool looking; /* FACTS waits */
	vtime asleep; /* the host has been asleep for so long, in all */
	char user[IKE_NAME_MAX]; /* who has authenticated; "": nobody has been named */

	struct waiting waiting[EVENTS_MAX];
	unsigned nwaiting;
	bool asked_to_end;
	bool was_up;
	bool broken; /* it ended, or is about to, for a reason that was told */
	bool over;
	int exit;
};

/* ---- events ---- */

static struct waiting *loop_wait(struct loop *l, enum session_event_type type)
{
	struct waiting *w = &l->waiting[l->nwaiting];

	/* One answer for each question, and the session has at most one of a kind. */
	if (l->nwaiting == EVENTS_MAX)
		abort();
	l->nwaiting++;
	*w = (struct waiting){ .ev.type = type };
	return w;
}

/* ---- deadlines ---- */

static void loop_arm(struct loop *l)
{
	vtime at = l->over ? VTIME_NEVER : session_deadline(l->session);
	struct itimerspec spec = { 0 };

	if (at == l->armed)
		return;
	l->armed = at;
	/* Zero would disarm, and what is past must fire at once. */
	if (at == 0)
		at = 1;
	if (at != VTIME_NEVER) {
		spec.it_value.tv_sec = (time_t)(at / VTIME_S);
		spec.it_value.tv_nsec = (long)(at % VTIME_S);
	}
	timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* ---- effects ---- */

/* The address that it is to come from. */
static const struct addr *send_from(const struct loop *l, const struct session_effect *fx)
{
	const struct addr *from = &fx->send.from.addr;

	return from->family == FAMILY_NONE ? &l->o.host->config->local_address : from;
}

static void effect_send(struct loop *l, const struct session_effect *fx)
{
	struct host *h = l->o.host;
	bool natt = fx->send.from.port == IKE_NATT_PORT;
	uint8_t buf[MARKER_SIZE + IKE_MESSAGE_MAX] = { 0 };
	size_t marker = natt ? MARKER_SIZE : 0;

	if (fx->send.bytes.n > IKE_MESSAGE_MAX)
		return;
	memcpy(buf + marker, fx->send.bytes.p, fx->send.bytes.n);
	/* What is lost here is sent again like what is lost on the way. */
	if (net_socket_send(natt ? &h->natt : &h->ike, send_from(l, fx), &fx->send.to,
			    slice(buf, marker + fx->send.bytes.n)) != 0)
		log_ev(l->o.log, LOG_WARN, "cannot send", log_endpoint("to", &fx->send.to),
		       log_str("why", strerror(errno)));
}

static void loop_find_path(struct loop *l)
{
	struct net_route route;
	struct waiting *w;

	if (net_router_get(&l->o.host->router, &l->remote, &route) == 0) {
		w = loop_wait(l, SESSION_EVENT_PATH);
		w->ev.path.local = route.source;
		w->ev.path.mtu = route.mtu;
		return;
	}
	w = loop_wait(l, SESSION_EVENT_NO_PATH);
	snprintf(w->text, sizeof(w->text), "%s",
		 errno == ENETUNREACH ? "the network is unreachable" : strerror(errno));
	w->ev.text = w->text;
}

/* Once there was a connection the script may have to repair the route to the gateway first. */
static void effect_find_path(struct loop *l, const struct addr *remote)
{
	l->remote = *remote;
	if (!l->was_up || !setup_find_path(l->setup, remote))
		loop_find_path(l);
}

static void effect_find_mtu(struct loop *l, const struct addr *remote)
{
	struct waiting *w = loop_wait(l, SESSION_EVENT_PATH_MTU);
	struct net_route route;

	w->ev.path_mtu.remote = *remote;
	if (net_router_get(&l->o.host->router, remote, &route) == 0)
		w->ev.path_mtu.mtu = route.mtu;
}

/* The facts are read when they are handed over, so that they are the latest. */
static void effect_look(struct loop *l, const struct session_effect *fx)
{
	l->nlook = fx->look.n;
	memcpy(l->look, fx->look.remotes, fx->look.n * sizeof(l->look[0]));
	if (!l->looking)
		loop_wait(l, SESSION_EVENT_FACTS);
	l->looking = true;
}

static void loop_deliver_facts(struct loop *l, struct waiting *w)
{
	struct host_facts *facts = xcalloc(1, sizeof(*facts));

	l->looking = false;
	w->ev.facts = host_look(l->o.host, l->look, l->nlook, facts) == 0 ? &facts->paths : NULL;
	session_event(l->session, l->o.log->now, &w->ev);
	free(facts);
}

static void effect_tun_mtu(struct loop *l, unsigned mtu)
{
	if (host_set_mtu(l->o.host, mtu) != 0)
		log_ev(l->o.log, LOG_WARN, "cannot set the MTU", log_u64("mtu", mtu),
		       log_str("why", strerror(errno)));
}

static void loop_setup(struct loop *l, enum setup_state state, const char *why)
{
	struct waiting *w;

	switch (state) {
	case SETUP_WAITS:
		break;
	case SETUP_READY:
		loop_wait(l, SESSION_EVENT_TUN_READY);
		break;
	case SETUP_FAILED:
		w = loop_wait(l, SESSION_EVENT_TUN_FAILED);
		snprintf(w->text, sizeof(w->text), "%s", why);
		break;
	case SETUP_PATH:
		loop_find_path(l);
		break;
	}
}

static void effect_tun(struct loop *l, const struct session_effect *fx)
{
	char why[200] = "";

	/* The script writes where the steps are shown. */
	if (!fx->tun.again)
		progress_break(l->o.progress);
	loop_setup(l, setup_tun(l->setup, fx, why), why);
	if (!fx->tun.again)
		progress_banner(l->o.progress, setup_banner(l->setup));
}

static void on_script(struct loop *l, const struct hooks_result *r)
{
	char why[200] = "";

	if (r->status != 0)
		log_ev(l->o.log, LOG_WARN, "the script has failed",
		       log_str("reason", hooks_reason_name(r->reason)), log_str("why", r->why));
	loop_setup(l, setup_script_ended(l->setup, r, why), why);
}

/* ---- questions ---- */

static void loop_ask(struct loop *l)
{
	struct ask *a = l->o.ask;
	char question[ASK_TEXT_MAX];
	struct waiting *w;
	enum ask_state state = ask_advance(a, hooks_has_password(l->o.hooks));

	if (state == ASK_COMMAND && !hooks_password(l->o.hooks, ask_question(a, question))) {
		ask_commanded(a, slice(NULL, 0));
		state = ask_advance(a, false);
	}
	if (state != ASK_COMPLETE && state != ASK_REFUSED)
		return;
	w = loop_wait(l, SESSION_EVENT_ANSWER);
	w->ev.answer.id = a->q.id;
	w->ev.answer.refuse = state == ASK_REFUSED;
}

static void effect_ask(struct loop *l, const struct session_ask *q)
{
	struct session_info *info = xcalloc(1, sizeof(*info));

	session_info(l->session, info);
	ask_begin(l->o.ask, q, info->gateway, &info->path.remote.addr);
	free(info);
	loop_ask(l);
}

static void effect_ask_end(struct loop *l, uint32_t id)
{
	if (l->o.ask->open && l->o.ask->q.id == id)
		ask_end(l->o.ask);
}

/* The values are borrowed from the question, which is over then. */
static void loop_deliver_answer(struct loop *l, struct waiting *w)
{
	struct ask *a = l->o.ask;

	if (!a->open || a->q.id != w->ev.answer.id)
		return;
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		w->ev.answer.value[f] = secret_slice(&a->value[f]);
	if (a->q.fields & 1u << XAUTH_USERNAME)
		memcpy(l->user, a->user, sizeof(l->user));
	session_event(l->session, l->o.log->now, &w->ev);
	ask_end(a);
}

static void effect_keys(struct loop *l, const struct session_effect *fx)
{
	if (fx->keys.child)
		keylog_child(&l->o.host->keylog, fx->keys.child, &fx->keys.path);
	else
		keylog_ike(&l->o.host->keylog, fx->keys.cookie_i, fx->keys.key);
}

static void effect_state(struct loop *l, const struct session_effect *fx)
{
	progress_step(l->o.progress, session_step_name(fx->state.step), fx->state.done,
		      fx->state.took, fx->state.text);
	if (fx->state.step == STEP_PHASE1 && !fx->state.done && !l->was_up)
		ask_login_begins(l->o.ask);
	if (fx->state.step != STEP_UP || !fx->state.done)
		return;
	if (l->was_up) {
		setup_reconnected(l->setup);
		names_soon(l->names);
		return;
	}
	l->was_up = true;
	l->o.up(l->o.ctx);
}

static void effect_done(struct loop *l, const struct session_effect *fx)
{
	l->exit = fx->done.exit;
	l->over = true;
	ask_end(l->o.ask);
	progress_break(l->o.progress);
	if (l->broken) {
		l->exit = SESSION_EXIT_LOST;
	} else if (l->exit == SESSION_EXIT_UP && !l->was_up) {
		l->exit = SESSION_EXIT_LOST;
		fprintf(l->o.err, "godwit: interrupted before the tunnel was up\n");
	} else if (l->exit != SESSION_EXIT_UP) {
		fprintf(l->o.err, "godwit: %s\n", fx->done.text);
	}
	uv_stop(&l->uv);
}

/* The check handle, which comes next, gives the answer to the session. */
static void on_resolved(void *ctx, const struct addr *addrs, unsigned n, const char *why)
{
	struct loop *l = ctx;
	struct waiting *w = loop_wait(l, SESSION_EVENT_RESOLVED);

	l->lookup = NULL;
	w->ev.resolved.n = n;
	memcpy(w->addrs, addrs, n * sizeof(w->addrs[0]));
	snprintf(w->text, sizeof(w->text), "%s", why ? why : "");
}

static void effect_resolve(struct loop *l, const char *name)
{
	struct addr addr;

	if (addr_parse(name, &addr))
		on_resolved(l, &addr, 1, NULL);
	else
		l->lookup = lookup_begin(&l->uv, name, SESSION_ADDRESSES_MAX, on_resolved, l);
}

/* Who has an SA for raw ESP listens to it. */
static void effect_publish_spi(struct loop *l, struct esp_in *in)
{
	if (classifier_add_spi(data_classifier(l->data), in) != 0)
		log_ev(l->o.log, LOG_ERROR, "no room for an SPI");
	if (esp_in_config(in)->path.encapsulation == ENCAPSULATION_ESP)
		net_esp_listen(&l->o.host->esp);
}

static void carry_out(struct loop *l, const struct session_effect *fx)
{
	switch (fx->type) {
	case SESSION_EFFECT_STATE:
		effect_state(l, fx);
		break;
	case SESSION_EFFECT_RESOLVE:
		effect_resolve(l, fx->name);
		break;
	case SESSION_EFFECT_FIND_PATH:
		effect_find_path(l, &fx->remote);
		break;
	case SESSION_EFFECT_FIND_MTU:
		effect_find_mtu(l, &fx->remote);
		break;
	case SESSION_EFFECT_LOOK:
		effect_look(l, fx);
		break;
	case SESSION_EFFECT_SEND:
		effect_send(l, fx);
		break;
	case SESSION_EFFECT_KEEPALIVE:
		net_socket_send(&l->o.host->natt, send_from(l, fx), &fx->send.to,
				SLICE_STR("\xff"));
		break;
	case SESSION_EFFECT_TUN:
		effect_tun(l, fx);
		break;
	case SESSION_EFFECT_TUN_MTU:
		effect_tun_mtu(l, fx->mtu);
		break;
	case SESSION_EFFECT_PUBLISH_RULES:
		data_publish_rules(l->data, fx->rules);
		break;
	case SESSION_EFFECT_PUBLISH_SLOT:
		data_publish_slot(l->data, fx->slot.slot, fx->slot.out, fx->slot.next);
		break;
	case SESSION_EFFECT_PUBLISH_SPI:
		effect_publish_spi(l, fx->in);
		break;
	case SESSION_EFFECT_ASK:
		effect_ask(l, &fx->ask);
		break;
	case SESSION_EFFECT_ASK_END:
		effect_ask_end(l, fx->ask_id);
		break;
	case SESSION_EFFECT_REFUSE_SLOT:
		data_refuse_slot(l->data, fx->refuse.slot, fx->refuse.until);
		break;
	case SESSION_EFFECT_PROBE:
		data_probe(l->data, fx->probe.out, fx->probe.bytes, fx->probe.n);
		break;
	case SESSION_EFFECT_PROBE_KEY:
		classifier_set_probe_key(data_classifier(l->data), &fx->probe_key);
		break;
	case SESSION_EFFECT_RETIRE:
		data_retire(l->data, fx->retire.in, fx->retire.out);
		break;
	case SESSION_EFFECT_RETIRE_PATH:
		data_retire_path(l->data, fx->old_path);
		break;
	case SESSION_EFFECT_RETIRE_LIMIT:
		data_retire_limit(l->data, fx->old_limit);
		break;
	case SESSION_EFFECT_KEYS:
		effect_keys(l, fx);
		break;
	case SESSION_EFFECT_DONE:
		effect_done(l, fx);
		break;
	}
}

/* Pointers into an answer are made now, because answers move up in their queue. */
static void loop_deliver(struct loop *l, struct waiting *w)
{
	const char *text = w->text[0] ? w->text : NULL;

	if (w->ev.type == SESSION_EVENT_ANSWER) {
		loop_deliver_answer(l, w);
		return;
	}
	if (w->ev.type == SESSION_EVENT_FACTS) {
		loop_deliver_facts(l, w);
		return;
	}
	if (w->ev.type == SESSION_EVENT_RESOLVED) {
		w->ev.resolved.addrs = w->addrs;
		w->ev.resolved.text = text;
	} else if (w->ev.type == SESSION_EVENT_NO_PATH || w->ev.type == SESSION_EVENT_TUN_FAILED) {
		w->ev.text = text;
	}
	session_event(l->session, l->o.log->now, &w->ev);
}

/* Empties the session of effects and the queue of answers, then sets the timer. */
static void loop_drive(struct loop *l)
{
	struct session_effect fx;
	struct waiting w;

	for (;;) {
		while (session_output(l->session, l->o.log->now, &fx))
			carry_out(l, &fx);
		if (l->nwaiting == 0)
			break;
		/* What the kernel was asked to do took its time. */
		l->o.log->now = runtime_now();
		w = l->waiting[0];
		l->nwaiting--;
		memmove(l->waiting, l->waiting + 1, l->nwaiting * sizeof(w));
		loop_deliver(l, &w);
	}
	loop_arm(l);
}

static void loop_event(struct loop *l, const struct session_event *ev)
{
	if (l->over)
		return;
	l->o.log->now = runtime_now();
	session_event(l->session, l->o.log->now, ev);
	loop_drive(l);
}

/* ---- the end ---- */

static void loop_out_of_patience(struct loop *l)
{
	if (l->over)
		return;
	l->over = true;
	l->exit = l->was_up && !l->broken ? SESSION_EXIT_UP : SESSION_EXIT_LOST;
	uv_stop(&l->uv);
}

static void on_patience(uv_timer_t *t)
{
	loop_out_of_patience(t->data);
}

static void loop_end_wanted(struct loop *l)
{
	struct session_event ev = { .type = SESSION_EVENT_DISCONNECT };

	if (l->asked_to_end)
		return;
	l->asked_to_end = true;
	uv_timer_start(&l->patience, on_patience, CLOSE_MAX_MS, 0);
	loop_event(l, &ev);
}

static void on_signal(uv_signal_t *s, int number)
{
	struct loop *l = s->data;

	(void)number;
	/* Who asks twice does not want to wait for goodbyes. */
	if (l->asked_to_end)
		loop_out_of_patience(l);
	else
		loop_end_wanted(l);
}

static void on_control_disconnect(void *ctx)
{
	loop_end_wanted(ctx);
}

static const char *on_control_answer(void *ctx, const struct control_request *request)
{
	struct loop *l = ctx;
	const char *why = ask_give(l->o.ask, request->id, request->value);

	/* The check handle, which comes next, gives the answer to the session. */
	if (!why)
		loop_ask(l);
	return why;
}

static void on_control_roam(void *ctx, const struct control_request *request)
{
	struct loop *l = ctx;

	/* A dispatcher tells of our own device, too. */
	if (strcmp(request->interface, l->o.host->tun.name) != 0)
		loop_event(l, &(struct session_event){ .type = SESSION_EVENT_ROAM });
}

/* The clock that counts sleep has gone ahead of the one that does not. */
static void loop_notice_sleep(struct loop *l)
{
	vtime asleep = runtime_asleep();
	bool slept = asleep > l->asleep + SLEPT;

	l->asleep = asleep;
	if (!slept || l->over)
		return;
	log_ev(l->o.log, LOG_INFO, "the host was asleep");
	loop_event(l, &(struct session_event){ .type = SESSION_EVENT_ROAM, .slept = true });
}

/* ---- what becomes readable ---- */

static void on_ike(void *ctx, const struct data_ike *ike)
{
	struct session_event ev = { .type = SESSION_EVENT_DATAGRAM };

	ev.datagram.from = ike->from;
	ev.datagram.to = ike->to;
	ev.datagram.bytes = ike->bytes;
	loop_event(ctx, &ev);
}

static void on_data_event(void *ctx, const struct data_event *data)
{
	struct session_event ev = { .type = SESSION_EVENT_DATA, .data = data };

	loop_event(ctx, &ev);
}

static void on_timer(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;
	uint64_t times;

	(void)status;
	(void)events;
	if (read(l->timer, &times, sizeof(times)) < 0 || l->over)
		return;
	l->armed = VTIME_NEVER;
	loop_notice_sleep(l);
	l->o.log->now = runtime_now();
	session_timeout(l->session, l->o.log->now);
	loop_drive(l);
}

static void on_tun_gone(void *ctx)
{
	struct loop *l = ctx;

	if (l->over)
		return;
	progress_break(l->o.progress);
	fprintf(l->o.err, "godwit: the device %s is gone: somebody removed it; connect again\n",
		l->o.host->tun.name);
	l->broken = true;
	loop_end_wanted(l);
}

static void on_net(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;

	(void)status;
	(void)events;
	if (!l->over)
		loop_notice_sleep(l);
	if (l->over || !host_watch_run(l->o.host, l->o.log))
		return;
	loop_event(l, &(struct session_event){ .type = SESSION_EVENT_NETWORK });
	names_soon(l->names);
}

static bool on_names_wanted(void *ctx)
{
	const struct loop *l = ctx;

	return !l->over && session_is_up(l->session);
}

static void on_name(void *ctx, unsigned index, const struct addr *addrs, unsigned n)
{
	struct session_event ev = { .type = SESSION_EVENT_NAME };

	ev.name.index = index;
	ev.name.addrs = addrs;
	ev.name.n = n;
	loop_event(ctx, &ev);
}

/* A data thread has something to tell. */
static void on_line(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;

	(void)status;
	(void)events;
	if (!l->over)
		data_take(l->data, p == &l->watches[WATCH_TX] ? DATA_TX : DATA_RX);
}

/* Outside of the session; the check handle gives it what comes of this. */
static void on_hooks(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;
	struct hooks_result r;

	(void)status;
	(void)events;
	while (hooks_take(l->o.hooks, 0, &r)) {
		if (r.verb == HOOKS_RUN && !l->over) {
			on_script(l, &r);
		} else if (r.verb == HOOKS_PASSWORD && !l->over) {
			if (r.status)
				log_ev(l->o.log, LOG_WARN, "the password command has failed",
				       log_str("why", r.why));
			ask_commanded(l->o.ask, secret_slice(&r.password));
			loop_ask(l);
		}
		secret_free(&r.password);
	}
	if (!l->o.hooks->lost)
		return;
	/* What it was asked for will not come. */
	uv_poll_stop(p);
	log_ev(l->o.log, LOG_ERROR, "the hooks' attendant is gone");
	if (l->over)
		return;
	loop_setup(l, setup_script_lost(l->setup), "the script cannot be run any more");
	ask_commanded(l->o.ask, slice(NULL, 0));
	loop_ask(l);
}

static void on_typed(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;

	(void)status;
	(void)events;
	ask_read(l->o.ask);
	if (!l->over)
		loop_ask(l);
}

/* What was put into the queue of answers outside of the session. */
static void on_check(uv_check_t *check)
{
	struct loop *l = check->data;

	if (l->nwaiting && !l->over) {
		l->o.log->now = runtime_now();
		loop_drive(l);
	}
}

/* ---- status ---- */

static char *on_control_status(void *ctx)
{
	struct loop *l = ctx;

	return control_status_now(l->o.host, l->session, l->data, l->user);
}

/* ---- life ---- */

static void loop_watch(struct loop *l, enum watch which, int fd, uv_poll_cb ready)
{
	uv_poll_t *p = &l->watches[which];

	if (fd < 0 || uv_poll_init(&l->uv, p, fd) != 0)
		return;
	p->data = l;
	l->watched[which] = true;
	uv_poll_start(p, UV_READABLE, ready);
}

static void loop_watch_all(struct loop *l)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	loop_watch(l, WATCH_TIMER, l->timer, on_timer);
	loop_watch(l, WATCH_TX, data_fd(l->data, DATA_TX), on_line);
	loop_watch(l, WATCH_RX, data_fd(l->data, DATA_RX), on_line);
	loop_watch(l, WATCH_HOOKS, l->o.hooks->fd, on_hooks);
	loop_watch(l, WATCH_ASK, ask_fd(l->o.ask), on_typed);
	loop_watch(l, WATCH_NET, l->o.host->watch.epoll, on_net);
	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++) {
		uv_signal_init(&l->uv, &l->signals[i]);
		l->signals[i].data = l;
		uv_signal_start(&l->signals[i], on_signal, signals[i]);
	}
	uv_check_init(&l->uv, &l->check);
	l->check.data = l;
	uv_check_start(&l->check, on_check);
	uv_timer_init(&l->uv, &l->patience);
	l->patience.data = l;
}

static bool loop_listen(struct loop *l)
{
	const char *name = l->o.host->config->name;
	char path[RUNDIR_PATH_MAX];

	l->control_ops = (struct control_ops){ l, on_control_status, on_control_disconnect,
					       on_control_answer, on_control_roam };
	errno = ENAMETOOLONG;
	if (rundir_file(name, RUNDIR_CONTROL, path))
		l->control = control_new(&l->uv, path, &l->control_ops);
	if (!l->control)
		fprintf(l->o.err, "godwit: cannot make the control socket in %s/%s: %s\n",
			rundir_path(), name, strerror(errno));
	return l->control != NULL;
}

struct loop *loop_new(const struct loop_options *options)
{
	const struct config *config = options->host->config;
	const struct outbound_config hold = { config->hold_bytes, config->hold };
	struct loop *l = xcalloc(1, sizeof(*l));
	const struct names_ops names = { l, on_names_wanted, on_name };

	l->o = *options;
	l->setup = setup_new(l->o.host, l->o.hooks);
	/* For the gateway's name, and those of rules; started by the first that is no address. */
	setenv("UV_THREADPOOL_SIZE", "2", 1);
	l->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->timer < 0 || uv_loop_init(&l->uv) != 0) {
		fprintf(l->o.err, "godwit: cannot make the event loop: %s\n", strerror(errno));
		setup_free(l->setup);
		free(l);
		return NULL;
	}
	l->data_ops = (struct data_ops){ l, on_ike, on_data_event, on_tun_gone };
	l->data = data_new(l->o.host, &hold, &l->data_ops);
	if (!l->data)
		fprintf(l->o.err, "godwit: cannot watch device and sockets: %s\n", strerror(errno));
	if (!l->data || !loop_listen(l)) {
		data_free(l->data);
		uv_loop_close(&l->uv);
		close(l->timer);
		setup_free(l->setup);
		free(l);
		return NULL;
	}
	l->armed = VTIME_NEVER;
	l->asleep = runtime_asleep();
	l->session = session_new(&l->o.host->config->session, l->o.rng, l->o.log,
				 l->o.host->keylog.ike >= 0);
	if (l->o.host->config->session.ike.xauth)
		snprintf(l->user, sizeof(l->user), "%s", l->o.host->config->session.username);
	l->names = names_new(&l->uv, &config->session, &names);
	loop_watch_all(l);
	return l;
}

int loop_run(struct loop *l)
{
	struct session_event ev = { .type = SESSION_EVENT_CONNECT };

	if (data_start(l->data) != 0) {
		fprintf(l->o.err, "godwit: cannot start the data threads: %s\n", strerror(errno));
		return SESSION_EXIT_SYSTEM;
	}
	loop_event(l, &ev);
	if (!l->over)
		uv_run(&l->uv, UV_RUN_DEFAULT);
	data_stop(l->data);
	for (unsigned i = 0; i < WATCH_COUNT; i++)
		if (l->watched[i])
			uv_poll_stop(&l->watches[i]);
	return l->exit;
}

static void close_handle(uv_handle_t *h, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

bool loop_free(struct loop *l)
{
	bool idle;

	lookup_forget(l->lookup);
	names_stop(l->names);
	control_end(l->control);
	uv_walk(&l->uv, close_handle, NULL);
	for (int i = 0; i < 10 && uv_loop_alive(&l->uv); i++)
		uv_run(&l->uv, UV_RUN_NOWAIT);
	idle = uv_loop_close(&l->uv) == 0;
	if (!idle)
		return false;
	session_free(l->session);
	data_free(l->data);
	control_free(l->control);
	names_free(l->names);
	close(l->timer);
	setup_free(l->setup);
	free(l);
	return true;
}
