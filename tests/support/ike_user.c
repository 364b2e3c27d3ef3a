/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_user.h"

#include <stdlib.h>

void user_init(struct pair *p, uint64_t seed)
{
	pair_init(p, seed);
	p->end[0].config.xauth = true;
	p->end[0].config.wish.pull = true;
	p->end[1].config.xauth = true;
	p->end[1].config.gateway = true;
}

void user_phase1(struct pair *p, enum ike_event_type type)
{
	pair_start(p, 0, type);
	pair_pump(p);
}

/* ---- as sessions ---- */

static void event(struct pair *p, unsigned end, const struct ike_event *ev)
{
	pair_event(p, end, ev);
	pair_pump(p);
}

void user_demand(struct pair *p, unsigned fields, const char *message)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_DEMAND };

	ev.demand.fields = fields;
	ev.demand.message = message;
	event(p, 1, &ev);
}

void user_answer(struct pair *p, const char *other)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_ANSWER };

	for (unsigned f = 0; f < XAUTH_FIELDS; f++)
		ev.answer.value[f] = other ? SLICE_STR(other) : SLICE_NONE;
	ev.answer.value[XAUTH_USERNAME] = SLICE_STR(USER_NAME);
	ev.answer.value[XAUTH_PASSWORD] = SLICE_STR(USER_PASSWORD);
	event(p, 0, &ev);
}

void user_refuse(struct pair *p)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_ANSWER };

	ev.answer.refuse = true;
	event(p, 0, &ev);
}

void user_status(struct pair *p, bool ok, const char *message)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_STATUS };

	ev.status.ok = ok;
	ev.status.message = message;
	event(p, 1, &ev);
}

const struct ike_assigned *user_settings(void)
{
	static struct ike_assigned give;

	memset(&give, 0, sizeof(give));
	give.ip4_len = 24;
	give.ndns = give.ninclude = 1;
	give.unity = true;
	give.save_password = -1;
	if (!addr_parse("10.91.0.7", &give.ip4) || !addr_parse("10.80.0.1", &give.dns[0]) ||
	    !prefix_parse("10.80.0.0/16", &give.include[0].prefix))
		abort();
	return &give;
}

void user_give(struct pair *p, const struct ike_assigned *give)
{
	struct ike_event ev = { .type = IKE_EVENT_CONFIG_GIVE };

	ev.give = give;
	event(p, 1, &ev);
}

void user_up(struct pair *p)
{
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, 1 << XAUTH_USERNAME | 1 << XAUTH_PASSWORD, NULL);
	user_answer(p, NULL);
	user_status(p, true, NULL);
	user_give(p, user_settings());
}

/* ---- in place of the gateway's engine ---- */

static void begin(struct pair *p, struct user_message *m, enum attribute_message message,
		  uint16_t identifier)
{
	struct ike_sa *sa = pair_sa(p, 1);
	struct ike_header h = sa_header(sa, ISAKMP_TRANSACTION, m->id);

	m->d = (struct pair_datagram){ .source = 1,
				       .from = p->end[1].address,
				       .to = p->end[0].address };
	m->d.from.port = m->d.to.port = IKE_NATT_PORT;
	protect_begin(&m->w, m->d.bytes, sizeof(m->d.bytes), &h, sa->suite.hash);
	attributes_begin(&m->w, message, identifier);
}

void user_begin(struct pair *p, struct user_message *m, enum attribute_message message,
		uint16_t identifier)
{
	struct ike_sa *sa = pair_sa(p, 1);

	m->id = 1 + rng_u32(&p->rng) / 2;
	protect_iv_phase2(&sa->keys, sa->last_block, m->id, m->iv);
	begin(p, m, message, identifier);
}

void user_begin_next(struct pair *p, struct user_message *m, enum attribute_message message,
		     uint16_t identifier)
{
	begin(p, m, message, identifier);
}

void user_say(struct pair *p, struct user_message *m)
{
	const struct protect_hash hash = { .number = 1 };

	m->d.n = protect_finish(&m->w, &pair_sa(p, 1)->keys, &hash, m->id, m->iv).n;
	if (!m->d.n)
		abort();
	pair_inject(p, &m->d);
}

bool user_answered(struct pair *p, struct user_message *m, struct attributes *out)
{
	static uint8_t buf[IKE_MESSAGE_MAX];
	const struct protect_hash hash = { .number = 1 };
	const struct pair_datagram *d = NULL;
	uint8_t next[PROTECT_BLOCK];
	struct ike_msg msg, opened;

	for (unsigned k = p->nsent; k-- > 0 && p->nsent - k <= PAIR_SENT;) {
		d = &p->sent[k % PAIR_SENT];
		if (d->source == 0 && ike_msg_parse(slice(d->bytes, d->n), &msg) == 0 &&
		    msg.h.exchange == ISAKMP_TRANSACTION && msg.h.id == m->id)
			break;
		d = NULL;
	}
	if (!d || protect_open(&pair_sa(p, 1)->keys, m->iv, &msg, buf, &opened, next) != 0 ||
	    protect_verify(&pair_sa(p, 1)->keys, &hash, &opened) != 0 ||
	    attributes_parse(ike_msg_body(&opened, PAYLOAD_ATTRIBUTE), out) != 0)
		return false;
	memcpy(m->iv, next, sizeof(next));
	return true;
}
