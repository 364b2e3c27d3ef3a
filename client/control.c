/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/control_stream.h"
#include "client/runtime.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"

/* ---- requests ---- */

#define VERBS "it is \"status\", \"disconnect\", \"answer\", \"roam\", \"log\" or \"set\""

/* Requests hold passwords: nothing of them stays behind in freed memory. */
static void free_wiped(void *p)
{
	if (p)
		wipe(p, malloc_usable_size(p));
	free(p);
}

static bool answer_value(const char *name, json_t *value, struct control_request *out)
{
	const char *text = json_string_value(value);
	size_t n = json_string_length(value);
	enum xauth_field f = 0;

	while (f < XAUTH_FIELDS && strcmp(ask_field_name(f), name) != 0)
		f++;
	if (f == XAUTH_FIELDS || !text || n > ASK_VALUE_MAX)
		return false;
	secret_set(&out->value[f], slice(text, n));
	return true;
}

static const char *answer_parse(json_t *request, struct control_request *out)
{
	json_t *id = json_object_get(request, "id"), *values = json_object_get(request, "values");
	json_int_t number = json_integer_value(id);
	const char *name;
	json_t *value;

	if (!json_is_integer(id) || number <= 0 || number > UINT32_MAX)
		return "an answer needs the \"id\" of its question";
	if (!json_is_object(values))
		return "an answer needs \"values\"";
	out->id = (uint32_t)number;
	json_object_foreach(values, name, value)
	{
		if (!answer_value(name, value, out))
			return "a value is of no known field, no text or too long";
	}
	return NULL;
}

static const char *roam_parse(json_t *request, struct control_request *out)
{
	json_t *interface = json_object_get(request, "interface");
	const char *name = json_string_value(interface);

	if (!interface)
		return NULL;
	if (!name || strlen(name) >= sizeof(out->interface))
		return "\"interface\" is no name of one";
	memcpy(out->interface, name, strlen(name) + 1);
	return NULL;
}

static const char *level_parse(json_t *level, struct control_request *out)
{
	const char *name = json_string_value(level);

	if (!name || !event_level_parse(name, &out->level))
		return "a level is \"error\", \"warn\", \"info\" or \"debug\"";
	out->has_level = true;
	return NULL;
}

static const char *log_parse(json_t *request, struct control_request *out)
{
	json_t *since = json_object_get(request, "since"), *level;

	if (since && (!json_is_integer(since) || json_integer_value(since) < 0))
		return "\"since\" is the number of an event";
	out->since = (uint64_t)json_integer_value(since);
	out->follow = json_is_true(json_object_get(request, "follow"));
	level = json_object_get(request, "level");
	return level ? level_parse(level, out) : NULL;
}

static const char *set_parse(json_t *request, struct control_request *out)
{
	return level_parse(json_object_get(request, "log"), out);
}

static const char *verb_parse(const char *cmd, json_t *request, struct control_request *out)
{
	static const struct {
		const char *name;
		enum control_verb verb;
		const char *(*parse)(json_t *request, struct control_request *out);
	} verbs[] = {
		{ "status", CONTROL_STATUS, NULL },
		{ "disconnect", CONTROL_DISCONNECT, NULL },
		{ "answer", CONTROL_ANSWER, answer_parse },
		{ "roam", CONTROL_ROAM, roam_parse },
		{ "log", CONTROL_LOG, log_parse },
		{ "set", CONTROL_SET, set_parse },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++) {
		const char *why = NULL;

		if (strcmp(cmd, verbs[i].name) != 0)
			continue;
		if (verbs[i].parse)
			why = verbs[i].parse(request, out);
		if (!why)
			out->verb = verbs[i].verb;
		return why;
	}
	return "unknown \"cmd\"; " VERBS;
}

enum control_verb control_parse(struct slice line, struct control_request *out, const char **why)
{
	json_error_t error;
	json_t *request;
	const char *cmd;

