/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cmd/complete.h"

/* What a shell completes better itself: it knows of ~, of quotes and of its own settings. */
static const char *own_line(enum word_kind kind)
{
	switch (kind) {
	case WORD_FILE:
		return ":file";
	case WORD_DIRECTORY:
		return ":directory";
	case WORD_HOST:
		return ":host";
	case WORD_NONE:
	case WORD_LITERAL:
	case WORD_CONNECTION:
	case WORD_CONFIGURATION:
	case WORD_TUNNEL:
	case WORD_INTERFACE:
	case WORD_COMMAND:
		break;
	}
	return NULL;
}

static void offer(void *ctx, enum word_kind kind, const char *connection, const char *word,
		  struct completions *out)
{
	const struct complete_names names = complete_system(NULL);
	const char **own = ctx;

	if (own_line(kind))
		*own = own_line(kind);
	else
		names.offer(names.ctx, kind, connection, word, out);
}

/*
 * For the completion of shells: `godwit complete -- WORD...` gives the words behind godwit as far as they
 * are typed, the last one being typed or empty; each line says what that can become, a tab, and what
 * that is for. A last line ":file", ":directory" or ":host" says that these can stand here, too.
 */
int complete_main(int argc, char **argv)
{
	const char *own = NULL;
	const struct complete_names names = { .offer = offer, .ctx = &own };
	struct completions c = { 0 };
	int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;

	if (argc <= first)
		return EXIT_CODE_USAGE;
	complete(&names, COMMAND_ARGV, (unsigned)(argc - first - 1), argv + first, argv[argc - 1],
		 &c);
	for (size_t i = 0; i < c.n; i++)
		printf("%s\t%s\n", c.items[i].word, c.items[i].help ? c.items[i].help : "");
	if (own)
		puts(own);
	completions_free(&c);
	return EXIT_CODE_OK;
}
