/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/coalesce.h"

#include "packet/packet.h"
#include "packets.h"
#include "wire_parts.h"

#define ROUNDS 3000

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

static int fill_payload(void **state)
{
	struct rng_seed seed;
	struct rng r = rng_seeded(&seed, 8);

	rng_fill(&r, payload_bytes, sizeof(payload_bytes));
	return 0;
}

static void clear(void)
{
	items_n = 0;
	arena_used = 0;
}

/* `from` says which bytes of payload it carries. */
static struct item *add(const struct wire *w, uint32_t size, uint32_t from)
{
	struct item *it = &items[items_n++];

	*it = (struct item){ .w = *w, .size = size, .off = arena_used };
	assert_true(arena_used + WIRE_MAX <= sizeof(arena));
	it->len = wire_build(w, slice(payload_bytes + from, size), arena + arena_used);
	arena_used += it->len;
	return it;
}

static void corrupt(struct item *it, uint32_t at, uint8_t bits)
{
	it->corrupt = true;
	arena[it->off + at] ^= bits;
}

static struct slice bytes_of(const struct item *it)
{
	return slice(arena + it->off, it->len);
}

static void run(unsigned what)
{
	coalesce_begin(&coalesce, what);
	for (unsigned i = 0; i < items_n; i++)
		assert_true(coalesce_add(&coalesce, bytes_of(&items[i])));
	writes_n = 0;
	while (coalesce_output(&coalesce, &writes[writes_n]))
		writes_n++;
	assert_false(coalesce_output(&coalesce, &writes[writes_n]));
}

static void run_all(void)
{
	run(COALESCE_TCP | COALESCE_UDP);
}

/* What writev hands to the kernel, the vnet header left out. */
static struct slice join_write(const struct coalesce_write *w)
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

static struct item *item_at(const uint8_t *p)
{
	for (unsigned i = 0; i < items_n; i++)
		if (arena + items[i].off == p)
			return &items[i];
	fail();
	return NULL;
}

/* Equal, but for the identification, which says nothing with DF. */
static void same_packet(uint8_t *got, const struct item *want)
{
	if (!want->w.ip6) {
		packet_checksum_adjust(got + 10, get_be16(got + 4), want->w.id);
		put_be16(got + 4, want->w.id);
	}
	assert_memory_equal(got, arena + want->off, want->len);
}

/* What the kernel makes of a write is what came. */
static void check_run(const struct coalesce_write *w)
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

static void check_alone(const struct coalesce_write *w)
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
static void check_writes(void)
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

static bool model_same_flow(const struct wire *a, const struct wire *b)
{
	return a->ip6 == b->ip6 && a->tcp == b->tcp && a->src == b->src && a->dst == b->dst &&
	       a->sport == b->sport && a->dport == b->dport;
}

/* It could be of any flow. */
static bool model_ends_all(const struct item *it)
{
	return it->w.options != 0 || (!it->w.ip6 && (it->w.fragment & 0x3fff));
}

static bool model_joinable(const struct item *it)
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

static bool model_same_headers(const struct wire *a, const struct wire *b)
{
	if (a->tos != b->tos || a->ttl != b->ttl || (a->ip6 && a->label != b->label))
		return false;
	return !a->tcp ||
	       (a->ack == b->ack && a->window == b->window && a->tcp_options == b->tcp_options &&
		(a->tcp_options == 0 || a->stamp == b->stamp));
}

/* The last packet before i of its flow; NULL when there is none, or one that ends all since. */
static struct item *model_before(unsigned i)
{
	while (i > 0) {
		struct item *it = &items[--i];

		if (model_ends_all(it))
			return NULL;
		if (model_same_flow(&it->w, &items[items_n].w))
			return it;
	}
	return NULL;
}