	json_set_alloc_funcs(malloc, free_wiped);
	request = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	cmd = json_string_value(json_object_get(request, "cmd"));
	*out = (struct control_request){ .verb = CONTROL_BAD };
	*why = NULL;
	if (!request)
		*why = "not a JSON object in one line";
	else if (!cmd)
		*why = "no \"cmd\"; " VERBS;
	else
		*why = verb_parse(cmd, request, out);
	json_decref(request);
	return out->verb;
}

void control_request_free(struct control_request *r)
{
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		secret_free(&r->value[f]);
}

/* ---- status ---- */

/* Not all that people and files call something is UTF-8, and JSON has nothing else. */
static json_t *json_text(const char *text)
{
	json_t *o = text ? json_string(text) : json_null();
	char *plain;

	if (o)
		return o;
	plain = xstrdup(text);
	for (char *c = plain; *c; c++)
		if (*c & 0x80)
			*c = '?';
	o = json_string(plain);
	free(plain);
	return o;
}

static json_t *json_age(vtime now, vtime since)
{
	return json_integer((json_int_t)(vtime_until(since, now) / VTIME_S));
}

static json_t *json_until(const struct control_view *v, vtime at)
{
	return at == VTIME_NEVER ? json_null() : json_age(at, v->now);
}

json_t *control_since(const struct control_view *v, vtime since)
{
	time_t t = (time_t)((v->wall - vtime_until(since, v->now)) / VTIME_S);
	char buf[40];
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return json_null();
	strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(buf);
}

static json_t *json_spi(uint32_t spi)
{
	return json_sprintf("%08" PRIx32, spi);
}

static json_t *json_cookie(const uint8_t cookie[IKE_COOKIE_SIZE])
{
	return json_sprintf("%016" PRIx64, get_be64(cookie));
}

static json_t *json_endpoint(const struct endpoint *e)
{
	char buf[ENDPOINT_TEXT_MAX];

	return e->addr.family == FAMILY_NONE ? json_null() : json_string(endpoint_text(e, buf));
}

static json_t *status_ike(const struct control_view *v)
{
	const struct ike_sa_info *ike = &v->session->ike;
	char buf[48];

	if (ike->state != IKE_STATE_ESTABLISHED)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o}", "version", "ikev1", "spi_i",
			 json_cookie(ike->cookie_i), "spi_r", json_cookie(ike->cookie_r), "suite",
			 ike_suite_name(&ike->suite, buf), "age_s",
			 json_age(v->now, ike->established_at), "rekey_in_s",
			 json_until(v, v->session->ike_rekey_at), "user", json_text(v->user));
}

static json_t *status_epoch(const struct control_view *v, const struct session_epoch_info *e)
{
	char suite[40];

	return json_pack("{s:o, s:o, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "spi_in",
			 json_spi(e->spi_in), "spi_out", json_spi(e->spi_out), "state",
			 epoch_state_name(e->state), "suite", esp_suite_name(&e->suite, suite),
			 "age_s", json_age(v->now, e->since), "bytes_in", (json_int_t)e->bytes_in,
			 "bytes_out", (json_int_t)e->bytes_out, "packets_in",
			 (json_int_t)e->packets_in, "packets_out", (json_int_t)e->packets_out,
			 "replays", (json_int_t)e->replays, "auth_failures",
			 (json_int_t)e->auth_failures);
}

static json_int_t count_of(const _Atomic uint64_t *n)
{
	return (json_int_t)atomic_load_explicit(n, memory_order_relaxed);
}

static json_t *status_held_of(const struct control_view *v, const struct hold_counters *held)
{
	vtime since = held ? atomic_load_explicit(&held->since, memory_order_relaxed) : 0;

	return json_pack("{s:I, s:I, s:o}", "packets", held ? count_of(&held->packets) : 0, "bytes",
			 held ? count_of(&held->bytes) : 0, "since",
			 since ? control_since(v, since) : json_null());
}

static json_t *status_refused(const struct control_view *v, const struct session_tunnel_info *t)
{
	if (t->refused_until <= v->now)
		return json_null();
	/* Rounded up: it is not tried before. */
	return json_pack("{s:s, s:I}", "why", t->refused_why, "again_in_s",
			 (json_int_t)((t->refused_until - v->now + VTIME_S - 1) / VTIME_S));
}

