/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/shell.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "client/client.h"
#include "cmd/line.h"
#include "cmd/table.h"

#define RUNNING_MAX 32

/* ---- the connection that is meant ---- */

/* Where the command has an optional NAME; -1: it has none. */
static int place_of_name(const struct command *c, unsigned *most)
{
	struct command_word words[COMMAND_WORDS_MAX];

	*most = command_words(c, words);
	for (unsigned i = 0; i < *most; i++)
		if (words[i].kind == WORD_CONNECTION && words[i].optional)
			return (int)i;
	return -1;
}

/* Puts the used connection where a name can stand and none does. */
static void add_used(const struct shell *shell, const struct command *c, struct command_args *args)
{
	unsigned most, n = args->nwords;
	int at = place_of_name(c, &most);

	if (!shell->used[0] || at < 0 || n < (unsigned)at || n >= most ||
	    (n > (unsigned)at && client_is_running(args->word[at])))
		return;
	memmove(&args->word[at + 1], &args->word[at], (n - (unsigned)at) * sizeof(args->word[0]));
	args->word[at] = shell->used;
	args->nwords++;
}

static void use(struct shell *shell, const char *name)
{
	snprintf(shell->used, sizeof(shell->used), "%.*s", SHELL_NAME_MAX - 1, name);
}

struct list {
	unsigned n;
	char names[RUNNING_MAX][SHELL_NAME_MAX];
};

static void list_add(void *ctx, const char *name)
{
	struct list *l = ctx;

	if (l->n < RUNNING_MAX)
		snprintf(l->names[l->n++], SHELL_NAME_MAX, "%s", name);
}

static bool list_has(const struct list *l, const char *name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (strcmp(l->names[i], name) == 0)
			return true;
	return false;
}

/* What runs now and did not before: a file names its connection, or the gateway does, or an option. */
static void use_new(struct shell *shell, const struct list *before)
{
	struct list now = { 0 };

	client_running(list_add, &now);
	for (unsigned i = 0; i < now.n; i++)
		if (!list_has(before, now.names[i]))
			use(shell, now.names[i]);
}

/* What a command has changed of what runs. */
static void follow(struct shell *shell, const struct command *c, const struct command_args *args,
		   const struct list *before)
{
	if (c->run == run_connect)
		use_new(shell, before);
	else if (c->run == run_disconnect && args->word[0] &&
		 strcmp(args->word[0], shell->used) == 0)
		use(shell, "");
}

/* ---- what the shell does itself ---- */

int shell_quit(struct shell *shell, const struct command_args *args)
{
	(void)args;
	shell->quit = true;
	return EXIT_CODE_OK;
}

struct listed {
	const struct shell *shell;
	struct table *table;
};

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static void list_one(void *ctx, const char *name)
{
	const struct listed *l = ctx;
	char *answer = NULL;
	json_t *status;

	client_request(name, "{\"cmd\":\"status\"}", &answer, stderr);
	status = answer ? json_loads(answer, 0, NULL) : NULL;
	table_cell(l->table, TABLE_PLAIN, "%s", strcmp(name, l->shell->used) == 0 ? "*" : "");
	table_cell(l->table, TABLE_PLAIN, "%s", name);
	table_cell(l->table, table_state_colour(text_of(status, "state")), "%s",
		   text_of(status, "state"));
	table_cell(l->table, TABLE_PLAIN, "%s", text_of(status, "since"));
	table_cell(l->table, TABLE_PLAIN, "%s", text_of(status, "gateway"));
	table_cell(l->table, TABLE_PLAIN, "%s", text_of(status, "peer"));
	json_decref(status);
	free(answer);
}

static int list_running(const struct shell *shell)
{
	static const struct table_column columns[] = {
		{ " ", TABLE_LEFT, false },	 { "name", TABLE_LEFT, true },
		{ "state", TABLE_LEFT, false },	 { "since", TABLE_LEFT, false },
		{ "gateway", TABLE_LEFT, true }, { "peer", TABLE_LEFT, true },
	};
	struct listed l = { .shell = shell,
			    .table = table_new(columns, sizeof(columns) / sizeof(columns[0])) };
	unsigned n;

	client_running(list_one, &l);
	n = table_rows(l.table);
	if (n)
		table_print(l.table, stdout, table_look(stdout));
	else
		printf("no connection is running\n");
	table_free(l.table);
	return EXIT_CODE_OK;
}

int shell_use(struct shell *shell, const struct command_args *args)
{
	if (args->given[0]) {
		use(shell, "");
	} else if (!args->word[0]) {
		return list_running(shell);
	} else if (!client_is_running(args->word[0])) {
		fprintf(stderr, "godwit: no connection named %s is running\n", args->word[0]);
		return EXIT_CODE_NOT_RUNNING;
	} else {
		use(shell, args->word[0]);
	}
	return EXIT_CODE_OK;
}

/* ---- commands in processes of their own ---- */

#define ARGV_MAX (4 + 2 * COMMAND_OPTIONS_MAX + 2 * CLIENT_SETTINGS_MAX + COMMAND_WORDS_MAX)

static const int keys[] = { SIGINT, SIGQUIT, SIGTSTP };

struct before {
	struct sigaction action[ARRAY_SIZE(keys)];
	sigset_t mask;
	struct termios modes;
	bool terminal;
};

static volatile sig_atomic_t interrupted;

static void on_key(int number)
{
	interrupted = number == SIGINT;
}

