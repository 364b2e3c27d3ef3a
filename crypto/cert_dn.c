/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <strings.h>

#include "base/err.h"
#include "crypto/cert_impl.h"

/* Bytes of a Name that is made from text, and of one value in it. */
#define DN_MAX 2048
#define VALUE_MAX 512
#define OID_MAX 32
#define TYPE_MAX 80

/* The first name is the one that is written; RFC 4519 and what people type for it. */
static const struct attribute {
	const char *names[3];
	uint8_t oid[12];
	uint8_t oid_len;
	uint8_t tag; /* where the value's characters allow it, else UTF8String */
} attributes[] = {
	{ { "CN", "commonName" }, { 0x55, 0x04, 0x03 }, 3, DER_UTF8 },
	{ { "SN", "surname" }, { 0x55, 0x04, 0x04 }, 3, DER_UTF8 },
	{ { "serialNumber" }, { 0x55, 0x04, 0x05 }, 3, DER_PRINTABLE },
	{ { "C", "countryName" }, { 0x55, 0x04, 0x06 }, 3, DER_PRINTABLE },
	{ { "L", "localityName" }, { 0x55, 0x04, 0x07 }, 3, DER_UTF8 },
	{ { "ST", "S", "stateOrProvinceName" }, { 0x55, 0x04, 0x08 }, 3, DER_UTF8 },
	{ { "street" }, { 0x55, 0x04, 0x09 }, 3, DER_UTF8 },
	{ { "O", "organizationName" }, { 0x55, 0x04, 0x0a }, 3, DER_UTF8 },
	{ { "OU", "organizationalUnitName" }, { 0x55, 0x04, 0x0b }, 3, DER_UTF8 },
	{ { "title" }, { 0x55, 0x04, 0x0c }, 3, DER_UTF8 },
	{ { "GN", "givenName" }, { 0x55, 0x04, 0x2a }, 3, DER_UTF8 },
	{ { "emailAddress", "E", "email" },
	  { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01 },
	  9,
	  DER_IA5 },
	{ { "UID" }, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01 }, 10, DER_UTF8 },
	{ { "DC" }, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19 }, 10, DER_IA5 },
};

static bool is_text(uint8_t tag)
{
	return tag == DER_UTF8 || tag == DER_PRINTABLE || tag == DER_T61 || tag == DER_IA5 ||
	       tag == DER_NUMERIC || tag == DER_VISIBLE;
}

/* ---- walking ---- */

struct walk {
	struct rd names;
	struct rd set;
};

struct pair {
	struct slice type; /* the OID's body */
	struct der value;
	bool first; /* of its RelativeDistinguishedName */
};

static void walk_init(struct walk *w, struct slice dn)
{
	struct rd all;

	rd_init(&all, dn);
	rd_init(&w->names, der_take(&all, DER_SEQUENCE));
	if (all.bad || rd_left(&all))
		w->names.bad = true;
	rd_init(&w->set, SLICE_NONE);
}

/* The next type and value; false at the end and, with names.bad, where it is no Name. */
static bool walk_next(struct walk *w, struct pair *out)
{
	struct der d;
	struct rd one;

	out->first = rd_left(&w->set) == 0;
	if (out->first) {
		if (!der_next(&w->names, &d))
			return false;
		rd_init(&w->set, d.body);
		if (d.tag != DER_SET || d.body.n == 0)
			w->names.bad = true;
	}
	rd_init(&one, der_take(&w->set, DER_SEQUENCE));
	out->type = der_take(&one, DER_OID);
	if (!der_next(&one, &out->value) || one.bad || rd_left(&one) || w->set.bad ||
	    out->type.n == 0 || out->type.n > OID_MAX)
		w->names.bad = true;
	return !w->names.bad;
}

bool cert_dn_clean(struct slice dn)
{
	struct walk w;
	struct pair p;

	walk_init(&w, dn);
	while (walk_next(&w, &p)) {
		struct slice v = p.value.body;

		if (is_text(p.value.tag) && v.n && memchr(v.p, 0, v.n))
			return false;
	}
	return !w.names.bad;
}

/* ---- to text ---- */

/* The length of the UTF-8 character here; 0: none. RFC 3629 section 4. */
static size_t utf8_length(struct slice s, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t b = s.p[0];
	size_t n = b < 0x80 ? 1 : (b & 0xe0) == 0xc0 ? 2 : (b & 0xf0) == 0xe0 ? 3 : 4;
	uint32_t c = n == 1 ? b : b & (0x7fU >> n);

	if (n > s.n || (n == 4 && (b & 0xf8) != 0xf0))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s.p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*out = c;
	return n;
}

