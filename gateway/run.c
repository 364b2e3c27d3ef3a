/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "client/runtime.h"
#include "client/service.h"
#include "gateway/config.h"
#include "gateway/gateway.h"
#include "gateway/serve.h"
#include "gateway/status.h"
#include "gateway/verifier.h"

#define TUN_QUEUE 1000
#define TABLE_MAIN 254
#define METRIC 50
#define ANSWERS_MAX 64

enum watch {
	WATCH_TIMER,
	WATCH_SIGNAL,
	WATCH_TX,
	WATCH_RX,
	WATCH_HOST,
	WATCH_VERIFIER,
	WATCH_COUNT,
};

struct run {
	const struct gateway_options *options;
	struct gateway_file *file;
	struct config *host_config; /* what the client's runtime wants to know */
	struct host host;
	struct serve serve;
	struct log log;
	struct event_log *events;
	struct gateway *gateway;
	struct data *data;
	struct data_ops data_ops;
	struct verifier *verifier;
	uv_loop_t uv;
	uv_poll_t watches[WATCH_COUNT]; /* data: us, once it is open */
	struct control *control;
	struct control_ops control_ops;
	vtime since;
	int timer, signals; /* -1: none */
	vtime armed;
	/* Too many wait: they are answered when the engine has been emptied. */
	uint32_t refused[ANSWERS_MAX];
	unsigned nrefused;
	char tun_failed[200]; /* why, until the engine has been told */
	int exit;
};

/* With its time, unless it is the journal, which knows that. */
static void log_begin(struct run *r)
{
	const struct event_sink sink = event_journal_is_stderr() ?
					       event_sink_journal(r->host_config->name) :
					       event_sink_stderr(true);

	event_log_attach(r->events, &r->log);
	event_log_add_sink(r->events, &sink);
}

/* ---- effects ---- */

static bool pool_family(const struct gateway_file *f, enum family family)
{
	bool any = false;

	for (unsigned i = 0; i < f->config.npool; i++)
		any |= f->config.pool[i].lo.family == family;
	return any;
}

static void policy_range(struct policy *p, enum policy_action action, const struct addr *lo,
			 const struct addr *hi)
{
	const struct prefix all = { .addr.family = lo->family };
	struct policy_rule rule = { .ts.local = ts_from_prefix(&all), .action = action };

	rule.ts.remote = rule.ts.local;
	rule.ts.remote.lo = *lo;
	rule.ts.remote.hi = *hi;
	policy_add(p, &rule);
}

/*
 * Who has an address of the pool comes by the tunnel; hosts behind us may ask for our own address of it.
 * Addresses that clients bring are left out: what they may bring is a wish, and can be wider than what is there.
 */
static int filter_apply(struct run *r, const struct session_effect *fx)
{
	const struct gateway_config *c = &r->file->config;
	struct policy *policy = xcalloc(1, sizeof(*policy));
	struct tun_filter_setup setup = {
		.inner = fx->tun.inner,
		.n_inner = fx->tun.ninner,
		.policy = policy,
		.forwards = true,
	};
	int rc;

	for (unsigned i = 0; i < c->npool; i++)
		policy_range(policy, POLICY_PROTECT, &c->pool[i].lo, &c->pool[i].hi);
	for (unsigned i = 0; i < c->nnetworks; i++) {
		struct addr lo, hi;

		prefix_range(&c->networks[i], &lo, &hi);
		policy_range(policy, POLICY_BYPASS, &lo, &hi);
	}
	rc = host_filter_apply(&r->host, &setup, r->tun_failed);
	free(policy);
	return rc;
}

/* What the device needs: our inner addresses, and the way to clients. How many. */
static unsigned tun_states(const struct run *r, const struct session_effect *fx,
			   struct tun_state *states)
{
	struct tun_state s = { .kind = TUN_STATE_ADDRESS };
	unsigned n = 0;

	snprintf(s.ifname, sizeof(s.ifname), "%s", r->host.tun.name);
	for (unsigned i = 0; i < fx->tun.ninner; i++) {
		s.to.addr = fx->tun.inner[i];
		s.to.len = (uint8_t)(8 * family_size(s.to.addr.family));
		states[n++] = s;
	}
	s.kind = TUN_STATE_ROUTE;
	s.action = TUN_UNICAST;
	s.table = TABLE_MAIN;
	s.metric = METRIC;
	for (unsigned i = 0; i < fx->tun.nroutes; i++) {
		s.to = fx->tun.routes[i];
		states[n++] = s;
	}
	return n;
}