static json_t *status_tunnel(const struct control_view *v, const struct session_tunnel_info *t,
			     json_t *name)
{
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
	json_t *epochs = json_array();

	for (unsigned k = 0; k < t->nepochs; k++)
		json_array_append_new(epochs, status_epoch(v, &t->epochs[k]));
	return json_pack("{s:o, s:s, s:s, s:b, s:s, s:b, s:o, s:o, s:o, s:o}", "name", name,
			 "local_ts", ts_text(&t->ts->local, local), "remote_ts",
			 ts_text(&t->ts->remote, remote), "on_demand", t->on_demand, "granularity",
			 policy_granularity_name(t->granularity), "widened", t->widened,
			 "ends_in_s", json_until(v, t->until), "refused", status_refused(v, t),
			 "epochs", epochs, "held", status_held_of(v, v->held_of[t->slot]));
}

static json_t *status_tunnels(const struct control_view *v)
{
	json_t *list = json_array();
	unsigned own = 0;

	for (unsigned i = 0; i < v->session->ntunnels; i++) {
		const struct session_tunnel_info *t = &v->session->tunnels[i];

		own += !t->name;
		json_array_append_new(list,
				      status_tunnel(v, t,
						    t->name ? json_string(t->name) :
							      json_sprintf("tunnel-%u", own)));
	}
	return list;
}

static json_t *status_held(const struct hold_counters *held)
{
	static const struct hold_counters none;
	const struct hold_counters *h = held ? held : &none;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "packets", count_of(&h->packets),
			 "bytes", count_of(&h->bytes), "in", count_of(&h->in), "released",
			 count_of(&h->released), "replaced", count_of(&h->replaced), "expired",
			 count_of(&h->expired), "dropped", count_of(&h->dropped));
}

static json_t *status_list(const struct addr *addrs, unsigned n)
{
	json_t *list = json_array();
	char buf[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_string(addr_text(&addrs[i], buf)));
	return list;
}

static json_t *status_addresses(const struct control_view *v)
{
	if (v->session->ninner)
		return status_list(v->session->inner, v->session->ninner);
	return status_list(v->inner, v->ninner);
}

static const char *dns_state_text(enum dns_state state)
{
	switch (state) {
	case DNS_NOTHING:
		break;
	case DNS_ASKED:
		return "asked";
	case DNS_SET:
		return "set";
	case DNS_FAILED:
		return "failed";
	case DNS_TOLD:
		return "told";
	}
	return "nothing";
}

static json_t *status_dns(const struct control_view *v)
{
	return v->dns ? status_list(v->dns->plan.servers, v->dns->plan.nservers) : json_array();
}

/* Who is told of the servers, for which domains, and what came of it. */
static json_t *status_resolver(const struct control_view *v)
{
	static const struct dns none;
	const struct dns *d = v->dns ? v->dns : &none;
	json_t *domains = json_array();
	char buf[IKE_NAME_MAX + 1];

	for (uint32_t i = 0; i < d->plan.ndomains; i++)
		json_array_append_new(domains,
				      json_string(dns_domain_text(&d->plan.domains[i], buf)));
	return json_pack("{s:s, s:s, s:o, s:b, s:o}", "by", dns_manager_name(d->by), "state",
			 dns_state_text(d->state), "domains", domains, "default_route",
			 d->plan.default_route, "why", json_text(d->why[0] ? d->why : NULL));
}

static json_t *status_asks(const struct control_view *v)
{
	const struct session_ask *ask = v->session->ask;
	json_t *fields;

	if (!ask)
		return json_null();
	fields = json_array();
	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		if (ask->fields & 1u << f)
			json_array_append_new(fields, json_string(ask_field_name(f)));
	return json_pack("{s:I, s:o, s:o, s:o, s:b, s:b, s:o}", "id", (json_int_t)ask->id, "fields",
			 fields, "username", json_text(ask->username), "message",
			 json_text(ask->message), "again", ask->again, "ahead", ask->ahead,
			 "until_in_s", json_until(v, ask->until));
}

