/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_parts.h"

#define SECONDS 40

static const struct ike_suite strong = { IKE_CIPHER_AES_CBC, 256, HASH_SHA2_256, DH_MODP_2048 };
static const struct ike_suite second = { IKE_CIPHER_AES_CBC, 128, HASH_SHA1, DH_MODP_2048 };
static const struct ike_suite weak = { IKE_CIPHER_3DES_CBC, DES3_KEY_BITS, HASH_MD5, DH_MODP_1024 };

static struct gateway usual(void)
{
	return (struct gateway){ .addr = address("198.51.100.1"),
				 .nsuites = 2,
				 .suites = { strong, second },
				 .methods = PSK_ONLY,
				 .refuses = true };
}

/* Examines it, politely, and gives what was found; the caller frees lab->d. */
static const struct doctor_found *examine(struct lab *lab, struct gateway *g)
{
	struct doctor_config c = one_target(g);

	lab_begin(lab, g, &c);
	lab_run(lab, SECONDS * VTIME_S);
	assert_true(doctor_found(lab->d, 0)->sent <= DOCTOR_PACKETS_MAX);
	assert_int_equal(doctor_found(lab->d, 0)->sent, g->got);
	return doctor_found(lab->d, 0);
}

static void test_usual(void **state)
{
	struct gateway g = usual();
	const struct doctor_found *f;
	struct lab lab;

	f = examine(&lab, &g);
	assert_int_equal(doctor_best(lab.d), 0);
	assert_int_equal(f->v1[DOCTOR_500].reach, REACH_ANSWER);
	assert_int_equal(f->v1[DOCTOR_4500].reach, REACH_ANSWER);
	assert_int_equal(f->v1[DOCTOR_500].rtt_ms, 20);
	assert_int_equal(f->v2[DOCTOR_500].reach, REACH_SILENCE);
	assert_true(f->ike1.refuses);
	assert_true(f->ike1.complete);
	assert_false(f->ike1.limited);
	assert_int_equal(f->ike1.naccepted, 2);
	assert_true(suite_same(&f->ike1.accepted[0].suite, &strong));
	assert_true(suite_same(&f->ike1.accepted[1].suite, &second));
	assert_false(f->ike1.user || f->ike1.certificate || f->ike1.hybrid);
	assert_int_equal(f->ike1.key, REACH_ANSWER);
	assert_true(f->ike1.natd);
	assert_int_equal(f->ike1.nat, NAT_NONE);
	assert_int_equal(f->ike1.nvendors, 3);
	assert_string_equal(f->ike1.vendor[2], "0102756e6b6e6f776e");
	assert_int_equal(f->fragments, SIZE_PASSES);
	assert_int_equal(f->whole, SIZE_PASSES);
	assert_int_equal(f->path_mtu, 1500);
	/* All but the one that keys were exchanged on. */
	assert_int_equal(g.released, g.half_open - 1);
	doctor_free(lab.d);
}

static void test_nat(void **state)
{
	struct gateway g = usual();
	struct lab lab;

	g.nat = true;
	assert_int_equal(examine(&lab, &g)->ike1.nat, NAT_LOCAL);
	doctor_free(lab.d);
}

/* It accepts weak things alone, or says nothing to what it does not like: as old Ciscos do. */
static void test_silent_unless_right(void **state)
{
	struct gateway g = usual();
	const struct doctor_found *f;
	struct lab lab;

	g.refuses = false;
	g.suites[0] = weak;
	g.nsuites = 1;
	f = examine(&lab, &g);
	assert_int_equal(f->v1[DOCTOR_500].reach, REACH_ANSWER);
	assert_int_equal(f->ike1.naccepted, 1);
	assert_true(suite_same(&f->ike1.accepted[0].suite, &weak));
	assert_false(f->ike1.refuses);
	assert_false(f->ike1.limited);
	assert_true(f->ike1.complete);
	assert_int_equal(f->whole, SIZE_PASSES);
	doctor_free(lab.d);
}

static void test_user_alone(void **state)
{
	struct gateway g = usual();
	const struct doctor_found *f;
	struct lab lab;

	g.methods.method[0] = METHOD_XAUTH_INIT_PSK;
	f = examine(&lab, &g);
	assert_true(f->ike1.naccepted >= 1);
	assert_int_equal(f->ike1.accepted[0].method, METHOD_XAUTH_INIT_PSK);
	doctor_free(lab.d);
}