/* An address of this host that clients reach as one behind us; NULL: it has none of this family. */
static const struct addr *own_behind(const struct gateway_config *c, const struct net_facts *facts,
				     enum family family)
{
	for (unsigned i = 0; i < facts->naddrs; i++)
		for (unsigned k = 0; k < c->nnetworks; k++)
			if (facts->addrs[i].addr.family == family && !facts->addrs[i].tentative &&
			    prefix_contains(&c->networks[k], &facts->addrs[i].addr))
				return &facts->addrs[i].addr;
	return NULL;
}

/*
 * What this host itself sends to clients, such as the kernel's ICMP errors, comes from where their SAs
 * allow it: from the networks behind us, where this host has an address there. Such a route goes with that
 * address, and the other one stays.
 */
static unsigned sourced_routes(struct run *r, const struct session_effect *fx,
			       struct tun_state *states, unsigned n)
{
	struct tun_state s = {
		.kind = TUN_STATE_ROUTE,
		.action = TUN_UNICAST,
		.table = TABLE_MAIN,
		.metric = METRIC - 1,
	};
	struct net_facts facts;

	if (net_facts_read(&r->host.router, NULL, 0, &facts) != 0)
		return n;
	snprintf(s.ifname, sizeof(s.ifname), "%s", r->host.tun.name);
	for (unsigned i = 0; i < fx->tun.nroutes; i++) {
		const struct addr *own =
			own_behind(&r->file->config, &facts, fx->tun.routes[i].addr.family);

		s.to = fx->tun.routes[i];
		if (!own)
			continue;
		s.source = *own;
		states[n++] = s;
	}
	return n;
}

static int tun_apply(struct run *r, const struct session_effect *fx)
{
	unsigned max = fx->tun.ninner + 2 * fx->tun.nroutes + SERVE_STATES_MAX, firm, n;
	struct tun_state *states;
	int rc;

	if (tun_link_up(&r->host.netlink, r->host.tun.name, fx->tun.mtu, TUN_QUEUE) != 0) {
		snprintf(r->tun_failed, sizeof(r->tun_failed), "cannot bring up %s: %s",
			 r->host.tun.name, strerror(errno));
		return ERR_SYSTEM;
	}
	if (filter_apply(r, fx) != 0 ||
	    serve_up(&r->serve, &r->host.netlink, fx, r->tun_failed) != 0)
		return ERR_SYSTEM;
	states = xcalloc(max, sizeof(*states));
	firm = tun_states(r, fx, states);
	firm = serve_states(&r->serve, fx, &r->log, states, firm);
	n = sourced_routes(r, fx, states, serve_routes(&r->serve, states, firm));
	rc = host_apply_states(&r->host, states, n, firm, r->tun_failed);
	free(states);
	if (rc == 0)
		serve_look(&r->serve, &r->log);
	return rc;
}

/* It is the machine's own setting, and not ours to change: clients would reach only ourselves. */
static void forwarding_warn(struct run *r)
{
	static const char *const file[] = { "/proc/sys/net/ipv4/ip_forward",
					    "/proc/sys/net/ipv6/conf/all/forwarding" };
	static const char *const command[] = { "sysctl -w net.ipv4.ip_forward=1",
					       "sysctl -w net.ipv6.conf.all.forwarding=1" };

	for (unsigned i = 0; i < ARRAY_SIZE(file); i++) {
		enum family family = i ? FAMILY_IP6 : FAMILY_IP4;
		FILE *f = pool_family(r->file, family) ? fopen(file[i], "re") : NULL;

		if (f && fgetc(f) == '0')
			log_ev(&r->log, LOG_WARN,
			       "forwarding is off, so clients reach nothing behind this host",
			       log_str("command", command[i]));
		if (f)
			fclose(f);
	}
}

static void effect_tun(struct run *r, const struct session_effect *fx)
{
	if (tun_apply(r, fx) != 0)
		return;
	forwarding_warn(r);
	printf("godwit: gateway ready on %s\n", r->host.tun.name);
	fflush(stdout);
	service_status("ready on %s", r->host.tun.name);
	service_ready();
}

static void effect_done(struct run *r, const struct session_effect *fx)
{
	r->exit = fx->done.exit;
	uv_stop(&r->uv);
	service_stopping();
	if (fx->done.exit != SESSION_EXIT_UP)
		fprintf(stderr, "godwit: %s\n", fx->done.text);
}

