/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/field.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "packet/packet.h"
#include "tests/sim/settings.h"

#define ECHO_ID 0x6600
#define HOLD (64 << 10)
#define DATA_SIZE 100 /* bytes of a packet of a stream */

/* ---- epochs, as the effects tell ---- */

static struct field_epoch *epoch_of(struct field_client *c, uint32_t id)
{
	struct field_epoch *e;

	for (unsigned i = 0; i < FIELD_EPOCHS_MAX && i < c->nepochs; i++)
		if (c->epochs[i].id == id)
			return &c->epochs[i];
	e = &c->epochs[c->nepochs % FIELD_EPOCHS_MAX];
	*e = (struct field_epoch){ .id = id, .number = ++c->nepochs };
	return e;
}

const struct field_epoch *field_epoch_of_spi(const struct field_client *c, bool inbound,
					     uint32_t spi)
{
	for (unsigned i = 0; i < FIELD_EPOCHS_MAX && i < c->nepochs; i++)
		if ((inbound ? c->epochs[i].spi_in : c->epochs[i].spi_out) == spi)
			return &c->epochs[i];
	return NULL;
}

static void saw_in(struct field_client *c, const struct esp_in *in)
{
	struct field_epoch *e = epoch_of(c, esp_in_config(in)->epoch);

	e->spi_in = esp_in_config(in)->spi;
	e->in = in;
	c->shares_spi = false;
}

static void saw_out(struct field_client *c, const struct esp_out *out)
{
	if (out)
		epoch_of(c, esp_out_config(out)->epoch)->spi_out = esp_out_config(out)->spi;
}

static void host_sees(void *ctx, const struct session_effect *fx)
{
	struct field_client *c = ctx;

	if (fx->type == SESSION_EFFECT_PUBLISH_SPI)
		saw_in(c, fx->in);
	if (fx->type == SESSION_EFFECT_PUBLISH_SLOT) {
		saw_out(c, fx->slot.out);
		saw_out(c, fx->slot.next);
	}
	if (fx->type == SESSION_EFFECT_RETIRE && fx->retire.in)
		epoch_of(c, esp_in_config(fx->retire.in)->epoch)->in = NULL;
	if (fx->type == SESSION_EFFECT_PROBE) {
		saw_out(c, fx->probe.out);
		c->probing = true;
		field_judge_probe(c, epoch_of(c, esp_out_config(fx->probe.out)->epoch));
	}
}

/* ---- the host ---- */

static void host_send(void *ctx, const struct endpoint *from, const struct endpoint *to,
		      struct slice bytes)
{
	struct field_client *c = ctx;

	field_send(c, from, to, bytes);
	c->probing = false;
}

static void answer_now(struct field *f, unsigned arg)
{
	struct field_client *c = f->clients[arg % FIELD_CLIENTS_MAX];

	sim_client_answer(c->shell, (enum sim_answer)(arg / FIELD_CLIENTS_MAX % 16),
			  arg / FIELD_CLIENTS_MAX / 16);
}

static void host_later(void *ctx, vtime at, enum sim_answer what, unsigned arg)
{
	struct field_client *c = ctx;

	field_at(c->field, at, answer_now,
		 c->number + FIELD_CLIENTS_MAX * ((unsigned)what + 16 * arg));
}

/* With two names the first has an address that nobody has behind it, the second before it. */
static unsigned host_resolve(void *ctx, const char *name, struct addr addrs[SIM_ADDRS_MAX])
{
	struct field_client *c = ctx;
	bool second = strcmp(name, c->config.gateways[0]) != 0;

	addrs[0] = addrs[1] = c->field->settings.server.addr;
	addrs[!second].b[3] += 70;
	return c->field->settings.ngateways;
}

static void host_fail(void *ctx, const char *what)
{
	struct field_client *c = ctx;

	field_fail(c->field, "%s: %s", c->name, what);
}

/* ---- its traffic ---- */

static void stream_came(struct field_stream *s, uint64_t number)
{
	s->came++;
	if (number < s->next) {
		s->late++;
		return;
	}
	s->lost += number - s->next;
	s->next = number + 1;
}

