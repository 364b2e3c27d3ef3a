/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_pair.h"

#include <stdio.h>
#include <stdlib.h>

static struct endpoint endpoint(const char *text)
{
	struct endpoint e = { .port = IKE_PORT };

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

static void end_init(struct pair_end *e, const char *address, const char *local, const char *remote)
{
	e->address = endpoint(address);
	e->config.suites[0] =
		(struct ike_suite){ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 };
	e->config.nsuites = 1;
	identity_parse(local, &e->config.local);
	identity_parse(remote, &e->config.remote);
	secret_set(&e->config.psk, SLICE_STR("correct horse"));
	e->config.lifetime_s = 28800;
	e->config.timeout = 30 * VTIME_S;
	e->child.suites[0] = (struct esp_suite){ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE };
	e->child.suites[1] =
		(struct esp_suite){ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 };
	e->child.nsuites = 2;
	e->child.keylife_s = 3600;
}

void pair_init(struct pair *p, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	p->now = 1000 * VTIME_S;
	p->rng = rng_seeded(&p->seed, seed);
	p->log.level = LOG_DEBUG;
	end_init(&p->end[0], "192.0.2.1", "laptop@example.com", "gw.example.com");
	end_init(&p->end[1], "198.51.100.1", "gw.example.com", "laptop@example.com");
	/* One of them hides, so that both find a NAT. */
	p->end[1].config.transport = IKE_TRANSPORT_UDP;
	p->end[0].child.ts = (struct ts_pair){ ts("10.91.0.1/32"), ts("10.80.0.0/24") };
	p->end[1].child.ts = (struct ts_pair){ ts("10.80.0.0/24"), ts("10.91.0.1/32") };
	p->end[0].spi = 0x1000;
	p->end[1].spi = 0x2000;
}

void pair_free(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		struct pair_end *e = &p->end[i];

		for (unsigned k = 0; k < e->nup; k++)
			ike_child_free(&e->up[k]);
		for (unsigned k = 0; k < e->nsa; k++)
			ike_sa_free(e->sa[k]);
		secret_free(&e->config.psk);
	}
}

struct ike_sa *pair_sa(const struct pair *p, unsigned end)
{
	const struct pair_end *e = &p->end[end];

	return e->nsa ? e->sa[e->nsa - 1] : NULL;
}

static struct ike_sa *sa_add(struct pair *p, struct pair_end *e)
{
	if (e->nsa == PAIR_SAS)
		abort();
	return e->sa[e->nsa++] = ike_sa_new(&e->config, &p->rng, &p->log);
}

/* ---- what effects do ---- */

static void send(struct pair *p, unsigned end, const struct ike_effect *fx)
{
	struct pair_end *e = &p->end[end];
	struct pair_datagram d = { .source = end, .from = fx->send.from, .to = fx->send.to };
	unsigned n = e->nsent++;

	e->nresent += fx->send.resent;
	if (d.from.addr.family == FAMILY_NONE)
		d.from.addr = e->address.addr;
	d.n = fx->send.bytes.n;
	memcpy(d.bytes, fx->send.bytes.p, d.n);
	p->sent[p->nsent++ % PAIR_SENT] = d;
	if (p->passes && !p->passes(p, &d, n))
		return;
	if (p->queued == PAIR_QUEUE)
		abort();
	p->queue[p->queued++] = d;
}

void pair_answer(struct pair *p, unsigned end, enum pair_answer answer)
{
	struct pair_end *e = &p->end[end];
	struct ike_event ev = { .type = IKE_EVENT_CHILD_ACCEPT };

	if (answer == PAIR_ACCEPT) {
		ev.child.id = e->offer.offer.id;
		ev.child.spi = e->spi++;
		ev.child.config = &e->child;
	} else if (answer == PAIR_REFUSE) {
		ev.type = IKE_EVENT_CHILD_REFUSE;
		ev.refuse.id = e->offer.offer.id;
		ev.refuse.notify = e->refusal;
	} else {
		return;
	}
	pair_event(p, end, &ev);
}

