/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What mtu_inner promises, with the engine that keeps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "client/mtu.h"
#include "tests/unit/esp_parts.h"

#define SLOT 3

static void known_values(void **state)
{
	const enum encapsulation udp = ENCAPSULATION_UDP;

	assert_int_equal(mtu_inner(1500, FAMILY_IP4, udp, &suite_gcm), 1438);
	assert_int_equal(mtu_inner(1300, FAMILY_IP4, udp, &suite_gcm), 1238);
	assert_int_equal(mtu_inner(1500, FAMILY_IP6, udp, &suite_gcm), 1418);
	/* 1500 - 20 - 8 - 8 - 16 - 16 = 1432, of which 1424 are whole blocks. */
	assert_int_equal(mtu_inner(1500, FAMILY_IP4, udp, &suite_cbc), 1422);
	assert_int_equal(mtu_inner(1500, FAMILY_IP4, ENCAPSULATION_ESP, &suite_cbc), 1438);
	assert_int_equal(mtu_inner(1500, FAMILY_IP4, ENCAPSULATION_ESP, &suite_gcm), 1446);
	assert_int_equal(mtu_inner(1500, FAMILY_IP6, ENCAPSULATION_ESP, &suite_gcm), 1426);
	assert_int_equal(mtu_inner(1500, FAMILY_IP4, ENCAPSULATION_CISCO_UDP, &suite_gcm), 1438);
	assert_int_equal(mtu_inner(60, FAMILY_IP4, udp, &suite_gcm), 0);
	assert_int_equal(mtu_inner(64, FAMILY_IP4, udp, &suite_gcm), 2);
}

/* One engine that sends 10.1/16 to 10.2/16 through this SA. */
static void run(struct esp_out *sa, struct batch *b)
{
	static uint8_t arena[BATCH_MAX * 2048];
	static struct classifier *c;
	static struct outbound *o;
	const struct policy_rule rule = { parts_pair("10.1.0.0/16", "10.2.0.0/16"), POLICY_PROTECT,
					  SLOT, GRANULARITY_RULE };
	const struct policy_view rules = { &rule, 1, POLICY_DISCARD };
	struct batch replies;

	if (!c) {
		c = classifier_new();
		o = outbound_new(c, &(struct outbound_config){ 0 });
		classifier_rules_free(classifier_publish_view(c, &rules));
	}
	batch_init(&replies, arena, sizeof(arena));
	classifier_set_current(c, SLOT, sa);
	outbound_run(o, 0, b, &replies);
	classifier_set_current(c, SLOT, NULL);
}

/* Packets of all sizes, cut and whole: nothing sealed is larger on the wire than the path. */
static void try_path(const struct esp_suite *suite, enum family outer, enum encapsulation e,
		     unsigned path_mtu)
{
	static struct parts_batch pb;
	struct esp_sa_config config = parts_config(suite, 0x1234);
	unsigned around = (outer == FAMILY_IP6 ? 40 : 20) + (e == ENCAPSULATION_UDP ? 8 : 0);
	unsigned largest = 0;
	struct esp_out *sa;
	uint8_t inner[1700];

	config.mtu = mtu_inner(path_mtu, outer, e, suite);
	assert_true(config.mtu >= ESP_MTU_MIN4);
	sa = parts_out(config);
	for (uint16_t n = 28; n < 1600; n = (uint16_t)(n + 23)) {
		parts_batch(&pb);
		for (uint16_t i = 0; i < 12; i++) {
			parts_udp4(inner, "10.1.0.5", "10.2.0.9", 53, (uint16_t)(n + i));
			inner[6] = i % 2 ? 0x40 : 0;
			parts_take(&pb.b, slice(inner, n + i));
		}
		run(sa, &pb.b);
		for (unsigned i = 0; i < pb.b.n; i++) {
			const struct pkt *p = &pb.b.pkts[i];

			if (p->kind != PKT_SEALED)
				continue;
			assert_false(p->may_fragment);
			if (p->len + around > largest)
				largest = p->len + around;
		}
	}
	if (largest > path_mtu)
		fail_msg("cipher %d, path %u: %u on the wire", suite->cipher, path_mtu, largest);
	/* And it does not give room away: one block more would be too much. */
	assert_true(largest + 32 > path_mtu);
	esp_out_free(sa);
}

static void every_suite_keeps_to_every_path(void **state)
{
	static const uint16_t bits[] = { 0, 128, 192, 256 };
	struct esp_sizes sizes;
	unsigned suites = 0;

	for (int cipher = 0; cipher < 16; cipher++)
		for (int integ = 0; integ < 16; integ++)
			for (unsigned k = 0; k < ARRAY_SIZE(bits); k++) {
				struct esp_suite s = { (enum esp_cipher)cipher, bits[k],
						       (enum esp_integ)integ };

				if (!esp_suite_sizes(&s, &sizes))
					continue;
				suites++;
				for (unsigned m = 1280; m <= 1296; m += 3) {
					try_path(&s, FAMILY_IP4, ENCAPSULATION_UDP, m);
					try_path(&s, FAMILY_IP4, ENCAPSULATION_ESP, m);
					try_path(&s, FAMILY_IP6, ENCAPSULATION_UDP, m + 200);
				}
			}
	assert_true(suites >= 15);
}

/* The number is the largest: what is one byte longer does not fit. */
static void nothing_larger_fits(void **state)
{
	static const struct esp_suite *const suites[] = { &suite_gcm, &suite_cbc };

	for (unsigned i = 0; i < ARRAY_SIZE(suites); i++)
		for (unsigned m = 600; m < 1700; m++) {
			unsigned inner = mtu_inner(m, FAMILY_IP4, ENCAPSULATION_UDP, suites[i]);
			struct esp_sizes s;
			unsigned padded;

			assert_true(esp_suite_sizes(suites[i], &s));
			padded = (inner + 1 + 2 + s.align - 1) / s.align * s.align;
			assert_true(28U + 8 + s.iv + padded + s.icv > m);
			padded = (inner + 2 + s.align - 1) / s.align * s.align;
			assert_true(28U + 8 + s.iv + padded + s.icv <= m);
		}
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(every_suite_keeps_to_every_path),
		cmocka_unit_test(nothing_larger_fits),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
