/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "client/runtime.h"

/* ---- requests ---- */

static enum control_verb verb(const char *line)
{
	struct control_request r;
	const char *why;
	enum control_verb v = control_parse(SLICE_STR(line), &r, &why);

	assert_true((v == CONTROL_BAD) == (why != NULL));
	assert_int_equal(r.verb, v);
	control_request_free(&r);
	return v;
}

static void requests_are_told_apart(void **state)
{
	assert_int_equal(verb("{\"cmd\":\"status\"}"), CONTROL_STATUS);
	assert_int_equal(verb(" {\"cmd\": \"disconnect\", \"more\": 1} "), CONTROL_DISCONNECT);
	assert_int_equal(verb("{\"cmd\":\"roam\"}"), CONTROL_ROAM);
	assert_int_equal(verb("{\"cmd\":\"roam\",\"interface\":\"wlan0\"}"), CONTROL_ROAM);
	assert_int_equal(verb("{\"cmd\":\"roam\",\"interface\":7}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"metrics\"}"), CONTROL_METRICS);
	assert_int_equal(verb("{\"cmd\":\"log\"}"), CONTROL_LOG);
	assert_int_equal(verb("{\"cmd\":\"log\",\"since\":7,\"level\":\"debug\"}"), CONTROL_LOG);
	assert_int_equal(verb("{\"cmd\":\"log\",\"since\":-1}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"log\",\"since\":\"1\"}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"log\",\"level\":\"loud\"}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"set\",\"log\":\"warn\"}"), CONTROL_SET);
	assert_int_equal(verb("{\"cmd\":\"set\"}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"set\",\"log\":7}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"explode\"}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":7}"), CONTROL_BAD);
	assert_int_equal(verb("{}"), CONTROL_BAD);
	assert_int_equal(verb("[\"status\"]"), CONTROL_BAD);
	assert_int_equal(verb("status"), CONTROL_BAD);
	assert_int_equal(verb(""), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"status\""), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"status\",\"cmd\":\"disconnect\"}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"status\"}{\"cmd\":\"status\"}"), CONTROL_BAD);
}

static struct control_request parsed(const char *line)
{
	struct control_request r;
	const char *why;

	control_parse(SLICE_STR(line), &r, &why);
	assert_null(why);
	control_request_free(&r);
	return r;
}

static void what_is_to_be_shown(void **state)
{
	assert_int_equal(parsed("{\"cmd\":\"show\",\"what\":\"sa\"}").show, SHOW_SA);
	for (unsigned i = 0; i < SHOW_COUNT; i++) {
		char line[80];

		snprintf(line, sizeof(line), "{\"cmd\":\"show\",\"what\":\"%s\"}",
			 control_show_name(i));
		assert_int_equal(parsed(line).show, i);
	}
	assert_int_equal(verb("{\"cmd\":\"show\",\"what\":\"keys\"}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"show\",\"what\":1}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"show\"}"), CONTROL_BAD);
}

static void what_is_wished_for(void **state)
{
	struct control_request r = parsed("{\"cmd\":\"rekey\"}");
	struct addr to;

	assert_int_equal(r.wish.rekey, SESSION_REKEY_ALL);
	r = parsed("{\"cmd\":\"rekey\",\"what\":\"ike\"}");
	assert_int_equal(r.wish.rekey, SESSION_REKEY_IKE);
	r = parsed("{\"cmd\":\"rekey\",\"what\":\"tunnel-1\"}");
	assert_int_equal(r.wish.rekey, SESSION_REKEY_TUNNEL);
	assert_string_equal(r.wish.tunnel, "tunnel-1");
	assert_int_equal(verb("{\"cmd\":\"rekey\",\"what\":\"\"}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"rekey\",\"what\":7}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"rekey\",\"what\":"
			      "\"abcdefghijklmnopqrstuvwxyz0123456789\"}"),
			 CONTROL_BAD);
	assert_int_equal(parsed("{\"cmd\":\"ping\"}").wish.to.family, FAMILY_NONE);
	r = parsed("{\"cmd\":\"ping\",\"target\":\"fd00::1\"}");
	assert_true(addr_parse("fd00::1", &to) && addr_eq(&to, &r.wish.to));
	assert_int_equal(verb("{\"cmd\":\"ping\",\"target\":\"224.0.0.1\"}"), CONTROL_BAD);
	assert_int_equal(verb("{\"cmd\":\"ping\",\"target\":\"host\"}"), CONTROL_BAD);
}