static void effect_session(struct run *r, const struct session_effect *fx)
{
	if (data_carry_out(r->data, &r->host, &r->log, fx))
		return;
	if (fx->type == SESSION_EFFECT_TUN)
		effect_tun(r, fx);
	else if (fx->type == SESSION_EFFECT_DONE)
		effect_done(r, fx);
}

static void effect_verify(struct run *r, const struct gateway_effect *fx)
{
	if (r->verifier &&
	    verifier_ask(r->verifier, fx->verify.id, fx->verify.user, fx->verify.password))
		return;
	/* The client is asked again, and may find room then. */
	if (r->nrefused < ANSWERS_MAX)
		r->refused[r->nrefused++] = fx->verify.id;
}

/* ---- driving the engine ---- */

static void timer_arm(struct run *r)
{
	vtime at = gateway_deadline(r->gateway);
	struct itimerspec spec = { 0 };

	if (at == r->armed)
		return;
	r->armed = at;
	if (at == 0)
		at = 1; /* zero would disarm */
	if (at != VTIME_NEVER) {
		spec.it_value.tv_sec = (time_t)(at / VTIME_S);
		spec.it_value.tv_nsec = (long)(at % VTIME_S);
	}
	timerfd_settime(r->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* What is to be answered at once; false: nothing. */
static bool answer_next(struct run *r)
{
	struct gateway_event ev = { .type = GATEWAY_EVENT_VERIFIED };

	if (r->tun_failed[0]) {
		ev.type = GATEWAY_EVENT_TUN_FAILED;
		ev.text = r->tun_failed;
		gateway_event(r->gateway, r->log.now, &ev);
		r->tun_failed[0] = '\0';
		return true;
	}
	if (!r->nrefused)
		return false;
	ev.verified.id = r->refused[--r->nrefused];
	gateway_event(r->gateway, r->log.now, &ev);
	return true;
}

static void drive(struct run *r)
{
	struct gateway_effect fx;

	do {
		while (gateway_output(r->gateway, r->log.now, &fx)) {
			if (fx.type == GATEWAY_EFFECT_VERIFY)
				effect_verify(r, &fx);
			else
				effect_session(r, &fx.session);
		}
	} while (answer_next(r));
	timer_arm(r);
}

static void give(struct run *r, const struct gateway_event *ev)
{
	r->log.now = runtime_now();
	gateway_event(r->gateway, r->log.now, ev);
	drive(r);
}

static void on_ike(void *ctx, const struct data_ike *ike)
{
	struct gateway_event ev = { .type = GATEWAY_EVENT_DATAGRAM };

	ev.datagram.from = ike->from;
	ev.datagram.to = ike->to;
	ev.datagram.bytes = ike->bytes;
	give(ctx, &ev);
}

static void on_data_event(void *ctx, const struct data_event *data)
{
	struct gateway_event ev = { .type = GATEWAY_EVENT_DATA, .data = data };

	give(ctx, &ev);
}

static void on_tun_gone(void *ctx)
{
	struct gateway_event ev = { .type = GATEWAY_EVENT_TUN_FAILED };

	ev.text = "the TUN device is gone: somebody removed it";
	give(ctx, &ev);
}

static void on_timer(struct run *r)
{
	uint64_t times;

	if (read(r->timer, &times, sizeof(times)) < 0)
		return;
	r->armed = VTIME_NEVER;
	r->log.now = runtime_now();
	gateway_timeout(r->gateway, r->log.now);
	drive(r);
}

static void on_signal(struct run *r)
{
	struct signalfd_siginfo info;

	if (read(r->signals, &info, sizeof(info)) == sizeof(info))
		give(r, &(struct gateway_event){ .type = GATEWAY_EVENT_STOP });
}

/* What others do to the host's addresses, routes and rules. */
static void on_host(struct run *r)
{
	host_watch_run(&r->host, &r->log);
	serve_look(&r->serve, &r->log);
}

static void on_verified(struct run *r)
{
	struct gateway_event ev = { .type = GATEWAY_EVENT_VERIFIED };

	while (verifier_take(r->verifier, &ev.verified.id, &ev.verified.ok))
		give(r, &ev);
}

static void on_ready(uv_poll_t *p, int status, int events)
{
	struct run *r = p->data;

	(void)status;
	(void)events;
	switch ((enum watch)(p - r->watches)) {
	case WATCH_TIMER:
		on_timer(r);
		break;
	case WATCH_SIGNAL:
		on_signal(r);
		break;
	case WATCH_TX:
		data_take(r->data, DATA_TX);
		break;
	case WATCH_RX:
		data_take(r->data, DATA_RX);
		break;
	case WATCH_HOST:
		on_host(r);
		break;
	case WATCH_VERIFIER:
		on_verified(r);
		break;
	case WATCH_COUNT:
		break;
	}
}

/* ---- life ---- */

static int watch(struct run *r, enum watch which, int fd)
{
	uv_poll_t *p = &r->watches[which];

	if (fd < 0 || uv_poll_init(&r->uv, p, fd) != 0)
		return ERR_SYSTEM;
	p->data = r;
	return uv_poll_start(p, UV_READABLE, on_ready) == 0 ? 0 : ERR_SYSTEM;
}

static int watches_open(struct run *r)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	r->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	r->signals = signalfd(-1, &ending, SFD_NONBLOCK | SFD_CLOEXEC);
	if (watch(r, WATCH_TIMER, r->timer) != 0 || watch(r, WATCH_SIGNAL, r->signals) != 0 ||
	    watch(r, WATCH_TX, data_fd(r->data, DATA_TX)) != 0 ||
	    watch(r, WATCH_RX, data_fd(r->data, DATA_RX)) != 0 ||
	    watch(r, WATCH_HOST, r->host.watch.epoll) != 0)
		return ERR_SYSTEM;
	return r->verifier ? watch(r, WATCH_VERIFIER, verifier_fd(r->verifier)) : 0;
}

static void watches_close(struct run *r)
{
	for (unsigned i = 0; i < WATCH_COUNT; i++)
		if (r->watches[i].data)
			uv_close((uv_handle_t *)&r->watches[i], NULL);
	if (r->timer >= 0)
		close(r->timer);
	if (r->signals >= 0)
		close(r->signals);
}

/* ---- the control socket ---- */

/* What both answers are made of. */
static char *answer_with(struct run *r, char *(*text)(const struct gateway *g,
						      const struct gateway_status_view *view))
{
	struct gateway_server_info servers[SERVERS_MAX];
	struct control_view data = {
		.clear_refused = host_filter_refused(&r->host),
		.held = data_held(r->data),
		.now = runtime_now(),
		.wall = runtime_wall(),
	};
	const struct gateway_status_view view = {
		.name = r->host_config->name,
		.since = r->since,
		.data = &data,
		.servers = servers,
		.nservers = r->file->nservers,
	};

	for (unsigned i = 0; i < view.nservers; i++)
		servers[i] = serve_info(&r->serve, i);
	data_view(r->data, &data);
	return text(r->gateway, &view);
}

static char *on_status(void *ctx)
{
	return answer_with(ctx, gateway_status);
}

static char *on_ask(void *ctx, const struct control_request *request, const char **why)
{
	if (request->verb == CONTROL_METRICS)
		return answer_with(ctx, gateway_metrics);
	*why = "a gateway does not do that; it answers status, metrics and log";
	return NULL;
}

static void on_disconnect(void *ctx)
{
	give(ctx, &(struct gateway_event){ .type = GATEWAY_EVENT_STOP });
}

static const char *on_answer(void *ctx, const struct control_request *request)
{
	(void)ctx;
	(void)request;
	return "a gateway asks nothing";
}

/* Where a gateway is, clients must know beforehand. */
static void on_roam(void *ctx, const struct control_request *request)
{
	(void)ctx;
	(void)request;
}

static int control_open(struct run *r)
{
	char path[RUNDIR_PATH_MAX];

	uv_loop_init(&r->uv);
	r->control_ops = (struct control_ops){
		.ctx = r,
		.status = on_status,
		.disconnect = on_disconnect,
		.answer = on_answer,
		.roam = on_roam,
		.events = r->events,
		.ask = on_ask,
	};
	errno = ENAMETOOLONG;
	if (rundir_file(r->host_config->name, RUNDIR_CONTROL, path))
		r->control = control_new(&r->uv, path, &r->control_ops);
	return r->control ? 0 : ERR_SYSTEM;
}

static void control_close(struct run *r)
{
	if (r->control)
		control_end(r->control);
	uv_run(&r->uv, UV_RUN_DEFAULT);
	control_free(r->control);
	uv_loop_close(&r->uv);
}

/* Without privileges, with the host's things open. */
static int run_engine(struct run *r)
{
	int code = SESSION_EXIT_SYSTEM;

	r->gateway = gateway_new(&r->file->config, crypto_rng(), &r->log);
	if (r->file->users)
		r->verifier = verifier_new(r->file->users);
	r->since = runtime_now();
	if ((r->file->users && !r->verifier) || watches_open(r) != 0 || data_start(r->data) != 0) {
		fprintf(stderr, "godwit: cannot start: %s\n", strerror(errno));
	} else {
		give(r, &(struct gateway_event){ .type = GATEWAY_EVENT_START });
		uv_run(&r->uv, UV_RUN_DEFAULT);
		data_stop(r->data);
		code = r->exit;
	}
	watches_close(r);
	verifier_free(r->verifier);
	gateway_free(r->gateway);
	return code;
}

/* Clients know us by these ports alone. */
static bool has_ports(const struct run *r)
{
	if (r->host.ike.port == IKE_PORT && r->host.natt.port == IKE_NATT_PORT)
		return true;
	fprintf(stderr, "godwit: another program has UDP port 500 or 4500: a gateway needs both\n");
	return false;
}

static int run_host(struct run *r)
{
	struct data_config data = {
		.hold = { r->file->hold_bytes, r->file->hold },
		.workers = r->file->workers,
		.select = r->file->select,
	};
	int code = host_open(&r->host, r->host_config, NULL, NULL, stderr);

	if (code)
		return code;
	r->data_ops = (struct data_ops){ r, on_ike, on_data_event, on_tun_gone };
	code = has_ports(r) ? serve_open(&r->serve, &r->host, r->file, stderr) :
			      SESSION_EXIT_SYSTEM;
	if (code == 0) {
		code = SESSION_EXIT_SYSTEM;
		data.servers = r->serve.engine;
		data.server_tuns = r->serve.tuns;
		data.nservers = r->serve.n;
		r->data = data_new(&r->host, &data, &r->data_ops);
	}
	/* Whose socket it is, callers see by who listened first. */
	if (r->data && control_open(r) != 0)
		fprintf(stderr, "godwit: no control socket: %s\n", strerror(errno));
	else if (r->data && priv_drop(&r->host.user) == 0)
		code = run_engine(r);
	else if (r->data)
		fprintf(stderr, "godwit: cannot give up privileges, so nothing is done: %s\n",
			strerror(errno));
	if (r->data)
		control_close(r);
	data_free(r->data);
	serve_close(&r->serve);
	host_close(&r->host, stderr);
	return code;
}

/* The client's runtime opens device and sockets by its own configuration. */
static struct config *host_config_new(const struct gateway_file *f)
{
	struct config *c = xcalloc(1, sizeof(*c));

	snprintf(c->name, sizeof(c->name), "gateway");
	snprintf(c->device, sizeof(c->device), "%s", f->device);
	c->offload = f->offload;
	c->session.name = c->name;
	c->session.ike.transport = IKE_TRANSPORT_AUTO;
	c->local_port = IKE_PORT;
	return c;
}

static int run_file(struct run *r)
{
	sigset_t ending, before;
	int code;
	enum log_level level = r->options->verbose ? LOG_DEBUG : LOG_INFO;

	r->host_config = host_config_new(r->file);
	r->events = event_log_new(level, level);
	log_begin(r);
	crypto_log(&r->log);
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigprocmask(SIG_BLOCK, &ending, &before);
	code = run_host(r);
	sigprocmask(SIG_SETMASK, &before, NULL);
	event_log_free(r->events);
	free(r->host_config);
	return code;
}

int gateway_run(const struct gateway_options *options)
{
	struct run r = {
		.options = options,
		.timer = -1,
		.signals = -1,
		.armed = VTIME_NEVER,
	};
	int code = SESSION_EXIT_SYSTEM;

	signal(SIGPIPE, SIG_IGN);
	priv_prepare();
	if (!priv_may_connect())
		fprintf(stderr, "godwit: a gateway makes a network device, which is not allowed "
				"without CAP_NET_ADMIN; run it as root\n");
	else if (crypto_init() != 0)
		fprintf(stderr, "godwit: the cryptographic library does not start\n");
	else if (gateway_file_read(options->file, &r.file, stderr) != 0)
		code = SESSION_EXIT_USAGE;
	else
		code = run_file(&r);
	gateway_file_free(r.file);
	return code;
}

int gateway_check(const char *file, FILE *out, FILE *err)
{
	struct gateway_file *f;

	if (crypto_init() != 0 || gateway_file_read(file, &f, err) != 0)
		return SESSION_EXIT_USAGE;
	fprintf(out,
		"%s is good; kinds of clients: %u, networks behind: %u, users: %u, servers: %u\n",
		file, f->config.nentries, f->config.nnetworks, f->users ? users_count(f->users) : 0,
		f->nservers);
	gateway_file_free(f);
	return SESSION_EXIT_UP;
}
