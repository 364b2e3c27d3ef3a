/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/v2.h"

#include <stdio.h>

#define VERSION_AT 17
#define MAJOR(version) ((version) >> 4)
#define PROTOCOL_IKE 1
#define SHA1_SIZE 20

enum transform_kind {
	KIND_ENCR = 1,
	KIND_PRF = 2,
	KIND_INTEG = 3,
	KIND_DH = 4,
	KIND_ESN = 5,
};

#define ATTRIBUTE_BASIC 0x8000
#define ATTRIBUTE_KEY_LENGTH 14

/* ---- names and sizes, by IANA's numbers ---- */

static const struct name {
	uint16_t number;
	const char *text;
	uint16_t size; /* of groups: bytes of a public value that can be offered */
} encrs[] = {
	{ 3, "3des", 0 },	 { 12, "aes%u", 0 },	    { 13, "aes%uctr", 0 },
	{ 18, "aes%ugcm8", 0 },	 { 19, "aes%ugcm12", 0 },   { 20, "aes%ugcm16", 0 },
	{ 16, "aes%uccm16", 0 }, { 23, "camellia%u", 0 }, { 28, "chacha20poly1305", 0 },
}, prfs[] = {
	{ 1, "prfmd5", 0 },    { 2, "prfsha1", 0 },   { 4, "prfaesxcbc", 0 }, { 5, "prfsha256", 0 },
	{ 6, "prfsha384", 0 }, { 7, "prfsha512", 0 }, { 8, "prfaescmac", 0 },
}, integs[] = {
	{ 1, "md5", 0 },     { 2, "sha1", 0 },	  { 5, "aesxcbc", 0 },
	{ 12, "sha256", 0 }, { 13, "sha384", 0 }, { 14, "sha512", 0 },
}, groups[] = {
	{ 2, "modp1024", 128 },	 { 5, "modp1536", 192 },    { 14, "modp2048", 256 },
	{ 15, "modp3072", 384 }, { 16, "modp4096", 512 },   { 19, "ecp256", 64 },
	{ 20, "ecp384", 96 },	 { 21, "ecp521", 132 },	    { 31, "curve25519", 32 },
	{ 1, "modp768", 0 },	 { 17, "modp6144", 0 },	    { 18, "modp8192", 0 },
	{ 24, "modp2048s256", 0 }, { 28, "ecp256bp", 0 },  { 29, "ecp384bp", 0 },
	{ 30, "ecp512bp", 0 },	 { 32, "curve448", 0 },
};

static const struct name *name_find(const struct name *names, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].number == number)
			return &names[i];
	return NULL;
}

static void add_text(char buf[V2_SUITE_TEXT_MAX], const char *text)
{
	size_t n = strlen(buf);

	snprintf(buf + n, V2_SUITE_TEXT_MAX - n, "%s%s", n ? "-" : "", text);
}

static void add_name(char buf[V2_SUITE_TEXT_MAX], const struct name *names, size_t n,
		     uint16_t number, const char *kind)
{
	const struct name *found = name_find(names, n, number);
	char text[24];

	if (!number)
		return;
	snprintf(text, sizeof(text), "%s %u", kind, number);
	add_text(buf, found ? found->text : text);
}

static void add_encr(char buf[V2_SUITE_TEXT_MAX], const struct v2_suite *s)
{
	const struct name *found = name_find(encrs, ARRAY_SIZE(encrs), s->encr);
	const char *bits = found ? strstr(found->text, "%u") : NULL;
	char text[40];

	if (!bits) {
		add_name(buf, encrs, ARRAY_SIZE(encrs), s->encr, "cipher");
		return;
	}
	snprintf(text, sizeof(text), "%.*s%u%s", (int)(bits - found->text), found->text,
		 s->key_bits, bits + 2);
	add_text(buf, text);
}

/* The prf is named where it does not follow from the integrity. */
static bool prf_follows(const struct v2_suite *s)
{
	return (s->integ == 2 && s->prf == 2) || (s->integ == 1 && s->prf == 1) ||
	       (s->integ == 12 && s->prf == 5) || (s->integ == 13 && s->prf == 6) ||
	       (s->integ == 14 && s->prf == 7);
}

const char *v2_suite_text(const struct v2_suite *s, char buf[V2_SUITE_TEXT_MAX])
{
	buf[0] = '\0';
	add_encr(buf, s);
	add_name(buf, integs, ARRAY_SIZE(integs), s->integ, "integrity");
	if (!prf_follows(s))
		add_name(buf, prfs, ARRAY_SIZE(prfs), s->prf, "prf");
	add_name(buf, groups, ARRAY_SIZE(groups), s->group, "group");
	return buf;
}

