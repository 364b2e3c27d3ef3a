/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ike/'s engine with the protocol left out, for tests of who uses it: the test says what the engine
 * has to tell, and sees what it is told. Linked in place of the real one by a test that uses it.
 */
#ifndef GODWIT_TESTS_FAKE_IKE_H
#define GODWIT_TESTS_FAKE_IKE_H

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ike/ike.h"

#define FAKE_IKE_EVENTS_MAX 256
#define FAKE_IKE_VALUE_MAX 64

/* What an engine was told. */
struct fake_ike_event {
	unsigned sa; /* which one: they are numbered from 1 in the order in which they were made */
	vtime at;
	enum ike_event_type type;
	struct path path; /* START, REKEY, MOVE */
	struct ike_notify notification; /* NOTIFY; its data is in `data` */
	uint8_t data[IKE_NOTIFY_MAX];
	uint32_t ended; /* NOTIFY_END */
	struct addr held[2]; /* START, REKEY: what is wished for */
	struct identity remote; /* START, REKEY */
	struct ts_pair ts; /* CHILD */
	uint32_t id, spi; /* CHILD */
	const struct ike_child_config *config; /* CHILD */
	enum dh_group pfs; /* CHILD */
	char value[XAUTH_FIELDS][FAKE_IKE_VALUE_MAX]; /* XAUTH_ANSWER; "-": not given */
	bool refuse; /* XAUTH_ANSWER */
	uint16_t notify; /* CHILD_REFUSE */
	uint32_t deleted; /* CHILD_DELETE: this SPI */
};

enum fake_ike_children {
	FAKE_IKE_CHILDREN_UP, /* each is agreed on at once */
	FAKE_IKE_CHILDREN_WAIT, /* nothing comes of them */
	FAKE_IKE_CHILDREN_REFUSED, /* with INVALID-ID-INFORMATION */
	FAKE_IKE_CHILDREN_REFUSED_WHOLE, /* the same, those for all addresses alone */
	FAKE_IKE_CHILDREN_REFUSED_FLOWS, /* the same, those for one port of ours alone */
	FAKE_IKE_CHILDREN_REFUSED_HOSTS, /* the same, those for one host */
	FAKE_IKE_CHILDREN_NO_PROPOSAL, /* all */
	FAKE_IKE_CHILDREN_NO_PFS, /* no proposal of those with PFS is chosen */
};

struct fake_ike {
	unsigned nsas; /* made so far */
	unsigned nevents;
	struct fake_ike_event events[FAKE_IKE_EVENTS_MAX];
	enum fake_ike_children children;
	enum encapsulation encapsulation; /* of children */
	uint32_t keylife_s; /* of children */
	unsigned expired; /* SAs that ended by themselves, and said so */
	bool address_update; /* of all SAs */
	bool own; /* all gateways say that they are this program */
};

#define FAKE_IKE_SAS_MAX 64
#define FAKE_IKE_EFFECTS_MAX 64
#define FAKE_IKE_INVALID_ID 18
#define FAKE_IKE_NO_PROPOSAL 14

struct ike_sa {
	const struct ike_config *config;
	unsigned number;
	enum ike_state state;
	vtime expires_at;
	struct ike_effect effects[FAKE_IKE_EFFECTS_MAX];
	unsigned first, n;
};

static struct fake_ike fake_ike;
static struct ike_sa *fake_sas[FAKE_IKE_SAS_MAX];

static inline void fake_ike_reset(void)
{
	memset(&fake_ike, 0, sizeof(fake_ike));
	memset(fake_sas, 0, sizeof(fake_sas));
	fake_ike.keylife_s = 3600;
}

/* The SA of this number; NULL when it has been freed. */
static inline struct ike_sa *fake_ike_sa(unsigned number)
{
	return fake_sas[number];
}

static inline struct ike_effect *fake_push(struct ike_sa *sa, enum ike_effect_type type)
{
	struct ike_effect *fx = &sa->effects[sa->first + sa->n++];

	assert(sa->first + sa->n <= FAKE_IKE_EFFECTS_MAX);
	*fx = (struct ike_effect){ .type = type };
	return fx;
}

/* A zeroed effect that the SA gives out next. */
static inline struct ike_effect *fake_ike_push(unsigned number, enum ike_effect_type type)
{
	assert(fake_sas[number]);
	return fake_push(fake_sas[number], type);
}

/* From now on it is established, and ends at this time. */
static inline void fake_ike_expires(unsigned number, vtime at)
{
	fake_sas[number]->state = IKE_STATE_ESTABLISHED;
	fake_sas[number]->expires_at = at;
}

