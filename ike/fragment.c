/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/fragment.h"

#include <stdlib.h>

#include "base/mem.h"

#define FLAG_LAST 1
/* Some peers pad messages to a multiple of four. */
#define SLACK_MAX 3

struct fragments {
	uint8_t cookies[2 * IKE_COOKIE_SIZE];
	uint16_t id;
	bool begun;
	bool complete;
	unsigned total; /* 0: the last one has not come */
	unsigned have;
	size_t n;
	uint16_t size[FRAGMENTS_MAX + 1]; /* by number; 0: not there */
	uint8_t bytes[IKE_MESSAGE_MAX]; /* the slices that are there, in order */
};

struct fragment {
	uint16_t id;
	uint8_t number;
	bool last;
	struct slice bytes;
};

bool fragment_is(const struct ike_header *h)
{
	return h->next == PAYLOAD_FRAGMENT;
}

/* ---- receiving ---- */

static bool parse(const struct ike_msg *m, struct fragment *out)
{
	struct rd r, inner;
	uint8_t next, reserved;
	uint16_t length;

	rd_init(&r, m->body);
	next = rd_u8(&r);
	reserved = rd_u8(&r);
	length = rd_u16(&r);
	rd_init(&inner, rd_slice(&r, length < IKE_GENERIC_SIZE ? 0 : length - IKE_GENERIC_SIZE));
	out->id = rd_u16(&inner);
	out->number = rd_u8(&inner);
	out->last = rd_u8(&inner) & FLAG_LAST;
	out->bytes = rd_rest(&inner);
	return !r.bad && !inner.bad && next == PAYLOAD_NONE && reserved == 0 && m->h.id == 0 &&
	       rd_left(&r) <= SLACK_MAX && out->number > 0 && out->bytes.n > 0;
}

static void begin(struct fragments *f, const struct ike_header *h, uint16_t id)
{
	f->begun = true;
	f->complete = false;
	f->id = id;
	f->total = 0;
	f->have = 0;
	f->n = 0;
	memset(f->size, 0, sizeof(f->size));
	memcpy(f->cookies, h->cookie_i, IKE_COOKIE_SIZE);
	memcpy(f->cookies + IKE_COOKIE_SIZE, h->cookie_r, IKE_COOKIE_SIZE);
}

static bool same_message(const struct fragments *f, const struct ike_header *h, uint16_t id)
{
	return f->begun && f->id == id && memcmp(f->cookies, h->cookie_i, IKE_COOKIE_SIZE) == 0 &&
	       memcmp(f->cookies + IKE_COOKIE_SIZE, h->cookie_r, IKE_COOKIE_SIZE) == 0;
}

static size_t offset(const struct fragments *f, unsigned number)
{
	size_t at = 0;

	for (unsigned i = 1; i < number; i++)
		at += f->size[i];
	return at;
}

static bool is_there(const struct fragments *f, const struct fragment *one)
{
	struct slice had = slice(f->bytes + offset(f, one->number), f->size[one->number]);

	return slice_eq(had, one->bytes) && one->last == (f->total == one->number);
}

static void take_out(struct fragments *f, unsigned number)
{
	size_t at = offset(f, number), n = f->size[number];

	if (n == 0)
		return;
	memmove(f->bytes + at, f->bytes + at + n, f->n - at - n);
	f->n -= n;
	f->size[number] = 0;
	f->have--;
}

/* False when the message would be too long. */
static bool put_in(struct fragments *f, const struct fragment *one)
{
	size_t at = offset(f, one->number), n = one->bytes.n;

	if (n > sizeof(f->bytes) - f->n)
		return false;
	memmove(f->bytes + at + n, f->bytes + at, f->n - at);
	memcpy(f->bytes + at, one->bytes.p, n);
	f->n += n;
	f->size[one->number] = (uint16_t)n;
	f->have++;
	return true;
}

