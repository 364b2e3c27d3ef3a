/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fill.h"
#include "base/nearest.h"
#include "cmd/cmd.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH 26
/* Where the text behind it begins. */
#define TEXT_COLUMN (2 + NAME_WIDTH + 1)
#define WIDTH 80

const struct command commands[] = {
	{
		.group = "to connect",
		.name = "connect",
		.operand = "FILE|NAME",
		.help = "connect, and go to the background when the tunnel is up",
		.details = "NAME stands for /etc/godwit/NAME.conf. Shows each step with its time.\n"
			   "Exit code: 0 up, 1 configuration, 2 authentication refused, 3 no answer,\n"
			   "4 no proposal chosen, 5 denied by the system, 6 lost or interrupted.\n",
		.options = {
			{ "--no-detach", NULL, NULL, "stay until the connection ends" },
			{ "--keylog", NULL, "DIR", "write keys to DIR, for Wireshark: whoever reads "
						   "them reads the traffic" },
			{ "--verbose", "-v", NULL, "tell what happens, on stderr" },
			{ "--non-interactive", NULL, NULL, "ask nobody: what the configuration does "
							   "not answer is a failure" },
			{ "--name", NULL, "NAME", "call the connection so" },
		},
		.settings = true,
		.run = run_connect,
	},
	{
		.name = "disconnect",
		.operand = "[NAME]",
		.help = "end a connection, and put right what a crashed one left behind",
		.details = "Returns when addresses, routes and rules are as before.\n"
			   "Exit code: 0 done, 6 there was nothing to do.\n",
		.run = run_disconnect,
	},
	{
		.name = "answer",
		.operand = "[NAME]",
		.help = "answer what the gateway asks: a password, a one-time code",
		.details = "godwit status tells when something is asked. Without a terminal each answer\n"
			   "is a line of standard input.\n"
			   "Exit code: 0 answered, 1 not, 6 nothing is asked or nothing is running.\n",
		.run = run_answer,
	},
	{
		.group = "to see what a connection does",
		.name = "status",
		.operand = "[NAME]",
		.help = "show a running connection",
		.details = "Without NAME: the only one that runs.\n"
			   "Exit code: 0 up, 6 not up or not running.\n",
		.options = {
			{ "--json", NULL, NULL, "for programs" },
			{ "--watch", NULL, NULL, "as godwit watch" },
		},
		.run = run_status,
	},
	{
		.name = "watch",
		.operand = "[NAME]",
		.help = "a live screen: state, path, keys, rates, what is held, moves",
		.details = "Tab and arrows go from one connection to the next, NAME being the first; p\n"
			   "pauses, q ends. Where no screen can be drawn it prints a line for each change.\n"
			   "Exit code: 0 ended by you, 6 not running.\n",
		.run = run_watch,
	},
	{
		.name = "log",
		.operand = "[NAME]",
		.help = "tell what has happened to a running connection",
		.details = "Without NAME: the only one that runs. It keeps some thousand events; godwit set\n"
			   "log changes which ones are told where --level is not given. --follow ends with\n"
			   "the connection, or by ^C.\n"
			   "Exit code: 0 told, 6 not running.\n",
		.options = {
			{ "--follow", "-f", NULL, "and go on telling what happens, when it happens" },
			{ "--json", NULL, NULL, "for programs: an object in each line" },
			{ "--level", NULL, "error|warn|info|debug", "what is worth telling" },
		},
		.run = run_log,
	},
	{
		.name = "show",
		.operand = "sa|policy|flows|epochs|routes|held [NAME]",
		.help = "show a part of a running connection as a table",
		.details = "sa: the SAs of IKE and ESP. policy: the rules in the order in which they are\n"
			   "asked. flows: what has been decided of the newest 1,000 flows. epochs: the\n"
			   "pairs of SAs of each tunnel, and what their pings say. routes: what has been\n"
			   "put into the kernel, and whether it is there. held: packets that wait for an\n"
			   "SA.\n"
			   "Exit code: 0 shown, 6 not running.\n",
		.options = { { "--json", NULL, NULL, "for programs" } },
		.run = run_show,
	},
	{
		.name = "timeline",
		.operand = "[NAME]",
		.help = "draw what has happened to a running connection",
		.details = "On one time axis: exchanges with the gateway, epochs of the tunnels' keys,\n"
			   "pings, changes of network, and times in which packets were held. --from draws\n"
			   "what godwit log --json --level debug has written to a file; - is standard\n"
			   "input.\n"
			   "Exit code: 0 drawn, 1 not, 5 denied by the system, 6 not running.\n",
		.options = {
			{ "--svg", NULL, "FILE", "the picture; - is standard output" },
			{ "--from", NULL, "FILE", "draw these events, not a running connection's" },
		},
		.run = run_timeline,
	},
	{
		.name = "ping",
		.operand = "[NAME] [ADDRESS]",
		.help = "ask a host behind the gateway through the tunnel whether it is there",
		.details = "Without ADDRESS: the host that the connection itself pings. It goes out on the\n"
			   "keys in use, and waits two seconds for an answer; ^C ends it.\n"
			   "Exit code: 0 something was answered, 1 no tunnel goes there, 3 no answer,\n"
			   "6 not running.\n",
		.options = { { "--count", "-c", "N", "so many pings, one in a second; 4 if not given" } },
		.run = run_ping,
	},
	{
		.name = "metrics",
		.operand = "[NAME]",
		.help = "counters and states of a running connection, in OpenMetrics' format",
		.details = "For Prometheus and its like; also of a gateway. Exit code: 0 written, 6 not\n"
			   "running.\n",
		.run = run_metrics,
	},
	{
		.group = "to tell a connection what to do",
		.name = "rekey",
		.operand = "[NAME] [ike|TUNNEL]",
		.help = "negotiate new keys now: of IKE, of a tunnel, or all",
		.details = "Returns when they are there. TUNNEL is a name that status shows.\n"
			   "Exit code: 0 done, 1 not, 6 not running.\n",
		.run = run_rekey,
	},
	{
		.name = "roam",
		.operand = "[NAME] [IFACE ACTION]",
		.help = "say that the network may have changed: it looks, and goes along",
		.details = "Without NAME: every connection that runs. It is harmless at any time, and for\n"
			   "those who watch the network; connections notice changes by themselves, too.\n"
			   "Exit code: 0 told, or with IFACE nothing is running; 6 nothing is running.\n",
		.run = run_roam,
	},
	{
		.name = "set",
		.operand = "log error|warn|info|debug [NAME]",
		.help = "change what a running connection tells in its log",
		.details = "Exit code: 0 done, 6 not running.\n",
		.run = run_set,
	},
	{
		.group = "to begin with",
		.name = "check",
		.operand = "[FILE|NAME]",
		.help = "read a configuration and say what it would do",
		.details = "Without FILE it prints an example with every key.\n"
			   "Exit code: 0 it is good, 1 it is not.\n",
		.options = { { "--name", NULL, "NAME", "call the connection so" } },
		.settings = true,
		.run = run_check,
	},
	{
		.name = "doctor",
		.operand = "HOST",
		.help = "examine a gateway, and the way to it: what would work, and what is in the way",
		.details = "Sends what a client sends first, nothing that takes a secret: at most 40 packets\n"
			   "to an address, within half a minute. Ends with the lines of a vpn.conf. Root\n"
			   "sees more: IKE's own ports, who has them, and the kernel's IPsec policies.\n"
			   "Exit code: 0 it would accept something, 1 usage, 3 no answer, 4 it accepts\n"
			   "nothing that we have, 5 denied by the system.\n",
		.options = {
			{ "--json", NULL, NULL, "for programs" },
			{ "--group", NULL, "NAME", "ask for this group in aggressive mode: its name goes "
						   "in the clear" },
			{ "--long", NULL, NULL, "listen for ten minutes more, whether a NAT forgets us" },
		},
		.run = run_doctor,
	},
	{
		.name = "import",
		.operand = "FILE",
		.help = "make a vpn.conf of a file for vpnc or for Cisco's client (.pcf)",
		.details = "Without --output it goes to standard output. What cannot be carried over is\n"
			   "named on stderr. Exit code: 0 done, 1 not.\n",
		.options = { { "--output", "-o", "FILE", "write it there, readable by you alone; what "
							 "is there is kept" } },
		.run = run_import,
	},
	{
		.group = "else",
		.name = "shell",
		.help = "these commands at a prompt, with history and completion",
		.details = "Where standard input is no terminal it reads the commands from there, a line\n"
			   "each, goes on when one fails, and its exit code is that of the first that did.\n"
			   "What answer asks for are the lines behind it.\n",
		.place = COMMAND_ARGV,
		.run = run_shell,
	},
	{
		.name = "use",
		.operand = "[NAME]",
		.help = "mean this connection where none is named; which ones run",
		.options = { { "--none", NULL, NULL, "mean none, as at the beginning" } },
		.place = COMMAND_SHELL,
		.shell = shell_use,
	},
	{
		.name = "quit",
		.help = "end the shell; connections live on",
		.place = COMMAND_SHELL,
		.shell = shell_quit,
	},
	{
		.name = "gateway",
		.operand = "[FILE]",
		.help = "be the other end: a gateway for many clients",
		.details = "FILE is /etc/godwit/gateway.conf when it is not given. Runs until SIGTERM, and\n"
			   "tells what happens on stderr. --hash reads a password from standard input.\n"
			   "Exit code: 0 ended, 1 configuration, 5 denied by the system.\n",
		.options = {
			{ "--check", NULL, NULL, "say whether the configuration is good, and no more" },
			{ "--example", NULL, NULL, "write an example of it" },
			{ "--hash", NULL, NULL, "write what the file of users has behind a name" },
			{ "--verbose", "-v", NULL, "tell more of what happens" },
		},
		.place = COMMAND_ARGV,
		.run = run_gateway,
	},
	{
		.name = "vpnc",
		.operand = "[OPTIONS] [FILE...]",
		.help = "connect as vpnc does: its options, files, questions and exit codes",
		.details = "godwit vpnc --long-help tells more.\n",
		.place = COMMAND_ARGV,
		.main = vpnc_main,
	},
	{
		.name = "vpnc-disconnect",
		.operand = "[PIDFILE]",
		.help = "end what vpnc has begun",
		.place = COMMAND_ARGV,
		.main = vpnc_disconnect_main,
	},
	{
		.name = "help",
		.operand = "[COMMAND]",
		.help = "this, or more about one command",
		.run = run_help,
	},
	{
		.name = "version",
		.help = "the versions of godwit and its cryptographic library",
		.run = run_version,
	},
	{
		.name = "complete",
		.operand = "[WORD...]",
		.help = "what the last word can become, for the completion of shells",
		.place = COMMAND_ARGV,
		.hidden = true,
		.main = complete_main,
	},
	{ .name = NULL },
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

bool command_is_in(const struct command *c, enum command_place place)
{
	return c->place == COMMAND_ANYWHERE || c->place == place;
}

static void complain_command(const char *word, enum command_place place, FILE *err)
{
	const char *help = place == COMMAND_SHELL ? "help" : "godwit help";
	struct nearest near = { .word = word };
	const struct command *other = command_find(word);

	for (const struct command *c = commands; c->name; c++)
		if (!c->hidden && command_is_in(c, place))
			nearest_offer(&near, c->name);
	if (other && place == COMMAND_SHELL)
		fprintf(err,
			"godwit: '%s' is no command of this shell; leave it, and type godwit %s\n",
			word, word);
	else if (other)
		fprintf(err, "godwit: '%s' is a command of godwit shell alone\n", word);
	else if (near.best)
		fprintf(err, "godwit: there is no command '%s'; did you mean '%s'?\n", word,
			near.best);
	else
		fprintf(err, "godwit: there is no command '%s'; see %s\n", word, help);
}

/* What people type where a command is expected, and Debian's second name for vpnc. */
static const char *command_alias(const char *word)
{
	static const char *const aliases[][2] = {
		{ "--help", "help" },	    { "-h", "help" },	 { "?", "help" },
		{ "--version", "version" }, { "-V", "version" }, { "exit", "quit" },
		{ "vpnc-connect", "vpnc" },
	};

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcmp(word, aliases[i][0]) == 0)
			return aliases[i][1];
	return word;
}

