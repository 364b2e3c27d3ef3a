/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/runtime.h"
#include "cmd/cmd.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static char *said;
static size_t said_size;
static FILE *err;

static int ears_open(void **state)
{
	err = open_memstream(&said, &said_size);
	/* Until then the size is that of the one before. */
	fflush(err);
	return 0;
}

static int ears_close(void **state)
{
	fclose(err);
	free(said);
	return 0;
}

static const struct command *find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	fail_msg("no command %s", name);
	return NULL;
}

static void options_and_operand(void **state)
{
	char *argv[] = { (char[]){ "-v" }, (char[]){ "office.conf" }, (char[]){ "--no-detach" },
			 (char[]){ "--keylog" }, (char[]){ "/tmp/k" } };
	struct command_args args;

	assert_true(command_parse(find("connect"), COUNT(argv), argv, &args, err));
	assert_string_equal(args.word[0], "office.conf");
	assert_true(args.given[0]);
	assert_true(args.given[1]);
	assert_string_equal(args.values[1], "/tmp/k");
	assert_true(args.given[2]);
}

static void value_behind_equals(void **state)
{
	char *argv[] = { (char[]){ "--keylog=/tmp/k" }, (char[]){ "--" }, (char[]){ "-odd" } };
	struct command_args args;

	assert_true(command_parse(find("connect"), COUNT(argv), argv, &args, err));
	assert_string_equal(args.values[1], "/tmp/k");
	assert_string_equal(args.word[0], "-odd");
	assert_false(args.given[0]);
}

static void refused(const char *command, char *word1, char *word2, const char *complaint)
{
	char *argv[] = { word1, word2 };
	struct command_args args;
	size_t before = said_size;

	assert_false(command_parse(find(command), word2 ? 2 : word1 ? 1 : 0, argv, &args, err));
	fflush(err);
	if (!strstr(said + before, complaint))
		fail_msg("'%s' is not in: %s", complaint, said + before);
	assert_ptr_equal(strchr(said + before, '\n'), said + said_size - 1);
}

static void one_plain_line_for_each_slip(void **state)
{
	refused("connect", NULL, NULL,
		"FILE|NAME is missing: name a configuration, or give --gateway-address");
	refused("doctor", NULL, NULL, "HOST is missing; see godwit help doctor");
	refused("connect", (char[]){ "--no-detatch" }, (char[]){ "x" },
		"did you mean '--no-detach'");
	refused("connect", (char[]){ "--frobnicate" }, NULL, "godwit help connect");
	refused("connect", (char[]){ "--keylog" }, NULL, "needs a value");
	refused("connect", (char[]){ "--no-detach=1" }, NULL, "takes no value");
	refused("connect", (char[]){ "a" }, (char[]){ "b" }, "'b' is one word too many");
	refused("version", (char[]){ "a" }, NULL, "'a' is one word too many");
}

static void a_word_of_a_list_is_one_of_it(void **state)
{
	char *good[] = { (char[]){ "log" }, (char[]){ "info" }, (char[]){ "sax" } };
	struct command_args args;

	refused("show", (char[]){ "sax" }, NULL,
		"godwit show: 'sax': expected sa, policy, flows, epochs, routes or held\n");
	refused("show", (char[]){ "s" }, (char[]){ "office" }, "'s': expected sa, ");
	refused("show", (char[]){ "sa|policy" }, NULL, "'sa|policy': expected sa, ");
	refused("show", (char[]){ "" }, NULL, "'': expected sa, ");
	refused("set", (char[]){ "lgo" }, NULL, "godwit set: 'lgo': expected log\n");
	refused("set", (char[]){ "log" }, (char[]){ "loud" },
		"'loud': expected error, warn, info or debug\n");
	refused("log", (char[]){ "--level=loud" }, NULL,
		"godwit log: 'loud': expected error, warn, info or debug\n");
	refused("show", NULL, NULL,
		"godwit show: expected sa, policy, flows, epochs, routes or held; see godwit help show\n");
	refused("set", (char[]){ "log" }, NULL, "set: expected error, warn, info or debug; see ");
	/* Where a name or a word of a list can stand, the connection knows. */
	assert_true(command_parse(find("rekey"), 1, good + 2, &args, err));
	assert_true(command_parse(find("set"), COUNT(good), good, &args, err));
	assert_string_equal(args.word[2], "sax");
}

static void every_command_has_help(void **state)
{
	for (const struct command *c = commands; c->name; c++) {
		assert_non_null(c->help);
		assert_int_equal((c->run != NULL) + (c->main != NULL) + (c->shell != NULL), 1);
		assert_int_equal(c->shell != NULL, c->place == COMMAND_SHELL);
		command_help(c, err);
		fflush(err);
		assert_non_null(strstr(said, c->help));
		for (const struct command_option *o = c->options; o->name; o++)
			assert_non_null(strstr(said, o->name));
	}
}

