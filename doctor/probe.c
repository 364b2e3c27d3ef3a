/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/probe.h"

#include <stdio.h>

#define VERSION_AT 17
#define FILLER 'p'

/* ---- building ---- */

static void write_vendor(struct ike_writer *b, enum vendor v)
{
	ike_write_body(b, PAYLOAD_VID, vendor_bytes(v));
}

static bool has_user(const struct offer *o)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->choice[i].method != METHOD_PSK && o->choice[i].method != METHOD_RSA)
			return true;
	return false;
}

static void write_vendors(struct ike_writer *b, const struct offer *o)
{
	write_vendor(b, VENDOR_NATT_RFC);
	write_vendor(b, VENDOR_NATT_DRAFT_02N);
	write_vendor(b, VENDOR_DPD);
	write_vendor(b, VENDOR_FRAGMENTATION);
	wr_u32(&b->w, 0x80000000u); /* of the messages of phase 1 */
	if (!has_user(o))
		return;
	write_vendor(b, VENDOR_XAUTH);
	write_vendor(b, VENDOR_UNITY);
}

/* A vendor id that nobody knows, so long that the datagram becomes `size` bytes. */
static void fill_up(struct ike_writer *b, uint8_t type, size_t size)
{
	size_t n = wr_len(&b->w) + IKE_GENERIC_SIZE;

	if (size <= n)
		return;
	ike_write_payload(b, (enum payload_type)type);
	for (; n < size; n++)
		wr_u8(&b->w, FILLER);
}

static void write_offer(struct ike_writer *b, const struct offer *o)
{
	if (o->n)
		proposal_write_ike_mixed(b, o->choice, o->n);
	else
		proposal_write_ike_refusable(b);
}

static bool write_public(struct ike_writer *b, enum dh_group group, struct rng *rng)
{
	struct dh *dh = dh_new(group, rng);

	if (!dh)
		return false;
	ike_write_body(b, PAYLOAD_KE, dh_public(dh));
	dh_free(dh);
	return true;
}

static void write_nonce(struct ike_writer *b, struct rng *rng)
{
	uint8_t nonce[PROBE_NONCE];

	rng_fill(rng, nonce, sizeof(nonce));
	ike_write_body(b, PAYLOAD_NONCE, SLICE_OF(nonce));
}

static void build_main(struct probe *p, struct ike_writer *b)
{
	write_offer(b, &p->offer);
	write_vendors(b, &p->offer);
}

static bool build_key(struct probe *p, struct ike_writer *b, struct rng *rng)
{
	const struct ike_choice *c = &p->before.choice;
	enum natt style = vendor_natt(p->before.vendors);
	struct ike_header h;

	memcpy(h.cookie_i, p->cookie_i, sizeof(h.cookie_i));
	memcpy(h.cookie_r, p->before.cookie_r, sizeof(h.cookie_r));
	if (!write_public(b, c->suite.group, rng))
		return false;
	write_nonce(b, rng);
	if (style != NATT_NONE)
		natd_write(b, style, c->suite.hash, &h, &p->to, &p->from, rng);
	return true;
}

/* The group is a key id, as Cisco has it; its identity says UDP, port 500. */
static bool build_group(struct probe *p, struct ike_writer *b, struct rng *rng)
{
	struct identity id = { .type = ID_KEY_ID };

	id.n = (uint16_t)strnlen(p->name, sizeof(id.data));
	memcpy(id.data, p->name, id.n);
	write_offer(b, &p->offer);
	if (!p->offer.n || !write_public(b, p->offer.choice[0].suite.group, rng))
		return false;
	write_nonce(b, rng);
	id_write_identity(b, &id, 17, IKE_PORT);
	write_vendors(b, &p->offer);
	return true;
}

/* Nothing is derived from it: for a group that we cannot compute in, any bytes do. */
static void public_of(uint16_t group, struct rng *rng, uint8_t *out, size_t n)
{
	struct dh *dh = dh_public_size((enum dh_group)group) ? dh_new((enum dh_group)group, rng) :
							       NULL;

	if (dh)
		memcpy(out, dh_public(dh).p, n);
	else
		rng_fill(rng, out, n);
	dh_free(dh);
}

