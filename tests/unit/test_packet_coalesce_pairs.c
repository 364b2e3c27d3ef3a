/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which two packets are joined, difference by difference. */
#include "coalesce_parts.h"

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

/* Zero says that there is no checksum, even where it would be the right one. */
static void test_no_checksum_by_chance(void **state)
{
	struct wire w = bases[U4];
	uint8_t *p;

	clear();
	for (unsigned i = 0; i < 2; i++) {
		struct item *it = add(&w, 10, 0);

		/* What the checksum was goes into the payload. */
		p = arena + it->off;
		memcpy(p + 28, p + 26, 2);
		put_be16(p + 26, 0);
		put_be16(p + 28, (uint16_t)(get_be16(p + 28) + get_be16(payload_bytes)));
	}
	p = arena + items[0].off;
	assert_int_equal((uint16_t)~wire_sum(wire_pseudo(&w, p, 18), p + 20, 18), 0);
	run_all();
	assert_int_equal(writes_n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_corrupt_between),
		cmocka_unit_test(test_no_checksum_by_chance),
	};

	return cmocka_run_group_tests(tests, fill_payload, NULL);
}