const struct command *command_look_up(const char *word, enum command_place place, FILE *err)
{
	const struct command *c = command_find(command_alias(word));

	if (c && command_is_in(c, place))
		return c;
	complain_command(word, place, err);
	return NULL;
}

/* ---- options ---- */

static void complain_option(const struct command *c, const char *given, FILE *err)
{
	char word[CLIENT_LONG_OPTION_MAX];
	struct nearest near = { .word = word };

	struct client_long_option setting;
	char best[CLIENT_LONG_OPTION_MAX] = "";

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(given, "="), given);
	for (const struct command_option *o = c->options; o->name; o++)
		nearest_offer(&near, o->name);
	/* One at a time is in memory: the best so far is kept. */
	for (unsigned i = 0; c->settings && client_long_option(i, &setting); i++) {
		const char *was = near.best;

		nearest_offer(&near, setting.name);
		if (near.best == was)
			continue;
		near.best = strcpy(best, setting.name);
	}
	if (near.best)
		fprintf(err, "godwit %s: there is no option '%s'; did you mean '%s'?\n", c->name,
			word, near.best);
	else
		fprintf(err, "godwit %s: there is no option '%s'; see godwit help %s\n", c->name,
			word, c->name);
}

int command_option_find(const struct command *c, const char *word, size_t n)
{
	for (int i = 0; c->options[i].name; i++) {
		const struct command_option *o = &c->options[i];

		if (strlen(o->name) == n && strncmp(o->name, word, n) == 0)
			return i;
		if (o->letter && strlen(o->letter) == n && strncmp(o->letter, word, n) == 0)
			return i;
	}
	return -1;
}

