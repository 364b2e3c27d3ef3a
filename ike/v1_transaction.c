/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* A person may take so long to answer what the gateway asks. */
#define PERSON_WAIT (300 * VTIME_S)

enum {
	STEP_SESSION = 1, /* the peer's message has been taken and not been answered */
};

struct transaction *v1_transaction_of(struct exchange *x)
{
	return (struct transaction *)x;
}

/* ---- slots ---- */

void v1_transaction_end(struct transaction *t)
{
	exchange_end_within(&t->x, sizeof(*t));
}

bool v1_transaction_has(const struct ike_sa *sa, const struct exchange *x)
{
	for (unsigned i = 0; i < TRANSACTION_SLOTS; i++)
		if (x == &sa->transaction[i].x)
			return true;
	return false;
}

struct transaction *v1_transaction_find(struct ike_sa *sa, uint32_t message_id)
{
	for (unsigned i = 0; i < TRANSACTION_SLOTS; i++)
		if (sa->transaction[i].x.type && sa->transaction[i].x.id == message_id)
			return &sa->transaction[i];
	return NULL;
}

/*
 * One not in use, or the one that is complete for the longest time: an answer given just now may
 * still be in the outbox. NULL: all of them are in the air.
 */
static struct transaction *slot(struct ike_sa *sa)
{
	struct transaction *best = NULL;

	for (unsigned i = 0; i < TRANSACTION_SLOTS; i++) {
		struct transaction *t = &sa->transaction[i];

		if (!t->x.type)
			return t;
		if (!exchange_in_air(&t->x) && (!best || t->completed < best->completed))
			best = t;
	}
	if (best)
		v1_transaction_end(best);
	return best;
}

bool v1_transaction_in_air(const struct ike_sa *sa)
{
	for (unsigned i = 0; i < TRANSACTION_SLOTS; i++)
		if (exchange_in_air(&sa->transaction[i].x))
			return true;
	return false;
}

void v1_transaction_arm(struct ike_sa *sa)
{
	vtime at = VTIME_NEVER;

	for (unsigned i = 0; i < TRANSACTION_SLOTS; i++)
		at = vtime_min(at, exchange_deadline(&sa->transaction[i].x));
	timers_set(&sa->timers, IKE_T_TRANSACTION, at);
}

/* ---- what we begin ---- */

static void build(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct transaction *t = v1_transaction_of(x);
	enum attribute_message message = (enum attribute_message)t->message;

	/* REPLY follows REQUEST, ACK follows SET. */
	if (x->step == STEP_SESSION)
		message = message == ATTRIBUTE_REQUEST ? ATTRIBUTE_REPLY : ATTRIBUTE_ACK;
	attributes_begin(b, message, t->identifier);
	if (t->write)
		t->write(sa, t, &b->w);
}

/* Peers answer with the wrong one of both, and with other identifiers. */
static int consume_answer(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
			  struct ike_failure *why)
{
	struct attributes a;

	(void)now;
	(void)why;
	if (attributes_parse(ike_msg_body(m, PAYLOAD_ATTRIBUTE), &a) != 0)
		return ERR_MALFORMED;
	if (a.message != ATTRIBUTE_REPLY && a.message != ATTRIBUTE_ACK)
		return ERR_UNEXPECTED;
	v1_user_hear(sa, v1_transaction_of(x), &a);
	return 0;
}

static void done(struct ike_sa *sa, vtime now, struct exchange *x)
{
	v1_transaction_of(x)->completed = ++sa->transactions_completed;
	v1_user_done(sa, now, v1_transaction_of(x));
}

static void lost(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_failure *why)
{
	const struct exchange_type *type = x->type;
	const struct ike_failure copy = *why;

	v1_transaction_end(v1_transaction_of(x));
	sa_arm(sa, x);
	v1_user_lost(sa, now, type, &copy);
}

#define ASIDE (PAYLOAD_BIT(PAYLOAD_NOTIFY) | PAYLOAD_BIT(PAYLOAD_VID))
#define OUTWARD(text)                                                                              \
	{                                                                                          \
		{ .encrypted = true, .hash = 1, .build = build },                                  \
			{                                                                          \
				.encrypted = true,                                                 \
				.hash = 1,                                                         \
				.required = PAYLOAD_BIT(PAYLOAD_HASH) |                            \
					    PAYLOAD_BIT(PAYLOAD_ATTRIBUTE),                        \
				.many = ASIDE,                                                     \
				.consume = consume_answer,                                         \
				.silence = text,                                                   \
			},                                                                         \
	}

static const struct exchange_message pull[] =
	OUTWARD("the gateway does not answer the request for an address (Mode Config)");
