/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XAUTH and Mode Config as a client, from a gateway that has proved itself and sends what it likes.
 * The first byte of the input chooses how far it has come; then follow steps: transactions and
 * payload chains sealed with the SA's own keys, repeats, changed ones, time, and what the session
 * does. What the session is handed must be valid whatever came.
 */
#include "tests/support/ike_user.h"

#include <stdlib.h>

#define STEPS_MAX 64

enum stage {
	AWAITED,
	ASKED,
	ANSWERED,
	PULLING,
	UP,
	REKEYED, /* waits for 2 s */
	STAGES
};

static struct pair pair;
static struct pair *const p = &pair;
static struct user_message m;
static struct pair_datagram last;

/* The gateway hears nothing behind phase 1, so that its keys stay. */
static bool deaf(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	(void)pp;
	(void)n;
	return d->source == 1;
}

static struct ike_sa *sa(void)
{
	return pair_sa(p, 0);
}

static void inject(void)
{
	last = m.d;
	pair_inject(p, &m.d);
}

static struct slice take(struct rd *r)
{
	size_t n = rd_u16(r) % 4096;

	return rd_slice(r, n < rd_left(r) ? n : rd_left(r));
}

static void seal(void)
{
	const struct protect_hash hash = { .number = 1 };
	struct ike_sa *g = pair_sa(p, 1);

	m.d.n = g->keys.key.n ? protect_finish(&m.w, &g->keys, &hash, m.id, m.iv).n : 0;
	if (m.d.n)
		inject();
}

/* An attributes payload with these bytes, under a message id of its own or the last one's. */
static void step_transaction(struct rd *r, bool next)
{
	enum attribute_message message = (enum attribute_message)rd_u8(r);
	uint16_t identifier = rd_u16(r);
	struct attributes answer;

	if (next && m.id && user_answered(p, &m, &answer))
		user_begin_next(p, &m, message, identifier);
	else
		user_begin(p, &m, message, identifier);
	wr_slice(&m.w.w, take(r));
	seal();
}

/* The answer to what the client pulls. */
static void step_reply(struct rd *r)
{
	const struct transaction *t = sa()->user.pull;
	enum attribute_message message = (enum attribute_message)rd_u8(r);

	if (!t || !t->x.type)
		return;
	m.id = t->x.id;
	memcpy(m.iv, t->x.iv, sizeof(m.iv));
	user_begin_next(p, &m, message, t->identifier);
	wr_slice(&m.w.w, take(r));
	seal();
}

/* Any payloads behind the HASH. */
static void step_chain(struct rd *r)
{
	static const uint8_t exchanges[] = { ISAKMP_TRANSACTION, ISAKMP_INFORMATIONAL,
					     ISAKMP_QUICK };
	uint8_t exchange = exchanges[rd_u8(r) % sizeof(exchanges)];

	user_begin(p, &m, ATTRIBUTE_SET, 0);
	m.d.bytes[18] = exchange;
	m.w.w.p = m.w.w.base + IKE_HEADER_SIZE + IKE_GENERIC_SIZE +
		  hash_size(pair_sa(p, 1)->suite.hash);
	m.w.w.base[IKE_HEADER_SIZE] = rd_u8(r);
	m.w.open = 0;
	wr_slice(&m.w.w, take(r));
	seal();
}

static void step_changed(struct rd *r)
{
	unsigned changes = rd_u8(r) % 8;

	if (!last.n)
		return;
	m.d = last;
	for (unsigned k = 0; k < changes; k++) {
		size_t at = rd_u16(r) % m.d.n;

		m.d.bytes[at] ^= rd_u8(r);
	}
	pair_inject(p, &m.d);
}

static void step_time(struct rd *r)
{
	vtime at = ike_deadline(sa());

	if (at != VTIME_NEVER)
		pair_run(p, (at > p->now ? at : p->now) + rd_u8(r) * VTIME_MS);
}

static void step_event(struct rd *r)
{
	static const enum ike_event_type plain[] = { IKE_EVENT_PROBE, IKE_EVENT_CLOSE,
						     IKE_EVENT_XAUTH_DEMAND,
						     IKE_EVENT_CONFIG_GIVE };
	uint8_t what = rd_u8(r) % 8;
	struct ike_event ev = { 0 };

	if (what < 4) {
		user_answer(p, what ? "123456" : NULL);
	} else if (what == 4) {
		user_refuse(p);
	} else {
		ev.type = plain[rd_u8(r) % ARRAY_SIZE(plain)];
		pair_event(p, 0, &ev);
		pair_pump(p);
	}
}

