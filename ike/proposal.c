/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/codec.h"

/* RFC 2409 appendix A, RFC 3602 section 5 */
enum {
	KEY_IKE = 1, /* the transform */
	IKE_ENCRYPTION = 1,
	IKE_HASH = 2,
	IKE_AUTH = 3,
	IKE_GROUP = 4,
	IKE_LIFE_TYPE = 11,
	IKE_LIFE_DURATION = 12,
	IKE_KEY_LENGTH = 14,
};

/* The last of the ciphers of private use (RFC 2409 appendix A): nobody has it. */
#define PRIVATE_CIPHER 65535

/* RFC 2407 section 4.5 */
enum {
	ESP_LIFE_TYPE = 1,
	ESP_LIFE_DURATION = 2,
	ESP_GROUP = 3,
	ESP_MODE = 4,
	ESP_INTEG = 5,
	ESP_KEY_LENGTH = 6,
};

enum {
	LIFE_SECONDS = 1,
	LIFE_KILOBYTES = 2
};

static const struct cipher_number {
	enum ike_cipher cipher;
	uint16_t number;
	uint16_t key_bits; /* the only length, which is not written; 0: written */
} cipher_numbers[] = {
	{ IKE_CIPHER_3DES_CBC, 5, DES3_KEY_BITS },
	{ IKE_CIPHER_AES_CBC, 7, 0 },
};

/* RFC 2407 section 4.4.4, RFC 3602, RFC 3686 section 9, RFC 4106 section 8 */
static const struct transform_number {
	enum esp_cipher cipher;
	uint8_t id;
	bool key_length; /* written */
	uint16_t key_bits; /* when it is not */
	bool integ;
} transform_numbers[] = {
	{ ESP_CIPHER_3DES_CBC, 3, false, DES3_KEY_BITS, true },
	{ ESP_CIPHER_NULL, 11, false, 0, true },
	{ ESP_CIPHER_AES_CBC, 12, true, 0, true },
	{ ESP_CIPHER_AES_CTR, 13, true, 0, true },
	{ ESP_CIPHER_AES_GCM_8, 18, true, 0, false },
	{ ESP_CIPHER_AES_GCM_12, 19, true, 0, false },
	{ ESP_CIPHER_AES_GCM_16, 20, true, 0, false },
};

static const struct {
	enum hash_alg alg;
	uint16_t number;
} hash_numbers[] = {
	{ HASH_MD5, 1 },      { HASH_SHA1, 2 },	    { HASH_SHA2_256, 4 },
	{ HASH_SHA2_384, 5 }, { HASH_SHA2_512, 6 },
};

static const struct {
	enum esp_integ integ;
	uint16_t number;
} integ_numbers[] = {
	{ ESP_INTEG_HMAC_MD5_96, 1 },	    { ESP_INTEG_HMAC_SHA1_96, 2 },
	{ ESP_INTEG_HMAC_SHA2_256_128, 5 }, { ESP_INTEG_HMAC_SHA2_384_192, 6 },
	{ ESP_INTEG_HMAC_SHA2_512_256, 7 },
};

static const struct cipher_number *cipher_number(enum ike_cipher cipher)
{
	size_t i = 0;

	while (cipher_numbers[i].cipher != cipher)
		i++;
	return &cipher_numbers[i];
}

static const struct cipher_number *cipher_from_number(uint64_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(cipher_numbers); i++)
		if (cipher_numbers[i].number == number)
			return &cipher_numbers[i];
	return NULL;
}

static const struct transform_number *transform_number(enum esp_cipher cipher)
{
	size_t i = 0;

	while (transform_numbers[i].cipher != cipher)
		i++;
	return &transform_numbers[i];
}

static const struct transform_number *transform_from_id(uint8_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(transform_numbers); i++)
		if (transform_numbers[i].id == id)
			return &transform_numbers[i];
	return NULL;
}

static uint16_t hash_number(enum hash_alg alg)
{
	for (size_t i = 0; i < ARRAY_SIZE(hash_numbers); i++)
		if (hash_numbers[i].alg == alg)
			return hash_numbers[i].number;
	return 0;
}

static bool hash_from_number(uint64_t number, enum hash_alg *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(hash_numbers); i++) {
		if (hash_numbers[i].number == number) {
			*out = hash_numbers[i].alg;
			return true;
		}
	}
	return false;
}

static uint16_t integ_number(enum esp_integ integ)
{
	for (size_t i = 0; i < ARRAY_SIZE(integ_numbers); i++)
		if (integ_numbers[i].integ == integ)
			return integ_numbers[i].number;
	return 0;
}

static bool integ_from_number(uint64_t number, enum esp_integ *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(integ_numbers); i++) {
		if (integ_numbers[i].number == number) {
			*out = integ_numbers[i].integ;
			return true;
		}
	}
	return false;
}