static bool model_joins(const struct item *before, const struct item *it, uint32_t first_size,
			uint32_t total)
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
static unsigned model_group(void)
{
	static uint32_t first_size[COALESCE_PACKETS], total[COALESCE_PACKETS];
	unsigned n = items_n, groups = 0;

	for (unsigned i = 0; i < n; i++) {
		struct item *it = &items[i], *before;

		/* model_before compares with this one. */
		items_n = i;
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
	items_n = n;
	return groups;
}

static void check_model(void)
{
	assert_int_equal(model_group(), writes_n);
	for (unsigned i = 0; i < writes_n; i++)
		for (unsigned j = 0; j < writes[i].packets; j++) {
			const struct item *it = item_at(coalesce_write_packet(&writes[i], j).p);

			assert_int_equal(it->group, i);
			assert_int_equal(it->place, j);
		}
}

/* ---- pairs ---- */

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

#define SET(field, v) offsetof(struct wire, field), sizeof(((struct wire *)0)->field), (v)
#define SAME 0, 0, 0

/* Two packets that follow one another; in the second one (or, with `both`, in both) a field is set. */
static const struct pair {
	const char *name;
	unsigned base;
	size_t at, n;
	uint32_t value;
	uint32_t first, second; /* payloads */
	bool joins;
	bool both;
} pairs[] = {
	{ "tcp4", T4, SAME, 1348, 1348, true, false },
	{ "tcp6", T6, SAME, 1348, 1348, true, false },
	{ "udp4", U4, SAME, 1200, 1200, true, false },
	{ "udp6", U6, SAME, 1200, 1200, true, false },
	{ "the second is shorter, tcp", T4, SAME, 1348, 1, true, false },
	{ "the second is shorter, udp", U6, SAME, 1200, 3, true, false },
	{ "the second is longer, tcp", T6, SAME, 1000, 1001, false, false },
	{ "the second is longer, udp", U4, SAME, 1000, 1001, false, false },
	{ "nothing in the first", T4, SAME, 0, 1000, false, false },
	{ "nothing in the second", T6, SAME, 1000, 0, false, false },
	{ "an empty datagram", U4, SAME, 1000, 0, false, false },
	{ "two empty datagrams", U6, SAME, 0, 0, false, false },
	{ "PSH in the second", T4, SET(flags, WIRE_ACK | WIRE_PSH), 1000, 1000, true, false },
	{ "PSH in both", T4, SET(flags, WIRE_ACK | WIRE_PSH), 1000, 1000, false, true },
	{ "FIN", T4, SET(flags, WIRE_ACK | WIRE_FIN), 1000, 1000, false, false },
	{ "SYN", T6, SET(flags, WIRE_ACK | WIRE_SYN), 1000, 1000, false, false },
	{ "RST", T6, SET(flags, WIRE_ACK | WIRE_RST), 1000, 1000, false, false },
	{ "URG", T4, SET(flags, WIRE_ACK | WIRE_URG), 1000, 1000, false, false },
	{ "ECE in both", T4, SET(flags, WIRE_ACK | WIRE_ECE), 1000, 1000, false, true },
	{ "CWR in both", T6, SET(flags, WIRE_ACK | WIRE_CWR), 1000, 1000, false, true },
	{ "no ACK in both", T4, SET(flags, 0), 1000, 1000, false, true },
	{ "an urgent pointer in both", T4, SET(urgent, 1), 1000, 1000, false, true },
	{ "a gap", T4, SET(sequence, 2001), 1000, 1000, false, false },
	{ "a repetition", T6, SET(sequence, 1000), 1000, 1000, false, false },
	{ "other acknowledgement", T4, SET(ack, 78), 1000, 1000, false, false },
	{ "other window", T6, SET(window, 513), 1000, 1000, false, false },
	{ "other timestamp", T4, SET(stamp, 9), 1000, 1000, false, false },
	{ "more options", T4, SET(tcp_options, 16), 1000, 996, false, false },
	{ "all options, the same", T6, SET(tcp_options, 40), 1000, 1000, true, true },
	{ "other TOS", T4, SET(tos, 4), 1000, 1000, false, false },
	{ "other ECN", U4, SET(tos, 3), 1000, 1000, false, false },
	{ "other class", U6, SET(tos, 4), 1000, 1000, false, false },
	{ "other flow label", T6, SET(label, 6), 1000, 1000, false, false },
	{ "other TTL", U4, SET(ttl, 63), 1000, 1000, false, false },
	{ "other hop limit", T6, SET(ttl, 63), 1000, 1000, false, false },
	{ "other identification", T4, SET(id, 4444), 1000, 1000, true, false },
	{ "DF in the first alone", T4, SET(fragment, 0), 1000, 1000, false, false },
	{ "DF in none", U4, SET(fragment, 0), 1000, 1000, false, true },
	{ "the reserved bit in both", T4, SET(fragment, 0xc000), 1000, 1000, false, true },
	{ "a first fragment", U4, SET(fragment, 0x2000), 1000, 1000, false, false },
	{ "first fragments both", U4, SET(fragment, 0x2000), 1000, 1000, false, true },
	{ "later fragments both", T4, SET(fragment, 0x0010), 1000, 1000, false, true },
	{ "IPv4 options", T4, SET(options, 4), 1000, 1000, false, true },
	{ "IPv6 options", T6, SET(options, 8), 1000, 1000, false, true },
	{ "other source", U4, SET(src, 7), 1000, 1000, false, false },
	{ "other destination", T6, SET(dst, 7), 1000, 1000, false, false },
	{ "other source port", T4, SET(sport, 7), 1000, 1000, false, false },
	{ "other destination port", U6, SET(dport, 7), 1000, 1000, false, false },
	{ "other protocol", T4, SET(tcp, false), 1000, 1000, false, false },
	{ "other IP version", U4, SET(ip6, true), 1000, 1000, false, false },
	{ "no checksum in the second", U4, SET(no_checksum, true), 1000, 1000, false, false },
	{ "no checksum in both", U4, SET(no_checksum, true), 1000, 1000, false, true },
};

static void build_pair(const struct pair *p)
{
	struct wire a = bases[p->base];
	struct wire b = a;

	b.sequence += p->first;
	if (p->n && p->both)
		memcpy((uint8_t *)&a + p->at, &p->value, p->n);
	if (p->n)
		memcpy((uint8_t *)&b + p->at, &p->value, p->n);
	clear();
	add(&a, p->first, 0);
	add(&b, p->second, p->first);
}

static void test_pairs(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		print_message("%s\n", pairs[i].name);
		build_pair(&pairs[i]);
		run_all();
		assert_int_equal(writes_n, pairs[i].joins ? 1 : 2);
		check_writes();
		check_model();
	}
}

