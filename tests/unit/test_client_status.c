/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection tells of itself, as docs/ says: all states and all keys. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/view_parts.h"

/* ---- its schema ---- */

static void write_answer(FILE *out, struct all *a, enum session_state state)
{
	char *text;

	a->info.state = state;
	text = control_status(&a->view);
	fprintf(out, "%s\n", text);
	free(text);
}

static int check(const char *schema, const char *answers)
{
	const char *source = getenv("GODWIT_SOURCE");
	char line[600];

	snprintf(line, sizeof(line),
		 "/usr/bin/python3 -B %s/tests/support/schema.py --all-keys %s/docs/%s %s",
		 source ? source : ".", source ? source : ".", schema, answers);
	return system(line);
}

static void every_answer_is_as_its_schema_says(void **state)
{
	char name[] = "/tmp/godwit-status.XXXXXX";
	int fd = mkstemp(name), rc;
	FILE *out = fdopen(fd, "w");
	struct all *a = all_new(), *none = xcalloc(1, sizeof(*none));

	for (enum session_state s = SESSION_DOWN; s <= SESSION_CLOSING; s++)
		write_answer(out, a, s);
	/* Before anything is known. */
	none->view = (struct control_view){ .name = "n", .device = "d", .session = &none->info };
	none->info.gateway = "g";
	none->info.ike_rekey_at = VTIME_NEVER;
	write_answer(out, none, SESSION_DOWN);
	write_answer(out, none, SESSION_CONNECTING);
	fclose(out);
	rc = check("status.schema.json", name);
	unlink(name);
	free(a);
	free(none);
	assert_int_equal(rc, 0);
}

/* ---- show ---- */

static json_t *read_answer(char *text, const char *what)
{
	json_t *o = json_loads(text, 0, NULL);

	assert_non_null(o);
	free(text);
	assert_string_equal(json_string_value(json_object_get(o, "show")), what);
	return o;
}