/* An option of vpn.conf at argv[*at]. */
static bool setting_parse(const struct command *c, int argc, char **argv, int *at,
			  struct command_args *out, FILE *err)
{
	char *word = argv[*at], *equals = strchr(word, '=');
	size_t n = equals ? (size_t)(equals - word) : strlen(word);

	switch (client_setting_find(word, n, err)) {
	case CLIENT_SETTING_UNKNOWN:
		complain_option(c, word, err);
		return false;
	case CLIENT_SETTING_REFUSED:
		return false;
	case CLIENT_SETTING_FOUND:
		break;
	}
	if (!equals && *at + 1 >= argc) {
		fprintf(err, "godwit %s: %s needs a value\n", c->name, word);
		return false;
	}
	if (out->settings.n == CLIENT_SETTINGS_MAX) {
		fprintf(err, "godwit %s: there are more than %d options; write them into a file\n",
			c->name, CLIENT_SETTINGS_MAX);
		return false;
	}
	if (equals)
		*equals = '\0';
	out->settings.list[out->settings.n++] = (struct client_setting){
		.option = word,
		.value = equals ? equals + 1 : argv[++*at],
	};
	return true;
}

/* One option at argv[*at], and its value, which may be the next word. */
static bool option_parse(const struct command *c, int argc, char **argv, int *at,
			 struct command_args *out, FILE *err)
{
	const char *word = argv[*at], *equals = strchr(word, '=');
	int i = command_option_find(c, word, equals ? (size_t)(equals - word) : strlen(word));
	const struct command_option *o = &c->options[i < 0 ? 0 : i];