static void test_nobody(void **state)
{
	struct gateway g = usual();
	const struct doctor_found *f;
	struct lab lab;

	g.drop[0] = g.drop[1] = true;
	f = examine(&lab, &g);
	assert_int_equal(doctor_best(lab.d), -1);
	for (unsigned port = 0; port < DOCTOR_PORTS; port++) {
		assert_int_equal(f->v1[port].reach, REACH_SILENCE);
		assert_int_equal(f->v2[port].reach, REACH_SILENCE);
	}
	assert_true(lab.now < 10 * VTIME_S);
	doctor_free(lab.d);
}

/* An ICMP error is told from silence, and ends the questions at once. */
static void test_icmp(void **state)
{
	static const struct {
		int error;
		enum doctor_reach reach;
	} rows[] = {
		{ ECONNREFUSED, REACH_PORT_CLOSED }, { EHOSTUNREACH, REACH_NO_HOST },
		{ ENETUNREACH, REACH_NO_HOST },	     { EACCES, REACH_FORBIDDEN },
		{ ENOBUFS, REACH_NOT_SENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gateway g = usual();
		const struct doctor_found *f;
		struct lab lab;

		g.icmp[0] = g.icmp[1] = rows[i].error;
		f = examine(&lab, &g);
		assert_int_equal(f->v1[DOCTOR_500].reach, rows[i].reach);
		assert_int_equal(f->v2[DOCTOR_4500].reach, rows[i].reach);
		assert_int_equal(f->sent, 4);
		assert_int_equal(doctor_best(lab.d), -1);
		doctor_free(lab.d);
	}
}

static void test_blocked_4500(void **state)
{
	struct gateway g = usual();
	const struct doctor_found *f;
	struct lab lab;

	g.drop[DOCTOR_4500] = true;
	f = examine(&lab, &g);
	assert_int_equal(f->v1[DOCTOR_500].reach, REACH_ANSWER);
	assert_int_equal(f->v1[DOCTOR_4500].reach, REACH_SILENCE);
	assert_int_equal(f->ike1.naccepted, 2);
	doctor_free(lab.d);
	g = usual();
	g.drop[DOCTOR_500] = true;
	f = examine(&lab, &g);
	assert_int_equal(f->v1[DOCTOR_500].reach, REACH_SILENCE);
	assert_int_equal(f->v1[DOCTOR_4500].reach, REACH_ANSWER);
	assert_int_equal(f->ike1.naccepted, 2);
	assert_int_equal(f->whole, SIZE_PASSES);
	doctor_free(lab.d);
}

static void test_fragments(void **state)
{
	struct gateway g = usual();
	const struct doctor_found *f;
	struct lab lab;

	g.drop_fragments = true;
	f = examine(&lab, &g);
	assert_int_equal(f->fragments, SIZE_LOST);
	assert_true(f->fragments_bytes > 1500);
	assert_int_equal(f->whole, SIZE_PASSES);
	doctor_free(lab.d);
}

static void test_mtu(void **state)
{
	struct gateway g = usual();
	const struct doctor_found *f;
	struct lab lab;

	g.mtu = 1400;
	g.too_big = true;
	f = examine(&lab, &g);
	assert_int_equal(f->whole, SIZE_LOST);
	assert_true(f->too_big_said);
	assert_int_equal(f->path_mtu, 1400);
	doctor_free(lab.d);
	for (unsigned mtu = 600; mtu < 1500; mtu += 37) {
		g = usual();
		g.mtu = mtu;
		/* The first message is larger than that, and goes in fragments. */
		f = examine(&lab, &g);
		assert_int_equal(f->whole, SIZE_LOST);
		assert_false(f->too_big_said);
		assert_true(f->path_mtu <= mtu);
		assert_true(f->path_mtu + 40 >= mtu);
		doctor_free(lab.d);
	}
}

/* A router may say anything: nothing, zero, more than was sent. */
static void test_mtu_lies(void **state)
{
	static const unsigned lies[] = { 0, 1, 68, 1500, 1501, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct gateway g = usual();
		struct doctor_config c = one_target(&g);
		struct doctor_send s;
		struct lab lab;

		g.mtu = 1300;
		lab_begin(&lab, &g, &c);
		for (unsigned n = 0; !doctor_over(lab.d) && n < 1000; n++) {
			vtime at = doctor_deadline(lab.d);

			lab.now = at > lab.now ? at : lab.now;
			doctor_timeout(lab.d, lab.now);
			while (doctor_output(lab.d, lab.now, &s)) {
				if (s.whole && s.bytes.n + 28 > g.mtu)
					send_error(&lab, &s, EMSGSIZE, lies[i]);
				else
					deliver(&lab, &s);
			}
		}
		assert_true(doctor_over(lab.d));
		assert_true(doctor_found(lab.d, 0)->path_mtu <= 1300);
		assert_true(doctor_found(lab.d, 0)->path_mtu >= 1250);
		doctor_free(lab.d);
	}
}

/* Wherever it falls silent: what comes behind is not blamed on sizes. */
static void test_limited(void **state)
{
	for (unsigned n = 3; n < 12; n++) {
		struct gateway g = usual();
		const struct doctor_found *f;
		struct lab lab;

		g.goes_silent = n;
		f = examine(&lab, &g);
		assert_true(f->ike1.limited || f->ike1.key == REACH_SILENCE ||
			    f->whole == SIZE_PASSES);
		assert_int_not_equal(f->fragments, SIZE_LOST);
		assert_int_not_equal(f->whole, SIZE_LOST);
		doctor_free(lab.d);
	}
}

/* What was never offered is no answer. */
static void test_not_offered(void **state)
{
	struct gateway g = usual();
	struct lab lab;

	g.lie = &weak;
	assert_int_equal(examine(&lab, &g)->ike1.naccepted, 0);
	doctor_free(lab.d);
}

/* Everything takes long, and nothing is said: it ends all the same. */
static void test_budget(void **state)
{
	struct gateway g = usual();
	struct doctor_config c = one_target(&g);
	struct lab lab;

	g.refuses = false;
	g.no_key = true;
	g.drop_fragments = true;
	g.suites[0] = weak;
	g.nsuites = 1;
	c.group = "nobody";
	/* Only the weak list is short enough to be heard: nothing else passes. */
	g.mtu = 900;
	lab_begin(&lab, &g, &c);
	lab_run(&lab, 120 * VTIME_S);
	assert_true(doctor_found(lab.d, 0)->cut_short);
	assert_in_range(doctor_found(lab.d, 0)->sent, 30, DOCTOR_PACKETS_MAX);
	doctor_free(lab.d);
}

/* Some datagrams are lost, others in each round: what ends the exchanges counts, too. */
static void test_budget_of_releases(void **state)
{
	for (uint32_t round = 1; round <= 100; round++) {
		struct gateway g = usual();
		struct doctor_config c = one_target(&g);
		struct lab lab;

		g.losses = round * 2654435761u;
		g.mtu = 900;
		g.no_key = true;
		lab_begin(&lab, &g, &c);
		lab_run(&lab, 240 * VTIME_S);
		assert_in_range(doctor_found(lab.d, 0)->sent, 1, DOCTOR_PACKETS_MAX);
		doctor_free(lab.d);
	}
}

static void test_v2(void **state)
{
	struct gateway g = { .addr = address("198.51.100.1"), .v2 = true };
	const struct doctor_found *f;
	char text[V2_SUITE_TEXT_MAX];
	struct lab lab;

	f = examine(&lab, &g);
	assert_int_equal(doctor_best(lab.d), 0);
	assert_true(f->ike2.chosen);
	assert_string_equal(v2_suite_text(&f->ike2.suite, text), "aes256gcm16-prfsha384-ecp256");
	assert_true(f->ike2.natd);
	assert_int_equal(f->ike2.nat, NAT_NONE);
	assert_int_equal(f->ike1.naccepted, 0);
	assert_int_equal(f->v1[DOCTOR_500].reach, REACH_SILENCE);
	assert_int_equal(f->whole, SIZE_PASSES);
	doctor_free(lab.d);
}

/* A cookie, and a group that we can only pretend to compute in. */
static void test_v2_again(void **state)
{
	struct gateway g = {
		.addr = address("198.51.100.1"), .v2 = true, .v2_group = 31, .v2_cookie = true
	};
	const struct doctor_found *f;
	struct lab lab;

	f = examine(&lab, &g);
	assert_true(f->ike2.chosen);
	assert_true(f->ike2.cookie);
	assert_int_equal(f->ike2.wants_group, 31);
	assert_int_equal(f->ike2.suite.group, 31);
	doctor_free(lab.d);
}

/* A group that nobody has is no reason to go on asking. */
static void test_v2_odd_group(void **state)
{
	struct gateway g = { .addr = address("198.51.100.1"), .v2 = true, .v2_group = 4711 };
	struct lab lab;

	assert_false(examine(&lab, &g)->ike2.chosen);
	doctor_free(lab.d);
}

static void test_v2_refuses(void **state)
{
	struct gateway g = usual();
	const struct doctor_found *f;
	struct lab lab;

	g.v2 = true;
	g.v2_error = V2_NO_PROPOSAL_CHOSEN;
	f = examine(&lab, &g);
	assert_false(f->ike2.chosen);
	assert_int_equal(f->ike2.error, V2_NO_PROPOSAL_CHOSEN);
	assert_int_equal(f->ike1.naccepted, 2);
	doctor_free(lab.d);
}

static void test_group(void **state)
{
	struct gateway g = usual();
	struct doctor_config c;
	const struct doctor_found *f;
	struct lab lab;

	/* Not a word of it unless it is named. */
	g.group = true;
	f = examine(&lab, &g);
	assert_int_equal(f->group.reach, REACH_NOT_ASKED);
	doctor_free(lab.d);
	c = one_target(&g);
	c.group = "staff";
	lab_begin(&lab, &g, &c);
	lab_run(&lab, SECONDS * VTIME_S);
	f = doctor_found(lab.d, 0);
	assert_true(f->group.accepted);
	assert_true(f->group.hash);
	assert_true(suite_same(&f->group.choice.suite, &strong));
	doctor_free(lab.d);
}

/* The first address is dead; the second is examined; of the third it is asked whether it speaks. */
static void test_addresses(void **state)
{
	struct gateway g = usual();
	struct doctor_config c = one_target(&g);
	struct lab lab;

	c.ntargets = 3;
	c.targets[1] = c.targets[0];
	c.targets[0].addr = address("198.51.100.99");
	c.targets[2].addr = address("198.51.100.98");
	c.targets[2].mtu = 1500;
	lab_begin(&lab, &g, &c);
	lab_run(&lab, 120 * VTIME_S);
	assert_int_equal(doctor_best(lab.d), 1);
	assert_int_equal(doctor_found(lab.d, 0)->v1[DOCTOR_500].reach, REACH_SILENCE);
	assert_int_equal(doctor_found(lab.d, 1)->v1[DOCTOR_500].reach, REACH_ANSWER);
	assert_int_equal(doctor_found(lab.d, 2)->v1[DOCTOR_500].reach, REACH_SILENCE);
	doctor_free(lab.d);
}

/* After a refusal: the nearest of what is accepted is among what is found. */
static void test_near(void **state)
{
	static const struct ike_suite own[] = { { IKE_CIPHER_AES_CBC, 128, HASH_SHA1,
						  DH_MODP_3072 } };
	struct gateway g = usual();
	struct doctor_config c = one_target(&g);
	const struct doctor_found *f;
	struct lab lab;

	c.nown = 1;
	c.own = own;
	c.own_method = METHOD_PSK;
	lab_begin(&lab, &g, &c);
	lab_run(&lab, 10 * VTIME_S);
	f = doctor_found(lab.d, 0);
	assert_int_equal(f->ike1.naccepted, 2);
	assert_true(f->sent <= 8);
	assert_int_equal(g.released, g.half_open);
	doctor_free(lab.d);
}

static void test_near_method(void **state)
{
	struct gateway g = usual();
	struct doctor_config c = one_target(&g);
	const struct doctor_found *f;
	struct lab lab;

	g.methods.method[0] = METHOD_RSA;
	c.nown = 1;
	c.own = &strong;
	c.own_method = METHOD_PSK;
	lab_begin(&lab, &g, &c);
	lab_run(&lab, 10 * VTIME_S);
	f = doctor_found(lab.d, 0);
	assert_int_equal(f->ike1.naccepted, 1);
	assert_int_equal(f->ike1.accepted[0].method, METHOD_RSA);
	doctor_free(lab.d);
}

/* What is not an answer: from elsewhere, to another question, our own words, noise. */
static void test_hostile(void **state)
{
	struct gateway g = usual();
	struct doctor_config c = one_target(&g);
	struct doctor_event ev = { .type = DOCTOR_DATAGRAM };
	uint8_t noise[256], echo[2048], copy[2048];
	struct doctor_send s;
	struct lab lab;

	lab_begin(&lab, &g, &c);
	assert_true(doctor_output(lab.d, lab.now, &s));
	memcpy(echo, s.bytes.p, s.bytes.n);
	ev.port = s.port;
	ev.remote = s.to;
	ev.local = *lab.us;
	ev.bytes = slice(echo, s.bytes.n);
	doctor_event(lab.d, lab.now, &ev);
	/* What would be an answer, if it came from the gateway. */
	memcpy(copy, s.bytes.p, s.bytes.n);
	ev.bytes = answer(&lab, &s, slice(copy, s.bytes.n), echo, sizeof(echo));
	assert_true(ev.bytes.n > 0);
	ev.remote.addr = address("198.51.100.2");
	doctor_event(lab.d, lab.now, &ev);
	ev.remote = s.to;
	ev.remote.port++;
	doctor_event(lab.d, lab.now, &ev);
	assert_int_equal(doctor_found(lab.d, 0)->received, 0);
	ev.remote = s.to;
	for (size_t n = 0; n < sizeof(noise); n++) {
		rng_fill(&lab.rng, noise, sizeof(noise));
		ev.bytes = slice(noise, n);
		doctor_event(lab.d, lab.now, &ev);
	}
	lab_run(&lab, SECONDS * VTIME_S);
	/* The gateway's own answer to the repetition counts; it was deaf to the first one. */
	assert_int_equal(doctor_found(lab.d, 0)->v1[DOCTOR_500].rtt_ms, 20);
	assert_int_equal(doctor_found(lab.d, 0)->ike1.naccepted, 2);
	doctor_free(lab.d);
}

/* An answer with our cookie and nonsense behind it ends the question, and no more. */
static void test_nonsense(void **state)
{
	struct gateway g = usual();
	struct doctor_config c = one_target(&g);
	uint8_t bytes[64];
	struct doctor_send s;
	struct lab lab;

	lab_begin(&lab, &g, &c);
	for (unsigned n = 0; !doctor_over(lab.d) && n < 1000; n++) {
		vtime at = doctor_deadline(lab.d);

		lab.now = at > lab.now ? at : lab.now;
		doctor_timeout(lab.d, lab.now);
		while (doctor_output(lab.d, lab.now, &s)) {
			size_t marker = s.port == DOCTOR_4500 ? 4 : 0;
			struct doctor_event ev = { .type = DOCTOR_DATAGRAM,
						   .port = s.port,
						   .remote = s.to,
						   .local = *lab.us,
						   .bytes = SLICE_OF(bytes) };

			memcpy(bytes, s.bytes.p, sizeof(bytes));
			rng_fill(&lab.rng, bytes + marker + 8, sizeof(bytes) - marker - 8);
			doctor_event(lab.d, lab.now, &ev);
		}
	}
	assert_true(doctor_over(lab.d));
	assert_int_equal(doctor_found(lab.d, 0)->ike1.naccepted, 0);
	assert_false(doctor_found(lab.d, 0)->ike2.chosen);
	doctor_free(lab.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_nat),
		cmocka_unit_test(test_silent_unless_right),
		cmocka_unit_test(test_user_alone),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_blocked_4500),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_mtu_lies),
		cmocka_unit_test(test_limited),
		cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_budget_of_releases),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_v2_again),
		cmocka_unit_test(test_v2_odd_group),
		cmocka_unit_test(test_v2_refuses),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_near_method),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_nonsense),
	};

	return crypto_init() != 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