static bool build_init(struct probe *p, struct ike_writer *b, uint8_t *at, size_t size,
		       struct rng *rng)
{
	static const uint8_t none[PROBE_NONCE];
	uint8_t value[DH_PUBLIC_MAX];
	size_t n = v2_group_size(p->v2_group);
	struct v2_init init = {
		.group = p->v2_group,
		.public_value = slice(value, n),
		.nonce = SLICE_OF(p->nonce),
		.cookie = slice(p->before.cookie, p->before.ncookie),
		.from = p->from,
		.to = p->to,
	};

	if (n == 0 || n > sizeof(value))
		return false;
	memcpy(init.spi_i, p->cookie_i, sizeof(init.spi_i));
	public_of(p->v2_group, rng, value, n);
	if (memcmp(p->nonce, none, sizeof(none)) == 0)
		rng_fill(rng, p->nonce, sizeof(p->nonce));
	v2_write_init(b, at, size, &init, rng);
	return true;
}

static void begin_v1(struct probe *p, struct ike_writer *b, uint8_t *at, size_t size)
{
	struct ike_header h = {
		.exchange = p->kind == PROBE_GROUP ? ISAKMP_AGGRESSIVE : ISAKMP_MAIN,
	};

	memcpy(h.cookie_i, p->cookie_i, sizeof(h.cookie_i));
	if (p->kind == PROBE_KEY)
		memcpy(h.cookie_r, p->before.cookie_r, sizeof(h.cookie_r));
	ike_write_header(b, at, size, &h);
}

static bool build_message(struct probe *p, struct ike_writer *b, uint8_t *at, size_t size,
			  struct rng *rng)
{
	if (p->kind != PROBE_INIT)
		begin_v1(p, b, at, size);
	switch (p->kind) {
	case PROBE_MAIN:
		build_main(p, b);
		return true;
	case PROBE_KEY:
		return build_key(p, b, rng);
	case PROBE_GROUP:
		return build_group(p, b, rng);
	case PROBE_INIT:
		return build_init(p, b, at, size, rng);
	}
	return false;
}

static size_t marker_of(const struct probe *p)
{
	return p->port == DOCTOR_4500 ? MARKER_SIZE : 0;
}

bool probe_build(struct probe *p, struct rng *rng)
{
	size_t marker = marker_of(p), size = sizeof(p->bytes) - marker;
	uint8_t *at = p->bytes + marker;
	struct ike_writer b;
	struct slice done;

	memset(p->bytes, 0, marker);
	if (!build_message(p, &b, at, size, rng))
		return false;
	if (p->size > marker)
		fill_up(&b, p->kind == PROBE_INIT ? V2_VID : PAYLOAD_VID, p->size - marker);
	done = ike_write_done(&b);
	if (p->kind == PROBE_INIT)
		v2_write_end(at, done.n);
	p->n = done.n ? done.n + marker : 0;
	return p->n > 0;
}

struct slice probe_release(const struct probe *p, struct rng *rng, uint8_t *buf, size_t size)
{
	size_t marker = marker_of(p);
	struct notify_payload n = { .protocol = PROTOCOL_ISAKMP,
				    .type = NOTIFY_AUTHENTICATION_FAILED };
	struct ike_header h = { .exchange = ISAKMP_INFORMATIONAL };
	uint8_t spi[2 * IKE_COOKIE_SIZE];
	struct ike_writer b;
	struct slice done;