static void note_reply(struct pair_end *e, const struct ike_effect *fx)
{
	e->replied = *fx;
	for (unsigned f = 0; f < XAUTH_FIELDS; f++) {
		struct slice v = fx->reply.value[f];

		snprintf(e->values[f], sizeof(e->values[f]), "%.*s", (int)v.n,
			 v.n ? (const char *)v.p : "");
	}
}

static void note(struct pair *p, unsigned end, struct ike_sa *sa, const struct ike_effect *fx)
{
	struct ike_child early;
	struct pair_end *e = &p->end[end];

	switch (fx->type) {
	case IKE_EFFECT_SEND:
		send(p, end, fx);
		break;
	case IKE_EFFECT_NAT:
		e->nnat++;
		e->nat = *fx;
		break;
	case IKE_EFFECT_AUTHENTICATED:
		e->nauthenticated++;
		break;
	case IKE_EFFECT_XAUTH_ASK:
		e->nasked++;
		e->asked = *fx;
		snprintf(e->message, sizeof(e->message), "%s", fx->ask.message);
		break;
	case IKE_EFFECT_CONFIG:
		e->nconfigs++;
		e->assigned = fx->assigned;
		break;
	case IKE_EFFECT_XAUTH_REPLY:
		e->nreplies++;
		note_reply(e, fx);
		break;
	case IKE_EFFECT_CONFIG_WANTED:
		e->nwanted++;
		e->wanted = *fx;
		break;
	case IKE_EFFECT_ESTABLISHED:
		e->nestablished++;
		e->established = *fx;
		break;
	case IKE_EFFECT_CHILD_READY:
		early = fx->child;
		ike_child_free(&early);
		break;
	case IKE_EFFECT_CHILD_UP:
		e->up[e->nup++] = fx->child;
		break;
	case IKE_EFFECT_CHILD_FAILED:
		e->nfailed++;
		e->failed = *fx;
		e->failed_at = p->now;
		break;
	case IKE_EFFECT_CHILD_DELETED:
		e->deleted[e->ndeleted++ % PAIR_DELETED] = fx->spi;
		break;
	case IKE_EFFECT_DEAD:
		e->ndead++;
		e->dead = *fx;
		e->dead_at = p->now;
		break;
	case IKE_EFFECT_CHILD_OFFER:
		e->noffers++;
		e->offer = *fx;
		if (sa == pair_sa(p, end))
			pair_answer(p, end, e->answer);
		break;
	case IKE_EFFECT_ALIVE:
		e->nalive++;
		break;
	case IKE_EFFECT_SILENT:
		e->nsilent++;
		break;
	case IKE_EFFECT_HINT:
		e->nhints++;
		break;
	case IKE_EFFECT_NOTIFY:
		e->nnotified++;
		e->notified = *fx;
		memcpy(e->notified_data, fx->notified.data.p, fx->notified.data.n);
		e->notified.notified.data.p = e->notified_data;
		if (p->heard)
			p->heard(p, end, sa, fx);
		break;
	case IKE_EFFECT_UNANSWERED:
		e->nunanswered++;
		e->unanswered = fx->notify_id;
		e->unanswered_at = p->now;
		if (p->heard)
			p->heard(p, end, sa, fx);
		break;
	}
}

static void pull(struct pair *p, unsigned end, struct ike_sa *sa)
{
	struct ike_effect fx;

	while (ike_output(sa, p->now, &fx))
		note(p, end, sa, &fx);
}

/* ---- delivery ---- */

static void receive(struct pair *p, const struct pair_datagram *d)
{
	struct ike_event ev = { .type = IKE_EVENT_DATAGRAM };
	unsigned end = 1 - d->source;
	struct pair_end *e = &p->end[end];

	ev.datagram.from = d->from;
	ev.datagram.to = d->to;
	ev.datagram.bytes = slice(d->bytes, d->n);
	for (unsigned i = e->nsa; i-- > 0;) {
		if (ike_sa_owns(e->sa[i], ev.datagram.bytes)) {
			ike_event(e->sa[i], p->now, &ev);
			pull(p, end, e->sa[i]);
			return;
		}
	}
	if (e->deaf || !ike_is_first_message(ev.datagram.bytes))
		return;
	ev.type = IKE_EVENT_ACCEPT;
	ike_event(sa_add(p, e), p->now, &ev);
	pull(p, end, pair_sa(p, end));
}

