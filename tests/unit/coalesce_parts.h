/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Batches for the tests of coalesce, what must hold of whatever comes out, and a model that makes
 * the same decisions from what is known of the packets.
 */
#ifndef GODWIT_TESTS_UNIT_COALESCE_PARTS_H
#define GODWIT_TESTS_UNIT_COALESCE_PARTS_H

#include "packet/coalesce.h"

#include "packet/packet.h"
#include "packets.h"
#include "wire_parts.h"

/* One packet of a batch, and all that is known of it. */
struct item {
	struct wire w;
	uint32_t size; /* of the payload */
	bool corrupt; /* a bit is wrong */
	uint32_t off, len; /* in `arena` */
	unsigned group; /* by the model */
	unsigned place; /* in its group */
};

static uint8_t payload_bytes[65536];
static uint8_t arena[4 << 20];
static uint8_t joined[70000];
static uint8_t pieces[1 << 20];
static struct item items[COALESCE_PACKETS];
static unsigned items_n;
static uint32_t arena_used;
static struct coalesce coalesce;
static struct coalesce_write writes[COALESCE_PACKETS];
static unsigned writes_n;

static inline int fill_payload(void **state)
{
	struct rng_seed seed;
	struct rng r = rng_seeded(&seed, 8);

	rng_fill(&r, payload_bytes, sizeof(payload_bytes));
	return 0;
}

static inline void clear(void)
{
	items_n = 0;
	arena_used = 0;
}

/* `from` says which bytes of payload it carries. */
static inline struct item *add(const struct wire *w, uint32_t size, uint32_t from)
{
	struct item *it = &items[items_n++];

	*it = (struct item){ .w = *w, .size = size, .off = arena_used };
	assert_true(arena_used + WIRE_MAX <= sizeof(arena));
	it->len = wire_build(w, slice(payload_bytes + from, size), arena + arena_used);
	arena_used += it->len;
	return it;
}

static inline void corrupt(struct item *it, uint32_t at, uint8_t bits)
{
	it->corrupt = true;
	arena[it->off + at] ^= bits;
}

static inline struct slice bytes_of(const struct item *it)
{
	return slice(arena + it->off, it->len);
}

static inline void run(unsigned what)
{
	coalesce_begin(&coalesce, what);
	for (unsigned i = 0; i < items_n; i++)
		assert_true(coalesce_add(&coalesce, bytes_of(&items[i])));
	writes_n = 0;
	while (coalesce_output(&coalesce, &writes[writes_n]))
		writes_n++;
	assert_false(coalesce_output(&coalesce, &writes[writes_n]));
}

static inline void run_all(void)
{
	run(COALESCE_TCP | COALESCE_UDP);
}

/* What writev hands to the kernel, the vnet header left out. */
static inline struct slice join_write(const struct coalesce_write *w)
{
	size_t n = 0;

	assert_ptr_equal(w->iov[0].iov_base, &w->vnet);
	assert_int_equal(w->iov[0].iov_len, 10);
	for (unsigned i = 1; i < w->iov_n; i++) {
		assert_true(n + w->iov[i].iov_len <= sizeof(joined));
		memcpy(joined + n, w->iov[i].iov_base, w->iov[i].iov_len);
		n += w->iov[i].iov_len;
	}
	assert_int_equal(n + 10, w->bytes);
	return slice(joined, n);
}

static inline struct item *item_at(const uint8_t *p)
{
	for (unsigned i = 0; i < items_n; i++)
		if (arena + items[i].off == p)
			return &items[i];
	fail();
	return NULL;
}

/* Equal, but for the identification, which says nothing with DF. */
static inline void same_packet(uint8_t *got, const struct item *want)
{
	if (!want->w.ip6) {
		packet_checksum_adjust(got + 10, get_be16(got + 4), want->w.id);
		put_be16(got + 4, want->w.id);
	}
	assert_memory_equal(got, arena + want->off, want->len);
}

/* What the kernel makes of a write is what came. */
static inline void check_run(const struct coalesce_write *w)
{
	struct slice whole = join_write(w);
	enum drop why = DROP_COUNT;
	struct split s;
	size_t stride;

	assert_int_equal(split_begin(&s, &w->vnet, joined, whole.n, &why), 0);
	assert_true(s.gso);
	assert_int_equal(w->vnet.hdr_len, s.headers);
	assert_int_equal(s.n, w->packets);
	stride = split_length(&s, 0);
	split_write(&s, 0, s.n, pieces, stride);
	for (unsigned i = 0; i < s.n; i++) {
		const struct item *it = item_at(coalesce_write_packet(w, i).p);

		assert_int_equal(it->len, split_length(&s, i));
		same_packet(pieces + i * stride, it);
	}
}

static inline void check_alone(const struct coalesce_write *w)
{
	static const struct vnet none;

	assert_int_equal(w->iov_n, 2);
	assert_memory_equal(&w->vnet, &none, sizeof(none));
	assert_true(slice_eq(join_write(w), bytes_of(item_at(w->iov[1].iov_base))));
}

/*
 * Every packet goes out once, unchanged, writes in the order of their first packets, and the
 * packets of a write in the order they came.
 */
