/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "tests/unit/vpnc_files.h"

static char directory[] = "/tmp/godwit-vpnc-XXXXXX";
static char *output;
static size_t output_size;

/* Words as main() gets them: they may be written to. */
static enum vpnc_read read_words(const char *const *words, char **kept)
{
	char *argv[16];
	enum vpnc_read result;
	FILE *out = open_memstream(&output, &output_size);
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = strdup(words[argc]);
	argv[argc] = NULL;
	result = vpnc_read_argv(&s, argc, argv, out, err);
	fclose(out);
	for (int i = 0; i < argc; i++) {
		if (kept)
			kept[i] = argv[i];
		else
			free(argv[i]);
	}
	if (!kept)
		free(output);
	return result;
}

#define WORDS(...) ((const char *const[]){ "vpnc", __VA_ARGS__, NULL })

/* ---- files ---- */

static void every_keyword(void **state)
{
	for (unsigned i = 0; i < VPNC_SETTINGS; i++) {
		const struct vpnc_option *o = &vpnc_options[i];
		char line[200];

		snprintf(line, sizeof(line), "%s%s\n", o->keyword, o->value ? " a value" : "");
		assert_true(read_text(line));
		for (unsigned k = 0; k < VPNC_SETTINGS; k++)
			assert_int_equal(vpnc_is_set(&s, k), k <= i);
		assert_string_equal(s.value[i], o->value ? "a value" : "");
	}
	expect_said("");
}

static void letter_case_and_blanks(void **state)
{
	assert_true(read_text("ipsec GATEWAY \t  gw.example.com \t \r\n"
			      "NoninterActive\n"
			      "dpd Idle Timeout (Our Side)\t0\n"));
	assert_string_equal(s.value[VPNC_GATEWAY], "gw.example.com");
	assert_string_equal(s.value[VPNC_NONINTERACTIVE], "");
	assert_string_equal(s.value[VPNC_DPD_IDLE], "0");
	expect_said("");
}