const char *v2_group_text(uint16_t group, char buf[V2_SUITE_TEXT_MAX])
{
	buf[0] = '\0';
	add_name(buf, groups, ARRAY_SIZE(groups), group, "group");
	return buf;
}

size_t v2_group_size(uint16_t group)
{
	const struct name *found = name_find(groups, ARRAY_SIZE(groups), group);

	return found ? found->size : 0;
}

/* ---- reading ---- */

static int header_parse(struct slice bytes, struct rd *r, struct ike_header *h)
{
	rd_init(r, bytes);
	rd_copy(r, h->cookie_i, sizeof(h->cookie_i));
	rd_copy(r, h->cookie_r, sizeof(h->cookie_r));
	h->next = rd_u8(r);
	h->version = rd_u8(r);
	h->exchange = rd_u8(r);
	h->flags = rd_u8(r);
	h->id = rd_u32(r);
	h->length = rd_u32(r);
	if (r->bad || h->length != bytes.n || bytes.n > IKE_MESSAGE_MAX)
		return ERR_MALFORMED;
	return MAJOR(h->version) == MAJOR(V2_VERSION) ? 0 : ERR_UNSUPPORTED;
}

int v2_msg_parse(struct slice bytes, struct v2_msg *out)
{
	struct rd r;
	int err = header_parse(bytes, &r, &out->h);
	uint8_t type = out->h.next;

	out->n = 0;
	if (err)
		return err;
	while (type != PAYLOAD_NONE) {
		uint8_t next = rd_u8(&r);
		uint16_t length;

		/* Its flag "critical" is for who goes on from here. */
		rd_u8(&r);
		length = rd_u16(&r);
		if (r.bad || length < IKE_GENERIC_SIZE || out->n == V2_PAYLOADS_MAX)
			return ERR_MALFORMED;
		out->payload[out->n++] = (struct v2_payload){
			.type = type,
			.body = rd_slice(&r, length - IKE_GENERIC_SIZE),
		};
		if (r.bad)
			return ERR_MALFORMED;
		type = next;
	}
	return rd_left(&r) == 0 ? 0 : ERR_MALFORMED;
}

const struct v2_payload *v2_msg_find(const struct v2_msg *m, const struct v2_payload *after,
				     enum v2_payload_type type)
{
	for (unsigned i = after ? (unsigned)(after - m->payload) + 1 : 0; i < m->n; i++)
		if (m->payload[i].type == type)
			return &m->payload[i];
	return NULL;
}

int v2_notify_parse(struct slice body, struct v2_notification *out)
{
	struct rd r;
	uint8_t size;

	rd_init(&r, body);
	rd_u8(&r);
	size = rd_u8(&r);
	out->type = rd_u16(&r);
	rd_slice(&r, size);
	out->data = rd_rest(&r);
	return r.bad ? ERR_MALFORMED : 0;
}

bool v2_notify_find(const struct v2_msg *m, enum v2_notify_type type, struct v2_notification *out)
{
	for (const struct v2_payload *p = v2_msg_find(m, NULL, V2_NOTIFY); p;
	     p = v2_msg_find(m, p, V2_NOTIFY))
		if (v2_notify_parse(p->body, out) == 0 && out->type == type)
			return true;
	return false;
}

uint16_t v2_notify_error(const struct v2_msg *m)
{
	struct v2_notification n;

	for (const struct v2_payload *p = v2_msg_find(m, NULL, V2_NOTIFY); p;
	     p = v2_msg_find(m, p, V2_NOTIFY))
		if (v2_notify_parse(p->body, &n) == 0 && n.type && n.type <= V2_ERROR_MAX)
			return n.type;
	return 0;
}

/* The key length is the only attribute there is (RFC 7296 section 3.3.5). */
static int attributes_parse(struct slice s, uint16_t *key_bits)
{
	struct rd r;

	*key_bits = 0;
	rd_init(&r, s);
	while (rd_left(&r) > 0) {
		uint16_t type = rd_u16(&r), value = rd_u16(&r);

		if (!(type & ATTRIBUTE_BASIC))
			rd_slice(&r, value);
		else if ((type & ~ATTRIBUTE_BASIC) == ATTRIBUTE_KEY_LENGTH)
			*key_bits = value;
		if (r.bad)
			return ERR_MALFORMED;
	}
	return 0;
}

