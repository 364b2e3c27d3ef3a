/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/cert_impl.h"

#define LENGTH_BYTES_MAX 3

static size_t length_read(struct rd *r)
{
	size_t first = rd_u8(r), n = 0, bytes = first & 0x7f;

	if (first < 0x80)
		return first;
	if (bytes == 0 || bytes > LENGTH_BYTES_MAX) {
		r->bad = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | rd_u8(r);
	/* DER has one form for each length, the shortest. */
	if (n < 0x80 || n >> 8 * (bytes - 1) == 0)
		r->bad = true;
	return n;
}

bool der_next(struct rd *r, struct der *out)
{
	const uint8_t *begin = r->p;
	size_t n;

	*out = (struct der){ 0 };
	if (r->bad || rd_left(r) == 0)
		return false;
	out->tag = rd_u8(r);
	if ((out->tag & 0x1f) == 0x1f)
		r->bad = true;
	n = length_read(r);
	if (!r->bad)
		out->body = rd_slice(r, n);
	if (r->bad) {
		*out = (struct der){ 0 };
		return false;
	}
	out->whole = slice(begin, (size_t)(r->p - begin));
	return true;
}

static struct der take(struct rd *r, uint8_t tag)
{
	struct der d;

	if (!der_next(r, &d) || d.tag != tag) {
		r->bad = true;
		d = (struct der){ 0 };
	}
	return d;
}

struct slice der_take(struct rd *r, uint8_t tag)
{
	return take(r, tag).body;
}

struct slice der_take_whole(struct rd *r, uint8_t tag)
{
	return take(r, tag).whole;
}

void der_put(struct wr *w, uint8_t tag, struct slice body)
{
	wr_u8(w, tag);
	if (body.n >= 0x10000) {
		w->bad = true;
		return;
	}
	if (body.n >= 0x100) {
		wr_u8(w, 0x82);
		wr_u16(w, (uint16_t)body.n);
	} else if (body.n >= 0x80) {
		wr_u8(w, 0x81);
		wr_u8(w, (uint8_t)body.n);
	} else {
		wr_u8(w, (uint8_t)body.n);
	}
	wr_slice(w, body);
}
