/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "client/openmetrics.h"
#include "tests/unit/view_parts.h"

/* The samples of a family alone, in their order. */
static void expect_family(const struct control_view *v, const char *name, const char *wanted)
{
	char *answer = metrics(v), *at, *line;
	json_t *o = json_loads(answer, 0, NULL);
	char *text = xstrdup(json_string_value(json_object_get(o, "metrics"))), *rest = text;
	char got[4096] = "";

	assert_non_null(strstr(text, "\n# EOF\n"));
	while ((line = strsep(&rest, "\n"))) {
		at = strpbrk(line, "{ ");
		if (line[0] == '#' || !at || (size_t)(at - line) != strlen(name) ||
		    strncmp(line, name, strlen(name)) != 0)
			continue;
		strncat(got, at, sizeof(got) - strlen(got) - 2);
		strcat(got, "\n");
	}
	assert_string_equal(got, wanted);
	free(text);
	free(answer);
	json_decref(o);
}

#define OFFICE "{connection=\"office\""
#define TUNNEL_1 OFFICE ",tunnel=\"tunnel-1\",slot=\"0\"} "
#define WEB OFFICE ",tunnel=\"web\",slot=\"1\"} "
#define EPOCH(n) OFFICE ",tunnel=\"tunnel-1\",spi_in=\"0000abc" #n "\",spi_out=\"0000def" #n "\""
#define PROBING(state) EPOCH(3) ",godwit_epoch_state=\"" state "\"} "

static void one_state_at_a_time(void **state)
{
	struct all *a = all_new();

	(void)state;
	a->info.state = SESSION_RECOVERING;
	expect_family(&a->view, "godwit_connection_state",
		      OFFICE ",godwit_connection_state=\"down\"} 0\n" OFFICE
			     ",godwit_connection_state=\"connecting\"} 0\n" OFFICE
			     ",godwit_connection_state=\"up\"} 0\n" OFFICE
			     ",godwit_connection_state=\"recovering\"} 1\n");
	/* As status has it. */
	a->info.state = SESSION_CLOSING;
	expect_family(&a->view, "godwit_connection_state",
		      OFFICE ",godwit_connection_state=\"down\"} 1\n" OFFICE
			     ",godwit_connection_state=\"connecting\"} 0\n" OFFICE
			     ",godwit_connection_state=\"up\"} 0\n" OFFICE
			     ",godwit_connection_state=\"recovering\"} 0\n");
	expect_family(&a->view, "godwit_mobility_method",
		      OFFICE ",godwit_mobility_method=\"none\"} 0\n" OFFICE
			     ",godwit_mobility_method=\"ipaddress_update\"} 1\n" OFFICE
			     ",godwit_mobility_method=\"follow\"} 0\n" OFFICE
			     ",godwit_mobility_method=\"renegotiate\"} 0\n");
	free(a);
}

static void each_tunnel_and_each_epoch(void **state)
{
	struct all *a = all_new();

	(void)state;
	expect_family(&a->view, "godwit_tunnel_up", TUNNEL_1 "1\n" WEB "0\n");
	expect_family(&a->view, "godwit_tunnel_held_packets", TUNNEL_1 "3\n" WEB "0\n");
	expect_family(&a->view, "godwit_epoch_sent_packets_total",
		      EPOCH(3) "} 60\n" EPOCH(2) "} 40\n" EPOCH(1) "} 20\n");
	a->info.tunnels[0].nepochs = 1;
	expect_family(&a->view, "godwit_epoch_state",
		      PROBING("probing") "1\n" PROBING("current") "0\n" PROBING("retiring") "0\n");
	/* Behind a tunnel that has none comes another one. */
	a->info.tunnels[0].nepochs = 0;
	expect_family(&a->view, "godwit_epoch_age_seconds", "");
	a->info.tunnels[1].epochs[0] = a->info.tunnels[0].epochs[0];
	a->info.tunnels[1].nepochs = 1;
	expect_family(&a->view, "godwit_epoch_age_seconds",
		      OFFICE ",tunnel=\"web\",spi_in=\"0000abc3\",spi_out=\"0000def3\"} 60\n");
	free(a);
}

/* A sample that is not known is left out, for 0 would be a value. */
static void what_is_not_known_is_not_told(void **state)
{
	struct all *a = all_new();

	(void)state;
	expect_family(&a->view, "godwit_ike_rekey_in_seconds", OFFICE "} 3440\n");
	a->info.ike_rekey_at = VTIME_NEVER;
	expect_family(&a->view, "godwit_ike_rekey_in_seconds", "");
	expect_family(&a->view, "godwit_ike_age_seconds", OFFICE "} 61\n");
	a->info.ike.state = IKE_STATE_DEAD;
	expect_family(&a->view, "godwit_ike_age_seconds", "");
	expect_family(&a->view, "godwit_ike_up", OFFICE "} 0\n");
	expect_family(&a->view, "godwit_mobility_last_outage_seconds", OFFICE "} 0\n");
	a->info.mobility.known = false;
	expect_family(&a->view, "godwit_mobility_last_outage_seconds", "");
	free(a);
}

/* Whoever named the gateway may have put anything into it. */
static void names_do_not_leave_their_quotes(void **state)
{
	struct openmetrics m;
	char *text;

	(void)state;
	openmetrics_begin(&m, "a\"} 1\nb");
	openmetrics_family(&m, "x", OPENMETRICS_GAUGE, NULL, "y");
	openmetrics_number(&m, 7, "l", "\\\xe2\x82\xac", "k", "\xe2\x82", NULL);
	text = openmetrics_end(&m);
	assert_string_equal(text,
			    "# TYPE x gauge\n# HELP x y\n"
			    "x{connection=\"a\\\"} 1\\nb\",l=\"\\\\\xe2\x82\xac\",k=\"??\"} 7\n"
			    "# EOF\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_state_at_a_time),
		cmocka_unit_test(each_tunnel_and_each_epoch),
		cmocka_unit_test(what_is_not_known_is_not_told),
		cmocka_unit_test(names_do_not_leave_their_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