static void quotes(void **state)
{
	static const struct {
		const char *written;
		const char *value;
	} rows[] = {
		{ "\"quoted\"", "quoted" },
		{ "\" two blanks \"", " two blanks " },
		{ "\"", "\"" },
		{ "\"open", "\"open" },
		{ "close\"", "close\"" },
		{ "\"\"\"", "\"" },
		{ "in\"side", "in\"side" },
		{ "'single'", "'single'" },
		{ "a # b ; c", "a # b ; c" },
		{ "\"a\" \"b\"", "a\" \"b" },
		{ "back\\slash", "back\\slash" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char line[100];

		snprintf(line, sizeof(line), "Xauth password %s\n", rows[i].written);
		assert_true(read_text(line));
		assert_string_equal(s.value[VPNC_PASSWORD], rows[i].value);
		vpnc_unset(&s, VPNC_PASSWORD);
	}
	expect_said("");
}

static void comments_are_whole_lines(void **state)
{
	assert_true(read_text("# IPSec ID one\n\n   \nIPSec ID two # not a comment\n"));
	assert_string_equal(s.value[VPNC_ID], "two # not a comment");
	expect_said("");
}

static void unknown_words_are_warned_of(void **state)
{
	assert_true(read_text("IPSec gatewy x\n"
			      "# a comment\n"
			      "what is this\n"
			      " IPSec ID indented\n"
			      "IPSec IDx y\n"
			      "Noninterativ\n"));
	expect_said(
		"vpnc: warning: unknown configuration directive in test at line 1; did you mean "
		"'IPSec gateway'?\n"
		"vpnc: warning: unknown configuration directive in test at line 3\n"
		"vpnc: warning: unknown configuration directive in test at line 4; did you mean "
		"'IPSec ID'?\n"
		"vpnc: warning: unknown configuration directive in test at line 5; did you mean "
		"'IPSec ID'?\n"
		"vpnc: warning: unknown configuration directive in test at line 6; did you mean "
		"'Noninteractive'?\n");
	for (unsigned i = 0; i < VPNC_SETTINGS; i++)
		assert_false(vpnc_is_set(&s, i));
}

static void values_where_none_belongs_and_none_where_one_does(void **state)
{
	assert_true(read_text("IPSec ID\nIPSec gateway \"\"\nNo Detach please\n"));
	expect_said("vpnc: option 'IPSec ID' requires a value! (test at line 1)\n"
		    "vpnc: option 'IPSec gateway' requires a value! (test at line 2)\n"
		    "vpnc: warning: 'No Detach' takes no value, so that it is on whatever stands "
		    "behind it (test at line 3)\n");
	assert_false(vpnc_is_set(&s, VPNC_ID));
	assert_false(vpnc_is_set(&s, VPNC_GATEWAY));
	assert_string_equal(s.value[VPNC_NO_DETACH], "");
}

static void the_first_setting_wins(void **state)
{
	assert_true(read_text("IPSec ID one\nIPSec ID two\n"));
	assert_true(read_text("IPSec ID three\nXauth username four\n"));
	assert_string_equal(s.value[VPNC_ID], "one");
	assert_string_equal(s.value[VPNC_USERNAME], "four");
	expect_said("");
}

static void byte_4_ends_it_and_leaves_the_rest(void **state)
{
	static const char text[] = "IPSec ID a\nXauth username b\x04"
				   "c\n\x04"
				   "an answer\nIPSec gateway x\n";
	int fd = bytes_to_read(text, strlen(text));
	char line[40];

	assert_true(vpnc_read_fd(&s, fd, "test", err));
	assert_string_equal(s.value[VPNC_ID], "a");
	assert_string_equal(s.value[VPNC_USERNAME], "b\x04"
						    "c");
	assert_false(vpnc_is_set(&s, VPNC_GATEWAY));
	assert_int_equal(vpnc_read_line(fd, line, sizeof(line)), 9);
	assert_string_equal(line, "an answer");
	close(fd);
	expect_said("");
}

static void a_last_line_without_an_end(void **state)
{
	assert_true(read_text("IPSec ID a\nNo Detach"));
	assert_true(vpnc_is_set(&s, VPNC_NO_DETACH));
}

static void lines_that_are_too_long(void **state)
{
	char *text = malloc(VPNC_LINE_MAX + 20);

	memset(text, 'x', VPNC_LINE_MAX + 2);
	memcpy(text, "\nScript ", 8);
	strcpy(text + VPNC_LINE_MAX + 1, "\n");
	assert_true(read_text(text));
	assert_int_equal(strlen(s.value[VPNC_SCRIPT]), VPNC_LINE_MAX - strlen("Script "));
	strcpy(text + VPNC_LINE_MAX + 1, "x\n");
	assert_false(read_text(text));
	expect_said("vpnc: line 2 of test is longer than 4096 bytes\n");
	free(text);
}

static void what_is_no_text(void **state)
{
	int fd = bytes_to_read("IPSec ID a\0b\n", 13);

	assert_false(vpnc_read_fd(&s, fd, "test", err));
	close(fd);
	expect_said("vpnc: test is not text: a zero byte in line 1\n");
	assert_false(vpnc_read_fd(&s, fd, "test", err));
	expect_said("vpnc: reading `test': Bad file descriptor\n");
}

static void write_file(const char *name, const char *text, char path[100])
{
	FILE *f;

	snprintf(path, 100, "%s/%s", directory, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void a_name_with_a_slash_is_a_path(void **state)
{
	char path[100], without[100];

	write_file("office.conf", "IPSec ID office\n", path);
	assert_true(vpnc_read_file(&s, path, err));
	assert_string_equal(s.value[VPNC_ID], "office");
	vpnc_unset(&s, VPNC_ID);
	snprintf(without, sizeof(without), "%s/office", directory);
	assert_true(vpnc_read_file(&s, without, err));
	assert_string_equal(s.value[VPNC_ID], "office");
	unlink(path);
	assert_false(vpnc_read_file(&s, "/nowhere/at/all", err));
	expect_said("vpnc: couldn't open `/nowhere/at/all.conf': No such file or directory\n");
	assert_false(vpnc_read_file(&s, "godwit-there-is-no-such-file", err));
	expect_said("vpnc: couldn't open `/etc/vpnc/godwit-there-is-no-such-file.conf': No such "
		    "file or directory\n");
}

/* ---- the command line ---- */

static void every_option(void **state)
{
	for (unsigned i = 0; i < VPNC_SETTINGS; i++) {
		const struct vpnc_option *o = &vpnc_options[i];
		char word[100];

		if (!o->option)
			continue;
		snprintf(word, sizeof(word), "%s=v %u", o->option, i);
		if (!o->value) {
			assert_int_equal(read_words(WORDS(o->option), NULL), VPNC_READ_GOOD);
			assert_string_equal(s.value[i], "");
			continue;
		}
		assert_int_equal(read_words(WORDS(o->option, "-next"), NULL), VPNC_READ_GOOD);
		assert_string_equal(s.value[i], "-next");
		assert_int_equal(read_words(WORDS(word), NULL), VPNC_READ_GOOD);
		assert_string_equal(s.value[i], word + strlen(o->option) + 1);
	}
	expect_said("");
}

static void the_command_line_wins_over_files_before_and_behind_it(void **state)
{
	char path[100];

	write_file("one", "IPSec ID file\nXauth username file\nDomain file\n", path);
	assert_int_equal(read_words(WORDS("--id", "word", path, "--username=word"), NULL),
			 VPNC_READ_GOOD);
	unlink(path);
	assert_string_equal(s.value[VPNC_ID], "word");
	assert_string_equal(s.value[VPNC_USERNAME], "word");
	assert_string_equal(s.value[VPNC_DOMAIN], "file");
	assert_true(s.had_file);
}

static void secrets_leave_the_command_line(void **state)
{
	char *argv[8];

	assert_int_equal(read_words(WORDS("--secret", "s3cret", "--password=pa55", "--id", "group"),
				    argv),
			 VPNC_READ_GOOD);
	assert_string_equal(s.value[VPNC_SECRET], "s3cret");
	assert_string_equal(s.value[VPNC_PASSWORD], "pa55");
	assert_memory_equal(argv[2], "\0\0\0\0\0\0", 7);
	assert_memory_equal(argv[3], "--password=\0\0\0\0", 16);
	assert_string_equal(argv[5], "group");
	assert_false(s.had_file);
	for (int i = 0; i < 6; i++)
		free(argv[i]);
	free(output);
}

static void slips_on_the_command_line(void **state)
{
	assert_int_equal(read_words(WORDS("--gatway", "x"), NULL), VPNC_READ_BAD);
	expect_said("vpnc: unknown option --gatway; did you mean --gateway?\n");
	assert_int_equal(read_words(WORDS("--xyzzy=secret"), NULL), VPNC_READ_BAD);
	expect_said("vpnc: unknown option --xyzzy; see vpnc --long-help\n");
	assert_int_equal(read_words(WORDS("--no-detach=yes"), NULL), VPNC_READ_BAD);
	expect_said("vpnc: --no-detach takes no value\n");
	assert_int_equal(read_words(WORDS("--dh"), NULL), VPNC_READ_BAD);
	expect_said("vpnc: --dh needs a value: --dh <dh2/dh5/dh14/dh15/dh16>\n");
}

static void words_that_only_print(void **state)
{
	char *argv[4];

	assert_int_equal(read_words(WORDS("--version"), argv), VPNC_READ_DONE);
	assert_ptr_equal(strstr(output, "vpnc version 0.5.4\n"), output);
	free(output);
	free(argv[0]);
	free(argv[1]);
	assert_int_equal(read_words(WORDS("--long-help", "--nonsense"), argv), VPNC_READ_DONE);
	/* NetworkManager looks for this one to know that it may answer questions. */
	assert_non_null(strstr(output, "--password-helper"));
	free(output);
	for (int i = 0; i < 3; i++)
		free(argv[i]);
	assert_int_equal(read_words(WORDS("--help"), argv), VPNC_READ_DONE);
	assert_null(strstr(output, "--password-helper"));
	assert_non_null(strstr(output, "--gateway <ip/hostname>"));
	free(output);
	free(argv[0]);
	free(argv[1]);
	assert_int_equal(read_words(WORDS("--print-config"), NULL), VPNC_READ_GOOD);
	assert_true(s.print_config);
	expect_said("");
}

/* ---- hidden secrets ---- */

#define HIDDEN                                                                                     \
	"7F407242A6A26402FFAB80AE33EFB61988873B7DA8C930FE599AC158E5CE9B50653D081216BFFB587C38C29E" \
	"02684BF5039E80D9807CC1D6"

static void hidden_secrets_are_revealed(void **state)
{
	assert_true(read_text("IPSec obfuscated secret " HIDDEN "\n"
			      "Xauth obfuscated password " HIDDEN "\nXauth password clear\n"));
	assert_true(vpnc_reveal(&s, err));
	assert_string_equal(s.value[VPNC_SECRET], "mygroupsecret");
	assert_string_equal(s.value[VPNC_PASSWORD], "clear");
	assert_false(vpnc_is_set(&s, VPNC_HIDDEN_SECRET));
	assert_false(vpnc_is_set(&s, VPNC_HIDDEN_PASSWORD));
	expect_said("vpnc: warning: ignoring obfuscated password because cleartext password set\n");
	assert_true(read_text("Xauth obfuscated password nonsense\n"));
	vpnc_unset(&s, VPNC_PASSWORD);
	assert_false(vpnc_reveal(&s, err));
	expect_said("vpnc: error: deobfuscating of password failed: 'Xauth obfuscated password' is "
		    "not what a .pcf file holds\n");
}

static int make_directory(void **state)
{
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	return rmdir(directory);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ears_open, ears_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_keyword),
		TEST(letter_case_and_blanks),
		TEST(quotes),
		TEST(comments_are_whole_lines),
		TEST(unknown_words_are_warned_of),
		TEST(values_where_none_belongs_and_none_where_one_does),
		TEST(the_first_setting_wins),
		TEST(byte_4_ends_it_and_leaves_the_rest),
		TEST(a_last_line_without_an_end),
		TEST(lines_that_are_too_long),
		TEST(what_is_no_text),
		TEST(a_name_with_a_slash_is_a_path),
		TEST(every_option),
		TEST(the_command_line_wins_over_files_before_and_behind_it),
		TEST(secrets_leave_the_command_line),
		TEST(slips_on_the_command_line),
		TEST(words_that_only_print),
		TEST(hidden_secrets_are_revealed),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
