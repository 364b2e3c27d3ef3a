/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/complete.h"
#include "cmd/line.h"

static char asked_of[64]; /* whose tunnels */

static void offer(void *ctx, enum word_kind kind, const char *connection, const char *word,
		  struct completions *out)
{
	switch (kind) {
	case WORD_CONNECTION:
		completions_add(out, "office", NULL, false);
		completions_add(out, "home", NULL, false);
		break;
	case WORD_CONFIGURATION:
		completions_add(out, "office", NULL, false);
		break;
	case WORD_FILE:
		completions_add(out, "outside.conf", NULL, false);
		completions_add(out, "old/", NULL, true);
		completions_add(out, "a.pcf", NULL, false);
		break;
	case WORD_DIRECTORY:
		completions_add(out, "keys/", NULL, true);
		break;
	case WORD_TUNNEL:
		snprintf(asked_of, sizeof(asked_of), "%s", connection ? connection : "");
		completions_add(out, "tunnel-1", "10.0.0.0/8", false);
		break;
	case WORD_INTERFACE:
		completions_add(out, "eth0", NULL, false);
		break;
	case WORD_HOST:
		completions_add(out, "localhost", NULL, false);
		break;
	case WORD_NONE:
	case WORD_LITERAL:
	case WORD_COMMAND:
		fail_msg("nobody is asked for these");
	}
}

static const struct complete_names names = { .offer = offer };

/* The last word of the text, or an empty one behind it, becomes these. */
static void becomes(enum command_place place, const char *text, const char *wanted)
{
	struct completions c = { 0 };
	struct line line;
	char got[512] = "";
	unsigned n;

	line_split(text, strlen(text), &line);
	n = line.n - line.inside;
	complete(&names, place, n, line.words, line.inside ? line.words[n] : "", &c);
	for (size_t i = 0; i < c.n; i++) {
		strcat(got, i ? " " : "");
		strcat(got, c.items[i].word);
	}
	completions_free(&c);
	if (strcmp(got, wanted) != 0)
		fail_msg("'%s' becomes '%s', not '%s'", text, got, wanted);
}

static void commands_by_place(void **state)
{
	becomes(COMMAND_ARGV, "stat", "status");
	becomes(COMMAND_SHELL, "stat", "status");
	becomes(COMMAND_ARGV, "vpn", "vpnc vpnc-disconnect");
	becomes(COMMAND_SHELL, "vpn", "");
	becomes(COMMAND_ARGV, "nosuch", "");
	becomes(COMMAND_ARGV, "help dis", "disconnect");
	becomes(COMMAND_ARGV, "nosuch x", "");
	becomes(COMMAND_ARGV, "comp", ""); /* it is hidden */
}

static void operands_by_kind(void **state)
{
	becomes(COMMAND_ARGV, "status ", "home office");
	becomes(COMMAND_ARGV, "status o", "office");
	becomes(COMMAND_ARGV, "status office ", "");
	becomes(COMMAND_ARGV, "connect o", "office old/ outside.conf");
	becomes(COMMAND_ARGV, "import a", "a.pcf");
	becomes(COMMAND_ARGV, "doctor ", "localhost");
	becomes(COMMAND_ARGV, "roam ", "eth0 home office");
	becomes(COMMAND_ARGV, "roam office ", "eth0");
	becomes(COMMAND_ARGV, "roam office eth0 ", "");
	becomes(COMMAND_ARGV, "rekey ", "home ike office tunnel-1");
	becomes(COMMAND_ARGV, "rekey office t", "tunnel-1");
	assert_string_equal(asked_of, "office");
	becomes(COMMAND_ARGV, "show ", "epochs flows held policy routes sa");
	becomes(COMMAND_ARGV, "version ", "");
	becomes(COMMAND_ARGV, "set ", "log");
	becomes(COMMAND_ARGV, "set log ", "debug error info warn");
	becomes(COMMAND_ARGV, "set log debug o", "office");
	becomes(COMMAND_ARGV, "log --level w", "warn");
	becomes(COMMAND_ARGV, "log --level=w", "--level=warn");
	becomes(COMMAND_ARGV, "vpnc a", "a.pcf");
}

