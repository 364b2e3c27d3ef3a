/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_world.h"

#include <stdlib.h>

static struct endpoint endpoint(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	if (!addr_parse(text, &e.addr))
		abort();
	return e;
}

static struct ts ts(const char *text)
{
	struct prefix p;

	if (!prefix_parse(text, &p))
		abort();
	return ts_from_prefix(&p);
}

void world_init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->now = 1000 * VTIME_S;
	w->rng = rng_seeded(&w->seed, seed);
	w->log.level = LOG_DEBUG;
	w->client = endpoint("192.0.2.1", IKE_PORT);
	w->seen = w->client;
	w->gateway = endpoint("198.51.100.1", IKE_PORT);
	w->config.suites[0] =
		(struct ike_suite){ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 };
	w->config.nsuites = 1;
	w->config.transport = IKE_TRANSPORT_UDP;
	identity_parse("laptop@example.com", &w->config.local);
	identity_parse("gw.example.com", &w->config.remote);
	secret_set(&w->config.psk, SLICE_STR("correct horse"));
	w->config.lifetime_s = 28800;
	w->config.timeout = 30 * VTIME_S;
	w->child.suites[0] = (struct esp_suite){ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE };
	w->child.suites[1] =
		(struct esp_suite){ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 };
	w->child.nsuites = 2;
	w->child.keylife_s = 3600;
	w->child.ts = (struct ts_pair){ ts("10.91.0.1/32"), ts("10.80.0.0/24") };
	w->responder_config.psk = SLICE_STR("correct horse");
	identity_parse("gw.example.com", &w->responder_config.id);
	w->responder_config.suites[0] = w->config.suites[0];
	w->responder_config.nsuites = 1;
	w->responder_config.esp[0] = w->child.suites[0];
	w->responder_config.nesp = 1;
	w->responder_config.pfs_any = true;
}

void world_free(struct world *w)
{
	for (unsigned i = 0; i < w->nup; i++)
		ike_child_free(&w->up[i]);
	ike_sa_free(w->sa);
	responder_free(w->responder);
	secret_free(&w->config.psk);
}

static void keep(struct world_datagram *d, vtime now, const struct endpoint *from,
		 const struct endpoint *to, struct slice bytes)
{
	d->at = now;
	d->from = *from;
	d->to = *to;
	d->n = bytes.n;
	memcpy(d->bytes, bytes.p, bytes.n);
}

static void client_receive(struct world *w, struct slice bytes)
{
	struct ike_event ev = { .type = IKE_EVENT_DATAGRAM };
	bool natt = w->nnat > 0;

	ev.datagram.from = w->gateway;
	ev.datagram.from.port = natt ? IKE_NATT_PORT : IKE_PORT;
	ev.datagram.to = w->client;
	ev.datagram.to.port = natt ? IKE_NATT_PORT : IKE_PORT;
	ev.datagram.bytes = bytes;
	ike_event(w->sa, w->now, &ev);
}

void world_inject(struct world *w, struct slice bytes)
{
	client_receive(w, bytes);
	world_pump(w);
}

static void deliver(struct world *w, const struct responder_replies *replies)
{
	for (unsigned i = 0; i < replies->n; i++) {
		const struct responder_reply *r = &replies->reply[i];
		struct slice bytes = slice(r->bytes, r->n);

		keep(&w->received[w->nreceived++ % WORLD_SENT], w->now, &r->from, &r->to, bytes);
		if (!w->to_client || w->to_client(w, w->nclient, bytes)) {
			client_receive(w, bytes);
			world_pump(w);
		}
		w->nclient++;
	}
}

void world_deliver(struct world *w, const struct responder_replies *replies)
{
	deliver(w, replies);
	world_pump(w);
}