	if (i < 0 && c->settings)
		return setting_parse(c, argc, argv, at, out, err);
	if (i < 0) {
		complain_option(c, word, err);
		return false;
	}
	if (!o->value && equals) {
		fprintf(err, "godwit %s: %s takes no value\n", c->name, o->name);
		return false;
	}
	if (o->value && !equals && *at + 1 >= argc) {
		fprintf(err, "godwit %s: %s needs a value: %s %s\n", c->name, o->name, o->name,
			o->value);
		return false;
	}
	out->given[i] = true;
	if (o->value)
		out->values[i] = equals ? equals + 1 : argv[++*at];
	return true;
}

/* ---- words of a fixed list ---- */

/* Every word of "a|b|c" is typed as it is. */
static bool is_list(const struct command_word *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (isupper((unsigned char)w->text[i]))
			return false;
	return w->kind == WORD_LITERAL;
}

static bool list_has(const struct command_word *w, const char *word)
{
	size_t n = strlen(word), at = 0;

	while (at < w->n) {
		size_t length = command_word_length(w, at);

		if (length == n && strncmp(w->text + at, word, n) == 0)
			return true;
		at += length + 1;
	}
	return false;
}

/* "a, b or c" */
static void list_write(const struct command_word *w, FILE *out)
{
	size_t at = 0;

	while (at < w->n) {
		size_t n = command_word_length(w, at);
		bool last = at + n == w->n;

		fprintf(out, "%s%.*s", at == 0 ? "" : last ? " or " : ", ", (int)n, w->text + at);
		at += n + 1;
	}
}