static int transform_take(struct slice body, struct v2_suite *out)
{
	uint16_t *where[] = { [KIND_ENCR] = &out->encr,
			      [KIND_PRF] = &out->prf,
			      [KIND_INTEG] = &out->integ,
			      [KIND_DH] = &out->group };
	uint16_t id, key_bits;
	uint8_t kind;
	struct rd r;

	rd_init(&r, body);
	kind = rd_u8(&r);
	rd_u8(&r);
	id = rd_u16(&r);
	if (r.bad || kind < KIND_ENCR || kind > KIND_DH || *where[kind] ||
	    attributes_parse(rd_rest(&r), &key_bits) != 0)
		return ERR_MALFORMED;
	*where[kind] = id;
	if (kind == KIND_ENCR)
		out->key_bits = key_bits;
	return 0;
}

int v2_sa_parse(struct slice body, struct v2_suite *out)
{
	uint8_t more, protocol, spi, n;
	struct rd r;

	memset(out, 0, sizeof(*out));
	rd_init(&r, body);
	more = rd_u8(&r);
	rd_u8(&r);
	if (rd_u16(&r) != body.n || more)
		return ERR_MALFORMED;
	rd_u8(&r);
	protocol = rd_u8(&r);
	spi = rd_u8(&r);
	n = rd_u8(&r);
	rd_slice(&r, spi);
	for (unsigned i = 0; i < n && !r.bad; i++) {
		uint16_t length;

		rd_u16(&r);
		length = rd_u16(&r);
		if (r.bad || length < 8 ||
		    transform_take(rd_slice(&r, length - IKE_GENERIC_SIZE), out) != 0)
			return ERR_MALFORMED;
	}
	return r.bad || rd_left(&r) || protocol != PROTOCOL_IKE || !out->encr ? ERR_MALFORMED : 0;
}

/* ---- writing ---- */

struct transform {
	uint8_t kind;
	uint16_t id;
	uint16_t key_bits; /* 0: none is said */
};

#define GROUPS                                                                                     \
	{ KIND_DH, 31, 0 }, { KIND_DH, 20, 0 }, { KIND_DH, 19, 0 }, { KIND_DH, 21, 0 },            \
		{ KIND_DH, 16, 0 }, { KIND_DH, 15, 0 },                                            \
	{                                                                                          \
		KIND_DH, 14, 0                                                                     \
	}

static const struct transform with_aead[] = {
	{ KIND_ENCR, 20, 256 },
	{ KIND_ENCR, 20, 128 },
	{ KIND_ENCR, 28, 0 },
	{ KIND_PRF, 7, 0 },
	{ KIND_PRF, 6, 0 },
	{ KIND_PRF, 5, 0 },
	GROUPS,
};

static const struct transform with_hmac[] = {
	{ KIND_ENCR, 12, 256 },
	{ KIND_ENCR, 12, 128 },
	{ KIND_PRF, 7, 0 },
	{ KIND_PRF, 6, 0 },
	{ KIND_PRF, 5, 0 },
	{ KIND_PRF, 2, 0 },
	{ KIND_INTEG, 14, 0 },
	{ KIND_INTEG, 13, 0 },
	{ KIND_INTEG, 12, 0 },
	{ KIND_INTEG, 2, 0 },
	GROUPS,
};

static const struct transform weak[] = {
	{ KIND_ENCR, 12, 256 }, { KIND_ENCR, 12, 128 }, { KIND_ENCR, 3, 0 },   { KIND_PRF, 5, 0 },
	{ KIND_PRF, 2, 0 },	{ KIND_PRF, 1, 0 },	{ KIND_INTEG, 12, 0 }, { KIND_INTEG, 2, 0 },
	{ KIND_INTEG, 1, 0 },	{ KIND_DH, 14, 0 },	{ KIND_DH, 5, 0 },     { KIND_DH, 2, 0 },
};

static void write_transform(struct wr *w, const struct transform *t, bool last)
{
	wr_u8(w, last ? 0 : PAYLOAD_TRANSFORM);
	wr_u8(w, 0);
	wr_u16(w, t->key_bits ? 12 : 8);
	wr_u8(w, t->kind);
	wr_u8(w, 0);
	wr_u16(w, t->id);
	if (!t->key_bits)
		return;
	wr_u16(w, ATTRIBUTE_BASIC | ATTRIBUTE_KEY_LENGTH);
	wr_u16(w, t->key_bits);
}