static void options_and_their_values(void **state)
{
	becomes(COMMAND_ARGV, "connect --no", "--no-detach --non-interactive");
	becomes(COMMAND_ARGV, "connect --no-detach --no", "--non-interactive");
	becomes(COMMAND_ARGV, "connect -v --ver", "");
	becomes(COMMAND_ARGV, "connect --keylog ", "keys/");
	becomes(COMMAND_ARGV, "connect --keylog=", "--keylog=keys/");
	becomes(COMMAND_ARGV, "connect --keylog=/tmp ho", "");
	becomes(COMMAND_ARGV, "connect --keylog /tmp of", "office");
	becomes(COMMAND_ARGV, "connect -- --no", "");
	becomes(COMMAND_ARGV, "connect --gateway-lo",
		"--gateway-local-address --gateway-local-port");
	becomes(COMMAND_ARGV, "connect --gateway-address x of", "office");
	becomes(COMMAND_ARGV, "check --auth-psk",
		"--auth-psk-command --auth-psk-fd --auth-psk-file");
	becomes(COMMAND_ARGV, "connect office --k", "--keylog");
	becomes(COMMAND_ARGV, "connect --no-detach=", "");
	becomes(COMMAND_ARGV, "connect --frob=x", "");
	becomes(COMMAND_ARGV, "connect --gateway-add", "--gateway-address");
	becomes(COMMAND_ARGV, "connect --gateway-address ", "");
	becomes(COMMAND_ARGV, "connect --gateway-address vpn.example.com of", "office");
	becomes(COMMAND_ARGV, "connect --gateway-address=vpn.example.com of", "office");
	becomes(COMMAND_ARGV, "status --gateway-add", "");
	becomes(COMMAND_ARGV, "connect --gateway-mode ", "aggressive main");
	becomes(COMMAND_ARGV, "connect --gateway-mode=a", "--gateway-mode=aggressive");
	becomes(COMMAND_ARGV, "connect --auth-ca a", "a.pcf");
	becomes(COMMAND_ARGV, "connect --auth-ca a.pcf of", "office");
}

static void what_all_begin_with(void **state)
{
	struct completions c = { 0 };

	assert_int_equal(completions_common(&c), 0);
	completions_add(&c, "status", NULL, false);
	assert_int_equal(completions_common(&c), 6);
	completions_add(&c, "stay", NULL, false);
	assert_int_equal(completions_common(&c), 3);
	completions_free(&c);
}

static void touch(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static bool has(const struct completions *c, const char *word, bool goes_on)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->items[i].word, word) == 0 && c->items[i].goes_on == goes_on)
			return true;
	return false;
}

static void files_of_this_machine(void **state)
{
	char dir[] = "/tmp/complete.XXXXXX", path[64], sub[64], hidden[64], begin[64];
	char orders[64], line[64];
	const struct complete_names here = complete_system(NULL);
	struct completions c = { 0 };

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.conf", dir);
	snprintf(sub, sizeof(sub), "%s/sub/", dir);
	snprintf(hidden, sizeof(hidden), "%s/.hidden", dir);
	snprintf(begin, sizeof(begin), "%s/", dir);
	snprintf(orders, sizeof(orders), "%s/\033]0;x\007", dir);
	snprintf(line, sizeof(line),
		 "%s/\xc2\x9b"
		 "2J\n",
		 dir);
	touch(path);
	touch(hidden);
	/* Others' names may be orders to a terminal: they are not offered. */
	touch(orders);
	touch(line);
	assert_int_equal(mkdir(sub, 0700), 0);
	here.offer(here.ctx, WORD_FILE, NULL, begin, &c);
	assert_int_equal(c.n, 2);
	assert_true(has(&c, path, false));
	assert_true(has(&c, sub, true));
	completions_free(&c);
	here.offer(here.ctx, WORD_DIRECTORY, NULL, begin, &c);
	assert_int_equal(c.n, 1);
	assert_true(has(&c, sub, true));
	completions_free(&c);
	here.offer(here.ctx, WORD_FILE, NULL, hidden, &c);
	assert_true(has(&c, hidden, false));
	completions_free(&c);
	here.offer(here.ctx, WORD_INTERFACE, NULL, "", &c);
	assert_true(has(&c, "lo", false));
	completions_free(&c);
	unlink(path);
	unlink(hidden);
	unlink(orders);
	unlink(line);
	rmdir(sub);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_by_place),	    cmocka_unit_test(operands_by_kind),
		cmocka_unit_test(options_and_their_values), cmocka_unit_test(what_all_begin_with),
		cmocka_unit_test(files_of_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