static void step(struct rd *r)
{
	switch (rd_u8(r) % 8) {
	case 0:
		step_transaction(r, false);
		break;
	case 1:
		step_transaction(r, true);
		break;
	case 2:
		step_reply(r);
		break;
	case 3:
		step_chain(r);
		break;
	case 4:
		if (last.n)
			pair_inject(p, &last);
		break;
	case 5:
		step_changed(r);
		break;
	case 6:
		step_time(r);
		break;
	case 7:
		step_event(r);
		break;
	}
}

/* ---- what must hold ---- */

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(const char *text, size_t size, bool lines)
{
	check(memchr(text, '\0', size));
	for (; *text; text++)
		check((*text >= ' ' && *text < 0x7f) || (lines && *text == '\n'));
}

static void check_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.:";

	check(memchr(name, '\0', IKE_NAME_MAX));
	check(strspn(name, allowed) == strlen(name));
	check(name[0] != '-');
}

static void check_addrs(const struct addr *list, unsigned n)
{
	check(n <= IKE_DNS_MAX);
	for (unsigned k = 0; k < n; k++)
		check(addr_is_host(&list[k]));
}

static void check_splits(const struct ike_split *list, unsigned n)
{
	check(n <= IKE_SPLIT_MAX);
	for (unsigned k = 0; k < n; k++)
		check(list[k].prefix.addr.family != FAMILY_NONE &&
		      list[k].prefix.len <= 8 * family_size(list[k].prefix.addr.family));
}

static void check_assigned(const struct ike_assigned *a)
{
	check(a->ip4.family == FAMILY_NONE || (addr_is_host(&a->ip4) && a->ip4_len <= 32));
	check(a->ip6.family == FAMILY_NONE || (addr_is_host(&a->ip6) && a->ip6_len <= 128));
	check_addrs(a->dns, a->ndns);
	check_addrs(a->nbns, a->nnbns);
	check_splits(a->include, a->ninclude);
	check_splits(a->exclude, a->nexclude);
	check_name(a->domain);
	check(a->nsplit_dns <= IKE_SPLIT_DNS_MAX && a->nbackup <= IKE_BACKUP_MAX);
	for (unsigned k = 0; k < a->nsplit_dns; k++)
		check_name(a->split_dns[k]);
	for (unsigned k = 0; k < a->nbackup; k++)
		check_name(a->backup[k]);
	check_text(a->banner, sizeof(a->banner), true);
	check_text(a->application_version, sizeof(a->application_version), false);
	check(a->save_password >= -1 && a->save_password <= 1);
}

static void check_all(void)
{
	const struct pair_end *u = &p->end[0];

	if (u->assigned)
		check_assigned(u->assigned);
	check_text(u->message, sizeof(u->message), false);
	check(u->ndead <= u->nsa && u->nestablished <= u->nsa);
	if (u->ndead) {
		check_text(u->dead.why.said, sizeof(u->dead.why.said), false);
		check(u->dead.why.text && u->dead.why.during);
		check(u->dead.why.err != ERR_REDIRECTED || addr_is_host(&u->dead.why.redirect));
	}
	for (unsigned k = 0; k < u->nsa; k++)
		check(u->sa[k]->state != IKE_STATE_DEAD || !ike_sa_cipher_key(u->sa[k]).n);
}

static void accept_user(void)
{
	user_begin(p, &m, ATTRIBUTE_SET, 0);
	attribute_write_number(&m.w.w, ATTRIBUTE_XAUTH_STATUS, 1);
	user_say(p, &m);
}

static void ask_user(void)
{
	user_begin(p, &m, ATTRIBUTE_REQUEST, 0);
	attribute_write(&m.w.w, ATTRIBUTE_XAUTH_USER_NAME, SLICE_NONE);
	attribute_write(&m.w.w, ATTRIBUTE_XAUTH_USER_PASSWORD, SLICE_NONE);
	user_say(p, &m);
}

static void begin(enum stage stage)
{
	user_init(p, 1);
	memset(&m, 0, sizeof(m));
	last.n = 0;
	if (stage == UP)
		p->end[0].config.wish.pull = false;
	user_phase1(p, stage == REKEYED ? IKE_EVENT_REKEY : IKE_EVENT_START);
	p->passes = deaf;
	if (stage == ASKED || stage == ANSWERED)
		ask_user();
	if (stage == ANSWERED)
		user_answer(p, NULL);
	if (stage == PULLING || stage == UP)
		accept_user();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r;

	if (crypto_init() != 0)
		abort();
	rd_init(&r, slice(data, size));
	begin((enum stage)(rd_u8(&r) % STAGES));
	for (unsigned k = 0; k < STEPS_MAX && rd_left(&r); k++)
		step(&r);
	check_all();
	pair_free(p);
	check(secret_pool_used() == 0);
	return 0;
}
