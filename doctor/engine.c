/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/engine_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

#define FIRST_WAIT (1000 * VTIME_MS)
#define LATER_WAIT (1700 * VTIME_MS)
#define TRIES_HEARD 2 /* something has been heard from there */

struct doctor_found *found_now(struct doctor *d)
{
	return &d->found[d->target];
}

enum doctor_port speaking_port(const struct doctor_reached *reached)
{
	return reached[DOCTOR_500].reach != REACH_ANSWER &&
			       reached[DOCTOR_4500].reach == REACH_ANSWER ?
		       DOCTOR_4500 :
		       DOCTOR_500;
}

/* ---- questions ---- */

/* With the datagram that ends what it may begin. */
static unsigned most_sends(enum probe_kind kind, unsigned tries)
{
	return tries + (kind == PROBE_MAIN);
}

struct probe *ask(struct doctor *d, enum probe_kind kind, enum doctor_port port, unsigned tries)
{
	const struct doctor_target *t = &d->config.targets[d->target];
	unsigned planned = found_now(d)->sent + d->has_kept;
	struct probe *p;

	for (unsigned i = 0; i < d->nprobes; i++)
		planned += most_sends(d->probe[i].kind, d->probe[i].tries);
	if (planned + most_sends(kind, tries) > DOCTOR_PACKETS_MAX) {
		found_now(d)->cut_short = true;
		return NULL;
	}
	p = &d->probe[d->nprobes++];
	memset(p, 0, sizeof(*p));
	p->kind = kind;
	p->port = port;
	p->tries = tries;
	p->to = (struct endpoint){ t->addr, port == DOCTOR_500 ? IKE_PORT : IKE_NATT_PORT };
	p->from = (struct endpoint){ t->source, d->config.port[port] };
	rng_fill(d->rng, p->cookie_i, sizeof(p->cookie_i));
	return p;
}

bool ask_made(struct doctor *d, struct probe *p)
{
	if (probe_build(p, d->rng))
		return true;
	d->nprobes--;
	return false;
}

static bool is_open(const struct probe *p)
{
	return p->reached.reach == REACH_NOT_ASKED;
}

static bool all_settled(const struct doctor *d)
{
	for (unsigned i = 0; i < d->nprobes; i++)
		if (is_open(&d->probe[i]))
			return false;
	return d->stage != STAGE_LISTEN && d->stage != STAGE_OVER;
}

static void end_if_settled(struct doctor *d)
{
	if (all_settled(d))
		stage_end(d);
}

/* ---- datagrams ---- */

void release(struct doctor *d, const struct probe *p)
{
	struct slice s = probe_release(p, d->rng, d->release, sizeof(d->release));

	d->nrelease = s.n;
	d->released = (struct doctor_send){ .port = p->port, .to = p->to };
}

static void on_answer(struct doctor *d, vtime now, struct probe *p)
{
	found_now(d)->received++;
	p->reached = (struct doctor_reached){
		.reach = REACH_ANSWER,
		.rtt_ms = (unsigned)(vtime_until(p->sent_at, now) / VTIME_MS),
	};
	/* Who answers one thing would answer the others: they are not awaited for so long. */
	for (unsigned i = 0; i < d->nprobes; i++)
		if (d->probe[i].tries > TRIES_HEARD && d->probe[i].sends <= TRIES_HEARD)
			d->probe[i].tries = TRIES_HEARD;
	if (p->kind != PROBE_MAIN || p->answer.kind != ANSWER_CHOSEN)
		return;
	if (!d->has_kept && !d->config.nown) {
		d->kept = *p;
		d->has_kept = true;
	} else {
		release(d, p);
	}
}

/* Only on port 4500 with a marker, and without one on 500. */
static bool unmark(enum doctor_port port, struct slice *message)
{
	static const uint8_t marker[MARKER_SIZE];

	if (port == DOCTOR_500)
		return true;
	if (message->n < MARKER_SIZE || memcmp(message->p, marker, MARKER_SIZE) != 0)
		return false;
	*message = slice(message->p + MARKER_SIZE, message->n - MARKER_SIZE);
	return true;
}

static void on_datagram(struct doctor *d, vtime now, const struct doctor_event *ev)
{
	struct endpoint local = { ev->local, d->config.port[ev->port] };
	struct slice message = ev->bytes;

	if (!unmark(ev->port, &message))
		return;
	for (unsigned i = 0; i < d->nprobes; i++) {
		struct probe *p = &d->probe[i];

		if (p->port != ev->port || !p->sends || !endpoint_eq(&p->to, &ev->remote) ||
		    !probe_owns(p, message))
			continue;
		if (is_open(p) && probe_read(p, message, &local))
			on_answer(d, now, p);
		return;
	}
	if (d->has_kept && d->kept.port == ev->port && endpoint_eq(&d->kept.to, &ev->remote) &&
	    probe_owns(&d->kept, message))
		found_now(d)->repeated = vtime_until(d->last_sent, now);
}