static void gateway_receive(struct world *w, const struct ike_effect *e)
{
	struct responder_replies *replies = malloc(sizeof(*replies));
	struct world_datagram *d = &w->sent[w->nsent++ % WORLD_SENT];
	struct endpoint from = w->seen;

	keep(d, w->now, &e->send.from, &e->send.to, e->send.bytes);
	d->resent = e->send.resent;
	from.port = e->send.from.port;
	if (!w->to_gateway || w->to_gateway(w, w->ngateway, e->send.bytes)) {
		responder_datagram(w->responder, w->now, &from, &e->send.to, slice(d->bytes, d->n),
				   replies);
		w->ngateway++;
		deliver(w, replies);
	} else {
		w->ngateway++;
	}
	free(replies);
}

static void note(struct world *w, const struct ike_effect *e)
{
	struct ike_child early;

	switch (e->type) {
	case IKE_EFFECT_SEND:
		gateway_receive(w, e);
		break;
	case IKE_EFFECT_NAT:
		w->nnat++;
		w->nat = *e;
		break;
	case IKE_EFFECT_AUTHENTICATED:
	case IKE_EFFECT_XAUTH_ASK:
	case IKE_EFFECT_XAUTH_REPLY:
	case IKE_EFFECT_CONFIG_WANTED:
	case IKE_EFFECT_CONFIG:
		break;
	case IKE_EFFECT_ESTABLISHED:
		w->nestablished++;
		w->established = *e;
		break;
	case IKE_EFFECT_CHILD_READY:
		early = e->child;
		ike_child_free(&early);
		break;
	case IKE_EFFECT_CHILD_UP:
		w->up[w->nup++] = e->child;
		break;
	case IKE_EFFECT_CHILD_FAILED:
		w->failed[w->nfailed++] = *e;
		break;
	case IKE_EFFECT_CHILD_DELETED:
		w->deleted[w->ndeleted++ % WORLD_DELETED] = e->spi;
		break;
	case IKE_EFFECT_DEAD:
		w->ndead++;
		w->dead = *e;
		w->dead_at = w->now;
		break;
	case IKE_EFFECT_CHILD_OFFER:
		w->noffers++;
		w->offer = *e;
		break;
	case IKE_EFFECT_ALIVE:
		w->nalive++;
		break;
	case IKE_EFFECT_SILENT:
		w->nsilent++;
		w->silent_at = w->now;
		break;
	case IKE_EFFECT_HINT:
		w->nhints++;
		w->hint = e->notify;
		break;
	case IKE_EFFECT_NOTIFY:
	case IKE_EFFECT_UNANSWERED:
		break;
	}
}

void world_pump(struct world *w)
{
	struct ike_effect e;

	while (ike_output(w->sa, w->now, &e))
		note(w, &e);
}

void world_start(struct world *w)
{
	struct ike_event ev = { .type = IKE_EVENT_START };

	ev.path.local.port = IKE_PORT;
	ev.path.remote = w->gateway;
	w->responder = responder_new(&w->responder_config, &w->rng);
	w->sa = ike_sa_new(&w->config, &w->rng, &w->log);
	ike_event(w->sa, w->now, &ev);
}

void world_up(struct world *w)
{
	world_start(w);
	world_pump(w);
}

void world_child(struct world *w, uint32_t id, uint32_t spi)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD };

	ev.child.id = id;
	ev.child.spi = spi;
	ev.child.config = &w->child;
	ike_event(w->sa, w->now, &ev);
	world_pump(w);
}

void world_event(struct world *w, enum ike_event_type type)
{
	struct ike_event ev = { .type = type };

	ike_event(w->sa, w->now, &ev);
	world_pump(w);
}

void world_run(struct world *w, vtime until)
{
	for (;;) {
		vtime client = ike_deadline(w->sa);
		vtime gateway = responder_deadline(w->responder);
		vtime next = vtime_min(client, gateway);

		if (next > until)
			break;
		w->now = next > w->now ? next : w->now;
		if (gateway <= w->now) {
			struct responder_replies replies;

			responder_timeout(w->responder, w->now, &replies);
			deliver(w, &replies);
		}
		ike_timeout(w->sa, w->now);
		world_pump(w);
	}
	w->now = until;
}