json_t *control_drops(const struct control_view *v)
{
	json_t *o = json_object();

	for (unsigned why = 0; why < DROP_COUNT; why++) {
		uint64_t n = 0;

		for (unsigned i = 0; i < ARRAY_SIZE(v->drops); i++)
			n += v->drops[i] ? drop_read(v->drops[i], why) : 0;
		if (why == DROP_CLEAR_REFUSED)
			n += v->clear_refused;
		if (n)
			json_object_set_new(o, drop_name((enum drop)why),
					    json_integer((json_int_t)n));
	}
	return o;
}

static json_t *status_ping(const struct session_ping_info *p)
{
	char buf[ADDR_TEXT_MAX];

	return json_pack("{s:o, s:o, s:I, s:I}", "target",
			 p->target.family == FAMILY_NONE ? json_null() :
							   json_string(addr_text(&p->target, buf)),
			 "why", json_text(p->why), "sent", (json_int_t)p->sent, "answered",
			 (json_int_t)p->answered);
}

static json_t *status_recovery(const struct session_info *s)
{
	return json_pack("{s:s, s:I}", "rung", rung_name(s->rung), "nepoch", (json_int_t)s->nepoch);
}

static json_t *status_mobility(const struct session_mobility *m)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:o}", "method", session_roamed_name(m->method),
			 "updates", (json_int_t)m->updates, "acks", (json_int_t)m->acks, "nacks",
			 (json_int_t)m->nacks, "last_outage_ms",
			 m->known ? json_integer((json_int_t)(m->last_outage / VTIME_MS)) :
				    json_null());
}

/* The documented states: what is on its way down is down for those who ask. */
static const char *state_text(enum session_state state)
{
	return session_state_name(state == SESSION_CLOSING ? SESSION_DOWN : state);
}

char *control_status(const struct control_view *v)
{
	const struct session_info *s = v->session;
	json_t *o = json_object();
	char *text;

	json_object_set_new(o, "name", json_string(v->name));
	json_object_set_new(o, "state", json_string(state_text(s->state)));
	json_object_set_new(o, "since", control_since(v, s->since));
	json_object_set_new(o, "why", json_text(s->why));
	json_object_set_new(o, "gateway", json_text(s->gateway));
	json_object_set_new(o, "peer", json_endpoint(&s->path.remote));
	json_object_set_new(o, "local", json_endpoint(&s->path.local));
	json_object_set_new(o, "encapsulation",
			    json_string(encapsulation_name(s->path.encapsulation)));
	json_object_set_new(o, "nat", json_string(nat_name(s->nat)));
	json_object_set_new(o, "ike", status_ike(v));
	json_object_set_new(o, "device", json_string(v->device));
	json_object_set_new(o, "addresses", status_addresses(v));
	json_object_set_new(o, "dns", status_dns(v));
	json_object_set_new(o, "resolver", status_resolver(v));
	json_object_set_new(o, "mtu", json_integer(s->mtu));
	json_object_set_new(o, "tunnels", status_tunnels(v));
	json_object_set_new(o, "asks", status_asks(v));
	json_object_set_new(o, "held", status_held(v->held));
	json_object_set_new(o, "ping", status_ping(&s->ping));
	json_object_set_new(o, "recovery", status_recovery(s));
	json_object_set_new(o, "mobility", status_mobility(&s->mobility));
	json_object_set_new(o, "drops", control_drops(v));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

char *control_status_now(struct host *host, const struct session *session, const struct data *data,
			 const char *user)
{
	const struct config *config = host->config;
	struct session_info *info = xcalloc(1, sizeof(*info));
	struct control_view view = {
		.name = config->name,
		.device = host->tun.name,
		.inner = config->session.inner,
		.ninner = config->session.ninner,
		.user = user[0] ? user : NULL,
		.session = info,
		.dns = host->dns,
		.clear_refused = host_filter_refused(host),
		.now = runtime_now(),
		.wall = runtime_wall(),
	};
	char *text;

	session_info(session, info);
	/* The session knows ports by what they are for: another program may have had ours. */
	if (info->path.local.port == IKE_NATT_PORT)
		info->path.local.port = host->natt.port;
	else if (info->path.local.port == IKE_PORT)
		info->path.local.port = host->ike.port;
	data_view(data, &view);
	view.drops[CONTROL_DROPS_MAX - 1] = info->ike.drops;
	view.held = data_held(data);
	for (unsigned slot = 0; slot < SESSION_SLOTS_MAX; slot++)
		view.held_of[slot] = data_held_of(data, slot);
	text = control_status(&view);
	free(info);
	return text;
}

/* ---- the socket ---- */

struct client {
	struct control *control;
	uv_pipe_t pipe;
	bool used; /* the handle is open or closing */
	bool waits; /* for the end */
	struct control_stream log;
	size_t n;
	char line[CONTROL_LINE_MAX];
};

struct control {
	const struct control_ops *ops;
	uid_t owner; /* who started us: may ask, as root may */
	uv_pipe_t listener;
	struct client clients[CONTROL_CLIENTS_MAX];
};

static void client_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	c->used = false;
}

