/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tests/unit/vpnc_files.h"

static void print(char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");

	vpnc_print_config(&s, out);
	fclose(out);
}

static void the_table_is_whole(void **state)
{
	for (unsigned i = 0; i < VPNC_SETTINGS; i++) {
		const struct vpnc_option *o = &vpnc_options[i];

		assert_non_null(o->keyword);
		assert_non_null(o->help);
		assert_true(!o->option || strncmp(o->option, "--", 2) == 0);
		assert_true(!o->preset || o->value);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(o->keyword, vpnc_options[k].keyword);
	}
}

/* What is printed gives, when it is read, the same again. */
static void the_printed_file_reads_back(void **state)
{
	static const char *const odd[] = { "plain", " leading",	  "trailing\t",	  "\"quoted\"",
					   "\"",    "a \" in it", "# no comment", "ümläut;=" };
	static char first[8192], second[8192];

	for (size_t k = 0; k < ARRAY_SIZE(odd); k++) {
		for (unsigned i = 0; i < VPNC_SETTINGS; i++)
			vpnc_set(&s, i, odd[k], vpnc_options[i].value ? strlen(odd[k]) : 0);
		print(first, sizeof(first));
		vpnc_settings_free(&s);
		assert_true(read_text(first));
		for (unsigned i = 0; i < VPNC_SETTINGS; i++)
			assert_string_equal(s.value[i], vpnc_options[i].value ? odd[k] : "");
		print(second, sizeof(second));
		assert_string_equal(first, second);
	}
	expect_said("");
}

static void what_is_not_set_is_not_printed(void **state)
{
	char text[200];

	vpnc_set(&s, VPNC_PIDFILE, "", 0);
	vpnc_set(&s, VPNC_NO_DETACH, "", 0);
	vpnc_set(&s, VPNC_DH, "dh14", 4);
	print(text, sizeof(text));
	assert_string_equal(text, "IKE DH Group dh14\nNo Detach\n");
}

static void presets(void **state)
{
	assert_string_equal(vpnc_value(&s, VPNC_DH), "dh2");
	assert_false(vpnc_is_set(&s, VPNC_DH));
	assert_null(vpnc_value(&s, VPNC_GATEWAY));
	vpnc_set(&s, VPNC_DH, "dh5xyz", 3);
	assert_string_equal(vpnc_value(&s, VPNC_DH), "dh5");
	vpnc_unset(&s, VPNC_DH);
	assert_string_equal(vpnc_value(&s, VPNC_DH), "dh2");
}

static void the_nearest_keyword(void **state)
{
	static const char *const rows[][2] = {
		{ "IPSec gatway 1.2.3.4", "IPSec gateway" },
		{ "ipsec seccret x", "IPSec secret" },
		{ "Xauth  user-name x", "Xauth username" },
		{ "NAT Traversal Mod natt", "NAT Traversal Mode" },
		{ "DPD idle timout 5", "DPD idle timeout (our side)" },
		{ "CA-Fiel x", "CA-File" },
		{ "something else", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *nearest = vpnc_nearest_keyword(rows[i][0]);

		if (!rows[i][1])
			assert_null(nearest);
		else if (!nearest || strcmp(nearest, rows[i][1]) != 0)
			fail_msg("%s: %s", rows[i][0], nearest ? nearest : "nothing");
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ears_open, ears_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_table_is_whole),
		TEST(the_printed_file_reads_back),
		TEST(what_is_not_set_is_not_printed),
		TEST(presets),
		TEST(the_nearest_keyword),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