/* Control characters, and those that move or hide what stands around them. */
static bool is_shown(uint32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0xad && c != 0x61c &&
	       !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff && !(c >= 0xfff0 && c <= 0xffff) &&
	       c < 0xe0000;
}

static void put_string(struct wr *w, const char *text)
{
	wr_slice(w, SLICE_STR(text));
}

static void put_hex(struct wr *w, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	wr_u8(w, (uint8_t)digits[byte >> 4]);
	wr_u8(w, (uint8_t)digits[byte & 15]);
}

static void put_escaped(struct wr *w, struct slice bytes)
{
	char text[13];
	size_t n = 0;

	/* At once, so that a text that is cut ends between characters. */
	for (size_t i = 0; i < bytes.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\\%02x", bytes.p[i]);
	wr_slice(w, slice(text, n));
}

void cert_put_text(struct wr *w, struct slice text)
{
	for (size_t i = 0; i < text.n;) {
		struct slice here = slice(text.p + i, text.n - i);
		uint32_t c = 0;
		size_t n = utf8_length(here, &c);
		bool edge = i == 0 || i + 1 == text.n;
		bool special = n == 1 && (strchr(",+\"\\<>;", (int)c) || (c == ' ' && edge) ||
					  (c == '#' && i == 0));

		if (n == 0 || !is_shown(c))
			put_escaped(w, slice(here.p, n ? n : 1));
		else if (special)
			wr_slice(w, slice((char[]){ '\\', (char)c }, 2));
		else
			wr_slice(w, slice(here.p, n));
		i += n ? n : 1;
	}
}

/* X.690 section 8.19: base 128, and the first two numbers in one. */
static void put_oid(struct wr *w, struct slice oid)
{
	uint64_t v = 0;
	bool begun = false;
	char text[24];

	for (size_t i = 0; i < oid.n; i++) {
		bool leading_zero = !begun && oid.p[i] == 0x80;

		if (v >> 56 || leading_zero)
			w->bad = true;
		v = v << 7 | (oid.p[i] & 0x7f);
		begun = oid.p[i] & 0x80;
		if (begun)
			continue;
		if (wr_len(w) == 0) {
			uint64_t first = v < 80 ? v / 40 : 2;

			snprintf(text, sizeof(text), "%u.", (unsigned)first);
			put_string(w, text);
			v -= first * 40;
		} else {
			put_string(w, ".");
		}
		snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
		put_string(w, text);
		v = 0;
	}
	if (begun)
		w->bad = true;
}

static const struct attribute *attribute_by_oid(struct slice oid)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		if (slice_eq(oid, slice(attributes[i].oid, attributes[i].oid_len)))
			return &attributes[i];
	}
	return NULL;
}

/* False for an OID that has no text. */
static bool put_type(struct wr *w, struct slice oid)
{
	const struct attribute *a = attribute_by_oid(oid);
	uint8_t text[256];
	struct wr dotted;

	if (a) {
		put_string(w, a->names[0]);
		return true;
	}
	wr_init(&dotted, text, sizeof(text));
	put_oid(&dotted, oid);
	wr_slice(w, wr_done(&dotted));
	return !dotted.bad;
}

static void put_value(struct wr *w, const struct der *value)
{
	if (is_text(value->tag)) {
		cert_put_text(w, value->body);
		return;
	}
	put_string(w, "#");
	for (size_t i = 0; i < value->whole.n; i++)
		put_hex(w, value->whole.p[i]);
}

const char *cert_dn_text(struct slice dn, char *buf, size_t size)
{
	bool readable = true, begun = false;
	struct walk walk;
	struct pair p;
	struct wr w;

	if (size == 0)
		return buf;
	wr_init(&w, buf, size - 1);
	walk_init(&walk, dn);
	while (readable && walk_next(&walk, &p)) {
		if (begun)
			put_string(&w, p.first ? ", " : "+");
		begun = true;
		readable = put_type(&w, p.type);
		put_string(&w, "=");
		put_value(&w, &p.value);
	}
	buf[wr_len(&w)] = '\0';
	if (walk.names.bad || !readable)
		snprintf(buf, size, "(not a name)");
	return buf;
}

/* ---- comparing ---- */

