/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/session.h"
#include "crypto/crypto.h"
#include "gateway/gateway.h"
#include "gateway/users.h"

#define INTERRUPT 3 /* ^C */

/*
 * One line without its end, of 1 to n - 1 bytes. The last one of a file or a pipe may lack its end; where it
 * is typed, who ends the input wants no hash.
 */
static bool line_read(FILE *in, bool typed, char *line, size_t n)
{
	size_t k = 0;
	int c;

	while ((c = fgetc(in)) != EOF && c != '\n' && c != INTERRUPT && k < n - 1)
		line[k++] = (char)c;
	line[k] = '\0';
	return k > 0 && (c == '\n' || (!typed && c == EOF && !ferror(in)));
}

/* The same, not shown while it is typed. */
static bool password_read(FILE *in, FILE *err, char *line, size_t n)
{
	struct termios before, quiet;
	bool typed = isatty(fileno(in)) && tcgetattr(fileno(in), &before) == 0, got;

	if (typed) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
		/* What interrupts ends the line: nobody is left with a terminal that shows nothing. */
		quiet.c_cc[VEOL] = INTERRUPT;
		tcsetattr(fileno(in), TCSAFLUSH, &quiet);
		fprintf(err, "Password: ");
		fflush(err);
	}
	/* It would keep what it has read. */
	setvbuf(in, NULL, _IONBF, 0);
	got = line_read(in, typed, line, n);
	if (typed) {
		tcsetattr(fileno(in), TCSAFLUSH, &before);
		fprintf(err, "\n");
	}
	return got;
}

int gateway_hash(FILE *in, FILE *out, FILE *err)
{
	char line[600] = "", hash[USERS_HASH_MAX];
	int code = SESSION_EXIT_USAGE;

	if (!password_read(in, err, line, sizeof(line)))
		fprintf(err, "godwit: the password is to be one line on standard input\n");
	else if (crypto_init() != 0 || users_hash(SLICE_STR(line), crypto_rng(), hash) != 0)
		fprintf(err, "godwit: it cannot be hashed: too long, or no yescrypt in crypt(3)\n");
	else if (fprintf(out, "%s\n", hash) > 0)
		code = SESSION_EXIT_UP;
	wipe(line, sizeof(line));
	return code;
}
