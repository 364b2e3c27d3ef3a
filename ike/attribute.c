/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/attribute.h"

#define ATTRIBUTE_BASIC 0x8000
#define ALIGNMENT 4

/* ---- reading ---- */

void attribute_walk_init(struct attribute_walk *w, const struct attributes *a)
{
	rd_init(&w->r, a->list);
	w->base = a->list.p;
	w->aligned = a->aligned;
}

/* Type 0 is nobody's: such bytes are padding. */
static void padding_skip(struct attribute_walk *w)
{
	if (w->aligned)
		while (rd_left(&w->r) && (w->r.p - w->base) % ALIGNMENT)
			rd_u8(&w->r);
	while (rd_left(&w->r) >= ALIGNMENT && get_be16(w->r.p) == 0)
		rd_u8(&w->r);
}

bool attribute_walk_next(struct attribute_walk *w, struct attribute *out)
{
	const uint8_t *at;
	uint16_t type, n;

	padding_skip(w);
	if (rd_left(&w->r) < ALIGNMENT)
		return false;
	type = rd_u16(&w->r);
	at = w->r.p;
	n = rd_u16(&w->r);
	out->type = type & ~ATTRIBUTE_BASIC & 0xffff;
	out->value = type & ATTRIBUTE_BASIC ? slice(at, 2) : rd_slice(&w->r, n);
	return !w->r.bad;
}

static bool walks(const struct attributes *a)
{
	struct attribute_walk w;
	struct attribute one;

	attribute_walk_init(&w, a);
	while (attribute_walk_next(&w, &one))
		;
	return !w.r.bad;
}

int attributes_parse(struct slice body, struct attributes *out)
{
	struct rd r;

	rd_init(&r, body);
	out->message = rd_u8(&r);
	rd_u8(&r);
	out->identifier = rd_u16(&r);
	out->list = rd_rest(&r);
	out->aligned = false;
	if (r.bad)
		return ERR_MALFORMED;
	if (walks(out))
		return 0;
	/* Some pad what lies between the attributes and count none of it. */
	out->aligned = true;
	return walks(out) ? 0 : ERR_MALFORMED;
}

uint32_t attribute_number(const struct attribute *a)
{
	uint64_t v = 0;

	for (size_t i = 0; i < a->value.n && v <= UINT32_MAX; i++)
		v = v << 8 | a->value.p[i];
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

bool attribute_types_has(const struct attribute_types *t, uint16_t type)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->type[i] == type)
			return true;
	return false;
}

void attribute_types_of(const struct attributes *a, struct attribute_types *out)
{
	struct attribute_walk w;
	struct attribute one;

	out->n = 0;
	attribute_walk_init(&w, a);
	while (out->n < ATTRIBUTE_TYPES_MAX && attribute_walk_next(&w, &one))
		if (!attribute_types_has(out, one.type))
			out->type[out->n++] = one.type;
}

void attribute_text(struct slice value, char *out, size_t size)
{
	size_t n = 0;

	while (value.n && value.p[value.n - 1] <= ' ')
		value.n--;
	for (size_t i = 0; i < value.n && n + 1 < size; i++) {
		uint8_t c = value.p[i];

		if (c == '\r' && i + 1 < value.n && value.p[i + 1] == '\n')
			continue;
		if (c == '\r' || c == '\n' || c == '\t')
			c = ' ';
		out[n++] = c >= ' ' && c < 0x7f ? (char)c : '?';
	}
	out[n] = '\0';
}

/* ---- XAUTH ---- */

static const uint16_t field_types[XAUTH_FIELDS] = {
	[XAUTH_USERNAME] = ATTRIBUTE_XAUTH_USER_NAME,
	[XAUTH_PASSWORD] = ATTRIBUTE_XAUTH_USER_PASSWORD,
	[XAUTH_PASSCODE] = ATTRIBUTE_XAUTH_PASSCODE,
	[XAUTH_ANSWER] = ATTRIBUTE_XAUTH_ANSWER,
	[XAUTH_NEXT_PIN] = ATTRIBUTE_XAUTH_NEXT_PIN,
	[XAUTH_DOMAIN] = ATTRIBUTE_XAUTH_DOMAIN,
};

