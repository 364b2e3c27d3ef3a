/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "client/session_advice.h"

static struct session *s;
static struct session_config config;

static int begin(void **state)
{
	(void)state;
	s = xcalloc(1, sizeof(*s));
	config = (struct session_config){ .gateways = { "vpn.example" }, .ngateways = 1 };
	s->config = &config;
	addr_parse("192.0.2.1", &s->path.remote.addr);
	addr_parse("198.51.100.7", &s->path.local.addr);
	s->path.remote.port = 500;
	s->step = STEP_PHASE1;
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(s);
	return 0;
}

static void expect(const struct ike_failure *why, const char *wanted)
{
	char buf[SESSION_ADVICE_MAX];

	if (!strstr(session_advice(s, why, buf), wanted))
		fail_msg("\"%s\" does not say \"%s\"", buf, wanted);
}

static void group(void)
{
	config.ike.mode = IKE_MODE_AGGRESSIVE;
	config.ike.vendor = IKE_VENDOR_CISCO;
	config.ike.xauth = true;
	assert_int_equal(identity_parse("keyid:staff", &config.ike.local), 0);
}

static struct ts network(const char *text)
{
	struct prefix p;
	struct ts ts;

	assert_true(prefix_parse(text, &p));
	ts = ts_from_prefix(&p);
	return ts;
}

static void a_wrong_key(void **state)
{
	const struct ike_failure garbage = { .err = ERR_AUTH, .during = "main mode" };
	const struct ike_failure hash = { .err = ERR_AUTH, .during = "aggressive mode" };

	(void)state;
	expect(&garbage, "; correct [auth] psk; if it is right, the gateway looks for the key by");
	group();
	expect(&hash, "; correct [auth] psk: it is not the secret of the group staff");
}

static void an_unknown_name(void **state)
{
	struct ike_failure why = {
		.err = ERR_AUTH, .during = "main mode", .notify = 24, .authentic = true
	};

	(void)state;
	expect(&why, "it may not know \"our address, 198.51.100.7\"; else it wants a user as well");
	group();
	why.during = "aggressive mode";
	why.authentic = false;
	expect(&why,
	       ": it may not know \"staff\" (correct [auth] identity, the group), want no user");
}

static void what_is_offered(void **state)
{
	const struct ike_failure ike = { .err = ERR_NO_PROPOSAL, .during = "main mode" };
	const struct ike_failure esp = { .err = ERR_NO_PROPOSAL, .during = "quick mode" };
	const struct ike_failure ts = { .err = ERR_PEER_REFUSED,
					.during = "quick mode",
					.notify = NOTIFY_INVALID_ID };
	char why[IKE_WHY_MAX];

	(void)state;
	assert_int_equal(ike_suite_parse("aes128-sha1-modp2048", &config.ike.suites[0], why), 0);
	config.ike.nsuites = 1;
	config.child.nsuites = 1;
	config.child.suites[0] =
		(struct esp_suite){ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 };
	expect(&ike, "; we offered aes128-sha1-modp2048; write what the gateway has in [ike]");
	expect(&esp, "; we offered aes256-sha256 without PFS; write what the gateway has in [esp]");
	s->last_failed_slot = 1;
	s->net.tunnels[1].local = network("10.9.0.1/32");
	s->net.tunnels[1].remote = network("10.0.0.0/8");
	expect(&ts, "; we asked for 10.9.0.1/32 to 10.0.0.0/8; write what the gateway has");
}

static void silence(void **state)
{
	const struct ike_failure why = { .err = ERR_TIMEOUT, .during = "main mode" };

	(void)state;
	expect(&why,
	       ": UDP port 500 may be blocked on the way, or [gateway] address be wrong; godwit "
	       "doctor vpn.example finds out");
	s->step = STEP_AUTHENTICATION;
	expect(&why, ": most likely [auth] psk or identity is wrong, and the gateway says nothing");
	s->path.remote.port = 4500;
	expect(&why, ": UDP port 500 passes, so most likely a firewall blocks UDP port 4500");
	s->step = STEP_USER;
	expect(&why, ": perhaps it wants no user ([auth] xauth = no)");
	group();
	expect(&why, "blocks UDP port 4500");
	s->user.needs = 1u << XAUTH_PASSWORD;
	expect(&why, ": what it asked was not answered in time; answer with godwit answer");
	s->user.needs = 0;
	s->user.ask.id = 1;
	expect(&why, ": what it asked was not answered in time; answer with godwit answer");
	s->user.ask.id = 0;
	s->step = STEP_PHASE1;
	expect(&why, "it does not know the group \"staff\" and keeps silent");
}

static void what_icmp_says(void **state)
{
	const struct ike_failure why = { .err = ERR_TIMEOUT, .during = "main mode" };
	struct session_unreachable u = { .to = s->path.remote, .why = SESSION_UNREACHABLE_PORT };

	(void)state;
	/* Of another host it is no matter. */
	addr_parse("192.0.2.9", &u.to.addr);
	session_unreachable_event(s, &u);
	assert_false(s->unreachable.told);
	u.to = s->path.remote;
	u.by = s->path.remote.addr;
	session_unreachable_event(s, &u);
	expect(&why, ": nothing listens on its UDP port 500; see [gateway] address");
	s->unreachable.told = false;
	addr_parse("203.0.113.1", &u.by);
	session_unreachable_event(s, &u);
	expect(&why, ": 203.0.113.1, on the way, rejects UDP port 500");
	/* The first counts. */
	u.why = SESSION_UNREACHABLE_PROHIBITED;
	session_unreachable_event(s, &u);
	expect(&why, "rejects");
	s->unreachable.why = SESSION_UNREACHABLE_PROHIBITED;
	expect(&why, ": 203.0.113.1, on the way, says that UDP port 500 is prohibited");
	s->unreachable.why = SESSION_UNREACHABLE_HOST;
	expect(&why, ": 203.0.113.1 says that nobody is there; see [gateway] address");
}

static void another_gateway(void **state)
{
	const struct ike_failure why = { .err = ERR_IDENTITY, .during = "main mode" };

	(void)state;
	expect(&why, "; without [gateway] identity it must be vpn.example; if what it says is");
	assert_int_equal(identity_parse("gw.example", &config.ike.remote), 0);
	expect(&why, "; [gateway] identity is gw.example; if what it says is the gateway you mean");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(a_wrong_key), T(an_unknown_name), T(what_is_offered),
		T(silence),	T(what_icmp_says),  T(another_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