	if (p->kind == PROBE_INIT || p->answer.kind != ANSWER_CHOSEN || size < marker)
		return SLICE_NONE;
	memcpy(h.cookie_i, p->cookie_i, sizeof(h.cookie_i));
	memcpy(h.cookie_r, p->answer.cookie_r, sizeof(h.cookie_r));
	memcpy(spi, p->cookie_i, IKE_COOKIE_SIZE);
	memcpy(spi + IKE_COOKIE_SIZE, p->answer.cookie_r, IKE_COOKIE_SIZE);
	h.id = rng_u32(rng);
	n.spi = SLICE_OF(spi);
	memset(buf, 0, marker);
	ike_write_header(&b, buf + marker, size - marker, &h);
	notify_write(&b, &n);
	done = ike_write_done(&b);
	return done.n ? slice(buf, done.n + marker) : SLICE_NONE;
}

/* ---- reading ---- */

/* What comes back as it was, we have sent to ourselves. */
static bool is_own(const struct probe *p, struct slice message)
{
	return slice_eq(message, slice(p->bytes + marker_of(p), p->n - marker_of(p)));
}

bool probe_owns(const struct probe *p, struct slice message)
{
	return message.n >= IKE_COOKIE_SIZE && memcmp(message.p, p->cookie_i, IKE_COOKIE_SIZE) == 0;
}

static void vendor_take(struct answer *a, struct slice body)
{
	const char *name;
	enum vendor v = vendor_find(body, &name);
	char *text;

	if (a->nvendors == DOCTOR_VENDORS_MAX || body.n == 0)
		return;
	text = a->vendor[a->nvendors++];
	if (v != VENDOR_UNKNOWN) {
		snprintf(text, DOCTOR_VENDOR_TEXT, "%s", name);
		return;
	}
	for (size_t i = 0; i < body.n && i < DOCTOR_VENDOR_TEXT / 2 - 1; i++)
		snprintf(text + 2 * i, 3, "%02x", body.p[i]);
}

static void vendors_take(struct answer *a, const struct ike_msg *m)
{
	a->vendors = vendor_msg_set(m);
	for (const struct ike_payload *v = ike_msg_find(m, PAYLOAD_VID); v;
	     v = ike_msg_find_next(m, v))
		vendor_take(a, v->body);
}

static enum answer_kind read_notify(const struct ike_msg *m, struct answer *a)
{
	struct notify_payload n;

	for (const struct ike_payload *p = ike_msg_find(m, PAYLOAD_NOTIFY); p;
	     p = ike_msg_find_next(m, p)) {
		if (notify_parse(p->body, &n) != 0 || n.type > NOTIFY_ERROR_MAX || !n.type)
			continue;
		a->notify = n.type;
		return ANSWER_REFUSED;
	}
	return ANSWER_NONE;
}

static enum answer_kind read_choice(const struct probe *p, const struct ike_msg *m,
				    struct answer *a)
{
	static const uint8_t none[IKE_COOKIE_SIZE];
	struct sa_payload sa;

	if (memcmp(a->cookie_r, none, sizeof(none)) == 0 ||
	    sa_payload_parse(ike_msg_body(m, PAYLOAD_SA), &sa) != 0 ||
	    proposal_read_ike(&sa, &a->choice) != 0 || !offer_has(&p->offer, &a->choice))
		return ANSWER_ODD;
	vendors_take(a, m);
	return ANSWER_CHOSEN;
}

static enum answer_kind read_key(const struct probe *p, const struct ike_msg *m,
				 const struct endpoint *local, struct answer *a)
{
	const struct ike_choice *c = &p->before.choice;

	/* Message 2 once more. */
	if (ike_msg_find(m, PAYLOAD_SA))
		return ANSWER_NONE;
	if (memcmp(a->cookie_r, p->before.cookie_r, sizeof(a->cookie_r)) != 0 ||
	    ke_parse(ike_msg_body(m, PAYLOAD_KE), c->suite.group) != 0 ||
	    nonce_parse(ike_msg_body(m, PAYLOAD_NONCE)) != 0)
		return ANSWER_ODD;
	vendors_take(a, m);
	a->natd = natd_detect(m, c->suite.hash, local, &p->to, &a->nat) == 0;
	a->wants_certificate = ike_msg_find(m, PAYLOAD_CERT_REQUEST);
	return ANSWER_KEY;
}

