/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd/ is the command line: one table of commands (commands.c) that gives dispatch and help, and
 * what the commands show. It knows client/client.h, base/ and JSON, and nothing of IKE.
 *
 *	main.c          hands the arguments over
 *	commands.c      the table, options, help
 *	run_*.c         the commands
 *	run_wish.c      rekey, ping, metrics: asked, and answered when done
 *	status_text.c   `status` for people
 *	table.c         tables for people (table.h)
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

#define COMMAND_OPTIONS_MAX 4

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

#define COMMAND_MORE_MAX 2

/* What was typed behind the command. Borrowed from argv. */
struct command_args {
	const char *operand; /* NULL: none */
	const char *more[COMMAND_MORE_MAX]; /* the words behind it */
	unsigned nmore;
	bool given[COMMAND_OPTIONS_MAX]; /* in the order of the command's options */
	const char *values[COMMAND_OPTIONS_MAX];
};

struct command {
	const char *name; /* NULL ends the table */
	const char *operand; /* "[NAME]", "FILE|NAME"; NULL: takes none */
	bool operand_needed;
	unsigned more; /* words may follow it: so many at most */
	const char *help; /* one line */
	const char *details; /* lines, each with its end; NULL: none */
	struct command_option options[COMMAND_OPTIONS_MAX + 1];
	int (*run)(const struct command_args *args);
	/*
	 * Instead of all that: words as another program takes them, argv[0] its name. A link of
	 * that name to our program is the same.
	 */
	int (*main)(int argc, char **argv);
};

extern const struct command commands[];

/* Runs what argv asks for and returns the exit code. */
int command_main(int argc, char **argv);
/*
 * Sorts the words behind a command into *out. False after one line on `err` for what the command
 * does not take.
 */
bool command_parse(const struct command *c, int argc, char **argv, struct command_args *out,
		   FILE *err);
/* All commands, or one of them. */
void command_help(const struct command *c, FILE *out);

int run_connect(const struct command_args *args);
int run_status(const struct command_args *args);
int run_show(const struct command_args *args);
int run_rekey(const struct command_args *args);
int run_ping(const struct command_args *args);
int run_metrics(const struct command_args *args);
int run_disconnect(const struct command_args *args);
int run_roam(const struct command_args *args);
int run_answer(const struct command_args *args);
int run_check(const struct command_args *args);
int run_help(const struct command_args *args);
int run_version(const struct command_args *args);
int run_gateway(const struct command_args *args);
int run_import(const struct command_args *args);
int vpnc_main(int argc, char **argv);
int vpnc_disconnect_main(int argc, char **argv);

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
/* To stdout, indented; false: it could not be written. */
bool command_print_json(const struct json_t *o);
/* Tables of what the answer to "show" says; false when it is no such answer. */
bool show_text(const struct json_t *answer, FILE *out);
/* Writes what the answer to "status" says; false when it is no such answer. */
bool status_text(const char *json, FILE *out);
/* True when that answer says that the tunnel is up. */
bool status_is_up(const char *json);

#endif