/* What is asked on the control socket is asked by the same word behind godwit and in the shell. */
static void every_request_is_a_command(void **state)
{
	unsigned n = 0;

	for (const char *name; (name = control_verb_name(n)); n++) {
		assert_ptr_not_equal(find(name), NULL);
		assert_true(command_is_in(find(name), COMMAND_ARGV));
		assert_true(command_is_in(find(name), COMMAND_SHELL));
	}
	assert_true(n > 0);
}

static void help_fits_a_screen(void **state)
{
	command_help(NULL, err);
	for (const struct command *c = commands; c->name; c++)
		command_help(c, err);
	fflush(err);
	for (const char *line = said; *line;) {
		size_t n = strcspn(line, "\n");

		if (n > 80)
			fail_msg("too wide: %.*s", (int)n, line);
		line += n + 1;
	}
}

static void unknown_commands_are_usage(void **state)
{
	char *argv[] = { (char[]){ "godwit" }, (char[]){ "conect" }, NULL };

	assert_int_equal(command_main(2, argv), EXIT_CODE_USAGE);
	assert_int_equal(command_main(1, argv), EXIT_CODE_USAGE);
}

static void looked_up(const char *word, enum command_place place, const char *complaint)
{
	size_t before = said_size;

	assert_null(command_look_up(word, place, err));
	fflush(err);
	if (!strstr(said + before, complaint))
		fail_msg("'%s' is not in: %s", complaint, said + before);
}

static void commands_by_their_place(void **state)
{
	assert_ptr_equal(command_look_up("status", COMMAND_SHELL, err), find("status"));
	assert_ptr_equal(command_look_up("?", COMMAND_SHELL, err), find("help"));
	assert_ptr_equal(command_look_up("exit", COMMAND_SHELL, err), find("quit"));
	assert_ptr_equal(command_look_up("complete", COMMAND_ARGV, err), find("complete"));
	fflush(err);
	assert_int_equal(said_size, 0);
	looked_up("vpnc", COMMAND_SHELL, "leave it, and type godwit vpnc\n");
	looked_up("use", COMMAND_ARGV, "'use' is a command of godwit shell alone\n");
	looked_up("complet", COMMAND_ARGV, "see godwit help\n");
	looked_up("qiut", COMMAND_SHELL, "did you mean 'quit'?\n");
	looked_up("qiut", COMMAND_ARGV, "see godwit help\n");
}

static void help_by_place(void **state)
{
	command_help_shell(NULL, err);
	fflush(err);
	assert_non_null(strstr(said, "  quit "));
	assert_null(strstr(said, "\n  vpnc "));
	assert_null(strstr(said, "usage: godwit"));
}

/* By a link, whatever its place, or by the command. */
static void other_programs_names(void **state)
{
	char *link[] = { (char[]){ "/usr/local/sbin/vpnc" }, (char[]){ "--version" }, NULL };
	char *command[] = { (char[]){ "godwit" }, (char[]){ "vpnc" }, (char[]){ "--version" },
			    NULL };
	char *second[] = { (char[]){ "vpnc-connect" }, (char[]){ "--version" }, NULL };
	char *slip[] = { (char[]){ "vpnc" }, (char[]){ "--versoin" }, NULL };
	char *much[] = { (char[]){ "vpnc-disconnect" }, (char[]){ "a" }, (char[]){ "b" }, NULL };
	char *other[] = { (char[]){ "connect" }, (char[]){ "help" }, NULL };

	assert_int_equal(command_main(2, link), EXIT_CODE_OK);
	assert_int_equal(command_main(3, command), EXIT_CODE_OK);
	assert_int_equal(command_main(2, second), EXIT_CODE_OK);
	assert_int_equal(command_main(2, slip), EXIT_CODE_USAGE);
	assert_int_equal(command_main(3, much), EXIT_CODE_USAGE);
	/* Only those. */
	assert_int_equal(command_main(2, other), EXIT_CODE_OK);
}

static void files_and_names(void **state)
{
	char file[256];

	assert_true(command_config_file("/dev/null", file, sizeof(file), err));
	assert_string_equal(file, "/dev/null");
	assert_false(command_config_file("/no/such.conf", file, sizeof(file), err));
	assert_false(command_config_file("nosuchname", file, sizeof(file), err));
	fflush(err);
	assert_non_null(strstr(said, "/etc/godwit/nosuchname.conf"));
}