uint16_t xauth_field_type(enum xauth_field f)
{
	return field_types[f];
}

int xauth_field_of(uint16_t type)
{
	for (int f = 0; f < XAUTH_FIELDS; f++)
		if (field_types[f] == type)
			return f;
	return -1;
}

/* A challenge of a kind that a person can answer is shown with the message. */
static void text_append(char *out, size_t size, struct slice value)
{
	size_t n = strlen(out);

	if (n && n + 1 < size)
		out[n++] = ' ';
	attribute_text(value, out + n, size - n);
}

static void xauth_take(const struct attribute *a, struct xauth *out)
{
	int field = xauth_field_of(a->type);

	if (field >= 0) {
		out->fields |= 1u << field;
		out->value[field] = a->value;
	} else if (a->type == ATTRIBUTE_XAUTH_TYPE) {
		out->typed = true;
		out->type = (uint16_t)attribute_number(a);
	} else if (a->type == ATTRIBUTE_XAUTH_MESSAGE) {
		text_append(out->message, sizeof(out->message), a->value);
	} else if (a->type == ATTRIBUTE_XAUTH_CHALLENGE) {
		out->challenge |= a->value.n > 0;
		text_append(out->message, sizeof(out->message), a->value);
	} else {
		/* One refusal is enough. */
		out->status = attribute_number(a) == 1 && out->status != 0;
	}
}

void xauth_of(const struct attributes *a, struct xauth *out)
{
	struct attribute_walk w;
	struct attribute one;

	memset(out, 0, sizeof(*out));
	out->status = -1;
	attribute_walk_init(&w, a);
	while (attribute_walk_next(&w, &one)) {
		if (one.type < ATTRIBUTE_XAUTH_TYPE || one.type > ATTRIBUTE_XAUTH_ANSWER)
			continue;
		out->any = true;
		xauth_take(&one, out);
	}
}

void attributes_wish_of(const struct attributes *a, struct attribute_wish *out)
{
	struct attribute_walk w;
	struct attribute one;

	memset(out, 0, sizeof(*out));
	attribute_walk_init(&w, a);
	while (attribute_walk_next(&w, &one)) {
		struct slice v = one.value;

		if (one.type == ATTRIBUTE_IP4_ADDRESS && v.n == 4)
			addr_from_bytes(v, &out->held[0]);
		else if (one.type == ATTRIBUTE_IP6_ADDRESS && v.n >= 16)
			addr_from_bytes(slice(v.p, 16), &out->held[1]);
		else if (one.type == ATTRIBUTE_APPLICATION_VERSION)
			attribute_text(v, out->application_version,
				       sizeof(out->application_version));
		out->ip6 |= one.type == ATTRIBUTE_IP6_ADDRESS;
	}
}

/* ---- writing ---- */

void attributes_begin(struct ike_writer *b, enum attribute_message message, uint16_t identifier)
{
	ike_write_payload(b, PAYLOAD_ATTRIBUTE);
	wr_u8(&b->w, (uint8_t)message);
	wr_u8(&b->w, 0);
	wr_u16(&b->w, identifier);
}

void attribute_write(struct wr *w, uint16_t type, struct slice value)
{
	if (value.n > UINT16_MAX)
		w->bad = true;
	wr_u16(w, type);
	wr_u16(w, (uint16_t)value.n);
	wr_slice(w, value);
}

void attribute_write_number(struct wr *w, uint16_t type, uint16_t value)
{
	wr_u16(w, type | ATTRIBUTE_BASIC);
	wr_u16(w, value);
}

static void write_text(struct wr *w, uint16_t type, const char *text)
{
	if (*text)
		attribute_write(w, type, SLICE_STR(text));
}

static void write_empty(struct wr *w, const uint16_t *types, size_t n)
{
	for (size_t i = 0; i < n; i++)
		attribute_write(w, types[i], SLICE_NONE);
}

/* The address that was held, or none: any will do. */
static void write_held(struct wr *w, uint16_t type, const struct addr *held)
{
	attribute_write(w, type, held->family == FAMILY_NONE ? SLICE_NONE : addr_bytes(held));
}