/* A wrong bit anywhere, in the first or in the second, keeps two packets apart. */
static void test_corrupt(void **state)
{
	for (unsigned base = T4; base <= U6; base++) {
		for (unsigned which = 0; which < 2; which++) {
			for (uint32_t at = 0; at < wire_headers(&bases[base]) + 80; at++) {
				struct pair p = { "", base, SAME, 80, 80, true, false };

				build_pair(&p);
				corrupt(&items[which], at, 0x10);
				run_all();
				assert_int_equal(writes_n, 2);
			}
		}
	}
}

/* A wrong one between right ones: nothing overtakes it. */
static void test_corrupt_between(void **state)
{
	struct wire w = bases[U4];

	clear();
	for (unsigned i = 0; i < 9; i++)
		add(&w, 100, i);
	corrupt(&items[4], 60, 1);
	run_all();
	assert_int_equal(writes_n, 3);
	assert_int_equal(writes[0].packets, 4);
	assert_int_equal(writes[1].packets, 1);
	assert_int_equal(writes[2].packets, 4);
	check_writes();
}

/* ---- whole runs ---- */

/* Split, mixed with others, joined: what comes out are the super-packets that went in. */
static void test_identity(void **state)
{
	static uint8_t super[12][WIRE_MAX];
	struct rng_seed seed;
	struct rng r = rng_seeded(&seed, 5);

	for (int round = 0; round < ROUNDS; round++) {
		unsigned flows = 1 + (unsigned)rng_below(&r, 12);
		unsigned next[12] = { 0 }, segments[12], order[12], seen = 0, left = 0;
		struct vnet vnet[12];
		struct wire w[12];
		uint16_t size[12];
		uint32_t bytes[12], length[12];

		clear();
		for (unsigned f = 0; f < flows; f++) {
			w[f] = wire_random(&r, false);
			size[f] = (uint16_t)(1 + rng_below(&r, wire_coin(&r, 8) ? 3000 : 600));
			segments[f] = 2 + (unsigned)rng_below(
						  &r, 256 / flows - 2 > 20 ? 20 : 256 / flows - 1);
			bytes[f] =
				(segments[f] - 1) * size[f] + 1 + (uint32_t)rng_below(&r, size[f]);
			length[f] = wire_super(&w[f], slice(payload_bytes, bytes[f]), size[f],
					       super[f], &vnet[f]);
			left += segments[f];
		}
		assert_true(left <= COALESCE_PACKETS);
		while (left > 0) {
			unsigned f = (unsigned)rng_below(&r, flows);
			struct item *it = &items[items_n];

			if (next[f] == segments[f])
				continue;
			if (next[f] == 0)
				order[seen++] = f;
			it->off = arena_used;
			it->len = wire_segment(&w[f], slice(payload_bytes, bytes[f]), size[f],
					       next[f]++, arena + arena_used);
			arena_used += it->len;
			items_n++;
			left--;
		}
		run_all();
		assert_int_equal(writes_n, flows);
		for (unsigned i = 0; i < flows; i++) {
			unsigned f = order[i];
			struct slice whole = join_write(&writes[i]);

			assert_int_equal(writes[i].packets, segments[f]);
			assert_int_equal(whole.n, length[f]);
			assert_memory_equal(whole.p, super[f], whole.n);
			assert_memory_equal(&writes[i].vnet, &vnet[f], sizeof(vnet[f]));
		}
	}
}

