/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd/ is the command line: one table of commands (commands.c) that gives dispatch and help, and
 * what the commands show. It knows client/client.h, base/ and JSON, and nothing of IKE.
 *
 *	main.c          hands the arguments over
 *	commands.c      the table, options, help
 *	ask.c           a running connection is asked, and its answer taken
 *	words.c         what kind of word stands where, for completion
 *	complete*.c     what a word can become (complete.h)
 *	line.c          a typed line as words (line.h)
 *	run_*.c         the commands
 *	run_wish.c      rekey, ping, metrics: asked, and answered when done
 *	status_text.c   `status` for people
 *	shell*.c        `shell` (shell.h)
 *	watch*.c        `watch` (watch.h), on a screen of cells (screen.h)
 *	timeline*.c     `timeline` (timeline.h)
 *	table.c         tables for people (table.h)
 *	conf_text.c     a vpn.conf is written
 *	vpnc*.c         vpnc's command line (vpnc.h)
 *	import*.c       what others' files say, as a vpn.conf
 *
 * Exit codes: 0 up or done, 1 usage or configuration, 2 authentication refused, 3 no answer, 4 no
 * proposal chosen, 5 denied by the system, 6 lost, or not running.
 */
#ifndef GODWIT_CMD_CMD_H
#define GODWIT_CMD_CMD_H

#include <stdbool.h>
#include <stdio.h>

#include "client/client.h"

#define COMMAND_OPTIONS_MAX 8
#define COMMAND_CONFIG_DIRECTORY "/etc/godwit"

enum command_exit {
	EXIT_CODE_OK = 0,
	EXIT_CODE_USAGE = 1,
	EXIT_CODE_NO_ANSWER = 3,
	EXIT_CODE_SYSTEM = 5,
	EXIT_CODE_NOT_RUNNING = 6,
};

struct command_option {
	const char *name; /* with its dashes: "--no-detach"; NULL ends the list */
	const char *letter; /* "-v", or NULL */
	const char *value; /* what its value is called, or NULL: it has none */
	const char *help;
};

#define COMMAND_WORDS_MAX 4

struct shell;

/* What was typed behind the command. Borrowed from argv. */
struct command_args {
	const char *word[COMMAND_WORDS_MAX]; /* options apart; NULL from `nwords` on */
	unsigned nwords;
	bool given[COMMAND_OPTIONS_MAX]; /* in the order of the command's options */
	const char *values[COMMAND_OPTIONS_MAX];
	struct client_settings settings; /* options of vpn.conf */
	bool in_shell; /* it was typed in the shell */
};

/* Where a command is one. */
enum command_place {
	COMMAND_ANYWHERE,
	COMMAND_ARGV, /* behind godwit, not in the shell */
	COMMAND_SHELL, /* in the shell, not behind godwit */
};

struct command {
	const char *
		group; /* what it and those behind it are for: a heading of help; NULL: as before */
	const char *name; /* NULL ends the table */
	/*
	 * "[NAME]", "FILE|NAME", "sa|policy [NAME]"; NULL: takes none. Words in small letters are
	 * typed as they are, words in capitals stand for something: words.c knows for what. So many
	 * are taken, and those without brackets are needed.
	 */
	const char *operand;
	const char *help; /* one line */
	const char *details; /* lines, each with its end; NULL: none */
	struct command_option options[COMMAND_OPTIONS_MAX + 1];
	bool settings; /* takes options of vpn.conf, too, in the place of a file or beside it */
	enum command_place place;
	bool hidden; /* for scripts: help and completion do not tell of it */
	int (*run)(const struct command_args *args);
	/*
	 * Instead of all that: words as another program takes them, argv[0] its name. A link of
	 * that name to our program is the same.
	 */
	int (*main)(int argc, char **argv);
	/* Instead of run: what the shell does itself (shell.h). */
	int (*shell)(struct shell *shell, const struct command_args *args);
};

extern const struct command commands[];

/* ---- what kind of word stands where ---- */

/* What an operand or an option's value can be completed to. */
enum word_kind {
	WORD_NONE, /* nothing is known of it */
	WORD_LITERAL, /* one of the words with | between them; one in capitals stands for others */
	WORD_CONNECTION, /* NAME: a connection that runs */
	WORD_CONFIGURATION, /* FILE|NAME: a file, or NAME of /etc/godwit/NAME.conf */
	WORD_FILE,
	WORD_DIRECTORY,
	WORD_TUNNEL, /* of a connection that runs, as `status` names it */
	WORD_INTERFACE,
	WORD_COMMAND,
	WORD_HOST,
};

