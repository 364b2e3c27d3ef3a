/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a word that is being typed can become, by the table of commands. Names that change (connections,
 * tunnels, files) come from whoever calls.
 */
#ifndef GODWIT_CMD_COMPLETE_H
#define GODWIT_CMD_COMPLETE_H

#include "cmd/cmd.h"

struct completion {
	char *word;
	char *help; /* one line, or NULL */
	bool goes_on; /* a directory: no blank follows */
};

/* Begins as { 0 }. */
struct completions {
	struct completion *items;
	size_t n, room;
};

struct complete_names {
	/*
	 * Offers the names of a kind: CONNECTION, CONFIGURATION (those of files are asked for then,
	 * too), FILE, DIRECTORY, TUNNEL (of `connection`, NULL: the only one), INTERFACE, HOST. What
	 * does not begin as the word does may be offered, too, and is left out.
	 */
	void (*offer)(void *ctx, enum word_kind kind, const char *connection, const char *word,
		      struct completions *out);
	void *ctx;
	const char *used; /* the connection meant where none is named; NULL: the only one */
};

/*
 * What `word` can become behind the n words before it (the first one of them is the command), sorted,
 * each once.
 */
void complete(const struct complete_names *names, enum command_place place, unsigned n,
	      char *const *words, const char *word, struct completions *out);
void completions_add(struct completions *out, const char *word, const char *help, bool goes_on);
void completions_free(struct completions *c);
/* How many bytes all of them begin with alike. */
size_t completions_common(const struct completions *c);

/* The names of this machine. */
struct complete_names complete_system(const char *used);

#endif
