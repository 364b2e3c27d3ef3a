/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/ holds what every other folder stands on and depends on nothing: byte strings and their
 * bounded reader and writer (bytes.h), time as a value (vtime.h), a table of timers (timer.h),
 * injected randomness (rng.h), addresses (addr.h), traffic selectors and the ordered policy
 * (ts.h, policy.h), packets and batches (pkt.h), key bytes (secret.h), memory for very many objects
 * (cells.h), the event log (log.h), errors (err.h) and reasons for dropping a packet (drop.h).
 *
 * Nothing here does I/O. The exceptions are secret.c, which asks the kernel for locked pages, and
 * cells.c, which asks for huge ones.
 *
 * bytes.h: borrowed byte strings, a sticky reader and a sticky writer.
 *
 * A slice is borrowed for the duration of the call that receives it; whatever must live longer is
 * copied by the struct that keeps it. Reader and writer never go past their end: the first access
 * that would sets `bad`, every later one yields zeros (reader) or nothing (writer), and the caller
 * tests `bad` once at the end.
 */
#ifndef GODWIT_BASE_BYTES_H
#define GODWIT_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct slice {
	const uint8_t *p;
	size_t n;
};

#define SLICE_NONE ((struct slice){ NULL, 0 })
#define SLICE_OF(array) ((struct slice){ (const uint8_t *)(array), sizeof(array) })
/* The bytes of a C string literal or string, without its NUL. */
#define SLICE_STR(s) ((struct slice){ (const uint8_t *)(s), strlen(s) })

static inline struct slice slice(const void *p, size_t n)
{
	return (struct slice){ p, n };
}

/* True when both have the same length and bytes. Not for secrets: see ct_equal. */
static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

/* Reads network-order fields from borrowed bytes. */
struct rd {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

void rd_init(struct rd *r, struct slice s);
size_t rd_left(const struct rd *r);
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
/* The next n bytes, or an empty slice (and bad) when fewer are left. */
struct slice rd_slice(struct rd *r, size_t n);
/* Everything that is left. */
struct slice rd_rest(struct rd *r);
/* Copies n bytes to out; zeros when fewer are left. */
void rd_copy(struct rd *r, void *out, size_t n);

/* Writes network-order fields into a buffer of fixed size, owned by the caller. */
struct wr {
	uint8_t *base;
	uint8_t *p;
	uint8_t *end;
	bool bad;
};

void wr_init(struct wr *w, void *buf, size_t size);
size_t wr_len(const struct wr *w);
size_t wr_left(const struct wr *w);
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_slice(struct wr *w, struct slice s);
void wr_zero(struct wr *w, size_t n);
/* Overwrites two (four) bytes written before at `offset` from the beginning. */
void wr_patch_u16(struct wr *w, size_t offset, uint16_t v);
void wr_patch_u32(struct wr *w, size_t offset, uint32_t v);
/* What has been written so far; empty when bad. Borrowed from the buffer. */
struct slice wr_done(const struct wr *w);

#endif