static void set_total(struct fragments *f, const struct fragment *one)
{
	if (one->last) {
		f->total = one->number;
		for (unsigned i = f->total + 1; i <= FRAGMENTS_MAX; i++)
			take_out(f, i);
	} else if (f->total && f->total <= one->number) {
		f->total = 0;
	}
}

/* The message inside is of the same SA and no fragment again. */
static bool whole_is_fit(const struct fragments *f)
{
	return f->n >= IKE_HEADER_SIZE && memcmp(f->bytes, f->cookies, sizeof(f->cookies)) == 0 &&
	       f->bytes[sizeof(f->cookies)] != PAYLOAD_FRAGMENT;
}

static enum fragment_verdict add(struct fragments *f, const struct fragment *one)
{
	take_out(f, one->number);
	set_total(f, one);
	if (!put_in(f, one)) {
		f->begun = false;
		return FRAGMENT_MALFORMED;
	}
	if (f->total == 0 || f->have < f->total)
		return FRAGMENT_TAKEN;
	f->complete = true;
	if (whole_is_fit(f))
		return FRAGMENT_COMPLETE;
	f->begun = false;
	return FRAGMENT_MALFORMED;
}

enum fragment_verdict fragment_take(struct fragments **fp, vtime now, const struct ike_msg *m,
				    vtime *since)
{
	struct fragments *f = *fp;
	struct fragment one;

	if (!parse(m, &one))
		return FRAGMENT_MALFORMED;
	if (!f)
		f = *fp = xcalloc(1, sizeof(*f));
	if (same_message(f, &m->h, one.id) && is_there(f, &one))
		return f->complete && one.last ? FRAGMENT_COMPLETE : FRAGMENT_REPEATED;
	if (f->complete || !same_message(f, &m->h, one.id)) {
		begin(f, &m->h, one.id);
		*since = now;
	}
	return add(f, &one);
}

struct slice fragment_whole(const struct fragments *f)
{
	return slice(f->bytes, f->n);
}

void fragment_free(struct fragments **f)
{
	free(*f);
	*f = NULL;
}

/* ---- sending ---- */

size_t fragment_datagram_max(const struct addr *to)
{
	return to->family == FAMILY_IP6 ? FRAGMENT_DATAGRAM_MAX - 20 : FRAGMENT_DATAGRAM_MAX;
}

static size_t room(size_t max)
{
	return max - IKE_HEADER_SIZE - FRAGMENT_HEADER_SIZE;
}

unsigned fragment_count(size_t message, size_t max)
{
	size_t n = (message + room(max) - 1) / room(max);

	return n <= FRAGMENTS_MAX ? (unsigned)n : 0;
}

static uint16_t id_of(struct slice message)
{
	uint8_t hash[HASH_MAX];
	uint16_t id;

	hash_parts(HASH_SHA2_256, &message, 1, hash);
	id = get_be16(hash);
	return id ? id : 1;
}

struct slice fragment_write(struct slice message, uint8_t exchange, unsigned number, size_t max,
			    uint8_t out[FRAGMENT_DATAGRAM_MAX])
{
	size_t at = (number - 1) * room(max), n = message.n - at;
	bool last = n <= room(max);
	struct ike_header h = { .exchange = exchange };
	struct ike_writer b;

	if (!last)
		n = room(max);
	memcpy(h.cookie_i, message.p, IKE_COOKIE_SIZE);
	memcpy(h.cookie_r, message.p + IKE_COOKIE_SIZE, IKE_COOKIE_SIZE);
	ike_write_header(&b, out, max, &h);
	ike_write_payload(&b, PAYLOAD_FRAGMENT);
	wr_u16(&b.w, id_of(message));
	wr_u8(&b.w, (uint8_t)number);
	wr_u8(&b.w, last ? FLAG_LAST : 0);
	wr_slice(&b.w, slice(message.p + at, n));
	return ike_write_done(&b);
}