static inline void check_writes(void)
{
	unsigned seen = 0;
	const uint8_t *before = NULL;

	for (unsigned i = 0; i < writes_n; i++) {
		const uint8_t *last = NULL;

		seen += writes[i].packets;
		for (unsigned j = 0; j < writes[i].packets; j++) {
			struct slice p = coalesce_write_packet(&writes[i], j);

			assert_true(slice_eq(p, bytes_of(item_at(p.p))));
			assert_true(!last || p.p > last);
			last = p.p;
			if (j == 0) {
				assert_true(!before || p.p > before);
				before = p.p;
			}
		}
		if (writes[i].packets > 1)
			check_run(&writes[i]);
		else
			check_alone(&writes[i]);
	}
	assert_int_equal(seen, items_n);
}

/* ---- the model: the same decisions, made from what is known of the packets ---- */

static inline bool model_same_flow(const struct wire *a, const struct wire *b)
{
	return a->ip6 == b->ip6 && a->tcp == b->tcp && a->src == b->src && a->dst == b->dst &&
	       a->sport == b->sport && a->dport == b->dport;
}

/* It could be of any flow. */
static inline bool model_ends_all(const struct item *it)
{
	return it->w.options != 0 || (!it->w.ip6 && (it->w.fragment & 0x3fff));
}

static inline bool model_joinable(const struct item *it)
{
	const struct wire *w = &it->w;

	if (it->corrupt || model_ends_all(it) || it->size == 0)
		return false;
	if (!w->ip6 && w->fragment != 0x4000)
		return false;
	if (!w->tcp)
		return !w->no_checksum;
	return (w->flags == WIRE_ACK || w->flags == (WIRE_ACK | WIRE_PSH)) && w->urgent == 0;
}

static inline bool model_same_headers(const struct wire *a, const struct wire *b)
{
	if (a->tos != b->tos || a->ttl != b->ttl || (a->ip6 && a->label != b->label))
		return false;
	return !a->tcp ||
	       (a->ack == b->ack && a->window == b->window && a->tcp_options == b->tcp_options &&
		(a->tcp_options == 0 || a->stamp == b->stamp));
}

/* The last packet before i of its flow; NULL when there is none, or one that ends all since. */
static inline struct item *model_before(unsigned i)
{
	const struct wire *w = &items[i].w;

	while (i > 0) {
		struct item *it = &items[--i];

		if (model_ends_all(it))
			return NULL;
		if (model_same_flow(&it->w, w))
			return it;
	}
	return NULL;
}

static inline bool model_joins(const struct item *before, const struct item *it,
			       uint32_t first_size, uint32_t total)
{
	if (!model_joinable(before) || !model_joinable(it))
		return false;
	if (before->place + 1 == COALESCE_RUN || before->size < first_size ||
	    it->size > first_size || total + it->size > 65535)
		return false;
	if (!model_same_headers(&before->w, &it->w))
		return false;
	return !it->w.tcp || (!(before->w.flags & WIRE_PSH) &&
			      it->w.sequence == before->w.sequence + before->size);
}

/* Groups all items; how many groups. */
static inline unsigned model_group(void)
{
	static uint32_t first_size[COALESCE_PACKETS], total[COALESCE_PACKETS];
	unsigned groups = 0;

	for (unsigned i = 0; i < items_n; i++) {
		struct item *it = &items[i], *before;

		before = model_ends_all(it) ? NULL : model_before(i);
		if (before &&
		    model_joins(before, it, first_size[before->group], total[before->group])) {
			it->group = before->group;
			it->place = before->place + 1;
			total[it->group] += it->size;
			continue;
		}
		it->group = groups++;
		it->place = 0;
		first_size[it->group] = it->size;
		total[it->group] = it->len;
	}
	return groups;
}

static inline void check_model(void)
{
	assert_int_equal(model_group(), writes_n);
	for (unsigned i = 0; i < writes_n; i++)
		for (unsigned j = 0; j < writes[i].packets; j++) {
			const struct item *it = item_at(coalesce_write_packet(&writes[i], j).p);

			assert_int_equal(it->group, i);
			assert_int_equal(it->place, j);
		}
}

/* ---- flows ---- */

static const struct wire bases[] = {
	{ .tcp = true,
	  .ttl = 64,
	  .fragment = 0x4000,
	  .src = 1,
	  .dst = 2,
	  .sport = 3,
	  .dport = 4,
	  .sequence = 0xffffff00,
	  .ack = 77,
	  .window = 512,
	  .flags = WIRE_ACK,
	  .tcp_options = 12 },
	{ .tcp = true,
	  .ip6 = true,
	  .ttl = 64,
	  .label = 5,
	  .src = 1,
	  .dst = 2,
	  .sport = 3,
	  .dport = 4,
	  .sequence = 1000,
	  .ack = 77,
	  .window = 512,
	  .flags = WIRE_ACK },
	{ .ttl = 64, .fragment = 0x4000, .src = 1, .dst = 2, .sport = 3, .dport = 4 },
	{ .ip6 = true, .ttl = 64, .label = 5, .src = 1, .dst = 2, .sport = 3, .dport = 4 },
};

enum {
	T4,
	T6,
	U4,
	U6,
	TS = T4 | 8
};

#endif