static void status_for_people(void **state)
{
	static const char json[] =
		"{\"name\":\"office\",\"state\":\"up\",\"since\":\"2026-01-01T00:00:00Z\","
		"\"gateway\":\"vpn.example.com\",\"peer\":\"192.0.2.1:4500\",\"local\":null,"
		"\"encapsulation\":\"udp\",\"nat\":\"both\",\"device\":\"godwit0\",\"mtu\":1438,"
		"\"addresses\":[\"10.0.0.1\",\"fd00::1\"],\"tunnels\":[{\"name\":\"tunnel-1\","
		"\"local_ts\":\"10.0.0.1/32\",\"remote_ts\":\"10.8.0.0/16\",\"epochs\":["
		"{\"state\":\"current\",\"suite\":\"aes128gcm16\",\"bytes_in\":3145728,"
		"\"age_s\":7500,\"spi_in\":\"00000abc\",\"spi_out\":\"00000def\"}]}],"
		"\"mobility\":{\"method\":\"ipaddress_update\",\"last_outage_ms\":52},"
		"\"drops\":{\"replay\":5}}";

	assert_true(status_text(json, err));
	assert_true(status_is_up(json));
	fflush(err);
	assert_non_null(strstr(said, "office         up since 2026-01-01T00:00:00Z\n"));
	assert_non_null(strstr(said, "10.0.0.1, fd00::1\n"));
	assert_non_null(strstr(said, "NAT: both"));
	assert_non_null(strstr(said, "2 h 05 min old"));
	assert_non_null(strstr(said, "3.0 MiB in"));
	assert_non_null(strstr(said, "replay 5"));
	assert_non_null(strstr(said, "the gateway was told of the last move, which took 52 ms\n"));
	assert_null(strstr(said, "IKE"));
}

static void nat_is(const char *encapsulation, const char *nat, const char *ike, const char *wanted)
{
	json_t *o = json_pack("{s:s, s:s, s:o}", "encapsulation", encapsulation, "nat", nat, "ike",
			      ike ? json_string(ike) : json_null());

	assert_string_equal(status_nat(o), wanted);
	json_decref(o);
}

static void udp_without_a_nat_is_forced(void **state)
{
	nat_is("udp", "none", "it is there", "none (UDP forced)");
	nat_is("udp", "none", NULL, "none");
	nat_is("udp", "local", "it is there", "local");
	nat_is("esp", "none", "it is there", "none");
}

static void status_of_a_gateway(void **state)
{
	static const char json[] =
		"{\"name\":\"gateway\",\"state\":\"up\",\"since\":\"2026-01-01T00:00:00Z\","
		"\"half_open\":1,\"tunnels\":0,\"clients\":[],\"servers\":[{\"name\":\"web\","
		"\"service\":\"10.8.0.1/32\",\"address\":\"10.8.0.7\",\"there\":false,\"flows\":3,"
		"\"live\":2,\"packets\":9,\"bytes\":100}],\"counters\":{},"
		"\"drops\":{\"probe_reply\":2,\"worker_full\":4,\"clear_refused\":7}}";

	assert_true(status_text(json, err));
	fflush(err);
	assert_non_null(strstr(said, "clients        0, 0 tunnels, 1 connection half open\n"));
	assert_non_null(strstr(said, "server         web, 10.8.0.1/32 at 10.8.0.7, away\n"));
	assert_non_null(strstr(said, "dropped        worker_full 4, clear_refused 7\n"));
}

static void status_tells_how_to_answer(void **state)
{
	static const char json[] =
		"{\"name\":\"office\",\"state\":\"up\",\"since\":\"2026-01-01T00:00:00Z\","
		"\"asks\":{\"id\":3,\"fields\":[\"passcode\"],\"message\":\"Token?\",\"ahead\":true},"
		"\"ike\":{\"version\":\"ikev1\",\"suite\":\"x\",\"user\":\"alice\"},"
		"\"tunnels\":[{\"ends_in_s\":null},{\"ends_in_s\":725},{\"ends_in_s\":9999}]}";

	assert_true(status_text(json, err));
	fflush(err);
	assert_non_null(strstr(said, " waiting for a one-time code: godwit answer office "
				     "(the tunnel ends in 12 min)\n"));
	assert_non_null(strstr(said, " the gateway says: Token?\n"));
	assert_non_null(strstr(said, ", user alice\n"));
}