static enum answer_kind read_v1(const struct probe *p, struct slice message,
				const struct endpoint *local, struct answer *a)
{
	struct ike_msg m;

	if (ike_msg_parse(message, &m) != 0)
		return ANSWER_ODD;
	if (m.h.flags & ISAKMP_ENCRYPTED)
		return ANSWER_NONE;
	memcpy(a->cookie_r, m.h.cookie_r, sizeof(a->cookie_r));
	if (m.h.exchange == ISAKMP_INFORMATIONAL)
		return read_notify(&m, a);
	switch (p->kind) {
	case PROBE_MAIN:
		return m.h.exchange == ISAKMP_MAIN ? read_choice(p, &m, a) : ANSWER_ODD;
	case PROBE_KEY:
		return m.h.exchange == ISAKMP_MAIN ? read_key(p, &m, local, a) : ANSWER_ODD;
	case PROBE_GROUP:
		a->hash = ike_msg_find(&m, PAYLOAD_HASH);
		return m.h.exchange == ISAKMP_AGGRESSIVE ? read_choice(p, &m, a) : ANSWER_ODD;
	case PROBE_INIT:
		break;
	}
	return ANSWER_ODD;
}

static enum answer_kind read_init(const struct v2_msg *m, const struct probe *p,
				  const struct endpoint *local, struct answer *a)
{
	const struct v2_payload *sa = v2_msg_find(m, NULL, V2_SA);
	struct v2_notification n;

	if (!sa || v2_sa_parse(sa->body, &a->suite) != 0 || !v2_msg_find(m, NULL, V2_KE) ||
	    !v2_msg_find(m, NULL, V2_NONCE))
		return ANSWER_ODD;
	a->natd = v2_nat_detect(m, local, &p->to, &a->nat) == 0;
	a->fragmentation = v2_notify_find(m, V2_FRAGMENTATION, &n);
	a->wants_certificate = v2_msg_find(m, NULL, V2_CERT_REQUEST);
	for (const struct v2_payload *v = v2_msg_find(m, NULL, V2_VID); v;
	     v = v2_msg_find(m, v, V2_VID))
		vendor_take(a, v->body);
	return ANSWER_CHOSEN;
}

static enum answer_kind read_v2(const struct probe *p, struct slice message,
				const struct endpoint *local, struct answer *a)
{
	struct v2_notification n;
	struct v2_msg m;

	if (v2_msg_parse(message, &m) != 0)
		return ANSWER_ODD;
	memcpy(a->cookie_r, m.h.cookie_r, sizeof(a->cookie_r));
	a->notify = v2_notify_error(&m);
	if (p->kind != PROBE_INIT)
		return a->notify ? ANSWER_REFUSED : ANSWER_ODD;
	if (!(m.h.flags & V2_RESPONSE) || m.h.exchange != V2_IKE_SA_INIT)
		return ANSWER_ODD;
	if (v2_notify_find(&m, V2_INVALID_KE, &n) && n.data.n == 2) {
		a->group = get_be16(n.data.p);
		return ANSWER_OTHER_GROUP;
	}
	if (a->notify)
		return ANSWER_REFUSED;
	if (v2_notify_find(&m, V2_COOKIE, &n) && n.data.n && n.data.n <= sizeof(a->cookie)) {
		a->ncookie = n.data.n;
		memcpy(a->cookie, n.data.p, n.data.n);
		return ANSWER_COOKIE;
	}
	return read_init(&m, p, local, a);
}

bool probe_read(struct probe *p, struct slice message, const struct endpoint *local)
{
	struct answer a = { 0 };

	if (message.n <= VERSION_AT || is_own(p, message))
		return false;
	if (message.p[VERSION_AT] >> 4 == V2_VERSION >> 4)
		a.kind = read_v2(p, message, local, &a);
	else
		a.kind = read_v1(p, message, local, &a);
	if (a.kind == ANSWER_NONE)
		return false;
	p->answer = a;
	return true;
}