struct command_word {
	enum word_kind kind;
	bool optional;
	bool repeated; /* and more of the kind */
	const char *text; /* as it stands in the usage, without brackets; not terminated */
	size_t n;
};

/* The words behind the command, options apart, in their order. Returns how many. */
unsigned command_words(const struct command *c, struct command_word out[COMMAND_WORDS_MAX]);
/* Of WORD_LITERAL: the length of the one of its words that begins at `at`, up to a | or the end. */
size_t command_word_length(const struct command_word *w, size_t at);
/* The value of an option that has one. */
struct command_word option_word(const struct command_option *o);
/* Which option of the command these n bytes name, by its name or letter; -1: none. */
int command_option_find(const struct command *c, const char *word, size_t n);
/* What n bytes of a usage stand for. */
enum word_kind word_kind(const char *text, size_t n);
/* Whether a command is one here. */
bool command_is_in(const struct command *c, enum command_place place);
/* The command of that name, wherever it is one; NULL: there is none. */
const struct command *command_find(const char *name);
/* The command that a word means here; NULL after one line on `err`: none. */
const struct command *command_look_up(const char *word, enum command_place place, FILE *err);
/* Whether somebody asks for help on the command among the words behind it. */
bool command_wants_help(int argc, char **argv);

/* Runs what argv asks for and returns the exit code. */
int command_main(int argc, char **argv);
/*
 * Sorts the words behind a command into *out. False after one line on `err` for what the command
 * does not take, also of a word or an option's value that is none of those the usage lists.
 */
bool command_parse(const struct command *c, int argc, char **argv, struct command_args *out,
		   FILE *err);
/* All commands (NULL), or one of them; the second one as it is typed in the shell. */
void command_help(const struct command *c, FILE *out);
void command_help_shell(const struct command *c, FILE *out);

/* ---- the commands, in the table's order; each returns an exit code ---- */

int run_connect(const struct command_args *args);
int run_disconnect(const struct command_args *args);
int run_answer(const struct command_args *args);
int run_status(const struct command_args *args);
int run_watch(const struct command_args *args);
int run_log(const struct command_args *args);
int run_show(const struct command_args *args);
int run_timeline(const struct command_args *args);
int run_ping(const struct command_args *args);
int run_metrics(const struct command_args *args);
int run_rekey(const struct command_args *args);
int run_roam(const struct command_args *args);
int run_set(const struct command_args *args);
int run_check(const struct command_args *args);
int run_doctor(const struct command_args *args);
int run_import(const struct command_args *args);
int run_shell(const struct command_args *args);
int shell_use(struct shell *shell, const struct command_args *args);
int shell_quit(struct shell *shell, const struct command_args *args);
int run_gateway(const struct command_args *args);
int run_help(const struct command_args *args);
int run_version(const struct command_args *args);
int vpnc_main(int argc, char **argv);
int vpnc_disconnect_main(int argc, char **argv);
int complete_main(int argc, char **argv);

/* ---- what they share ---- */

/*
 * The file of a connection: the operand itself, or /etc/godwit/NAME.conf when no such file exists
 * and it can be a name. In buf; false after one line on `err` when there is neither.
 */
bool command_config_file(const char *operand, char *buf, size_t size, FILE *err);

struct json_t;
/*
 * Asks the running connection `name` (NULL: the only one), waiting so many milliseconds for the answer.
 * The request's reference is taken, the answer's given. NULL, and an exit code in *code, after one line
 * on stderr: there is no answer, or it is an error.
 */
struct json_t *command_ask(const char *name, struct json_t *request, int wait_ms, int *code);
/* Complains of an answer that is none, and returns the exit code for it. */
int command_no_sense(void);
/* To stdout, indented; false: it could not be written, or is NULL. */
bool command_print_json(const struct json_t *o);
/* Tables of what the answer to "show" says; false when it is no such answer. */
bool show_text(const struct json_t *answer, FILE *out);
/* Writes an event, as "log" gives it, in one line with its local time. */
void event_print(struct json_t *event, FILE *out);
/* The sentence and its fields alone, without an end of line. */
void event_print_what(struct json_t *event, FILE *out);

/* Writes what the answer to "status" says; false when it is no such answer. */
bool status_text(const char *json, FILE *out);
/*
 * What that answer, or a client in a gateway's, says of address translation; also that ESP is in UDP
 * although there is none.
 */
const char *status_nat(const struct json_t *o);
/* True when that answer says that the tunnel is up. */
bool status_is_up(const char *json);

#endif