static void client_close(struct client *c)
{
	if (c->used && !uv_is_closing((uv_handle_t *)&c->pipe))
		uv_close((uv_handle_t *)&c->pipe, client_closed);
}

/*
 * An answer fits the socket's buffer with room for many more; who lets it fill up does not read and
 * is dropped, so nothing of a client is ever kept here.
 */
static void client_answer(struct client *c, const char *text)
{
	char end[] = "\n";
	uv_buf_t bufs[2] = { uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text)),
			     uv_buf_init(end, 1) };
	int n = uv_try_write((uv_stream_t *)&c->pipe, bufs, 2);

	if (n < 0 || (size_t)n != bufs[0].len + bufs[1].len)
		client_close(c);
}

static void client_answer_error(struct client *c, const char *why)
{
	json_t *o = json_pack("{s:s}", "error", why);
	char *text = json_dumps(o, JSON_COMPACT);

	client_answer(c, text);
	free(text);
	json_decref(o);
}

static void client_set(struct client *c, const struct control_request *request)
{
	char text[40];

	event_log_set_level(c->control->ops->events, request->level);
	snprintf(text, sizeof(text), "{\"log\":\"%s\"}", log_level_name(request->level));
	client_answer(c, text);
}

static void client_log(struct client *c, const struct control_request *request)
{
	struct event_log *events = c->control->ops->events;

	if (!events)
		client_answer_error(c, "there is no log");
	else if (request->verb == CONTROL_SET)
		client_set(c, request);
	else if (!control_stream_begin(&c->log, (struct uv_stream_s *)&c->pipe, events, request))
		client_close(c);
}

static void client_request_line(struct client *c, struct slice line)
{
	const struct control_ops *ops = c->control->ops;
	struct control_request request;
	const char *why;
	char *text;

	switch (control_parse(line, &request, &why)) {
	case CONTROL_STATUS:
		text = ops->status(ops->ctx);
		client_answer(c, text);
		free(text);
		break;
	case CONTROL_DISCONNECT:
		c->waits = true;
		ops->disconnect(ops->ctx);
		break;
	case CONTROL_ANSWER:
		why = ops->answer(ops->ctx, &request);
		if (why)
			client_answer_error(c, why);
		else
			client_answer(c, "{\"answered\":true}");
		break;
	case CONTROL_ROAM:
		ops->roam(ops->ctx, &request);
		client_answer(c, "{\"looking\":true}");
		break;
	case CONTROL_LOG:
	case CONTROL_SET:
		client_log(c, &request);
		break;
	case CONTROL_BAD:
		client_answer_error(c, why);
		break;
	}
	control_request_free(&request);
}

static void client_broken(void *ctx)
{
	client_close(ctx);
}

static bool client_alive(const struct client *c)
{
	return c->used && !uv_is_closing((const uv_handle_t *)&c->pipe);
}