/* ---- writing ---- */

static size_t sub_begin(struct wr *w, uint8_t next)
{
	size_t at = wr_len(w);

	wr_u8(w, next);
	wr_u8(w, 0);
	wr_u16(w, 0);
	return at;
}

static void sub_end(struct wr *w, size_t at)
{
	wr_patch_u16(w, at + 2, (uint16_t)(wr_len(w) - at));
}

/* The head of an SA payload with a single proposal; returns where the proposal begins. */
static size_t sa_begin(struct ike_writer *b, uint8_t number, uint8_t protocol, struct slice spi,
		       unsigned transforms)
{
	size_t at;

	ike_write_payload(b, PAYLOAD_SA);
	wr_u32(&b->w, IPSEC_DOI);
	wr_u32(&b->w, SIT_IDENTITY_ONLY);
	at = sub_begin(&b->w, PAYLOAD_NONE);
	wr_u8(&b->w, number);
	wr_u8(&b->w, protocol);
	wr_u8(&b->w, (uint8_t)spi.n);
	wr_u8(&b->w, (uint8_t)transforms);
	wr_slice(&b->w, spi);
	return at;
}

static size_t transform_begin(struct wr *w, unsigned i, unsigned n, uint8_t id)
{
	size_t at = sub_begin(w, i + 1 < n ? PAYLOAD_TRANSFORM : PAYLOAD_NONE);

	wr_u8(w, (uint8_t)(i + 1));
	wr_u8(w, id);
	wr_u16(w, 0);
	return at;
}

static void ike_attributes_write(struct wr *w, const struct ike_suite *s, uint16_t method,
				 uint32_t lifetime_s)
{
	const struct cipher_number *c = cipher_number(s->cipher);

	sa_attribute_write(w, IKE_ENCRYPTION, c->number);
	if (!c->key_bits)
		sa_attribute_write(w, IKE_KEY_LENGTH, s->key_bits);
	sa_attribute_write(w, IKE_HASH, hash_number(s->hash));
	sa_attribute_write(w, IKE_GROUP, s->group);
	sa_attribute_write(w, IKE_AUTH, method);
	if (lifetime_s) {
		sa_attribute_write(w, IKE_LIFE_TYPE, LIFE_SECONDS);
		sa_attribute_write(w, IKE_LIFE_DURATION, lifetime_s);
	}
}

void proposal_write_ike(struct ike_writer *b, const struct ike_suite *suites, unsigned n,
			enum auth_method method, uint32_t lifetime_s)
{
	size_t proposal = sa_begin(b, 1, PROTOCOL_ISAKMP, SLICE_NONE, n);

	for (unsigned i = 0; i < n; i++) {
		size_t transform = transform_begin(&b->w, i, n, KEY_IKE);

		ike_attributes_write(&b->w, &suites[i], (uint16_t)method, lifetime_s);
		sub_end(&b->w, transform);
	}
	sub_end(&b->w, proposal);
}

void proposal_write_ike_mixed(struct ike_writer *b, const struct ike_choice *choices, unsigned n)
{
	size_t proposal = sa_begin(b, 1, PROTOCOL_ISAKMP, SLICE_NONE, n);

	for (unsigned i = 0; i < n; i++) {
		size_t transform = transform_begin(&b->w, i, n, KEY_IKE);

		ike_attributes_write(&b->w, &choices[i].suite, choices[i].method,
				     choices[i].lifetime_s);
		sub_end(&b->w, transform);
	}
	sub_end(&b->w, proposal);
}

void proposal_write_ike_refusable(struct ike_writer *b)
{
	size_t proposal = sa_begin(b, 1, PROTOCOL_ISAKMP, SLICE_NONE, 1);
	size_t transform = transform_begin(&b->w, 0, 1, KEY_IKE);

	sa_attribute_write(&b->w, IKE_ENCRYPTION, PRIVATE_CIPHER);
	sa_attribute_write(&b->w, IKE_HASH, hash_number(HASH_SHA2_256));
	sa_attribute_write(&b->w, IKE_GROUP, DH_MODP_2048);
	sa_attribute_write(&b->w, IKE_AUTH, METHOD_PSK);
	sub_end(&b->w, transform);
	sub_end(&b->w, proposal);
}

static void esp_attributes_write(struct wr *w, const struct esp_suite *s,
				 const struct esp_offer *offer)
{
	sa_attribute_write(w, ESP_MODE, offer->mode);
	if (transform_number(s->cipher)->key_length)
		sa_attribute_write(w, ESP_KEY_LENGTH, s->key_bits);
	if (s->integ != ESP_INTEG_NONE)
		sa_attribute_write(w, ESP_INTEG, integ_number(s->integ));
	if (offer->pfs != DH_NONE)
		sa_attribute_write(w, ESP_GROUP, offer->pfs);
	if (offer->lifetime_s) {
		sa_attribute_write(w, ESP_LIFE_TYPE, LIFE_SECONDS);
		sa_attribute_write(w, ESP_LIFE_DURATION, offer->lifetime_s);
	}
}

