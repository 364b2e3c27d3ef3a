/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a gateway may answer the doctor. The input is a datagram for the parsers of IKEv2, and a script
 * of answers for the engine: for each question a length and that many bytes, which stand behind the
 * question's own cookie; some of them are ICMP errors.
 */
#include <errno.h>
#include <stdlib.h>

#include "doctor/dns.h"

#define STEPS 400

static void expect(bool truth)
{
	if (!truth)
		abort();
}

static void inside(struct slice part, struct slice whole)
{
	expect(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void parse_body(struct slice body)
{
	struct v2_notification n;
	char text[V2_SUITE_TEXT_MAX];
	struct v2_suite s;

	if (v2_sa_parse(body, &s) == 0)
		expect(strlen(v2_suite_text(&s, text)) < sizeof(text));
	if (v2_notify_parse(body, &n) == 0)
		inside(n.data, body);
}

static void parse(struct slice whole)
{
	const struct endpoint e = { .port = IKE_PORT };
	struct dns_answer dns = { 0 };
	struct v2_notification n;
	struct v2_msg m;
	enum nat nat;

	parse_body(whole);
	if (whole.n >= 2)
		dns_parse(whole, get_be16(whole.p), &dns);
	expect(dns.n <= ARRAY_SIZE(dns.addrs));
	if (v2_msg_parse(whole, &m) != 0)
		return;
	expect(m.n <= V2_PAYLOADS_MAX);
	for (unsigned i = 0; i < m.n; i++) {
		inside(m.payload[i].body, whole);
		parse_body(m.payload[i].body);
	}
	v2_notify_error(&m);
	v2_notify_find(&m, V2_COOKIE, &n);
	v2_nat_detect(&m, &e, &e, &nat);
}

/* One answer of the script to this question; false: it is at its end. */
static bool answer(struct doctor *d, vtime now, const struct doctor_send *s, struct rd *script)
{
	static const int errors[] = { ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, EACCES };
	static uint8_t bytes[4 + 1200 + 8];
	size_t marker = s->port == DOCTOR_4500 ? 4 : 0, n = rd_u16(script);
	struct slice rest = rd_slice(script, n < 1200 ? n : n % 1200);
	struct doctor_event ev = { .type = DOCTOR_DATAGRAM, .port = s->port, .remote = s->to };

	if (script->bad)
		return false;
	ev.local.family = FAMILY_IP4;
	if (rest.n && rest.p[0] % 8 == 7) {
		ev.type = DOCTOR_ERROR;
		ev.error = errors[rest.p[0] / 8 % ARRAY_SIZE(errors)];
		ev.mtu = rest.n >= 5 ? get_be32(rest.p + 1) : 0;
	}
	memcpy(bytes, s->bytes.p, marker + 8);
	if (rest.n)
		memcpy(bytes + marker + 8, rest.p, rest.n);
	ev.bytes = slice(bytes, marker + 8 + rest.n);
	doctor_event(d, now, &ev);
	return true;
}

static void run(struct slice input)
{
	struct doctor_config c = { .ntargets = 1, .port = { 500, 4500 }, .group = "g" };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 1);
	struct doctor_send s;
	struct doctor *d;
	struct rd script;
	vtime now = 0;

	c.targets[0].addr = (struct addr){ FAMILY_IP4, { 192, 0, 2, 1 } };
	rd_init(&script, input);
	d = doctor_new(&c, &rng);
	for (unsigned i = 0; i < STEPS && !doctor_over(d); i++) {
		vtime at = doctor_deadline(d);

		expect(at != VTIME_NEVER);
		now = at > now ? at : now;
		doctor_timeout(d, now);
		while (doctor_output(d, now, &s))
			answer(d, now, &s, &script);
	}
	expect(doctor_over(d));
	expect(doctor_found(d, 0)->sent <= DOCTOR_PACKETS_MAX + DOCTOR_PACKETS_MAX / 2);
	doctor_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;

	if (!ready)
		expect(crypto_init() == 0);
	ready = true;
	parse(slice(data, size));
	run(slice(data, size));
	return 0;
}