void pair_pump(struct pair *p)
{
	while (p->queued) {
		struct pair_datagram d = p->queue[0];

		p->queued--;
		memmove(p->queue, p->queue + 1, p->queued * sizeof(p->queue[0]));
		receive(p, &d);
	}
}

void pair_inject(struct pair *p, const struct pair_datagram *d)
{
	receive(p, d);
	pair_pump(p);
}

void pair_event(struct pair *p, unsigned end, const struct ike_event *ev)
{
	struct ike_sa *sa = pair_sa(p, end);

	ike_event(sa, p->now, ev);
	pull(p, end, sa);
}

struct ike_sa *pair_start(struct pair *p, unsigned end, enum ike_event_type type)
{
	struct pair_end *e = &p->end[end];
	struct ike_event ev = { .type = type };

	ev.path.local = e->address;
	ev.path.remote = p->end[1 - end].address;
	if (type == IKE_EVENT_REKEY)
		ev.path.local.port = ev.path.remote.port = IKE_NATT_PORT;
	sa_add(p, e);
	pair_event(p, end, &ev);
	return pair_sa(p, end);
}

void pair_child(struct pair *p, unsigned end)
{
	struct pair_end *e = &p->end[end];
	struct ike_event ev = { .type = IKE_EVENT_CHILD };

	ev.child.id = e->spi;
	ev.child.spi = e->spi++;
	ev.child.config = &e->child;
	pair_event(p, end, &ev);
	pair_pump(p);
}

static vtime next_deadline(const struct pair *p)
{
	vtime at = VTIME_NEVER;

	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k < p->end[i].nsa; k++)
			at = vtime_min(at, ike_deadline(p->end[i].sa[k]));
	return at;
}

void pair_run(struct pair *p, vtime until)
{
	vtime at;

	pair_pump(p);
	while ((at = next_deadline(p)) <= until) {
		p->now = at > p->now ? at : p->now;
		for (unsigned i = 0; i < 2; i++) {
			for (unsigned k = 0; k < p->end[i].nsa; k++) {
				ike_timeout(p->end[i].sa[k], p->now);
				pull(p, i, p->end[i].sa[k]);
			}
		}
		pair_pump(p);
	}
	p->now = until;
}

/* ---- looking ---- */

uint64_t pair_drops(const struct pair *p, unsigned end, enum drop why)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < p->end[end].nsa; i++) {
		struct ike_sa_info info;

		ike_sa_info(p->end[end].sa[i], &info);
		n += info.drops->n[why];
	}
	return n;
}

bool pair_is_up(const struct pair *p)
{
	const struct ike_sa *a = pair_sa(p, 0), *b = pair_sa(p, 1);

	return a && b && a->state == IKE_STATE_ESTABLISHED && b->state == IKE_STATE_ESTABLISHED &&
	       ike_sa_cipher_key(a).n && slice_eq(ike_sa_cipher_key(a), ike_sa_cipher_key(b)) &&
	       memcmp(a->cookie_i, b->cookie_i, IKE_COOKIE_SIZE) == 0 &&
	       memcmp(a->cookie_r, b->cookie_r, IKE_COOKIE_SIZE) == 0 &&
	       memcmp(a->last_block, b->last_block, PROTECT_BLOCK) == 0;
}

bool pair_children_match(const struct ike_child *a, const struct ike_child *b)
{
	return a->spi_in == b->spi_out && a->spi_out == b->spi_in && a->pfs == b->pfs &&
	       a->suite.cipher == b->suite.cipher && a->suite.key_bits == b->suite.key_bits &&
	       a->keymat_in.n == esp_suite_keymat(&a->suite) &&
	       slice_eq(secret_slice(&a->keymat_in), secret_slice(&b->keymat_out)) &&
	       slice_eq(secret_slice(&a->keymat_out), secret_slice(&b->keymat_in)) &&
	       !slice_eq(secret_slice(&a->keymat_in), secret_slice(&a->keymat_out)) &&
	       ts_eq(&a->ts.local, &b->ts.remote) && ts_eq(&a->ts.remote, &b->ts.local);
}