void proposal_write_esp(struct ike_writer *b, const struct esp_offer *offer)
{
	struct wr *w = &b->w;
	size_t proposal;
	uint8_t spi[4];

	put_be32(spi, offer->spi);
	proposal = sa_begin(b, 1, PROTOCOL_ESP, SLICE_OF(spi), offer->n);
	for (unsigned i = 0; i < offer->n; i++) {
		const struct esp_suite *s = &offer->suites[i];
		size_t transform = transform_begin(w, i, offer->n, transform_number(s->cipher)->id);

		esp_attributes_write(w, s, offer);
		sub_end(w, transform);
	}
	sub_end(w, proposal);
}

void proposal_write_choice(struct ike_writer *b, const struct sa_payload *sa, unsigned proposal,
			   unsigned transform, struct slice spi)
{
	const struct sa_proposal *p = &sa->proposal[proposal];
	size_t at = sa_begin(b, p->number, p->protocol, spi, 1);
	size_t first = wr_len(&b->w);

	wr_slice(&b->w, sa->transform[transform].whole);
	if (!b->w.bad)
		b->w.base[first] = PAYLOAD_NONE;
	sub_end(&b->w, at);
}

/* ---- understanding ---- */

/* The attributes of one transform by type, in whatever order they came. */
struct attributes {
	uint32_t seen;
	bool odd; /* one we do not know, or one that comes twice */
	uint64_t value[16];
	uint32_t seconds;
	uint64_t bytes;
};

static void life_take(struct attributes *a, uint64_t type, uint64_t value)
{
	if (type == LIFE_SECONDS)
		a->seconds = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
	else if (type == LIFE_KILOBYTES && value < UINT64_MAX / 1024)
		a->bytes = value * 1024;
}

/* The life duration follows its type; a type without a duration means nothing. */
static void attributes_sort(const struct sa_transform *t, uint16_t life_type, struct attributes *a)
{
	uint64_t pending = 0;

	*a = (struct attributes){ 0 };
	for (unsigned i = 0; i < t->nattributes; i++) {
		uint16_t type = t->attribute[i].type;
		uint64_t value = t->attribute[i].value;

		if (type == life_type) {
			pending = value;
		} else if (type == life_type + 1) {
			life_take(a, pending, value);
			pending = 0;
		} else if (type >= ARRAY_SIZE(a->value) || a->seen & (1u << type)) {
			a->odd = true;
		} else {
			a->seen |= 1u << type;
			a->value[type] = value;
		}
	}
}

static bool is_aes_length(uint64_t bits)
{
	return bits == 128 || bits == 192 || bits == 256;
}

static bool ike_transform_read(const struct sa_transform *t, struct ike_choice *out)
{
	uint32_t want = 1u << IKE_ENCRYPTION | 1u << IKE_HASH | 1u << IKE_AUTH | 1u << IKE_GROUP;
	const struct cipher_number *c;
	struct attributes a;

	attributes_sort(t, IKE_LIFE_TYPE, &a);
	c = cipher_from_number(a.value[IKE_ENCRYPTION]);
	if (t->id != KEY_IKE || !c || a.odd)
		return false;
	if (c->key_bits)
		a.value[IKE_KEY_LENGTH] = c->key_bits;
	else
		want |= 1u << IKE_KEY_LENGTH;
	if (a.seen != want || a.value[IKE_AUTH] > UINT16_MAX ||
	    !(c->key_bits || is_aes_length(a.value[IKE_KEY_LENGTH])) ||
	    a.value[IKE_GROUP] > UINT16_MAX ||
	    !hash_from_number(a.value[IKE_HASH], &out->suite.hash))
		return false;
	out->method = (uint16_t)a.value[IKE_AUTH];
	out->suite.cipher = c->cipher;
	out->suite.key_bits = (uint16_t)a.value[IKE_KEY_LENGTH];
	out->suite.group = (enum dh_group)a.value[IKE_GROUP];
	out->lifetime_s = a.seconds;
	out->lifetime_bytes = a.bytes;
	return true;
}