static const struct exchange_message demand[] = OUTWARD("the client does not say who its user is");
static const struct exchange_message status[] =
	OUTWARD("the client does not acknowledge what became of its user");
static const struct exchange_message push[] =
	OUTWARD("the client does not acknowledge its configuration");

const struct exchange_type v1_transaction_pull = {
	.name = "Mode Config",
	.number = ISAKMP_TRANSACTION,
	.n = ARRAY_SIZE(pull),
	.message = pull,
	.done = done,
	.lost = lost,
};

const struct exchange_type v1_transaction_demand = {
	.name = "XAUTH",
	.number = ISAKMP_TRANSACTION,
	.patient = true,
	.n = ARRAY_SIZE(demand),
	.message = demand,
	.done = done,
	.lost = lost,
};

const struct exchange_type v1_transaction_status = {
	.name = "XAUTH",
	.number = ISAKMP_TRANSACTION,
	.n = ARRAY_SIZE(status),
	.message = status,
	.done = done,
	.lost = lost,
};

const struct exchange_type v1_transaction_push = {
	.name = "Mode Config",
	.number = ISAKMP_TRANSACTION,
	.n = ARRAY_SIZE(push),
	.message = push,
	.done = done,
	.lost = lost,
};

/* Our next message; what it is made of is there for this call alone. */
static void send(struct ike_sa *sa, vtime now, struct transaction *t,
		 void (*write)(struct ike_sa *sa, struct transaction *t, struct wr *w),
		 const struct ike_event *ev)
{
	t->write = write;
	t->event = ev;
	sa_exchange_send(sa, now, &t->x);
	t->write = NULL;
	t->event = NULL;
}

struct transaction *
v1_transaction_begin(struct ike_sa *sa, vtime now, const struct exchange_type *type, vtime timeout,
		     void (*write)(struct ike_sa *sa, struct transaction *t, struct wr *w),
		     const struct ike_event *ev)
{
	struct transaction *t = slot(sa);
	uint32_t id = sa_message_id(sa);

	if (!t)
		return NULL;
	exchange_begin(&t->x, type, id, now, timeout);
	protect_iv_phase2(&sa->keys, sa->last_block, id, t->x.iv);
	t->identifier = (uint16_t)(1 + rng_u32(sa->rng) % UINT16_MAX);
	t->message = type == &v1_transaction_pull || type == &v1_transaction_demand ?
			     ATTRIBUTE_REQUEST :
			     ATTRIBUTE_SET;
	send(sa, now, t, write, ev);
	return t->x.type ? t : NULL;
}

bool v1_transaction_refused(struct ike_sa *sa, vtime now, const struct notify_payload *n)
{
	struct ike_failure why = { .err = ERR_PEER_REFUSED,
				   .notify = n->type,
				   .authentic = true,
				   .text = "the gateway answered with an error" };

	for (unsigned i = 0; i < TRANSACTION_SLOTS; i++) {
		struct exchange *x = &sa->transaction[i].x;

		if (!exchange_in_air(x) || x->type->message[0].consume)
			continue;
		why.during = x->type->name;
		exchange_hint(x, now, &why);
		sa_arm(sa, x);
		return true;
	}
	return false;
}

/* ---- what the peer begins ---- */

static int consume_first(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
			 struct ike_failure *why)
{
	struct transaction *t = v1_transaction_of(x);
	struct attributes a;

	(void)now;
	(void)why;
	if (attributes_parse(ike_msg_body(m, PAYLOAD_ATTRIBUTE), &a) != 0)
		return ERR_MALFORMED;
	if (a.message != ATTRIBUTE_REQUEST && a.message != ATTRIBUTE_SET)
		return ERR_UNEXPECTED;
	t->message = a.message;
	t->identifier = a.identifier;
	attribute_types_of(&a, &t->types);
	v1_user_hear(sa, t, &a);
	return 0;
}

static void taken(struct ike_sa *sa, vtime now, struct exchange *x)
{
	v1_user_heard(sa, now, v1_transaction_of(x));
}

static void answered(struct ike_sa *sa, vtime now, struct exchange *x)
{
	(void)now;
	v1_transaction_of(x)->completed = ++sa->transactions_completed;
}

static void inward_lost(struct ike_sa *sa, vtime now, struct exchange *x,
			const struct ike_failure *why)
{
	const struct ike_failure copy = *why;

	if (x->step == STEP_SESSION) {
		v1_user_unanswered(sa, now, v1_transaction_of(x), &copy);
	} else {
		/* Nobody waits for anything: it is as if it had not come. */
		sa_drop(sa, DROP_IKE_MALFORMED);
		v1_transaction_end(v1_transaction_of(x));
		sa_arm(sa, x);
	}
}

