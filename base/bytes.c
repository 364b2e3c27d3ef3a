/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/bytes.h"

void rd_init(struct rd *r, struct slice s)
{
	r->p = s.p;
	r->end = s.n ? s.p + s.n : s.p;
	r->bad = false;
}

size_t rd_left(const struct rd *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

struct slice rd_slice(struct rd *r, size_t n)
{
	struct slice s;

	if (r->bad || n > (size_t)(r->end - r->p)) {
		r->bad = true;
		return SLICE_NONE;
	}
	s = slice(r->p, n);
	if (n)
		r->p += n;
	return s;
}

struct slice rd_rest(struct rd *r)
{
	return rd_slice(r, rd_left(r));
}

uint8_t rd_u8(struct rd *r)
{
	struct slice s = rd_slice(r, 1);

	return s.p ? s.p[0] : 0;
}

uint16_t rd_u16(struct rd *r)
{
	struct slice s = rd_slice(r, 2);

	return s.p ? get_be16(s.p) : 0;
}

uint32_t rd_u32(struct rd *r)
{
	struct slice s = rd_slice(r, 4);

	return s.p ? get_be32(s.p) : 0;
}

uint64_t rd_u64(struct rd *r)
{
	struct slice s = rd_slice(r, 8);

	return s.p ? get_be64(s.p) : 0;
}

void rd_copy(struct rd *r, void *out, size_t n)
{
	struct slice s = rd_slice(r, n);

	if (s.p && n)
		memcpy(out, s.p, n);
	else if (n)
		memset(out, 0, n);
}

void wr_init(struct wr *w, void *buf, size_t size)
{
	w->base = buf;
	w->p = buf;
	w->end = size ? w->base + size : w->base;
	w->bad = false;
}

size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->base);
}

size_t wr_left(const struct wr *w)
{
	return w->bad ? 0 : (size_t)(w->end - w->p);
}

static uint8_t *wr_room(struct wr *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->bad || n > (size_t)(w->end - w->p)) {
		w->bad = true;
		return NULL;
	}
	if (n)
		w->p += n;
	return p;
}

void wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = wr_room(w, 1);

	if (p)
		*p = v;
}

void wr_u16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_room(w, 2);

	if (p)
		put_be16(p, v);
}

void wr_u32(struct wr *w, uint32_t v)
{
	uint8_t *p = wr_room(w, 4);

	if (p)
		put_be32(p, v);
}

void wr_u64(struct wr *w, uint64_t v)
{
	uint8_t *p = wr_room(w, 8);

	if (p)
		put_be64(p, v);
}

void wr_slice(struct wr *w, struct slice s)
{
	uint8_t *p = wr_room(w, s.n);

	if (p && s.n)
		memcpy(p, s.p, s.n);
}

void wr_zero(struct wr *w, size_t n)
{
	uint8_t *p = wr_room(w, n);

	if (p && n)
		memset(p, 0, n);
}

/* Whether n bytes at offset have been written before; if not, the writer is bad. */
static bool wr_has(struct wr *w, size_t offset, size_t n)
{
	if (n > wr_len(w) || offset > wr_len(w) - n)
		w->bad = true;
	return !w->bad;
}

void wr_patch_u16(struct wr *w, size_t offset, uint16_t v)
{
	if (wr_has(w, offset, 2))
		put_be16(w->base + offset, v);
}

void wr_patch_u32(struct wr *w, size_t offset, uint32_t v)
{
	if (wr_has(w, offset, 4))
		put_be32(w->base + offset, v);
}

struct slice wr_done(const struct wr *w)
{
	return w->bad ? SLICE_NONE : slice(w->base, wr_len(w));
}