static void write_wish_unity(struct wr *w, const struct ike_config_wish *wish, bool cisco_udp)
{
	static const uint16_t empty[] = {
		ATTRIBUTE_UNITY_BANNER,	       ATTRIBUTE_UNITY_SAVE_PASSWORD,
		ATTRIBUTE_UNITY_DOMAIN,	       ATTRIBUTE_UNITY_SPLIT_DNS,
		ATTRIBUTE_UNITY_SPLIT_INCLUDE, ATTRIBUTE_UNITY_SPLIT_EXCLUDE,
		ATTRIBUTE_UNITY_PFS,	       ATTRIBUTE_UNITY_BACKUP,
	};
	/* Cisco's own firewall, as the attribute's own attributes: vendor, product, capability. */
	static const uint8_t firewall[] = { 0x80, 1, 0, 1, 0x80, 2, 0, 1, 0x80, 3, 0, 2 };

	write_empty(w, empty, ARRAY_SIZE(empty));
	attribute_write(w, ATTRIBUTE_UNITY_FIREWALL, SLICE_OF(firewall));
	if (cisco_udp)
		attribute_write(w, ATTRIBUTE_UNITY_NATT_PORT, SLICE_NONE);
	write_text(w, ATTRIBUTE_UNITY_HOSTNAME, wish->hostname);
}

void attributes_write_wish(struct wr *w, const struct ike_config_wish *wish,
			   const struct attribute_ask *ask)
{
	static const uint16_t ip4[] = { ATTRIBUTE_IP4_NETMASK, ATTRIBUTE_IP4_DNS,
					ATTRIBUTE_IP4_NBNS };
	static const uint16_t ip6[] = { ATTRIBUTE_IP6_DNS, ATTRIBUTE_IP6_SUBNET };
	static const uint16_t plain[] = { ATTRIBUTE_IP4_SUBNET, ATTRIBUTE_ADDRESS_EXPIRY };

	write_held(w, ATTRIBUTE_IP4_ADDRESS, &wish->held[0]);
	write_empty(w, ip4, ARRAY_SIZE(ip4));
	if (wish->ip6) {
		write_held(w, ATTRIBUTE_IP6_ADDRESS, &wish->held[1]);
		write_empty(w, ip6, ARRAY_SIZE(ip6));
	}
	if (ask->unity)
		write_wish_unity(w, wish, ask->cisco_udp);
	else
		write_empty(w, plain, ARRAY_SIZE(plain));
	write_text(w, ATTRIBUTE_APPLICATION_VERSION, wish->application_version);
}

/* ---- writing what a gateway gives ---- */

static void write_servers(struct wr *w, uint16_t type, const struct addr *list, unsigned n,
			  enum family family)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].family == family)
			attribute_write(w, type, addr_bytes(&list[i]));
}

static void write_mask(struct wr *w, uint16_t type, size_t size, unsigned length)
{
	wr_u16(w, type);
	wr_u16(w, (uint16_t)size);
	netmask_write(w, size, length);
}

static void write_split(struct wr *w, uint16_t type, const struct ike_split *list, unsigned n)
{
	if (!n)
		return;
	wr_u16(w, type);
	wr_u16(w, (uint16_t)(14 * n));
	for (unsigned i = 0; i < n; i++) {
		wr_slice(w, slice(list[i].prefix.addr.b, 4));
		netmask_write(w, 4, list[i].prefix.len);
		wr_u16(w, list[i].proto);
		wr_u16(w, list[i].sport);
		wr_u8(w, (uint8_t)list[i].dport);
		wr_u8(w, (uint8_t)(list[i].dport >> 8));
	}
}

static void write_subnets(struct wr *w, uint16_t type, enum family family,
			  const struct ike_assigned *a)
{
	for (unsigned i = 0; i < a->ninclude && !a->unity; i++) {
		const struct prefix *p = &a->include[i].prefix;

		if (p->addr.family != family)
			continue;
		wr_u16(w, type);
		wr_u16(w, family == FAMILY_IP4 ? 8 : 17);
		wr_slice(w, addr_bytes(&p->addr));
		if (family == FAMILY_IP4)
			netmask_write(w, 4, p->len);
		else
			wr_u8(w, p->len);
	}
}