static void deep_nesting_is_refused(void **state)
{
	char line[CONTROL_LINE_MAX];

	memset(line, '[', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(verb(line), CONTROL_BAD);
}

#define ANSWER "{\"cmd\":\"answer\","

static void an_answer_has_its_values(void **state)
{
	struct control_request r;
	const char *why;

	assert_int_equal(control_parse(SLICE_STR(ANSWER "\"id\":4294967295,\"values\":{"
							"\"password\":\"a\\u00e4\\\"b\","
							"\"next-pin\":\"1234\"}}"),
				       &r, &why),
			 CONTROL_ANSWER);
	assert_int_equal(r.id, UINT32_MAX);
	assert_int_equal(r.value[XAUTH_PASSWORD].n, 5);
	assert_memory_equal(r.value[XAUTH_PASSWORD].p, "a\xc3\xa4\"b", 5);
	assert_int_equal(r.value[XAUTH_NEXT_PIN].n, 4);
	assert_int_equal(r.value[XAUTH_USERNAME].n, 0);
	control_request_free(&r);
	assert_int_equal(secret_pool_used(), 0);
}

static void what_is_no_answer(void **state)
{
	char line[CONTROL_LINE_MAX] = ANSWER "\"id\":1,\"values\":{\"password\":\"";
	size_t n = strlen(line);

	assert_int_equal(verb(ANSWER "\"id\":1,\"values\":{}}"), CONTROL_ANSWER);
	assert_int_equal(verb(ANSWER "\"values\":{}}"), CONTROL_BAD);
	assert_int_equal(verb(ANSWER "\"id\":0,\"values\":{}}"), CONTROL_BAD);
	assert_int_equal(verb(ANSWER "\"id\":-1,\"values\":{}}"), CONTROL_BAD);
	assert_int_equal(verb(ANSWER "\"id\":4294967296,\"values\":{}}"), CONTROL_BAD);
	assert_int_equal(verb(ANSWER "\"id\":\"1\",\"values\":{}}"), CONTROL_BAD);
	assert_int_equal(verb(ANSWER "\"id\":1}"), CONTROL_BAD);
	assert_int_equal(verb(ANSWER "\"id\":1,\"values\":[]}"), CONTROL_BAD);
	assert_int_equal(verb(ANSWER "\"id\":1,\"values\":{\"pasword\":\"x\"}}"), CONTROL_BAD);
	assert_int_equal(verb(ANSWER "\"id\":1,\"values\":{\"password\":7}}"), CONTROL_BAD);
	/* A NUL would cut it short somewhere. */
	assert_int_equal(verb(ANSWER "\"id\":1,\"values\":{\"password\":\"a\\u0000b\"}}"),
			 CONTROL_BAD);
	memset(line + n, 'x', ASK_VALUE_MAX + 1);
	strcpy(line + n + ASK_VALUE_MAX, "\"}}");
	assert_int_equal(verb(line), CONTROL_ANSWER);
	strcpy(line + n + ASK_VALUE_MAX, "x\"}}");
	assert_int_equal(verb(line), CONTROL_BAD);
	assert_int_equal(secret_pool_used(), 0);
}

/* ---- status ---- */

static void fill_session(struct session_info *s, const struct ts_pair *ts)
{
	static const struct drops drops;

	*s = (struct session_info){
		.state = SESSION_UP,
		.since = 100 * VTIME_S,
		.gateway = "vpn.example.com",
		.path = { .encapsulation = ENCAPSULATION_UDP },
		.nat = NAT_LOCAL,
		.ike_rekey_at = 3600 * VTIME_S,
		.ike = { .state = IKE_STATE_ESTABLISHED,
			 .cookie_i = { 1, 2, 3, 4, 5, 6, 7, 8 },
			 .suite = { IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_MODP_2048 },
			 .established_at = 99 * VTIME_S,
			 .expires_at = 3700 * VTIME_S,
			 .drops = &drops },
		.mtu = 1438,
		.ntunnels = 2,
	};
	addr_parse("192.0.2.1", &s->path.remote.addr);
	s->path.remote.port = 4500;
	strcpy(s->tunnels[0].name, "tunnel-1");
	s->tunnels[0].ts = ts;
	s->tunnels[0].up = true;
	s->tunnels[0].nepochs = 1;
	s->tunnels[0].epochs[0] = (struct session_epoch_info){
		.state = EPOCH_CURRENT,
		.spi_in = 0xabc,
		.spi_out = 0xc0ffee00,
		.suite = { ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE },
		.since = 101 * VTIME_S,
		.bytes_in = 5000000000,
		.packets_out = 7,
		.replays = 1,
	};
	strcpy(s->tunnels[1].name, "tunnel-2");
	s->tunnels[1].ts = ts;
}

static json_t *status(const struct control_view *view)
{
	char *text = control_status(view);
	json_t *o;

	assert_non_null(text);
	assert_null(strchr(text, '\n'));
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	free(text);
	return o;
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "(none)";
}

static json_int_t num(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static struct ts_pair some_ts(void)
{
	struct prefix local, remote;

	assert_true(prefix_parse("10.91.0.1", &local));
	assert_true(prefix_parse("10.80.0.0/24", &remote));
	return (struct ts_pair){ ts_from_prefix(&local), ts_from_prefix(&remote) };
}

static void status_tells_what_is(void **state)
{
	struct ts_pair ts = some_ts();
	struct session_info *s = calloc(1, sizeof(*s));
	struct drops a = { .n = { [DROP_REPLAY] = 2 } }, b = { .n = { [DROP_REPLAY] = 3 } };
	struct addr inner;
	struct control_view view = { .name = "office",
				     .device = "godwit0",
				     .inner = &inner,
				     .ninner = 1,
				     .session = s,
				     .drops = { &a, NULL, &b },
				     .now = 160 * VTIME_S,
				     .wall = 1700000060500 * VTIME_MS };
	json_t *o, *tunnel, *epoch;

	addr_parse("10.91.0.1", &inner);
	fill_session(s, &ts);
	o = status(&view);
	assert_string_equal(str(o, "name"), "office");
	assert_string_equal(str(o, "state"), "up");
	assert_string_equal(str(o, "since"), "2023-11-14T22:13:20Z");
	assert_string_equal(str(o, "peer"), "192.0.2.1:4500");
	assert_true(json_is_null(json_object_get(o, "local")));
	assert_string_equal(str(o, "nat"), "local");
	assert_string_equal(str(o, "encapsulation"), "udp");
	assert_string_equal(str(json_object_get(o, "ike"), "spi_i"), "0102030405060708");
	assert_int_equal(num(json_object_get(o, "ike"), "age_s"), 61);
	assert_int_equal(num(json_object_get(o, "ike"), "rekey_in_s"), 3440);
	assert_int_equal(num(o, "mtu"), 1438);
	assert_int_equal(num(json_object_get(o, "drops"), "replay"), 5);
	assert_int_equal(json_object_size(json_object_get(o, "drops")), 1);
	assert_int_equal(json_array_size(json_object_get(o, "tunnels")), 2);
	tunnel = json_array_get(json_object_get(o, "tunnels"), 0);
	assert_string_equal(str(tunnel, "remote_ts"), "10.80.0.0/24");
	epoch = json_array_get(json_object_get(tunnel, "epochs"), 0);
	assert_string_equal(str(epoch, "spi_in"), "00000abc");
	assert_string_equal(str(epoch, "spi_out"), "c0ffee00");
	assert_string_equal(str(epoch, "suite"), "aes128gcm16");
	assert_string_equal(str(epoch, "state"), "current");
	assert_int_equal(num(epoch, "age_s"), 59);
	assert_int_equal(num(epoch, "bytes_in"), 5000000000);
	assert_int_equal(num(epoch, "packets_out"), 7);
	assert_int_equal(num(epoch, "replays"), 1);
	tunnel = json_array_get(json_object_get(o, "tunnels"), 1);
	assert_int_equal(json_array_size(json_object_get(tunnel, "epochs")), 0);
	json_decref(o);
	free(s);
}

static void since_is_the_same_whenever_it_is_asked_for(void **state)
{
	for (unsigned ms = 0; ms < 1000; ms += 50) {
		const struct control_view view = { .now = 160 * VTIME_S + ms * VTIME_MS,
						   .wall = 1700000060500 * VTIME_MS +
							   ms * VTIME_MS };
		json_t *o = control_since(&view, 100 * VTIME_S);

		assert_string_equal(json_string_value(o), "2023-11-14T22:13:20Z");
		json_decref(o);
	}
}

static void status_tells_what_is_held(void **state)
{
	struct session_info *s = calloc(1, sizeof(*s));
	struct hold_counters all = { .packets = 3,
				     .bytes = 900,
				     .since = 155 * VTIME_S,
				     .in = 20,
				     .released = 9,
				     .replaced = 4,
				     .expired = 1,
				     .dropped = 3 };
	struct hold_counters one = { .packets = 2, .bytes = 600, .since = 155 * VTIME_S };
	struct control_view view = { .name = "x",
				     .device = "d",
				     .session = s,
				     .now = 160 * VTIME_S,
				     .wall = 1000 * VTIME_S,
				     .held = &all };
	struct ts_pair ts = some_ts();
	const json_t *held, *tunnel;
	json_t *o;

	fill_session(s, &ts);
	s->tunnels[0].slot = 7;
	strcpy(s->tunnels[0].name, "office");
	strcpy(s->tunnels[1].name, "tunnel-1");
	s->tunnels[0].on_demand = true;
	s->tunnels[0].refused_until = 167 * VTIME_S + 1;
	s->tunnels[0].refused_why = "no such network";
	view.held_of[7] = &one;
	o = status(&view);
	held = json_object_get(o, "held");
	assert_int_equal(num(held, "packets"), 3);
	assert_int_equal(num(held, "bytes"), 900);
	assert_int_equal(num(held, "in"), 20);
	assert_int_equal(num(held, "released"), 9);
	assert_int_equal(num(held, "replaced"), 4);
	assert_int_equal(num(held, "expired"), 1);
	assert_int_equal(num(held, "dropped"), 3);
	tunnel = json_array_get(json_object_get(o, "tunnels"), 0);
	assert_string_equal(str(tunnel, "name"), "office");
	assert_true(json_is_true(json_object_get(tunnel, "on_demand")));
	assert_int_equal(num(json_object_get(tunnel, "held"), "packets"), 2);
	assert_string_equal(str(json_object_get(tunnel, "held"), "since"), "1970-01-01T00:16:35Z");
	assert_string_equal(str(json_object_get(tunnel, "refused"), "why"), "no such network");
	assert_int_equal(num(json_object_get(tunnel, "refused"), "again_in_s"), 8);
	tunnel = json_array_get(json_object_get(o, "tunnels"), 1);
	assert_string_equal(str(tunnel, "name"), "tunnel-1");
	assert_int_equal(num(json_object_get(tunnel, "held"), "packets"), 0);
	assert_true(json_is_null(json_object_get(json_object_get(tunnel, "held"), "since")));
	assert_true(json_is_null(json_object_get(tunnel, "refused")));
	json_decref(o);
	free(s);
}

static void status_tells_what_is_asked(void **state)
{
	struct session_info *s = calloc(1, sizeof(*s));
	struct dns *resolved = calloc(1, sizeof(*resolved));
	struct session_ask q = { .id = 9,
				 .fields = 1u << XAUTH_PASSCODE | 1u << XAUTH_USERNAME,
				 .message = "Next code",
				 .ahead = true,
				 .until = 460 * VTIME_S };
	struct control_view view = {
		.name = "x", .device = "d", .session = s, .user = "alice", .now = 160 * VTIME_S
	};
	struct ts_pair ts = some_ts();
	struct addr inner;
	json_t *o, *asks, *resolver;

	fill_session(s, &ts);
	addr_parse("10.91.0.7", &inner);
	resolved->by = DNS_BY_RESOLVED;
	resolved->state = DNS_SET;
	addr_parse("10.1.0.53", &resolved->plan.servers[0]);
	resolved->plan.nservers = 1;
	resolved->plan.ndomains = 1;
	strcpy(resolved->plan.domains[0].name, "corp.example");
	view.dns = resolved;
	s->ask = &q;
	s->inner = &inner;
	s->ninner = 1;
	s->tunnels[0].until = 880 * VTIME_S;
	s->tunnels[1].until = VTIME_NEVER;
	o = status(&view);
	asks = json_object_get(o, "asks");
	assert_int_equal(num(asks, "id"), 9);
	assert_int_equal(num(asks, "until_in_s"), 300);
	assert_string_equal(str(asks, "message"), "Next code");
	assert_true(json_is_true(json_object_get(asks, "ahead")));
	assert_int_equal(json_array_size(json_object_get(asks, "fields")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(asks, "fields"), 1)),
			    "passcode");
	assert_string_equal(str(json_object_get(o, "ike"), "user"), "alice");
	json_decref(o);
	/* A name in Latin-1, of a person or in an explanation, hides nothing else. */
	view.user = "j\xf6rg";
	strcpy(q.username, view.user);
	s->why = view.user;
	o = status(&view);
	assert_string_equal(str(json_object_get(o, "asks"), "username"), "j?rg");
	assert_string_equal(str(json_object_get(o, "ike"), "user"), "j?rg");
	assert_string_equal(str(o, "why"), "j?rg");
	view.user = "j\xc3\xb6rg";
	json_decref(o);
	o = status(&view);
	assert_string_equal(str(json_object_get(o, "ike"), "user"), view.user);
	resolver = json_object_get(o, "resolver");
	assert_string_equal(str(resolver, "by"), "resolved");
	assert_string_equal(str(resolver, "state"), "set");
	assert_true(json_is_false(json_object_get(resolver, "default_route")));
	assert_true(json_is_null(json_object_get(resolver, "why")));
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "dns"), 0)),
			    "10.1.0.53");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(resolver, "domains"), 0)),
		"~corp.example");
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "addresses"), 0)),
			    "10.91.0.7");
	assert_int_equal(num(json_array_get(json_object_get(o, "tunnels"), 0), "ends_in_s"), 720);
	assert_true(json_is_null(
		json_object_get(json_array_get(json_object_get(o, "tunnels"), 1), "ends_in_s")));
	json_decref(o);
	free(resolved);
	free(s);
}