/* The keys that send signals are for the command. */
static void leave_keys(struct before *b)
{
	struct sigaction notice = { .sa_handler = on_key, .sa_flags = SA_RESTART };
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		sigaddset(&set, keys[i]);
	/* One that comes while the command begins waits until it has. */
	sigprocmask(SIG_BLOCK, &set, &b->mask);
	interrupted = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		sigaction(keys[i], &notice, &b->action[i]);
	b->terminal = tcgetattr(STDIN_FILENO, &b->modes) == 0;
}

static void take_keys(const struct before *b)
{
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		sigaction(keys[i], &b->action[i], NULL);
}

/* The words that mean the same on the command line. */
static void words_of(const struct command *c, const struct command_args *args,
		     const char *argv[ARGV_MAX])
{
	bool dashed = false;
	unsigned n = 0;

	argv[n++] = "godwit";
	argv[n++] = c->name;
	for (unsigned i = 0; c->options[i].name; i++) {
		if (!args->given[i])
			continue;
		argv[n++] = c->options[i].name;
		if (args->values[i])
			argv[n++] = args->values[i];
	}
	for (unsigned i = 0; i < args->settings.n; i++) {
		argv[n++] = args->settings.list[i].option;
		argv[n++] = args->settings.list[i].value;
	}
	for (unsigned i = 0; i < args->nwords; i++)
		dashed |= args->word[i][0] == '-';
	if (dashed)
		argv[n++] = "--";
	for (unsigned i = 0; i < args->nwords; i++)
		argv[n++] = args->word[i];
	argv[n] = NULL;
}

/* Begun anew, it is in the list of processes what it is, and has nothing of ours. */
static void child(const struct command *c, const struct command_args *args,
		  const struct before *before)
{
	const char *argv[ARGV_MAX];
	int rc;

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		signal(keys[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
	words_of(c, args, argv);
	execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
	rc = c->run(args);
	fflush(NULL);
	_exit(rc);
}

/* A command that ^Z stops takes the shell along, as one job. */
static int wait_for_child(pid_t pid)
{
	int status;

	for (;;) {
		if (waitpid(pid, &status, WUNTRACED) == pid) {
			if (!WIFSTOPPED(status))
				return status;
			kill(getpid(), SIGSTOP);
		} else if (errno != EINTR) {
			return -1;
		}
	}
}

static int exit_code(int status, const struct before *b)
{
	/* ^C is shown where the next prompt would be. */
	if (interrupted)
		fputs("\n", stderr);
	if (status >= 0 && WIFEXITED(status))
		return WEXITSTATUS(status);
	/* It may have left it without echo. */
	if (b->terminal)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &b->modes);
	return status < 0 ? EXIT_CODE_SYSTEM : EXIT_CODE_NOT_RUNNING;
}

static int run_apart(const struct shell *shell, const struct command *c,
		     const struct command_args *args)
{
	struct before before = { 0 };
	pid_t pid;
	int rc;

	fflush(NULL);
	sigprocmask(SIG_BLOCK, NULL, &before.mask);
	if (shell->interactive)
		leave_keys(&before);
	pid = fork();
	if (pid == 0)
		child(c, args, &before);
	sigprocmask(SIG_SETMASK, &before.mask, NULL);
	if (pid < 0)
		fprintf(stderr, "godwit: cannot start a process: %s\n", strerror(errno));
	rc = pid < 0 ? EXIT_CODE_SYSTEM : exit_code(wait_for_child(pid), &before);
	if (shell->interactive)
		take_keys(&before);
	return rc;
}

/* ---- a line ---- */

static int run_words(struct shell *shell, unsigned n, char **words)
{
	const struct command *c = command_look_up(words[0], COMMAND_SHELL, stderr);
	struct list before = { 0 };
	struct command_args args;
	int rc;

	if (!c)
		return EXIT_CODE_USAGE;
	if (command_wants_help((int)n - 1, words + 1)) {
		command_help_shell(c, stdout);
		return EXIT_CODE_OK;
	}
	if (!command_parse(c, (int)n - 1, words + 1, &args, stderr))
		return EXIT_CODE_USAGE;
	args.in_shell = true;
	if (c->shell)
		return c->shell(shell, &args);
	if (c->run == run_help)
		return run_help(&args);
	add_used(shell, c, &args);
	client_running(list_add, &before);
	rc = run_apart(shell, c, &args);
	if (rc == EXIT_CODE_OK)
		follow(shell, c, &args, &before);
	return rc;
}

int shell_line(struct shell *shell, const char *text, size_t n)
{
	struct line *line = xcalloc(1, sizeof(*line));
	/* What others tell to type begins with it. */
	unsigned first;
	int rc = EXIT_CODE_USAGE;

	switch (line_split(text, n, line)) {
	case LINE_GOOD:
		first = line->n > 1 && strcmp(line->words[0], "godwit") == 0;
		rc = line->n > first ? run_words(shell, line->n - first, line->words + first) :
				       EXIT_CODE_OK;
		break;
	case LINE_OPEN:
		fprintf(stderr, "godwit: the %c in this line needs another one\n", line->quote);
		break;
	case LINE_TOO_LONG:
		fprintf(stderr, "godwit: the line is longer than %d bytes\n", LINE_SIZE_MAX);
		break;
	case LINE_TOO_MANY:
		fprintf(stderr, "godwit: there are more than %d words in the line\n",
			LINE_WORDS_MAX);
		break;
	}
	free(line);
	return rc;
}