static void write_names(struct wr *w, uint16_t type, const char (*names)[IKE_NAME_MAX], unsigned n)
{
	size_t total = 0;

	for (unsigned i = 0; i < n; i++)
		total += strlen(names[i]) + (i > 0);
	if (!n)
		return;
	wr_u16(w, type);
	wr_u16(w, (uint16_t)total);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			wr_u8(w, ',');
		wr_slice(w, SLICE_STR(names[i]));
	}
}

static void write_addresses(struct wr *w, const struct ike_assigned *a, uint16_t type)
{
	uint8_t expiry[4];

	put_be32(expiry, a->expiry_s);
	if (type == ATTRIBUTE_IP4_ADDRESS && a->ip4.family == FAMILY_IP4)
		attribute_write(w, type, addr_bytes(&a->ip4));
	else if (type == ATTRIBUTE_IP4_NETMASK && a->ip4.family == FAMILY_IP4)
		write_mask(w, type, 4, a->ip4_len);
	else if (type == ATTRIBUTE_IP6_ADDRESS && a->ip6.family == FAMILY_IP6)
		attribute_write(w, type, addr_bytes(&a->ip6));
	else if (type == ATTRIBUTE_IP6_NETMASK && a->ip6.family == FAMILY_IP6)
		write_mask(w, type, 16, a->ip6_len);
	else if (type == ATTRIBUTE_ADDRESS_EXPIRY && a->expiry_s)
		attribute_write(w, type, SLICE_OF(expiry));
	else if (type == ATTRIBUTE_IP4_DNS)
		write_servers(w, type, a->dns, a->ndns, FAMILY_IP4);
	else if (type == ATTRIBUTE_IP6_DNS)
		write_servers(w, type, a->dns, a->ndns, FAMILY_IP6);
	else if (type == ATTRIBUTE_IP4_NBNS)
		write_servers(w, type, a->nbns, a->nnbns, FAMILY_IP4);
	else if (type == ATTRIBUTE_IP4_SUBNET)
		write_subnets(w, type, FAMILY_IP4, a);
	else if (type == ATTRIBUTE_IP6_SUBNET)
		write_subnets(w, type, FAMILY_IP6, a);
}

static void write_unity(struct wr *w, const struct ike_assigned *a, uint16_t type)
{
	if (type == ATTRIBUTE_UNITY_BANNER)
		write_text(w, type, a->banner);
	else if (type == ATTRIBUTE_UNITY_DOMAIN)
		write_text(w, type, a->domain);
	else if (type == ATTRIBUTE_APPLICATION_VERSION)
		write_text(w, type, a->application_version);
	else if (type == ATTRIBUTE_UNITY_SAVE_PASSWORD && a->save_password >= 0)
		attribute_write_number(w, type, a->save_password > 0);
	else if (type == ATTRIBUTE_UNITY_PFS)
		attribute_write_number(w, type, a->pfs);
	else if (type == ATTRIBUTE_UNITY_NATT_PORT && a->natt_port)
		attribute_write_number(w, type, a->natt_port);
	else if (type == ATTRIBUTE_UNITY_SPLIT_DNS)
		write_names(w, type, a->split_dns, a->nsplit_dns);
	else if (type == ATTRIBUTE_UNITY_BACKUP)
		write_names(w, type, a->backup, a->nbackup);
	else if (type == ATTRIBUTE_UNITY_SPLIT_INCLUDE && a->unity)
		write_split(w, type, a->include, a->ninclude);
	else if (type == ATTRIBUTE_UNITY_SPLIT_EXCLUDE)
		write_split(w, type, a->exclude, a->nexclude);
}

void attributes_write_config(struct wr *w, const struct ike_assigned *a,
			     const struct attribute_types *types)
{
	for (uint16_t t = ATTRIBUTE_IP4_ADDRESS; t <= ATTRIBUTE_IP6_SUBNET; t++)
		if (!types || attribute_types_has(types, t))
			write_addresses(w, a, t);
	for (uint16_t t = ATTRIBUTE_UNITY_BANNER; t <= ATTRIBUTE_UNITY_HOSTNAME; t++)
		if (!types || attribute_types_has(types, t))
			write_unity(w, a, t);
	if (!types || attribute_types_has(types, ATTRIBUTE_APPLICATION_VERSION))
		write_unity(w, a, ATTRIBUTE_APPLICATION_VERSION);
}