static enum doctor_reach reach_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REACH_PORT_CLOSED;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENONET:
		return REACH_NO_HOST;
	case EACCES:
	case EPERM:
		return REACH_FORBIDDEN;
	}
	return REACH_NOT_SENT;
}

/* ICMP quotes some of the datagram, if only its ports. */
static bool is_about(const struct probe *p, const struct doctor_event *ev)
{
	struct slice message = ev->bytes;

	if (!p->sends || p->port != ev->port || !endpoint_eq(&p->to, &ev->remote))
		return false;
	return !unmark(ev->port, &message) || message.n < IKE_COOKIE_SIZE || probe_owns(p, message);
}

static void on_too_big(struct doctor *d, struct probe *p, const struct doctor_event *ev)
{
	struct doctor_found *f = found_now(d);

	if (!p->whole)
		return;
	f->too_big_by = ev->by;
	if (ev->mtu > d->mtu_low && ev->mtu < d->mtu_high)
		d->mtu_said = ev->mtu;
	p->reached = (struct doctor_reached){ .reach = REACH_SILENCE };
}

static void on_error(struct doctor *d, const struct doctor_event *ev)
{
	for (unsigned i = 0; i < d->nprobes; i++) {
		struct probe *p = &d->probe[i];

		if (!is_open(p) || !is_about(p, ev))
			continue;
		if (ev->error == EMSGSIZE)
			on_too_big(d, p, ev);
		else
			p->reached = (struct doctor_reached){
				.reach = reach_of(ev->error),
				.by = ev->by,
				.error = ev->error,
			};
		return;
	}
}

/* ---- the four verbs ---- */

struct doctor *doctor_new(const struct doctor_config *config, struct rng *rng)
{
	struct doctor *d = xcalloc(1, sizeof(*d));

	d->config = *config;
	d->rng = rng;
	d->best = -1;
	for (unsigned i = 0; i < config->ntargets; i++)
		d->found[i].addr = config->targets[i].addr;
	if (!config->ntargets)
		d->stage = STAGE_OVER;
	else
		stage_enter(d, config->nown ? STAGE_NEAR : STAGE_REACH);
	return d;
}

void doctor_free(struct doctor *d)
{
	free(d);
}

void doctor_event(struct doctor *d, vtime now, const struct doctor_event *ev)
{
	switch (ev->type) {
	case DOCTOR_DATAGRAM:
		on_datagram(d, now, ev);
		break;
	case DOCTOR_ERROR:
		on_error(d, ev);
		break;
	}
	end_if_settled(d);
}

void doctor_timeout(struct doctor *d, vtime now)
{
	for (unsigned i = 0; i < d->nprobes; i++) {
		struct probe *p = &d->probe[i];

		if (is_open(p) && p->sends == p->tries && p->due <= now)
			p->reached.reach = REACH_SILENCE;
	}
	if (d->stage == STAGE_LISTEN && d->until <= now)
		stage_end(d);
	end_if_settled(d);
}

static bool is_to_be_sent(const struct probe *p, vtime now)
{
	return is_open(p) && p->sends < p->tries && p->due <= now;
}

bool doctor_output(struct doctor *d, vtime now, struct doctor_send *out)
{
	if (d->nrelease) {
		*out = d->released;
		out->bytes = slice(d->release, d->nrelease);
		d->nrelease = 0;
		found_now(d)->sent++;
		return true;
	}
	if (d->next_send > now)
		return false;
	for (unsigned i = 0; i < d->nprobes; i++) {
		struct probe *p = &d->probe[i];

		if (!is_to_be_sent(p, now))
			continue;
		*out = (struct doctor_send){ p->port, p->to, p->whole, slice(p->bytes, p->n) };
		p->due = vtime_add(now, p->sends++ ? LATER_WAIT : FIRST_WAIT);
		p->sent_at = d->last_sent = now;
		d->next_send = vtime_add(now, DOCTOR_PACE);
		found_now(d)->sent++;
		return true;
	}
	return false;
}

vtime doctor_deadline(const struct doctor *d)
{
	vtime at = d->stage == STAGE_LISTEN ? d->until : VTIME_NEVER;

	if (d->nrelease)
		return 0;
	for (unsigned i = 0; i < d->nprobes; i++) {
		const struct probe *p = &d->probe[i];
		vtime due = p->due;

		if (!is_open(p))
			continue;
		if (p->sends < p->tries && due < d->next_send)
			due = d->next_send;
		at = vtime_min(at, due);
	}
	return at;
}

bool doctor_over(const struct doctor *d)
{
	return d->stage == STAGE_OVER && !d->nrelease;
}

const struct doctor_found *doctor_found(const struct doctor *d, unsigned target)
{
	return &d->found[target];
}

int doctor_best(const struct doctor *d)
{
	return d->best;
}
