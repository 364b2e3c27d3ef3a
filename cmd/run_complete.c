/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/complete.h"

/*
 * For the completion of shells: `godwit complete -- WORD...` gives the words behind godwit as far as they
 * are typed, the last one being typed or empty; each line says what that can become, a tab, and what
 * that is for.
 */
int complete_main(int argc, char **argv)
{
	const struct complete_names names = complete_system(NULL);
	struct completions c = { 0 };
	int first = argc > 1 && argv[1][0] == '-' && argv[1][1] == '-' && !argv[1][2] ? 2 : 1;

	if (argc <= first)
		return EXIT_CODE_USAGE;
	complete(&names, COMMAND_ARGV, (unsigned)(argc - first - 1), argv + first, argv[argc - 1],
		 &c);
	for (size_t i = 0; i < c.n; i++)
		printf("%s\t%s\n", c.items[i].word, c.items[i].help ? c.items[i].help : "");
	completions_free(&c);
	return EXIT_CODE_OK;
}