static void write_proposal(struct wr *w, uint8_t number, const struct transform *list, size_t n,
			   bool last)
{
	size_t at = wr_len(w);

	wr_u8(w, last ? 0 : PAYLOAD_PROPOSAL);
	wr_u8(w, 0);
	wr_u16(w, 0);
	wr_u8(w, number);
	wr_u8(w, PROTOCOL_IKE);
	wr_u8(w, 0);
	wr_u8(w, (uint8_t)n);
	for (size_t i = 0; i < n; i++)
		write_transform(w, &list[i], i + 1 == n);
	wr_patch_u16(w, at + 2, (uint16_t)(wr_len(w) - at));
}

static void write_payload(struct ike_writer *b, enum v2_payload_type type)
{
	/* The generic header is that of IKEv1. */
	ike_write_payload(b, (enum payload_type)type);
}

static void write_notify(struct ike_writer *b, enum v2_notify_type type, struct slice data)
{
	write_payload(b, V2_NOTIFY);
	wr_u16(&b->w, 0);
	wr_u16(&b->w, type);
	wr_slice(&b->w, data);
}

/* SHA1(SPIi | SPIr | address | port), RFC 7296 section 2.23: that of RFC 3947 with this hash. */
static void write_natd(struct ike_writer *b, enum v2_notify_type type, const struct ike_header *h,
		       const struct endpoint *e, struct rng *rng)
{
	uint8_t hash[HASH_MAX];

	if (e->addr.family == FAMILY_NONE)
		rng_fill(rng, hash, SHA1_SIZE);
	else
		natd_hash(HASH_SHA1, h, e, hash);
	write_notify(b, type, slice(hash, SHA1_SIZE));
}

void v2_write_init(struct ike_writer *b, void *buf, size_t size, const struct v2_init *init,
		   struct rng *rng)
{
	struct ike_header h = { .exchange = V2_IKE_SA_INIT, .flags = V2_INITIATOR };

	memcpy(h.cookie_i, init->spi_i, sizeof(h.cookie_i));
	ike_write_header(b, buf, size, &h);
	if (init->cookie.n)
		write_notify(b, V2_COOKIE, init->cookie);
	write_payload(b, V2_SA);
	write_proposal(&b->w, 1, with_aead, ARRAY_SIZE(with_aead), false);
	write_proposal(&b->w, 2, with_hmac, ARRAY_SIZE(with_hmac), false);
	write_proposal(&b->w, 3, weak, ARRAY_SIZE(weak), true);
	write_payload(b, V2_KE);
	wr_u16(&b->w, init->group);
	wr_u16(&b->w, 0);
	wr_slice(&b->w, init->public_value);
	write_payload(b, V2_NONCE);
	wr_slice(&b->w, init->nonce);
	write_natd(b, V2_NAT_SOURCE, &h, &init->from, rng);
	write_natd(b, V2_NAT_DESTINATION, &h, &init->to, rng);
	write_notify(b, V2_FRAGMENTATION, SLICE_NONE);
}

void v2_write_end(uint8_t *message, size_t n)
{
	if (n > VERSION_AT)
		message[VERSION_AT] = V2_VERSION;
}

int v2_nat_detect(const struct v2_msg *m, const struct endpoint *local,
		  const struct endpoint *remote, enum nat *out)
{
	bool ours = false, theirs = false, said = false;
	struct v2_notification n;
	uint8_t hash[HASH_MAX];

	for (const struct v2_payload *p = v2_msg_find(m, NULL, V2_NOTIFY); p;
	     p = v2_msg_find(m, p, V2_NOTIFY)) {
		if (v2_notify_parse(p->body, &n) != 0 ||
		    (n.type != V2_NAT_SOURCE && n.type != V2_NAT_DESTINATION))
			continue;
		said = true;
		/* Its source is its own end, of which there may be several; its destination is us. */
		natd_hash(HASH_SHA1, &m->h, n.type == V2_NAT_SOURCE ? remote : local, hash);
		if (!slice_eq(n.data, slice(hash, SHA1_SIZE)))
			continue;
		if (n.type == V2_NAT_SOURCE)
			theirs = true;
		else
			ours = true;
	}
	if (!said)
		return ERR_UNSUPPORTED;
	*out = (enum nat)((ours ? 0 : NAT_LOCAL) | (theirs ? 0 : NAT_REMOTE));
	return 0;
}