static bool esp_transform_read(const struct sa_transform *t, struct esp_choice *out)
{
	const struct transform_number *n = transform_from_id(t->id);
	uint32_t must = 1u << ESP_MODE;
	struct attributes a;

	attributes_sort(t, ESP_LIFE_TYPE, &a);
	if (!n || a.odd)
		return false;
	must |= n->key_length ? 1u << ESP_KEY_LENGTH : 0;
	must |= n->integ ? 1u << ESP_INTEG : 0;
	if ((a.seen & ~(1u << ESP_GROUP)) != must)
		return false;
	if ((n->key_length && !is_aes_length(a.value[ESP_KEY_LENGTH])) ||
	    a.value[ESP_GROUP] > UINT16_MAX || a.value[ESP_MODE] > UINT16_MAX)
		return false;
	out->suite.integ = ESP_INTEG_NONE;
	if (n->integ && !integ_from_number(a.value[ESP_INTEG], &out->suite.integ))
		return false;
	out->suite.cipher = n->cipher;
	out->suite.key_bits = n->key_length ? (uint16_t)a.value[ESP_KEY_LENGTH] : n->key_bits;
	out->pfs = (enum dh_group)a.value[ESP_GROUP];
	out->mode = (uint16_t)a.value[ESP_MODE];
	out->lifetime_s = a.seconds;
	out->lifetime_bytes = a.bytes;
	return true;
}

static bool ike_suite_among(const struct ike_suite *s, const struct ike_suite *suites, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (s->cipher == suites[i].cipher && s->key_bits == suites[i].key_bits &&
		    s->hash == suites[i].hash && s->group == suites[i].group)
			return true;
	return false;
}

static bool method_among(uint16_t method, const struct auth_methods *methods)
{
	for (unsigned i = 0; i < methods->n; i++)
		if (method == methods->method[i])
			return true;
	return false;
}

static bool esp_among(const struct esp_choice *c, const struct esp_offer *offer)
{
	if (c->pfs != offer->pfs || (offer->mode && c->mode != offer->mode))
		return false;
	for (unsigned i = 0; i < offer->n; i++)
		if (c->suite.cipher == offer->suites[i].cipher &&
		    c->suite.key_bits == offer->suites[i].key_bits &&
		    c->suite.integ == offer->suites[i].integ)
			return true;
	return false;
}

int proposal_choose_ike(const struct sa_payload *sa, const struct ike_suite *suites, unsigned n,
			const struct auth_methods *methods, struct ike_choice *out)
{
	for (unsigned p = 0; p < sa->nproposals; p++) {
		const struct sa_proposal *o = &sa->proposal[p];

		for (unsigned t = o->first; t < o->first + o->n; t++) {
			if (o->protocol != PROTOCOL_ISAKMP ||
			    !ike_transform_read(&sa->transform[t], out) ||
			    !ike_suite_among(&out->suite, suites, n) ||
			    !method_among(out->method, methods))
				continue;
			out->proposal = p;
			out->transform = t;
			return 0;
		}
	}
	return ERR_NO_PROPOSAL;
}

/* SPIs below 256 are reserved (RFC 4303 section 2.1). */
static bool esp_spi_read(struct slice spi, uint32_t *out)
{
	if (spi.n != 4)
		return false;
	*out = get_be32(spi.p);
	return *out >= 256;
}

int proposal_choose_esp(const struct sa_payload *sa, const struct esp_offer *ours,
			struct esp_choice *out)
{
	for (unsigned p = 0; p < sa->nproposals; p++) {
		const struct sa_proposal *o = &sa->proposal[p];

		for (unsigned t = o->first; t < o->first + o->n; t++) {
			if (o->protocol != PROTOCOL_ESP || !esp_spi_read(o->spi, &out->spi) ||
			    !esp_transform_read(&sa->transform[t], out) || !esp_among(out, ours))
				continue;
			out->proposal = p;
			out->transform = t;
			return 0;
		}
	}
	return ERR_NO_PROPOSAL;
}

int proposal_check_ike(const struct sa_payload *sa, const struct ike_suite *suites, unsigned n,
		       enum auth_method method, struct ike_choice *out)
{
	const struct auth_methods offered = { 1, { method } };

	if (sa->nproposals != 1 || sa->ntransforms != 1)
		return ERR_NO_PROPOSAL;
	return proposal_choose_ike(sa, suites, n, &offered, out);
}

int proposal_read_ike(const struct sa_payload *sa, struct ike_choice *out)
{
	if (sa->nproposals != 1 || sa->ntransforms != 1 ||
	    sa->proposal[0].protocol != PROTOCOL_ISAKMP ||
	    !ike_transform_read(&sa->transform[0], out))
		return ERR_NO_PROPOSAL;
	out->proposal = out->transform = 0;
	return 0;
}

int proposal_check_esp(const struct sa_payload *sa, const struct esp_offer *offer,
		       struct esp_choice *out)
{
	if (sa->nproposals != 1 || sa->ntransforms != 1)
		return ERR_NO_PROPOSAL;
	return proposal_choose_esp(sa, offer, out);
}
