/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fill.h"

#include <stdbool.h>
#include <string.h>

void fill_write(FILE *out, const char *text, unsigned at, unsigned hang, unsigned width)
{
	bool begun = false;

	while (*(text += strspn(text, " \n"))) {
		unsigned n = (unsigned)strcspn(text, " \n");

		if (begun && at + 1 + n > width) {
			fprintf(out, "\n%*s", (int)hang, "");
			at = hang;
		} else if (begun) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", (int)n, text);
		at += n;
		text += n;
		begun = true;
	}
	fputc('\n', out);
}
