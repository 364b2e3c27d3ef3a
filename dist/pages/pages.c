/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dist/pages/pages.h"

#include <string.h>

static const struct {
	const char *name;
	void (*write)(FILE *out);
} parts[] = {
	{ "@commands@\n", man_commands },
	{ "@shell-commands@\n", man_shell_commands },
	{ "@options@\n", man_options },
	{ "@gateway-keys@\n", man_gateway_keys },
};

static void copy_line(const char *line, FILE *out)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(line, parts[i].name) == 0) {
			parts[i].write(out);
			return;
		}
	}
	fputs(line, out);
}

int main(int argc, char **argv)
{
	FILE *in = argc == 3 ? fopen(argv[1], "re") : NULL;
	FILE *out = in ? fopen(argv[2], "we") : NULL;
	char line[1000];

	if (!in || !out) {
		fprintf(stderr, "usage: godwit-pages TEMPLATE OUTPUT\n");
		return 1;
	}
	while (fgets(line, sizeof(line), in))
		copy_line(line, out);
	fclose(in);
	return fclose(out) == 0 ? 0 : 1;
}