static void host_inner(void *ctx, struct slice ip)
{
	struct field_client *c = ctx;
	struct packet_layout l;
	uint64_t number;
	vtime sent;
	struct rd r;

	if (server_data_read(ip, &number, &sent)) {
		stream_came(&c->down_stream, number);
		return;
	}
	if (packet_parse(ip, &l) != 0)
		return;
	rd_init(&r, slice(ip.p, l.length));
	rd_slice(&r, l.upper + 8);
	number = rd_u64(&r);
	if (r.bad || number >= c->npings || c->npings - number > FIELD_PINGS_MAX)
		return;
	/* Whatever the links do twice, the replay windows let pass once. */
	field_expect(c->field, !c->pings[number % FIELD_PINGS_MAX].answered,
		     "%s: request %u was answered twice", c->name, (unsigned)number);
	c->pings[number % FIELD_PINGS_MAX].answered = c->field->now;
}

static void send_inner(struct field_client *c, struct slice ip)
{
	sim_client_begin(c->shell);
	sim_client_add(c->shell, ip);
	sim_client_end(c->shell);
}

static struct addr far_host(const struct field *f)
{
	struct addr a = f->settings.server.net.addr;

	a.b[3] = 7;
	return a;
}

void field_ping(struct field *f, unsigned client)
{
	struct field_client *c = f->clients[client];
	uint8_t packet[128], payload[8];
	struct packet_echo echo = {
		.src = c->inner,
		.dst = far_host(f),
		.id = (uint16_t)(ECHO_ID + client),
		.sequence = (uint16_t)c->npings,
		.payload = SLICE_OF(payload),
	};

	if (c->suspended)
		return;
	put_be64(payload, c->npings);
	c->pings[c->npings++ % FIELD_PINGS_MAX] = (struct field_ping){ .sent = f->now };
	send_inner(c, slice(packet, packet_echo_request(&echo, packet, sizeof(packet))));
}

static void ping_again(struct field *f, unsigned arg)
{
	struct field_client *c = f->clients[arg % FIELD_CLIENTS_MAX];

	if (arg / FIELD_CLIENTS_MAX != c->turn || !c->every)
		return;
	field_ping(f, c->number);
	field_at(f, f->now + c->every, ping_again, arg);
}

void field_pings(struct field *f, unsigned client, vtime every)
{
	struct field_client *c = f->clients[client];

	c->every = every;
	c->turn++;
	if (every)
		ping_again(f, client + FIELD_CLIENTS_MAX * c->turn);
}

static void data_again(struct field *f, unsigned client)
{
	struct field_client *c = f->clients[client];
	struct addr to = far_host(f);
	uint8_t packet[DATA_SIZE];

	if (!c->pace)
		return;
	send_inner(c, slice(packet, server_data_write(&c->inner, &to, c->up_stream.sent++, f->now,
						      packet, sizeof(packet))));
	field_at(f, f->now + c->pace, data_again, client);
}

void field_stream_up(struct field *f, unsigned client, vtime every)
{
	bool idle = !f->clients[client]->pace;

	f->clients[client]->pace = every;
	if (idle && every)
		data_again(f, client);
}

void field_stream_down(struct field *f, unsigned client, vtime every)
{
	server_pace(f->server, f->now, client, every, DATA_SIZE);
	field_server_pump(f);
}

void field_server_inner(struct field *f, unsigned slot, struct slice ip)
{
	uint64_t number;
	vtime sent;

	if (server_data_read(ip, &number, &sent))
		stream_came(&f->clients[slot]->up_stream, number);
}

/* ---- verbs ---- */

void field_connect(struct field *f, unsigned client)
{
	sim_client_event(f->clients[client]->shell,
			 &(struct session_event){ .type = SESSION_EVENT_CONNECT });
}

static void resume(struct field *f, unsigned client)
{
	struct field_client *c = f->clients[client];

	if (c->suspended > f->now)
		return;
	c->suspended = 0;
	field_ladder_note(f, (int)client, "resumes");
	sim_client_event(c->shell, &(struct session_event){ .type = SESSION_EVENT_NETWORK });
}

void field_suspend(struct field *f, unsigned client, vtime until)
{
	field_ladder_note(f, (int)client, "suspends");
	f->clients[client]->suspended = until;
	field_at(f, until, resume, client);
}

static bool is_foreign(const struct field_client *c, const struct endpoint *from,
		       struct slice bytes)
{
	return from->port == ESP_PORT_BARE && !field_epoch_of_spi(c, true, get_be32(bytes.p));
}

void field_client_datagram(struct field_client *c, const struct endpoint *from,
			   const struct endpoint *to, struct slice bytes)
{
	if (c->suspended)
		return;
	if (is_foreign(c, from, bytes))
		c->foreign++;
	sim_client_datagram(c->shell, from, to, bytes);
}

void field_client_timeout(struct field_client *c)
{
	sim_client_timeout(c->shell);
}