/* The last event of this type; NULL: there was none. */
static inline const struct fake_ike_event *fake_ike_last(enum ike_event_type type)
{
	for (unsigned i = fake_ike.nevents; i > 0; i--)
		if (fake_ike.events[i - 1].type == type)
			return &fake_ike.events[i - 1];
	return NULL;
}

/* How many of this type there were, for this SA; 0: for all. */
static inline unsigned fake_ike_count(unsigned number, enum ike_event_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < fake_ike.nevents; i++)
		n += fake_ike.events[i].type == type &&
		     (number == 0 || fake_ike.events[i].sa == number);
	return n;
}

/* ---- the engine ---- */

struct ike_sa *ike_sa_new(const struct ike_config *config, struct rng *rng, struct log *log)
{
	struct ike_sa *sa = xcalloc(1, sizeof(*sa));

	(void)rng;
	(void)log;
	sa->config = config;
	sa->number = ++fake_ike.nsas;
	sa->expires_at = VTIME_NEVER;
	assert(sa->number < FAKE_IKE_SAS_MAX);
	fake_sas[sa->number] = sa;
	return sa;
}

void ike_child_free(struct ike_child *c)
{
	secret_free(&c->keymat_in);
	secret_free(&c->keymat_out);
}

static inline void fake_effect_free(struct ike_effect *fx)
{
	if (fx->type == IKE_EFFECT_CHILD_UP || fx->type == IKE_EFFECT_CHILD_READY)
		ike_child_free(&fx->child);
}

void ike_sa_free(struct ike_sa *sa)
{
	if (!sa)
		return;
	for (unsigned i = 0; i < sa->n; i++)
		fake_effect_free(&sa->effects[sa->first + i]);
	fake_sas[sa->number] = NULL;
	free(sa);
}

static inline bool fake_is_refused(const struct ts_pair *ts)
{
	struct prefix p;

	switch (fake_ike.children) {
	case FAKE_IKE_CHILDREN_REFUSED_WHOLE:
		return ts_to_prefix(&ts->remote, &p) && p.len == 0;
	case FAKE_IKE_CHILDREN_REFUSED_FLOWS:
		return ts->local.port_lo == ts->local.port_hi;
	case FAKE_IKE_CHILDREN_REFUSED_HOSTS:
		return addr_eq(&ts->remote.lo, &ts->remote.hi);
	case FAKE_IKE_CHILDREN_REFUSED:
	case FAKE_IKE_CHILDREN_NO_PROPOSAL:
		return true;
	case FAKE_IKE_CHILDREN_UP:
	case FAKE_IKE_CHILDREN_WAIT:
	case FAKE_IKE_CHILDREN_NO_PFS:
		break;
	}
	return false;
}

static inline void fake_ike_child_failed(unsigned number, uint32_t id, int err, uint16_t notify)
{
	struct ike_effect *fx = fake_ike_push(number, IKE_EFFECT_CHILD_FAILED);

	fx->child_failed.id = id;
	fx->child_failed.why = (struct ike_failure){
		.err = err,
		.notify = notify,
		.during = "quick mode",
		.text = "the gateway has no connection for these networks",
	};
}

static inline void fake_ike_child_up(unsigned number, uint32_t id, uint32_t spi,
				     const struct ike_child_config *c)
{
	struct ike_effect *fx = fake_ike_push(number, IKE_EFFECT_CHILD_UP);

	fx->child = (struct ike_child){
		.id = id,
		.spi_in = spi,
		.spi_out = spi ^ 0x55555555,
		.suite = c->suites[0],
		.pfs = c->pfs,
		.ts = c->ts,
		.encapsulation = fake_ike.encapsulation,
		.keylife_s = fake_ike.keylife_s,
	};
	secret_init(&fx->child.keymat_in, esp_suite_keymat(&c->suites[0]));
	secret_init(&fx->child.keymat_out, esp_suite_keymat(&c->suites[0]));
}

static inline void fake_child(struct ike_sa *sa, const struct ike_event *ev)
{
	bool proposal = fake_ike.children == FAKE_IKE_CHILDREN_NO_PROPOSAL;

	if (fake_ike.children == FAKE_IKE_CHILDREN_WAIT)
		return;
	if (fake_ike.children == FAKE_IKE_CHILDREN_NO_PFS && ev->child.config->pfs != DH_NONE)
		fake_ike_child_failed(sa->number, ev->child.id, ERR_NO_PROPOSAL,
				      FAKE_IKE_NO_PROPOSAL);
	else if (fake_is_refused(&ev->child.config->ts))
		fake_ike_child_failed(sa->number, ev->child.id, ERR_PEER_REFUSED,
				      proposal ? FAKE_IKE_NO_PROPOSAL : FAKE_IKE_INVALID_ID);
	else
		fake_ike_child_up(sa->number, ev->child.id, ev->child.spi, ev->child.config);
}