static const json_t *row(const json_t *o, unsigned i)
{
	return json_array_get(json_object_get(o, "rows"), i);
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

/* All rows of a kind have the same keys, so that programs need not ask for each. */
static void expect_same_keys(const json_t *a, json_t *b)
{
	const char *key;
	json_t *value;

	assert_int_equal(json_object_size(a), json_object_size(b));
	json_object_foreach(b, key, value)
	{
		(void)value;
		assert_non_null(json_object_get(a, key));
	}
}

static void sas_both_ways(void **state)
{
	struct all *a = all_new();
	struct session_ike_info ike = { .state = "current",
					.sa = a->info.ike,
					.accepted = true,
					.path = a->info.path,
					.nat = NAT_LOCAL,
					.rekey_at = NOW + 9 * VTIME_S,
					.expires_at = NOW + 99 * VTIME_S };
	json_t *o = read_answer(show_sa(&a->view, &ike, 1), "sa");

	assert_int_equal(json_array_size(json_object_get(o, "rows")), 1 + 2 * 3);
	assert_string_equal(str(row(o, 0), "role"), "responder");
	assert_string_equal(str(row(o, 0), "spi_i"), "0100000000000000");
	assert_int_equal(num(row(o, 0), "rekey_in_s"), 9);
	assert_string_equal(str(row(o, 3), "direction"), "in");
	assert_string_equal(str(row(o, 3), "spi"), "0000abc2");
	assert_string_equal(str(row(o, 3), "owner"), "rx");
	assert_int_equal(num(row(o, 3), "sequence"), 24);
	assert_int_equal(num(row(o, 3), "missing"), 4);
	assert_int_equal(num(row(o, 3), "heard_ago_s"), 5);
	assert_string_equal(str(row(o, 4), "direction"), "out");
	assert_string_equal(str(row(o, 4), "tunnel"), "tunnel-1");
	assert_int_equal(num(row(o, 4), "packets_left"), 1000 - 40);
	assert_true(json_is_null(json_object_get(row(o, 4), "bytes_left")));
	expect_same_keys(row(o, 3), json_array_get(json_object_get(o, "rows"), 4));
	json_decref(o);
	a->info.tunnels[0].epochs[0].worker = 2;
	o = read_answer(show_sa(&a->view, NULL, 0), "sa");
	assert_string_equal(str(row(o, 0), "owner"), "worker-2");
	json_decref(o);
	free(a);
}

static void epochs_with_their_pings(void **state)
{
	struct all *a = all_new();
	json_t *o = read_answer(show_epochs(&a->view), "epochs");

	assert_int_equal(json_array_size(json_object_get(o, "rows")), 3);
	assert_string_equal(str(row(o, 0), "state"), "probing");
	assert_true(json_is_true(json_object_get(row(o, 0), "trial")));
	assert_int_equal(num(row(o, 0), "pings"), 2);
	assert_int_equal(num(row(o, 0), "ping_in_s"), 3);
	assert_true(json_is_true(json_object_get(row(o, 1), "used")));
	assert_false(json_is_true(json_object_get(row(o, 2), "used")));
	assert_int_equal(num(row(o, 2), "expires_in_s"), 1040);
	json_decref(o);
	free(a);
}

static struct tuple flow(unsigned i)
{
	return (struct tuple){ .src = parts_addr("10.91.0.1"),
			       .dst = parts_addr("10.80.0.2"),
			       .proto = 6,
			       .ports = true,
			       .sport = (uint16_t)(1000 + i),
			       .dport = 80 };
}

static void the_newest_flows_come_first(void **state)
{
	struct all *a = all_new();
	unsigned n = SHOW_FLOWS_MAX + 100;
	struct flow_entry *list = xcalloc(n, sizeof(*list));
	struct outbound_look seen = { .flows = list, .n = n };
	json_t *o;

	for (unsigned i = 0; i < n; i++)
		list[i] = (struct flow_entry){ .tuple = flow(i),
					       .decision = { FLOW_PROTECT, 0, GRANULARITY_RULE },
					       .since = NOW - (i * 7 % n) * VTIME_MS };
	list[1].decision.slot = 99; /* whose it was has gone meanwhile */
	list[2].decision.action = FLOW_FOREIGN;
	o = read_answer(show_flows(&a->view, &seen), "flows");
	assert_int_equal(num(o, "total"), n);
	assert_int_equal(json_array_size(json_object_get(o, "rows")), SHOW_FLOWS_MAX);
	assert_int_equal(num(row(o, 0), "source_port"), 1000);
	assert_int_equal(num(row(o, 0), "age_s"), 0);
	assert_string_equal(str(row(o, 0), "protocol"), "tcp");
	assert_string_equal(str(row(o, 0), "tunnel"), "tunnel-1");
	assert_true(json_is_null(json_object_get(row(o, 7), "tunnel")));
	assert_string_equal(str(row(o, 14), "action"), "foreign");
	json_decref(o);
	free(list);
	free(a);
}

static void held_packets_by_their_flows(void **state)
{
	struct all *a = all_new();
	struct outbound_held held = { .slot = 0, .n = 2, .flows = { flow(1), flow(2) } };
	struct outbound_look seen = { .held = &held, .n = 1 };
	json_t *o = read_answer(show_held(&a->view, &seen), "held");
	const json_t *flows = json_object_get(row(o, 0), "flows");

	assert_string_equal(str(row(o, 0), "tunnel"), "tunnel-1");
	assert_int_equal(num(row(o, 0), "packets"), 3);
	assert_int_equal(num(row(o, 0), "age_s"), 10);
	assert_int_equal(json_array_size(flows), 2);
	assert_int_equal(num(json_array_get(flows, 1), "source_port"), 1002);
	json_decref(o);
	free(a);
}

/* ICMP has no ports, whatever stands in their place. */
static void icmp_has_no_ports(void **state)
{
	struct all *a = all_new();
	struct outbound_held held = { .slot = 0, .n = 1, .flows = { flow(1) } };
	struct outbound_look seen = { .held = &held, .n = 1 };
	json_t *o;

	held.flows[0].proto = 1;
	o = read_answer(show_held(&a->view, &seen), "held");
	assert_true(json_is_null(json_object_get(
		json_array_get(json_object_get(row(o, 0), "flows"), 0), "source_port")));
	json_decref(o);
	free(a);
}

static void routes_that_are_there_and_not(void **state)
{
	char lines[2][TUN_STATE_TEXT_MAX];
	bool stands[2] = { true, false };
	struct host host = { .applied = lines, .napplied = 2 };
	struct tun_state s = { .kind = TUN_STATE_ADDRESS, .ifname = "godwit0" };
	json_t *o;

	assert_true(prefix_parse("10.91.0.1", &s.to));
	tun_state_text(&s, lines[0]);
	s = tun_mark_rule(FAMILY_IP4, 7);
	tun_state_text(&s, lines[1]);
	o = read_answer(show_routes(&host, stands), "routes");
	assert_string_equal(str(row(o, 0), "kind"), "address");
	assert_string_equal(str(row(o, 0), "what"), "to 10.91.0.1/32 dev godwit0");
	assert_true(json_is_true(json_object_get(row(o, 0), "there")));
	assert_string_equal(str(row(o, 1), "kind"), "rule");
	assert_true(json_is_false(json_object_get(row(o, 1), "there")));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_is_as_its_schema_says),
		cmocka_unit_test(sas_both_ways),
		cmocka_unit_test(epochs_with_their_pings),
		cmocka_unit_test(the_newest_flows_come_first),
		cmocka_unit_test(held_packets_by_their_flows),
		cmocka_unit_test(icmp_has_no_ports),
		cmocka_unit_test(routes_that_are_there_and_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