/* Every key is there in every state: programs count on it. */
static void status_always_has_its_keys(void **state)
{
	static const char *const keys[] = { "name",	"state",     "since",	      "gateway",
					    "peer",	"local",     "encapsulation", "nat",
					    "ike",	"addresses", "dns",	      "mtu",
					    "resolver", "tunnels",   "held",	      "mobility",
					    "ping",	"asks",	     "recovery" };
	struct session_info *s = calloc(1, sizeof(*s));
	struct control_view view = { .name = "x", .device = "d", .session = s, .now = 5 };
	json_t *o = status(&view);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!json_object_get(o, keys[i]))
			fail_msg("no key %s", keys[i]);
	assert_string_equal(str(o, "state"), "down");
	assert_string_equal(str(json_object_get(o, "mobility"), "method"), "none");
	json_decref(o);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_told_apart),
		cmocka_unit_test(what_is_to_be_shown),
		cmocka_unit_test(what_is_wished_for),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(an_answer_has_its_values),
		cmocka_unit_test(what_is_no_answer),
		cmocka_unit_test(status_tells_what_is),
		cmocka_unit_test(since_is_the_same_whenever_it_is_asked_for),
		cmocka_unit_test(status_tells_what_is_held),
		cmocka_unit_test(status_tells_what_is_asked),
		cmocka_unit_test(status_always_has_its_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