/* ---- anything in any order ---- */

static void random_change(struct rng *r, struct wire *w)
{
	switch (rng_below(r, 14)) {
	case 0:
		w->sequence += 1 + (uint32_t)rng_below(r, 3000);
		break;
	case 1:
		w->ack++;
		break;
	case 2:
		w->window++;
		break;
	case 3:
		w->tos ^= 3;
		break;
	case 4:
		w->ttl--;
		break;
	case 5:
		w->flags = (uint8_t)rng_u32(r);
		break;
	case 6:
		w->options = (uint8_t)(rng_below(r, 2) * 8);
		break;
	case 7:
		w->fragment = wire_coin(r, 2) ? 0x4000 : (uint16_t)(rng_u32(r) & 0xe003);
		break;
	case 8:
		w->no_checksum = !w->no_checksum;
		break;
	case 9:
		w->stamp++;
		break;
	case 10:
		w->label ^= 1;
		break;
	case 11:
		w->tcp_options ^= 4;
		break;
	default:
		w->flags = WIRE_ACK;
		w->options = 0;
		w->fragment = 0x4000;
		w->no_checksum = false;
	}
}

static void random_batch(struct rng *r, unsigned flows)
{
	unsigned n = 1 + (unsigned)rng_below(r, COALESCE_PACKETS);
	uint32_t size = 1 + (uint32_t)rng_below(r, 1400);
	unsigned calm = 2 + (unsigned)rng_below(r, 40);
	struct wire w[32];

	clear();
	for (unsigned f = 0; f < flows; f++) {
		w[f] = bases[rng_below(r, 4)];
		w[f].sport = (uint16_t)f;
	}
	while (items_n < n) {
		struct wire *f = &w[rng_below(r, flows)];
		uint32_t len = wire_coin(r, calm) ? (uint32_t)rng_below(r, size + 2) : size;
		struct item *it;

		if (wire_coin(r, calm))
			random_change(r, f);
		it = add(f, len, items_n);
		if (len > 0 && wire_coin(r, calm))
			corrupt(it, it->len - 1, 1);
		f->sequence += len;
		if (wire_coin(r, calm))
			f->flags |= WIRE_PSH;
	}
}

static void test_random(void **state)
{
	struct rng_seed seed;
	struct rng r = rng_seeded(&seed, 6);

	for (int round = 0; round < ROUNDS; round++) {
		random_batch(&r, 1 + (unsigned)rng_below(&r, COALESCE_FLOWS));
		run_all();
		check_writes();
		check_model();
	}
}

/* More flows than there is room for: less is joined, all else holds. */
static void test_many_flows(void **state)
{
	struct rng_seed seed;
	struct rng r = rng_seeded(&seed, 7);

	for (int round = 0; round < ROUNDS / 10; round++) {
		random_batch(&r, 32);
		run_all();
		check_writes();
		assert_true(model_group() <= writes_n);
		/* Within a flow nothing overtakes: groups of a flow come out as they began. */
		for (unsigned i = 0, last[32] = { 0 }; i < writes_n; i++)
			for (unsigned j = 0; j < writes[i].packets; j++) {
				struct slice p = coalesce_write_packet(&writes[i], j);
				unsigned at = (unsigned)(item_at(p.p) - items) + 1;

				assert_true(at > last[items[at - 1].w.sport]);
				last[items[at - 1].w.sport] = at;
			}
	}
}