static void client_lines(struct client *c)
{
	char *end;

	while (client_alive(c) && (end = memchr(c->line, '\n', c->n))) {
		size_t n = (size_t)(end - c->line);

		client_request_line(c, slice(c->line, n));
		c->n -= n + 1;
		memmove(c->line, end + 1, c->n);
		wipe(c->line + c->n, n + 1);
	}
	if (client_alive(c) && c->n == sizeof(c->line)) {
		client_answer_error(c, "the request is too long");
		client_close(c);
	}
}

static void client_allocate(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct client *c = h->data;

	(void)suggested;
	*buf = uv_buf_init(c->line + c->n, (unsigned)(sizeof(c->line) - c->n));
}

static void client_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	(void)buf;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->n += (size_t)n;
	client_lines(c);
}

static bool client_may_ask(const struct control *c, const uv_pipe_t *pipe)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	uv_os_fd_t fd;

	return uv_fileno((const uv_handle_t *)pipe, &fd) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
	       (cred.uid == 0 || cred.uid == c->owner);
}

static struct client *control_free_client(struct control *c)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (!c->clients[i].used)
			return &c->clients[i];
	return NULL;
}

static void turned_away(uv_handle_t *h)
{
	free(h);
}

/* A caller has to be taken before it can be turned away. */
static void control_turn_away(uv_stream_t *listener)
{
	uv_pipe_t *pipe = xcalloc(1, sizeof(*pipe));

	uv_pipe_init(listener->loop, pipe, 0);
	uv_accept(listener, (uv_stream_t *)pipe);
	uv_close((uv_handle_t *)pipe, turned_away);
}

static void control_connection(uv_stream_t *listener, int status)
{
	struct control *control = listener->data;
	struct client *c = control_free_client(control);

	if (status < 0)
		return;
	if (!c) {
		control_turn_away(listener);
		return;
	}
	*c = (struct client){ .control = control, .used = true };
	uv_pipe_init(listener->loop, &c->pipe, 0);
	c->pipe.data = c;
	c->log.broken = client_broken;
	c->log.ctx = c;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) != 0 ||
	    !client_may_ask(control, &c->pipe) ||
	    uv_read_start((uv_stream_t *)&c->pipe, client_allocate, client_read) != 0)
		client_close(c);
}

/* There is a new event. */
static void control_told(void *ctx)
{
	struct control *c = ctx;

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (client_alive(&c->clients[i]) && !control_stream_go_on(&c->clients[i].log))
			client_close(&c->clients[i]);
}

static void control_listener_closed(uv_handle_t *h)
{
	(void)h;
}

struct control *control_new(struct uv_loop_s *loop, const char *path, const struct control_ops *ops)
{
	struct control *c = xcalloc(1, sizeof(*c));
	mode_t mask = umask(0177);
	int rc;

	c->ops = ops;
	c->owner = geteuid();
	uv_pipe_init(loop, &c->listener, 0);
	c->listener.data = c;
	/* The lock says that whoever left one here is gone. */
	unlink(path);
	rc = uv_pipe_bind(&c->listener, path);
	umask(mask);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&c->listener, CONTROL_CLIENTS_MAX,
			       control_connection);
	if (rc == 0) {
		if (ops->events)
			event_log_listen(ops->events, control_told, c);
		return c;
	}
	control_shut(c);
	uv_run(loop, UV_RUN_NOWAIT);
	free(c);
	errno = -rc;
	return NULL;
}

void control_shut(struct control *c)
{
	/* Closing it removes the socket, too. */
	if (!uv_is_closing((uv_handle_t *)&c->listener))
		uv_close((uv_handle_t *)&c->listener, control_listener_closed);
}

void control_end(struct control *c)
{
	control_shut(c);
	if (c->ops->events)
		event_log_listen(c->ops->events, NULL, NULL);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (client_alive(&c->clients[i]))
			control_stream_end(&c->clients[i].log);
		if (client_alive(&c->clients[i]) && c->clients[i].waits)
			client_answer(&c->clients[i], "{\"state\":\"down\"}");
		client_close(&c->clients[i]);
	}
}

void control_free(struct control *c)
{
	free(c);
}
