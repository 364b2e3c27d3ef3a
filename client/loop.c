/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/loop_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/service.h"

/* With the script's `disconnect` the end takes less than 2 s. */
#define CLOSE_MAX_MS 200

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
			loop_carry_out(l, &fx);
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

void loop_event(struct loop *l, const struct session_event *ev)
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
	l->exit = l->told_up && !l->broken ? SESSION_EXIT_UP : SESSION_EXIT_LOST;
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
	service_stopping();
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

static void loop_slept(struct loop *l)
{
	log_ev(l->o.log, LOG_INFO, "the host was asleep");
	loop_event(l, &(struct session_event){ .type = SESSION_EVENT_ROAM, .slept = true });
	names_soon(l->names);
}

static void loop_notice_sleep(struct loop *l)
{
	if (sleep_by_clocks(&l->slept, runtime_asleep()) && !l->over)
		loop_slept(l);
}

static void on_sleep_told(void *ctx, bool begins)
{
	struct loop *l = ctx;

	if (sleep_by_logind(&l->slept, runtime_asleep(), begins) && !l->over)
		loop_slept(l);
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

/* Once the tunnel is up nobody wants to know any more. */
static void unreach_end(struct loop *l)
{
	for (unsigned i = WATCH_UNREACH4; i <= WATCH_UNREACH6; i++)
		if (l->watched[i])
			uv_poll_stop(&l->watches[i]);
	net_unreach_close(&l->o.host->unreach);
}

static void on_unreach(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;
	enum family f = p == &l->watches[WATCH_UNREACH4] ? FAMILY_IP4 : FAMILY_IP6;
	struct session_unreachable u = { 0 };
	struct net_unreachable heard;

	(void)status;
	(void)events;
	if (net_unreach_read(&l->o.host->unreach, f, &heard) > 0 && !l->over) {
		u.to = heard.to;
		u.by = heard.by;
		u.why = heard.why == NET_UNREACH_PORT	    ? SESSION_UNREACHABLE_PORT :
			heard.why == NET_UNREACH_PROHIBITED ? SESSION_UNREACHABLE_PROHIBITED :
							      SESSION_UNREACHABLE_HOST;
		loop_event(l, &(struct session_event){ .type = SESSION_EVENT_UNREACHABLE,
						       .unreachable = &u });
	}
	if (l->over || session_is_up(l->session))
		unreach_end(l);
}

static void on_clock(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;

	(void)status;
	(void)events;
	sleep_clock_take(l->clock);
	loop_notice_sleep(l);
}

static void on_sleep(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;

	(void)status;
	(void)events;
	l->o.log->now = runtime_now();
	if (!sleep_watch_run(l->sleep))
		uv_poll_stop(p);
}

static void on_dns(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;

	(void)status;
	(void)events;
	if (dns_check_run(&l->dns) && !l->over)
		loop_dns_checked(l);
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
			loop_script_ended(l, &r);
		} else if (r.verb == HOOKS_DNS && !l->over) {
			progress_break(l->o.progress);
			loop_setup(l, setup_dns_ended(l->setup, &r), "");
			if (l->was_up && session_is_up(l->session))
				loop_check_dns(l);
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

static char *on_control_status(void *ctx)
{
	return loop_status(ctx);
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
	loop_watch(l, WATCH_UNREACH4, l->o.host->unreach.fd4, on_unreach);
	loop_watch(l, WATCH_UNREACH6, l->o.host->unreach.fd6, on_unreach);
	loop_watch(l, WATCH_CLOCK, l->clock, on_clock);
	loop_watch(l, WATCH_DNS, l->dns.watch, on_dns);
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

	l->control_ops = (struct control_ops){
		.ctx = l,
		.status = on_control_status,
		.disconnect = on_control_disconnect,
		.answer = on_control_answer,
		.roam = on_control_roam,
		.events = l->o.events,
		.ask = loop_asked,
		.forget = loop_forget,
	};
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
	const struct data_config data = {
		.hold = { config->hold_bytes, config->hold },
		.workers = config->workers,
		.select = config->select,
	};
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
	l->data = data_new(l->o.host, &data, &l->data_ops);
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
	l->slept.asleep = runtime_asleep();
	l->clock = sleep_clock_open();
	dns_check_open(&l->dns);
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
	l->o.log->now = runtime_now();
	l->sleep = sleep_watch_new(l->o.log, on_sleep_told, l);
	if (l->sleep)
		loop_watch(l, WATCH_SLEEP, sleep_watch_fd(l->sleep), on_sleep);
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
	sleep_watch_free(l->sleep);
	if (l->clock >= 0)
		close(l->clock);
	dns_check_close(&l->dns);
	close(l->timer);
	setup_free(l->setup);
	free(l);
	return true;
}