static void status_tells_what_waits(void **state)
{
	static const char json[] =
		"{\"name\":\"office\",\"state\":\"up\",\"since\":\"2026-01-01T00:00:00Z\",\"tunnels\":["
		"{\"name\":\"web\",\"local_ts\":\"10.0.0.1/32\",\"remote_ts\":\"10.8.0.0/16\","
		"\"on_demand\":true,\"granularity\":\"rule\",\"widened\":true,\"epochs\":[],\"refused\":"
		"{\"why\":\"the gateway accepts no proposal\",\"again_in_s\":8},\"held\":"
		"{\"packets\":2,\"bytes\":120,\"since\":\"2026-01-01T00:00:09Z\"}},"
		"{\"name\":\"flows\",\"granularity\":\"flow\"},{\"name\":\"tunnel-1\"}],"
		"\"held\":{\"packets\":2,\"bytes\":120,\"in\":9,\"released\":6,\"replaced\":1,"
		"\"expired\":0,\"dropped\":0}}";

	assert_true(status_text(json, err));
	fflush(err);
	assert_non_null(strstr(said, "10.8.0.0/16   (no SA yet: on demand)\n"));
	assert_non_null(strstr(said, " 2 packets held (120 bytes) since 2026-01-01T00:00:09Z\n"));
	assert_non_null(
		strstr(said, " refused: the gateway accepts no proposal; tried again in 8 s\n"));
	assert_non_null(strstr(said, " the gateway takes no finer SAs than these\n"));
	assert_non_null(strstr(said, "(an SA for each flow, on demand)\n"));
	assert_non_null(strstr(said, "   (no SA)\n"));
	assert_non_null(strstr(said, "held           9 in all, 6 released, 1 replaced, 2 now\n"));
}

/* What it is on a terminal that is so wide. */
static void status_on_terminal(const char *json, unsigned short columns, char *shown, size_t size)
{
	struct winsize narrow = { .ws_row = 24, .ws_col = columns };
	struct termios raw = { 0 };
	int master, slave;
	ssize_t n;
	FILE *out;

	setenv("NO_COLOR", "1", 1);
	assert_int_equal(openpty(&master, &slave, NULL, &raw, &narrow), 0);
	out = fdopen(slave, "w");
	assert_true(status_text(json, out));
	fflush(out);
	n = read(master, shown, size - 1);
	assert_true(n > 0);
	shown[n] = '\0';
	fclose(out);
	close(master);
}

static void status_is_as_wide_as_the_terminal(void **state)
{
	static const char json[] =
		"{\"name\":\"a-name-that-is-longer\",\"state\":\"up\",\"since\":\"2026\","
		"\"gateway\":\"vpn.example.com\",\"peer\":\"192.0.2.1:4500\","
		"\"ike\":{\"version\":\"ikev1\",\"suite\":\"aes256-sha256-modp2048\",\"age_s\":7500,"
		"\"rekey_in_s\":25000,\"user\":\"alice\"}}";
	static const char head[] = "a-name-that-is-longer up since 2026\n"
				   "gateway        vpn.example.com, at 192.0.2.1:4500\n"
				   "from           -, -, NAT: -\n";
	char shown[2000];

	status_on_terminal(json, 80, shown, sizeof(shown));
	assert_memory_equal(shown, head, strlen(head));
	assert_string_equal(shown + strlen(head),
			    "IKE            ikev1, aes256-sha256-modp2048, 2 h 05 min old,\n"
			    "               renewed in 6 h 56 min, user alice\n");
	status_on_terminal(json, 200, shown, sizeof(shown));
	assert_string_equal(
		shown + strlen(head),
		"IKE            ikev1, aes256-sha256-modp2048, 2 h 05 min old, renewed in "
		"6 h 56 min, user alice\n");
	/* A label that is too long for its column stays whole. */
	status_on_terminal(json, 30, shown, sizeof(shown));
	assert_memory_equal(shown, "a-name-that-is-longer up since\n               2026\n", 51);
}

static void status_that_makes_no_sense(void **state)
{
	assert_false(status_text("{}", err));
	assert_false(status_text("not json", err));
	assert_false(status_text("[]", err));
	assert_false(status_is_up("not json"));
	assert_false(status_is_up("{\"state\":\"connecting\"}"));
}

static void what_cannot_be_written_is_told(void **state)
{
	static char words[][3][8] = { { "godwit", "version" },
				      { "godwit", "help" },
				      { "godwit", "help", "connect" },
				      { "godwit", "check" } };

	for (int i = 0; i < COUNT(words); i++) {
		char *argv[] = { words[i][0], words[i][1], words[i][2] };
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			if (!freopen("/dev/full", "w", stdout))
				_exit(99);
			_exit(command_main(words[i][2][0] ? 3 : 2, argv));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), EXIT_CODE_SYSTEM);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ears_open, ears_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(options_and_operand),
		TEST(value_behind_equals),
		TEST(one_plain_line_for_each_slip),
		TEST(a_word_of_a_list_is_one_of_it),
		TEST(every_command_has_help),
		TEST(every_request_is_a_command),
		TEST(help_fits_a_screen),
		TEST(unknown_commands_are_usage),
		TEST(what_cannot_be_written_is_told),
		TEST(commands_by_their_place),
		TEST(help_by_place),
		TEST(other_programs_names),
		TEST(files_and_names),
		TEST(status_for_people),
		TEST(udp_without_a_nat_is_forced),
		TEST(status_of_a_gateway),
		TEST(status_tells_how_to_answer),
		TEST(status_tells_what_waits),
		TEST(status_is_as_wide_as_the_terminal),
		TEST(status_that_makes_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