static bool list_check(const struct command *c, const struct command_word *w, const char *word,
		       FILE *err)
{
	if (!is_list(w) || list_has(w, word))
		return true;
	fprintf(err, "godwit %s: '%s': expected ", c->name, word);
	list_write(w, err);
	fputs("\n", err);
	return false;
}

/* Words and values that are one of a few. Behind one that may be left out nobody knows which is which. */
static bool lists_check(const struct command *c, const struct command_word *words, unsigned n,
			const struct command_args *args, FILE *err)
{
	for (unsigned i = 0; i < n && i < args->nwords && !words[i].optional; i++)
		if (!list_check(c, &words[i], args->word[i], err))
			return false;
	for (unsigned i = 0; c->options[i].name; i++) {
		struct command_word w;

		if (!args->values[i])
			continue;
		w = option_word(&c->options[i]);
		if (!list_check(c, &w, args->values[i], err))
			return false;
	}
	return true;
}

static void complain_missing(const struct command *c, const struct command_word *w, FILE *err)
{
	fprintf(err, "godwit %s: ", c->name);
	if (is_list(w)) {
		fputs("expected ", err);
		list_write(w, err);
	} else {
		fprintf(err, "%.*s is missing%s", (int)w->n, w->text,
			c->settings ? ": name a configuration, or give --gateway-address" : "");
	}
	fprintf(err, "; see godwit help %s\n", c->name);
}

bool command_parse(const struct command *c, int argc, char **argv, struct command_args *out,
		   FILE *err)
{
	struct command_word words[COMMAND_WORDS_MAX];
	unsigned n = command_words(c, words);
	bool options = true;

	*out = (struct command_args){ 0 };
	for (int i = 0; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && argv[i][0] == '-' && argv[i][1]) {
			if (!option_parse(c, argc, argv, &i, out, err))
				return false;
		} else if (out->nwords == n) {
			fprintf(err, "godwit %s: '%s' is one word too many; see godwit help %s\n",
				c->name, argv[i], c->name);
			return false;
		} else {
			out->word[out->nwords++] = argv[i];
		}
	}
	if (!lists_check(c, words, n, out, err))
		return false;
	if (out->nwords == n || words[out->nwords].optional || out->settings.n)
		return true;
	complain_missing(c, &words[out->nwords], err);
	return false;
}

/* ---- help ---- */

/* One that is long has a line of its own. */
static void help_line(const char *head, const char *text, FILE *out)
{
	if (strlen(head) > NAME_WIDTH)
		fprintf(out, "  %s\n%*s", head, TEXT_COLUMN, "");
	else
		fprintf(out, "  %-*s ", NAME_WIDTH, head);
	fill_write(out, text, TEXT_COLUMN, TEXT_COLUMN, WIDTH);
}