/* ---- bounds ---- */

static void test_run_bound(void **state)
{
	clear();
	for (unsigned i = 0; i < 2 * COALESCE_RUN + 2; i++)
		add(&bases[U6], 100, i);
	run_all();
	assert_int_equal(writes_n, 3);
	assert_int_equal(writes[0].packets, COALESCE_RUN);
	assert_int_equal(writes[1].packets, COALESCE_RUN);
	assert_int_equal(writes[2].packets, 2);
	check_writes();
}

/* 65535 bytes, not one more, whatever IPv6 would allow. */
static void test_length_bound(void **state)
{
	for (unsigned base = T4; base <= U6; base++) {
		for (uint32_t more = 0; more < 2; more++) {
			uint32_t room = 65535 - wire_headers(&bases[base]);
			struct wire w = bases[base];
			uint32_t last = room - 31 * 2100;

			clear();
			for (unsigned i = 0; i < 31; i++, w.sequence += 2100)
				add(&w, 2100, i);
			add(&w, last + more, 0);
			run_all();
			assert_int_equal(writes_n, 1 + more);
			check_writes();
			check_model();
		}
	}
}

static void test_full(void **state)
{
	struct slice p;

	clear();
	for (unsigned i = 0; i < COALESCE_PACKETS; i++)
		add(&bases[U4], 10, i);
	p = bytes_of(&items[0]);
	coalesce_begin(&coalesce, COALESCE_UDP);
	for (unsigned i = 0; i < COALESCE_PACKETS; i++)
		assert_true(coalesce_add(&coalesce, bytes_of(&items[i])));
	assert_false(coalesce_add(&coalesce, p));
	writes_n = 0;
	while (coalesce_output(&coalesce, &writes[writes_n]))
		writes_n++;
	assert_int_equal(writes_n, COALESCE_PACKETS / COALESCE_RUN);
	check_writes();
}

static void test_what(void **state)
{
	static const struct {
		unsigned what, writes;
	} rows[] = { { 0, 8 }, { COALESCE_TCP, 6 }, { COALESCE_UDP, 6 }, { 3, 4 } };

	clear();
	for (unsigned base = T4; base <= U6; base++) {
		struct wire w = bases[base];

		add(&w, 10, 0);
		w.sequence += 10;
		add(&w, 10, 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		run(rows[i].what);
		assert_int_equal(writes_n, rows[i].writes);
		check_writes();
	}
}

/* What is no packet, or of another protocol, comes out as it is. Only the former ends runs. */
static void test_others(void **state)
{
	struct packet_bytes echo = unhex(ECHO4);
	struct wire w = bases[U4];
	static const uint8_t junk[] = { 0x45, 0, 0, 99 };
	static const struct {
		const char *name;
		unsigned writes;
	} rows[] = { { "echo", 2 }, { "junk", 3 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct slice other = i ? SLICE_OF(junk) : BYTES(echo);
		struct item *it;

		clear();
		add(&w, 10, 0);
		it = add(&w, 10, 0);
		memcpy(arena + it->off, other.p, other.n);
		it->len = (uint32_t)other.n;
		arena_used = it->off + it->len;
		add(&w, 10, 1);
		run_all();
		assert_int_equal(writes_n, rows[i].writes);
		check_writes();
	}
}

/* Every length of every kind of packet, in a block of just its size. */
static void test_cut_short(void **state)
{
	for (unsigned base = T4; base <= U6; base++) {
		struct item *it;

		clear();
		it = add(&bases[base], 10, 0);
		for (uint32_t n = 0; n < it->len; n++) {
			uint8_t *block = malloc(n ? n : 1);

			memcpy(block, arena + it->off, n);
			coalesce_begin(&coalesce, 3);
			assert_true(coalesce_add(&coalesce, slice(block, n)));
			assert_true(coalesce_add(&coalesce, slice(block, n)));
			assert_true(coalesce_output(&coalesce, &writes[0]));
			assert_int_equal(writes[0].packets, 1);
			free(block);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_corrupt_between),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_many_flows),
		cmocka_unit_test(test_run_bound),
		cmocka_unit_test(test_length_bound),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_what),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_cut_short),
	};

	return cmocka_run_group_tests(tests, fill_payload, NULL);
}