static const struct exchange_message inward_messages[] = {
	{
		.encrypted = true,
		.hash = 1,
		.required = PAYLOAD_BIT(PAYLOAD_HASH) | PAYLOAD_BIT(PAYLOAD_ATTRIBUTE),
		.many = ASIDE,
		.consume = consume_first,
		.taken = taken,
	},
	{
		.encrypted = true,
		.hash = 1,
		.build = build,
		.silence = "nobody has answered what the gateway asks for",
	},
};

static const struct exchange_type inward = {
	.name = "transaction",
	.number = ISAKMP_TRANSACTION,
	.n = ARRAY_SIZE(inward_messages),
	.message = inward_messages,
	.done = answered,
	.lost = inward_lost,
};

void v1_transaction_answer(struct ike_sa *sa, vtime now, struct transaction *t,
			   void (*write)(struct ike_sa *sa, struct transaction *t, struct wr *w),
			   const struct ike_event *ev)
{
	send(sa, now, t, write, ev);
}

/* ---- receiving ---- */

static bool opens(const struct ike_sa *sa, const uint8_t iv[PROTECT_BLOCK], const struct ike_msg *m,
		  uint8_t *first)
{
	const struct protect_hash hash = { .number = 1 };
	uint8_t buf[IKE_MESSAGE_MAX], next[PROTECT_BLOCK];
	struct ike_msg opened;
	struct slice body;
	bool good;

	good = protect_open(&sa->keys, iv, m, buf, &opened, next) == 0 &&
	       protect_verify(&sa->keys, &hash, &opened) == 0;
	body = good ? ike_msg_body(&opened, PAYLOAD_ATTRIBUTE) : SLICE_NONE;
	*first = body.n ? body.p[0] : 0;
	wipe(buf, m->body.n < sizeof(buf) ? m->body.n : sizeof(buf));
	return good;
}

static void begin(struct ike_sa *sa, vtime now, struct transaction *t, const uint8_t *iv,
		  const struct ike_msg *m, struct slice bytes)
{
	vtime wait = sa->config->gateway ? sa->config->timeout : PERSON_WAIT;

	exchange_begin(&t->x, &inward, m->h.id, now, wait);
	memcpy(t->x.iv, iv, sizeof(t->x.iv));
	sa_exchange_receive(sa, now, &t->x, m, bytes);
}

/* Some begin the next one under the message id of the last, whose chain of IVs then goes on. */
static void receive_next(struct ike_sa *sa, vtime now, struct transaction *t,
			 const struct ike_msg *m, struct slice bytes)
{
	uint8_t iv[PROTECT_BLOCK], message;

	memcpy(iv, t->x.iv, sizeof(iv));
	if (!(m->h.flags & ISAKMP_ENCRYPTED)) {
		sa_drop(sa, DROP_IKE_UNPROTECTED);
	} else if (!opens(sa, iv, m, &message)) {
		sa_drop(sa, DROP_IKE_AUTH);
	} else if (!v1_user_may_take(sa, message)) {
		sa_drop(sa, DROP_IKE_UNEXPECTED);
	} else {
		v1_transaction_end(t);
		begin(sa, now, t, iv, m, bytes);
	}
}

static void receive_new(struct ike_sa *sa, vtime now, const struct ike_msg *m, struct slice bytes)
{
	uint8_t iv[PROTECT_BLOCK], message;
	struct transaction *t;

	protect_iv_phase2(&sa->keys, sa->last_block, m->h.id, iv);
	if (!(m->h.flags & ISAKMP_ENCRYPTED)) {
		sa_drop(sa, DROP_IKE_UNPROTECTED);
	} else if (!opens(sa, iv, m, &message)) {
		sa_drop(sa, DROP_IKE_AUTH);
	} else if (!v1_user_may_take(sa, message)) {
		sa_drop(sa, DROP_IKE_UNEXPECTED); /* not remembered: it will come again */
	} else if (sa_seen(sa, m->h.id)) {
		sa_drop(sa, DROP_IKE_DUPLICATE);
	} else {
		t = slot(sa);
		if (t)
			begin(sa, now, t, iv, m, bytes);
	}
}

void v1_transaction_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m,
			    struct slice bytes)
{
	struct transaction *t = v1_transaction_find(sa, m->h.id);

	if (!sa_is_up(sa) || m->h.id == 0)
		sa_drop(sa, DROP_IKE_UNEXPECTED);
	else if (t && (exchange_in_air(&t->x) || exchange_is_repeat(&t->x, bytes)))
		sa_exchange_receive(sa, now, &t->x, m, bytes);
	else if (t)
		receive_next(sa, now, t, m, bytes);
	else
		receive_new(sa, now, m, bytes);
}