vtime field_client_deadline(const struct field_client *c)
{
	return c->suspended ? VTIME_NEVER : sim_client_deadline(c->shell);
}

/* ---- a client ---- */

/*
 * A cookie has 8 bytes, an SPI 4. What else has 4 bytes before the first SA, message ids, may be
 * another client's, too.
 */
static void rng_fill_shared(void *ctx, uint8_t *out, size_t n)
{
	struct field_client *c = ctx;
	bool shares = (n == 8 && c->shares_cookie) || (n == 4 && c->shares_spi);

	if (n == 8)
		c->shares_cookie = false;
	rng_fill(shares ? &c->shared : &c->own, out, n);
}

static void rng_begin(struct field_client *c)
{
	const struct field *f = c->field;

	c->own = rng_seeded(&c->seed, f->seed * FIELD_CLIENTS_MAX + c->number);
	c->shared = rng_seeded(&c->shared_seed, ~f->seed);
	c->shares_cookie = c->number < f->settings.same_cookies;
	c->shares_spi = c->number < f->settings.same_spis;
	c->rng = (struct rng){ .fill = rng_fill_shared, .ctx = c };
}

static void config_begin(struct field_client *c)
{
	const struct field_settings *s = &c->field->settings;
	struct session_config *config = &c->config;
	struct prefix one = { c->inner, 32 };

	addr_text(&s->server.addr, c->gateway);
	config->name = c->name;
	config->gateways[0] = c->gateway;
	config->gateways[1] = "other.example.com";
	config->ngateways = s->ngateways;
	config->fallback = POLICY_DISCARD;
	config->ike.suites[0] = s->server.ike;
	config->ike.nsuites = 1;
	config->ike.remote = s->server.id;
	config->ike.lifetime_s = s->server.lifetime_s;
	config->ike.timeout = s->timeout;
	config->ike.transport = s->encapsulated ? IKE_TRANSPORT_AUTO : IKE_TRANSPORT_ESP;
	identity_parse("laptop@example.com", &config->ike.local);
	secret_set(&config->ike.psk, s->server.psk);
	config->child.suites[0] = s->server.esp;
	config->child.nsuites = 1;
	config->child.pfs = s->server.pfs;
	config->child.keylife_s = s->keylife_s;
	config->inner[0] = c->inner;
	config->ninner = 1;
	config->tunnels[0].local = ts_from_prefix(&one);
	config->tunnels[0].remote = ts_from_prefix(&s->server.net);
	config->ntunnels = 1;
	/* The clients of the seed do not ask whether the server lives. */
	config->dpd = c->field->probes ? s->dpd : 0;
	config->rekeymargin = s->rekeymargin;
	config->rekeyfuzz = s->rekeyfuzz;
	config->elimit = s->elimit;
	config->pingtime = s->prober.pingtime;
	config->pingtries = s->prober.pingtries;
	config->maxidle = c->field->probes ? s->prober.maxidle : 0;
	config->nat_model =
		(struct nat_model){ s->masq.tout, s->masq.nout, s->masq.tei, s->nclients - 1 };
	config->no_probes = !c->field->probes;
	config->reached = &sim_reached;
	config->pingtime2 = s->prober.pingtime2;
	config->pingtries2 = s->prober.pingtries2;
	config->ping_targets[0] = s->server.net.addr;
	config->ping_targets[0].b[3] = 1;
}

struct field_client *field_client_new(struct field *f, unsigned number)
{
	struct field_client *c = xcalloc(1, sizeof(*c));
	struct sim_host host = {
		.ctx = c,
		.now = &f->now,
		.trace = &f->trace,
		.name = c->name,
		.config = &c->config,
		.rng = &c->rng,
		.hold_bytes = HOLD,
		.slowness = 3 * VTIME_MS,
		.level = f->trace.show ? LOG_DEBUG : LOG_INFO,
		.send = host_send,
		.later = host_later,
		.resolve = host_resolve,
		.inner = host_inner,
		.fail = host_fail,
		.sees = host_sees,
	};

	c->field = f;
	c->number = number;
	c->flows_since = VTIME_NEVER;
	snprintf(c->name, sizeof(c->name), "C%u", number + 1);
	c->inner = server_pool_addr(f->server, number);
	rng_begin(c);
	config_begin(c);
	link_init(&c->up, &f->settings.lan, &f->wire);
	link_init(&c->down, &f->settings.lan, &f->wire);
	c->shell = sim_client_new(&host);
	return c;
}

void field_client_free(struct field_client *c)
{
	sim_client_free(c->shell);
	secret_free(&c->config.ike.psk);
	free(c);
}