/* The next character with letters small, outer spaces gone and inner runs of them one; -1: end. */
static int fold_next(struct slice *s, bool *begun)
{
	bool space = false;
	uint8_t c;

	while (s->n && *s->p == ' ') {
		space = true;
		*s = slice(s->p + 1, s->n - 1);
	}
	if (s->n == 0)
		return -1;
	if (space && *begun)
		return ' ';
	*begun = true;
	c = *s->p;
	*s = slice(s->p + 1, s->n - 1);
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool text_eq(struct slice a, struct slice b)
{
	bool a_begun = false, b_begun = false;
	int x, y;

	do {
		x = fold_next(&a, &a_begun);
		y = fold_next(&b, &b_begun);
	} while (x == y && x != -1);
	return x == y;
}

bool cert_dn_eq(struct slice a, struct slice b)
{
	struct walk wa, wb;
	struct pair pa, pb;

	walk_init(&wa, a);
	walk_init(&wb, b);
	for (;;) {
		bool more = walk_next(&wa, &pa);

		if (walk_next(&wb, &pb) != more || wa.names.bad || wb.names.bad)
			return false;
		if (!more)
			return true;
		if (pa.first != pb.first || !slice_eq(pa.type, pb.type))
			return false;
		if (is_text(pa.value.tag) && is_text(pb.value.tag)) {
			if (!text_eq(pa.value.body, pb.value.body))
				return false;
		} else if (!slice_eq(pa.value.whole, pb.value.whole)) {
			return false;
		}
	}
}

/* ---- from text ---- */

/* What is left of the text, and what divides its RelativeDistinguishedNames. */
struct text {
	const char *p;
	bool slashes;
	bool bad;
};

static void skip_spaces(struct text *t)
{
	while (*t->p == ' ')
		t->p++;
}

static bool is_type_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '-';
}

/* With slashes, a slash that no type and "=" follow belongs to the value. */
static bool type_follows(const char *p)
{
	const char *begin = p;

	while (is_type_char(*p))
		p++;
	return p > begin && *p == '=';
}

static bool is_separator(const struct text *t)
{
	if (*t->p == '\0' || *t->p == '+')
		return true;
	if (t->slashes)
		return *t->p == '/' && type_follows(t->p + 1);
	return *t->p == ',' || *t->p == ';';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Two hexadecimal digits, or -1. */
static int hex_byte(const char *p)
{
	int high = hex_digit(p[0]), low = high < 0 ? -1 : hex_digit(p[1]);

	return low < 0 ? -1 : high << 4 | low;
}

/* One character, escaped or not: false for an unescaped one. */
static bool take_char(struct text *t, struct wr *out)
{
	int byte;

	if (*t->p != '\\') {
		wr_u8(out, (uint8_t)*t->p++);
		return false;
	}
	t->p++;
	byte = hex_byte(t->p);
	if (byte >= 0) {
		wr_u8(out, (uint8_t)byte);
		t->p += 2;
	} else if (*t->p) {
		wr_u8(out, (uint8_t)*t->p++);
	} else {
		t->bad = true;
	}
	return true;
}

static void take_quoted(struct text *t, struct wr *out)
{
	t->p++;
	while (*t->p && *t->p != '"' && !t->bad)
		take_char(t, out);
	if (*t->p == '"')
		t->p++;
	else
		t->bad = true;
	skip_spaces(t);
}

/* The value as bytes, without the spaces around it. */
static void take_value(struct text *t, struct wr *out)
{
	size_t n = 0;

	while (!is_separator(t) && !t->bad) {
		bool space = *t->p == ' ';

		if (take_char(t, out) || !space)
			n = wr_len(out);
	}
	out->p = out->base + n;
}

/* "#" and the whole element in hexadecimal. */
static void take_element(struct text *t, struct wr *out)
{
	struct slice all;
	struct rd r;
	struct der d;

	for (t->p++; hex_byte(t->p) >= 0; t->p += 2)
		wr_u8(out, (uint8_t)hex_byte(t->p));
	skip_spaces(t);
	all = wr_done(out);
	rd_init(&r, all);
	if (!der_next(&r, &d) || rd_left(&r))
		t->bad = true;
}

static bool fits(uint8_t tag, struct slice value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = (char)value.p[i];
		bool printable = is_type_char(c) || (c && strchr(" '()+,/:=?", c));

		if (tag == DER_PRINTABLE ? !printable : value.p[i] >= 0x80)
			return false;
	}
	return true;
}

