/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shell: the commands of the table at a prompt.
 *
 *	shell.c          the prompt, keys, completion: all that is libedit's
 *	shell_run.c      one line: words, the connection that is meant, the command
 *	shell_history.c  the file with the lines typed
 *
 * Each command is a process of its own, which ^C ends and which asks its questions itself: so no answer
 * is ever a line of the shell's, nor in its history. What changes the shell (`use`, `quit`) runs in it.
 */
#ifndef GODWIT_CMD_SHELL_H
#define GODWIT_CMD_SHELL_H

#include "cmd/cmd.h"

#define SHELL_NAME_MAX 65 /* a connection's name with its NUL */
#define SHELL_HISTORY_MAX 1000 /* lines */

struct shell {
	char used[SHELL_NAME_MAX]; /* the connection meant where none is named; "": none */
	bool interactive; /* ^C and ^Z are for the command, and not for it */
	bool quit;
};

/* Runs a line; its exit code, 0 when there is nothing in it. */
int shell_line(struct shell *shell, const char *text, size_t n);

/*
 * The file of the history: godwit/history below $XDG_STATE_HOME or ~/.local/state. Makes the directories.
 * False when there is no place for one.
 */
bool shell_history_file(char *buf, size_t size);
/* Hands over the lines of the file, oldest first; only the newest SHELL_HISTORY_MAX stay in it. */
void shell_history_load(const char *file, void (*each)(void *ctx, const char *line), void *ctx);
/*
 * Adds a line, readable by nobody else. What begins with a blank is not for the history; nor what
 * repeats `last`, nor what has a secret in it that an option was to take.
 */
bool shell_history_wanted(const char *line, const char *last);
void shell_history_add(const char *file, const char *line);

#endif