static inline void fake_note_answer(struct fake_ike_event *e, const struct ike_event *ev)
{
	e->refuse = ev->answer.refuse;
	for (unsigned f = 0; f < XAUTH_FIELDS; f++) {
		struct slice value = ev->answer.value[f];

		assert(value.n < FAKE_IKE_VALUE_MAX);
		if (value.p && value.n)
			memcpy(e->value[f], value.p, value.n);
		else if (!value.p)
			e->value[f][0] = '-';
	}
}

static inline struct fake_ike_event *fake_note(struct ike_sa *sa, vtime now,
					       const struct ike_event *ev)
{
	struct fake_ike_event *e = &fake_ike.events[fake_ike.nevents++];

	assert(fake_ike.nevents <= FAKE_IKE_EVENTS_MAX);
	*e = (struct fake_ike_event){ .sa = sa->number, .at = now, .type = ev->type };
	return e;
}

static inline void fake_begin(struct ike_sa *sa, struct fake_ike_event *e,
			      const struct ike_event *ev)
{
	sa->state = IKE_STATE_PHASE1;
	e->path = ev->path;
	e->remote = sa->config->remote;
	memcpy(e->held, sa->config->wish.held, sizeof(e->held));
}

void ike_event(struct ike_sa *sa, vtime now, const struct ike_event *ev)
{
	struct fake_ike_event *e;

	if (sa->state == IKE_STATE_DEAD)
		return;
	e = fake_note(sa, now, ev);
	if (ev->type == IKE_EVENT_START || ev->type == IKE_EVENT_REKEY) {
		fake_begin(sa, e, ev);
	} else if (ev->type == IKE_EVENT_CHILD) {
		e->ts = ev->child.config->ts;
		e->pfs = ev->child.config->pfs;
		e->id = ev->child.id;
		e->spi = ev->child.spi;
		e->config = ev->child.config;
		fake_child(sa, ev);
	} else if (ev->type == IKE_EVENT_XAUTH_ANSWER) {
		fake_note_answer(e, ev);
	} else if (ev->type == IKE_EVENT_CHILD_REFUSE) {
		e->notify = ev->refuse.notify;
	} else if (ev->type == IKE_EVENT_CHILD_DELETE) {
		e->deleted = ev->spi;
	} else if (ev->type == IKE_EVENT_MOVE) {
		e->path = ev->path;
	} else if (ev->type == IKE_EVENT_NOTIFY) {
		assert(ev->notify.data.n <= IKE_NOTIFY_MAX);
		e->notification = ev->notify;
		memcpy(e->data, ev->notify.data.p, ev->notify.data.n);
		e->notification.data.p = e->data;
	} else if (ev->type == IKE_EVENT_NOTIFY_END) {
		e->ended = ev->notify_id;
	} else if (ev->type == IKE_EVENT_CLOSE) {
		fake_push(sa, IKE_EFFECT_DEAD);
	}
}

void ike_timeout(struct ike_sa *sa, vtime now)
{
	struct ike_effect *fx;

	if (sa->expires_at > now)
		return;
	sa->expires_at = VTIME_NEVER;
	sa->state = IKE_STATE_DEAD;
	fake_ike.expired++;
	fx = fake_push(sa, IKE_EFFECT_DEAD);
	fx->why.err = ERR_EXHAUSTED;
	fx->why.text = "the lifetime of the connection's keys is over";
}

bool ike_output(struct ike_sa *sa, vtime now, struct ike_effect *out)
{
	(void)now;
	if (!sa->n)
		return false;
	*out = sa->effects[sa->first];
	sa->n--;
	sa->first = sa->n ? sa->first + 1 : 0;
	return true;
}

vtime ike_deadline(const struct ike_sa *sa)
{
	return sa->expires_at;
}

/* The first byte of a datagram is the number of its SA. */
bool ike_sa_owns(const struct ike_sa *sa, struct slice datagram)
{
	return datagram.n && datagram.p[0] == sa->number;
}

bool ike_is_first_message(struct slice datagram)
{
	(void)datagram;
	return true;
}

void ike_sa_info(const struct ike_sa *sa, struct ike_sa_info *out)
{
	*out = (struct ike_sa_info){
		.state = sa->state,
		.suite = sa->config->suites[0],
		.expires_at = sa->expires_at,
	};
}

struct slice ike_sa_cipher_key(const struct ike_sa *sa)
{
	(void)sa;
	return (struct slice){ NULL, 0 };
}

#endif
