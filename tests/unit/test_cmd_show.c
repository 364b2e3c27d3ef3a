/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of `show`. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

static char *said;

static bool show(const char *answer)
{
	json_t *o = json_loads(answer, 0, NULL);
	size_t size;
	FILE *out;
	bool good;

	assert_non_null(o);
	free(said);
	out = open_memstream(&said, &size);
	good = show_text(o, out);
	fclose(out);
	json_decref(o);
	return good;
}

static int forget(void **state)
{
	free(said);
	said = NULL;
	return 0;
}

static void expect(const char *text)
{
	if (!strstr(said, text))
		fail_msg("not in the table: %s\n%s", text, said);
}

static void two_tables_of_sas(void **state)
{
	assert_true(show("{\"show\":\"sa\",\"rows\":[{\"type\":\"ike\",\"state\":\"current\","
			 "\"role\":\"initiator\",\"spi_i\":\"0011223344556677\",\"age_s\":61,"
			 "\"rekey_in_s\":7200,\"suite\":\"aes128-sha256-modp2048\"},"
			 "{\"type\":\"esp\",\"spi\":\"c3082e2e\",\"direction\":\"in\","
			 "\"tunnel\":\"tunnel-1\",\"state\":\"current\",\"packets\":812,"
			 "\"bytes\":1536,\"bytes_left\":null}]}"));
	expect("current  initiator  0011223344556677  -         aes128-sha256-modp2048  61 s  "
	       "2 h 00 min");
	expect("c3082e2e  in  tunnel-1  current");
	expect("812  1.5 KiB");
}

static void flows_have_ends(void **state)
{
	assert_true(show("{\"show\":\"flows\",\"total\":1234,\"rows\":[{\"protocol\":\"tcp\","
			 "\"source\":\"fd00::1\",\"source_port\":1000,\"destination\":\"fd00::2\","
			 "\"destination_port\":443,\"action\":\"protect\",\"tunnel\":\"web\","
			 "\"age_s\":4},{\"protocol\":\"icmp\",\"source\":\"10.0.0.1\","
			 "\"source_port\":null,\"destination\":\"10.0.0.2\","
			 "\"destination_port\":null,\"action\":\"discard\",\"tunnel\":null,"
			 "\"age_s\":130}]}"));
	expect("tcp       [fd00::1]:1000  [fd00::2]:443  protect  web       4 s\n");
	expect("icmp      10.0.0.1        10.0.0.2       discard  -       2 min\n");
	expect("the newest 2 of 1234\n");
}

static void what_epochs_are(void **state)
{
	assert_true(show("{\"show\":\"epochs\",\"rows\":[{\"tunnel\":\"tunnel-1\",\"epoch\":7,"
			 "\"state\":\"probing\",\"next\":true,\"trial\":true,\"proved\":false,"
			 "\"pings\":2,\"ping_in_s\":1}]}"));
	expect("probing");
	expect("next, on trial\n");
}

static void routes_and_what_is_missing(void **state)
{
	assert_true(show("{\"show\":\"routes\",\"rows\":[{\"kind\":\"address\",\"what\":"
			 "\"to 10.91.0.1/32 dev godwit0\",\"there\":true},{\"kind\":\"rule\","
			 "\"what\":\"pref 30000\",\"there\":false}]}"));
	expect("there    address  to 10.91.0.1/32 dev godwit0\n");
	expect("missing  rule     pref 30000\n");
}

static void held_flows(void **state)
{
	assert_true(show("{\"show\":\"held\",\"rows\":[{\"tunnel\":\"web\",\"packets\":3,"
			 "\"bytes\":180,\"age_s\":2,\"flows\":[{\"protocol\":\"tcp\",\"source\":"
			 "\"10.0.0.1\",\"source_port\":1,\"destination\":\"10.0.0.2\","
			 "\"destination_port\":80}]}]}"));
	expect("web           3  180 bytes  2 s  tcp 10.0.0.1:1 > 10.0.0.2:80\n");
}

static void nothing_is_said_in_words(void **state)
{
	assert_true(show("{\"show\":\"held\",\"rows\":[]}"));
	assert_string_equal(said, "nothing is held\n");
	assert_true(show("{\"show\":\"sa\",\"rows\":[]}"));
	assert_string_equal(said, "no ESP SA\n");
	assert_true(show("{\"show\":\"routes\",\"rows\":[]}"));
	assert_string_equal(said, "nothing has been put into the kernel\n");
}

static void what_is_no_answer(void **state)
{
	assert_false(show("{\"show\":\"keys\",\"rows\":[]}"));
	assert_false(show("{\"show\":\"sa\"}"));
	assert_false(show("{\"rows\":[]}"));
	assert_false(show("[]"));
	/* Rows of other kinds than expected are shown as far as they go. */
	assert_true(show("{\"show\":\"policy\",\"rows\":[7,{\"order\":\"x\"}]}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_tables_of_sas), cmocka_unit_test(flows_have_ends),
		cmocka_unit_test(what_epochs_are),   cmocka_unit_test(routes_and_what_is_missing),
		cmocka_unit_test(held_flows),	     cmocka_unit_test(nothing_is_said_in_words),
		cmocka_unit_test(what_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
