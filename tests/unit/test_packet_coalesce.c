/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "coalesce_parts.h"

#define ROUNDS 3000

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

/* Two packets of a flow with something else between them; how many writes. */
static unsigned writes_around(struct slice other)
{
	struct wire w = bases[U4];
	struct item *it;

	clear();
	add(&w, 10, 0);
	it = add(&w, 10, 0);
	memcpy(arena + it->off, other.p, other.n);
	it->len = (uint32_t)other.n;
	arena_used = it->off + it->len;
	add(&w, 10, 1);
	run_all();
	check_writes();
	return writes_n;
}

/*
 * What is no packet comes out as it is, and so does what is of another protocol. The former ends
 * runs, and what could be of any flow; the latter does not.
 */
static void test_others(void **state)
{
	static const struct {
		uint8_t next;
		unsigned writes;
	} rows[] = { { PACKET_HOP_BY_HOP, 3 }, { PACKET_ROUTING, 3 },
		     { PACKET_FRAGMENT, 3 },   { PACKET_DESTINATION_OPTIONS, 3 },
		     { PACKET_AH, 2 },	       { PACKET_NO_NEXT_HEADER, 2 } };
	static const uint8_t junk[] = { 0x45, 0, 0, 99 };
	struct packet_bytes echo = unhex(ECHO4), ip6 = unhex(AH6);

	assert_int_equal(writes_around(BYTES(echo)), 2);
	assert_int_equal(writes_around(SLICE_OF(junk)), 3);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ip6.b[6] = rows[i].next;
		assert_int_equal(writes_around(BYTES(ip6)), rows[i].writes);
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
		cmocka_unit_test(test_identity),     cmocka_unit_test(test_random),
		cmocka_unit_test(test_many_flows),   cmocka_unit_test(test_run_bound),
		cmocka_unit_test(test_length_bound), cmocka_unit_test(test_full),
		cmocka_unit_test(test_what),	     cmocka_unit_test(test_others),
		cmocka_unit_test(test_cut_short),
	};

	return cmocka_run_group_tests(tests, fill_payload, NULL);
}