static const struct attribute *attribute_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		const struct attribute *a = &attributes[i];

		for (size_t k = 0; k < ARRAY_SIZE(a->names) && a->names[k]; k++) {
			if (strcasecmp(a->names[k], name) == 0)
				return a;
		}
	}
	return NULL;
}

static void put_base128(struct wr *w, uint64_t v)
{
	unsigned groups = 1;

	while (groups < 9 && v >> 7 * groups)
		groups++;
	while (groups-- > 0)
		wr_u8(w, (uint8_t)((v >> 7 * groups & 0x7f) | (groups ? 0x80 : 0)));
}

/* "2.5.4.3"; false where it is no OID. */
static bool parse_oid(const char *name, struct wr *out)
{
	uint64_t numbers[OID_MAX], *last = numbers;
	size_t n = 0;

	for (;; name++) {
		if (n == ARRAY_SIZE(numbers) || *name < '0' || *name > '9')
			return false;
		last = &numbers[n++];
		for (*last = 0; *name >= '0' && *name <= '9' && *last >> 52 == 0; name++)
			*last = *last * 10 + (uint64_t)(*name - '0');
		if (*name != '.')
			break;
	}
	if (*name || n < 2 || numbers[0] > 2 || (numbers[0] < 2 && numbers[1] >= 40))
		return false;
	put_base128(out, numbers[0] * 40 + numbers[1]);
	for (size_t i = 2; i < n; i++)
		put_base128(out, numbers[i]);
	return !out->bad;
}

/* The type and its "="; the tag that values of it have. */
static uint8_t take_type(struct text *t, struct wr *oid)
{
	const struct attribute *a;
	char name[TYPE_MAX];
	size_t n = 0;

	skip_spaces(t);
	while (is_type_char(*t->p) && n < sizeof(name) - 1)
		name[n++] = *t->p++;
	name[n] = '\0';
	skip_spaces(t);
	if (n == 0 || *t->p++ != '=') {
		t->bad = true;
		return 0;
	}
	a = attribute_by_name(name);
	if (a)
		wr_slice(oid, slice(a->oid, a->oid_len));
	else if (!parse_oid(strncasecmp(name, "OID.", 4) == 0 ? name + 4 : name, oid))
		t->bad = true;
	return a ? a->tag : DER_UTF8;
}

/* One type and value into `set`. */
static void take_pair(struct text *t, struct wr *set)
{
	uint8_t oid_bytes[OID_MAX], value_bytes[VALUE_MAX], pair_bytes[VALUE_MAX + OID_MAX + 8];
	struct wr oid, value, pair;
	uint8_t tag;

	wr_init(&oid, oid_bytes, sizeof(oid_bytes));
	wr_init(&value, value_bytes, sizeof(value_bytes));
	wr_init(&pair, pair_bytes, sizeof(pair_bytes));
	tag = take_type(t, &oid);
	if (t->bad)
		return;
	der_put(&pair, DER_OID, wr_done(&oid));
	skip_spaces(t);
	if (*t->p == '#') {
		take_element(t, &value);
		wr_slice(&pair, wr_done(&value));
	} else {
		if (*t->p == '"')
			take_quoted(t, &value);
		else
			take_value(t, &value);
		der_put(&pair, fits(tag, wr_done(&value)) ? tag : DER_UTF8, wr_done(&value));
	}
	if (value.bad)
		set->bad = true;
	der_put(set, DER_SEQUENCE, wr_done(&pair));
}

int cert_dn_parse(const char *text, uint8_t *out, size_t size)
{
	uint8_t names_bytes[DN_MAX], set_bytes[DN_MAX];
	struct text t = { .p = text };
	struct wr names, set, all;

	wr_init(&names, names_bytes, sizeof(names_bytes));
	wr_init(&set, set_bytes, sizeof(set_bytes));
	wr_init(&all, out, size);
	skip_spaces(&t);
	t.slashes = *t.p == '/';
	if (t.slashes)
		t.p++;
	for (;; t.p++) {
		take_pair(&t, &set);
		if (t.bad || !is_separator(&t))
			return ERR_CONFIG;
		if (*t.p == '+')
			continue;
		der_put(&names, DER_SET, wr_done(&set));
		if (set.bad || names.bad)
			return ERR_NO_ROOM;
		wr_init(&set, set_bytes, sizeof(set_bytes));
		if (*t.p == '\0')
			break;
	}
	der_put(&all, DER_SEQUENCE, wr_done(&names));
	return all.bad ? ERR_NO_ROOM : (int)wr_len(&all);
}