static void help_all(enum command_place place, FILE *out)
{
	bool shell = place == COMMAND_SHELL;
	const char *group = NULL;
	char head[80];

	if (!shell)
		fprintf(out, "usage: godwit COMMAND [OPTIONS]\n");
	for (const struct command *c = commands; c->name; c++) {
		group = c->group ? c->group : group;
		if (c->hidden || !command_is_in(c, place))
			continue;
		if (group)
			fprintf(out, "\n%s:\n", group);
		group = NULL;
		snprintf(head, sizeof(head), "%s %s", c->name, c->operand ? c->operand : "");
		help_line(head, c->help, out);
	}
	fprintf(out, "\n%shelp COMMAND tells more.\n", shell ? "" : "godwit ");
	if (!shell)
		fill_write(
			out,
			"Where to begin: godwit doctor HOST tells what a gateway accepts, godwit check "
			"FILE what a configuration would do; man godwit has examples.",
			0, 0, WIDTH);
}

static void help_one(const struct command *c, enum command_place place, FILE *out)
{
	char head[80];

	fprintf(out, "usage: %s%s%s%s%s\n\n%s\n", place == COMMAND_SHELL ? "" : "godwit ", c->name,
		c->options[0].name ? " [OPTIONS]" : "", c->operand ? " " : "",
		c->operand ? c->operand : "", c->help);
	if (c->details)
		fprintf(out, "%s", c->details);
	if (c->options[0].name)
		fprintf(out, "\n");
	for (const struct command_option *o = c->options; o->name; o++) {
		snprintf(head, sizeof(head), "%s%s%s%s%s", o->letter ? o->letter : "",
			 o->letter ? ", " : "", o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		help_line(head, o->help, out);
	}
	if (!c->settings)
		return;
	fputs("\n", out);
	fill_write(out,
		   "Every key of vpn.conf is an option, too: --gateway-address vpn.example.com is "
		   "address in [gateway]. It counts in place of the file's, and with "
		   "--gateway-address no FILE is needed. godwit check alone lists the keys.",
		   0, 0, WIDTH);
}

static void help_in(enum command_place place, const struct command *c, FILE *out)
{
	if (c)
		help_one(c, place, out);
	else
		help_all(place, out);
}

void command_help(const struct command *c, FILE *out)
{
	help_in(COMMAND_ARGV, c, out);
}

void command_help_shell(const struct command *c, FILE *out)
{
	help_in(COMMAND_SHELL, c, out);
}

int run_help(const struct command_args *args)
{
	enum command_place place = args->in_shell ? COMMAND_SHELL : COMMAND_ARGV;
	const struct command *c = NULL;

	if (args->word[0]) {
		c = command_look_up(args->word[0], place, stderr);
		if (!c)
			return EXIT_CODE_USAGE;
	}
	help_in(place, c, stdout);
	return EXIT_CODE_OK;
}

bool command_wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

/* The command whose name a link has by which we are called. */
static const struct command *command_of_link(const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct command *c = command_find(command_alias(slash ? slash + 1 : path));

	return c && c->main && !c->hidden ? c : NULL;
}

/* What nobody got was not done. */
static int command_end(int rc)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || rc != EXIT_CODE_OK)
		return rc;
	fprintf(stderr, "godwit: standard output cannot be written\n");
	return EXIT_CODE_SYSTEM;
}

int command_main(int argc, char **argv)
{
	const struct command *c = argc > 0 ? command_of_link(argv[0]) : NULL;
	struct command_args args;

	if (c)
		return c->main(argc, argv);
	if (argc < 2) {
		command_help(NULL, stderr);
		return EXIT_CODE_USAGE;
	}
	c = command_look_up(argv[1], COMMAND_ARGV, stderr);
	if (!c)
		return EXIT_CODE_USAGE;
	if (c->main)
		return c->main(argc - 1, argv + 1);
	if (command_wants_help(argc - 2, argv + 2)) {
		command_help(c, stdout);
		return command_end(EXIT_CODE_OK);
	}
	if (!command_parse(c, argc - 2, argv + 2, &args, stderr))
		return EXIT_CODE_USAGE;
	return command_end(c->run(&args));
}
