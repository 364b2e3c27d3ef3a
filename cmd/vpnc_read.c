/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/vpnc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/nearest.h"
#include "base/secret.h"
#include "client/client.h"

#define DIRECTORY "/etc/vpnc/"
#define END_OF_CONFIGURATION '\x04'

/* ---- lines ---- */

/*
 * Byte by byte: what stands behind the configuration on standard input are answers, for whoever
 * asks.
 */
long vpnc_read_line(int fd, char *line, size_t size)
{
	size_t n = 0;
	bool long_line = false;
	char c;

	for (;;) {
		ssize_t got = read(fd, &c, 1);

		if (got < 0)
			return -1;
		errno = 0;
		if ((got == 0 || c == END_OF_CONFIGURATION) && n == 0)
			return -1;
		if (got == 0 || c == '\n')
			break;
		if (n + 1 < size)
			line[n++] = c;
		else
			long_line = true;
	}
	wipe(&c, 1);
	if (n > 0 && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	if (!long_line)
		return (long)n;
	errno = EMSGSIZE;
	return -1;
}

/* The setting whose keyword the line begins with, with a blank or nothing behind it. */
static int find_keyword(const char *line)
{
	for (int i = 0; i < VPNC_SETTINGS; i++) {
		size_t n = strlen(vpnc_options[i].keyword);

		if (strncasecmp(line, vpnc_options[i].keyword, n) == 0 &&
		    (line[n] == '\0' || line[n] == ' ' || line[n] == '\t'))
			return i;
	}
	return -1;
}

/* The value behind a keyword: without the blanks around it, and without one pair of quotes. */
static const char *take_value(const char *text, size_t *n)
{
	text += strspn(text, " \t");
	*n = strlen(text);
	while (*n > 0 && (text[*n - 1] == ' ' || text[*n - 1] == '\t'))
		--*n;
	if (*n < 2 || text[0] != '"' || text[*n - 1] != '"')
		return text;
	*n -= 2;
	return text + 1;
}

/* Where a line stands, for a warning. */
struct line_place {
	const char *program;
	const char *file;
	unsigned line;
	FILE *err;
};

static void warn_unknown(const struct line_place *at, const char *line)
{
	const char *nearest = vpnc_nearest_keyword(line);

	fprintf(at->err, "%s: warning: unknown configuration directive in %s at line %u%s%s%s\n",
		at->program, at->file, at->line, nearest ? "; did you mean '" : "",
		nearest ? nearest : "", nearest ? "'?" : "");
}

static void take_line(struct vpnc_settings *s, const char *line, const struct line_place *at)
{
	int i = find_keyword(line);
	const char *keyword, *value;
	size_t n;

	if (line[0] == '#' || line[strspn(line, " \t")] == '\0')
		return;
	if (i < 0) {
		warn_unknown(at, line);
		return;
	}
	keyword = vpnc_options[i].keyword;
	value = take_value(line + strlen(keyword), &n);
	if (vpnc_options[i].value && n == 0)
		fprintf(at->err, "%s: option '%s' requires a value! (%s at line %u)\n", at->program,
			keyword, at->file, at->line);
	else if (!vpnc_options[i].value && n > 0)
		fprintf(at->err,
			"%s: warning: '%s' takes no value, so that it is on whatever stands behind "
			"it (%s at line %u)\n",
			at->program, keyword, at->file, at->line);
	if (!vpnc_is_set(s, i) && (n > 0 || !vpnc_options[i].value))
		vpnc_set(s, i, value, vpnc_options[i].value ? n : 0);
}

/* Editors of other systems put these bytes before a text. */
static size_t mark_of_encoding(const char *line)
{
	static const char mark[] = "\xef\xbb\xbf";

	return strncmp(line, mark, strlen(mark)) == 0 ? strlen(mark) : 0;
}

bool vpnc_read_fd(struct vpnc_settings *s, int fd, const char *name, FILE *err)
{
	struct line_place at = { .program = s->program, .file = name, .err = err };
	char line[VPNC_LINE_MAX + 1];
	bool good = true;
	long n;

	while (good && (n = vpnc_read_line(fd, line, sizeof(line))) >= 0) {
		at.line++;
		good = strlen(line) == (size_t)n;
		if (good)
			take_line(s, line + (at.line == 1 ? mark_of_encoding(line) : 0), &at);
		else
			fprintf(err, "%s: %s is not text: a zero byte in line %u\n", s->program,
				name, at.line);
	}
	wipe(line, sizeof(line));
	if (!good || errno == 0)
		return good;
	if (errno == EMSGSIZE)
		fprintf(err, "%s: line %u of %s is longer than %d bytes\n", s->program, at.line + 1,
			name, VPNC_LINE_MAX);
	else
		fprintf(err, "%s: reading `%s': %s\n", s->program, name, strerror(errno));
	return false;
}

/* ---- files ---- */

/* False when it is not to be had; only what may be missing is then passed over in silence. */
static bool read_path(struct vpnc_settings *s, const char *path, bool may_be_missing, FILE *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	bool good;

	if (fd < 0 && errno == ENOENT && may_be_missing)
		return true;
	if (fd < 0) {
		fprintf(err, "%s: couldn't open `%s': %s\n", s->program, path, strerror(errno));
		return false;
	}
	good = vpnc_read_fd(s, fd, path, err);
	close(fd);
	return good;
}

bool vpnc_read_file(struct vpnc_settings *s, const char *name, FILE *err)
{
	const char *directory = strchr(name, '/') ? "" : DIRECTORY;
	char path[PATH_MAX];
	int n;

	if (strcmp(name, "-") == 0)
		return vpnc_read_fd(s, STDIN_FILENO, "stdin", err);
	n = snprintf(path, sizeof(path), "%s%s", directory, name);
	if (n > 0 && (size_t)n < sizeof(path) - strlen(".conf") && access(path, F_OK) != 0 &&
	    errno == ENOENT)
		strcat(path, ".conf");
	return read_path(s, path, false, err);
}

bool vpnc_read_defaults(struct vpnc_settings *s, FILE *err)
{
	return read_path(s, DIRECTORY "default.conf", true, err) &&
	       read_path(s, "/etc/vpnc.conf", true, err);
}

/* ---- the command line ---- */

static int find_option(const char *word, size_t n)
{
	for (int i = 0; i < VPNC_SETTINGS; i++)
		if (vpnc_options[i].option && strlen(vpnc_options[i].option) == n &&
		    strncmp(vpnc_options[i].option, word, n) == 0)
			return i;
	return -1;
}

static enum vpnc_read refuse_option(const struct vpnc_settings *s, const char *word, FILE *err)
{
	/* What stands behind '=' may be a secret. */
	int n = (int)strcspn(word, "=");
	char name[64];
	struct nearest near = { .word = name };

	snprintf(name, sizeof(name), "%.*s", n, word);
	for (unsigned i = 0; i < VPNC_SETTINGS; i++)
		if (vpnc_options[i].option)
			nearest_offer(&near, vpnc_options[i].option);
	if (near.best)
		fprintf(err, "%s: unknown option %s; did you mean %s?\n", s->program, name,
			near.best);
	else
		fprintf(err, "%s: unknown option %s; see %s --long-help\n", s->program, name,
			s->program);
	return VPNC_READ_BAD;
}

/* One of the words that are no settings. False when it is none of them. */
static bool take_word(struct vpnc_settings *s, const char *word, FILE *out, enum vpnc_read *result)
{
	*result = VPNC_READ_DONE;
	if (strcmp(word, "--version") == 0) {
		vpnc_version(out);
	} else if (strcmp(word, "--help") == 0 || strcmp(word, "--long-help") == 0) {
		vpnc_help(strcmp(word, "--long-help") == 0, out);
	} else if (strcmp(word, "--print-config") == 0) {
		s->print_config = true;
		*result = VPNC_READ_GOOD;
	} else {
		return false;
	}
	return true;
}

/* An option at argv[*at], and its value, which may be the next word. */
static enum vpnc_read take_option(struct vpnc_settings *s, int argc, char **argv, int *at,
				  FILE *err)
{
	char *word = argv[*at], *value = strchr(word, '=');
	int i = find_option(word, value ? (size_t)(value - word) : strlen(word));
	const struct vpnc_option *o = &vpnc_options[i < 0 ? 0 : i];

	if (i < 0)
		return refuse_option(s, word, err);
	if (!o->value && value) {
		fprintf(err, "%s: %s takes no value\n", s->program, o->option);
		return VPNC_READ_BAD;
	}
	if (o->value && !value && *at + 1 >= argc) {
		fprintf(err, "%s: %s needs a value: %s %s\n", s->program, o->option, o->option,
			o->value);
		return VPNC_READ_BAD;
	}
	if (o->value && value)
		value++;
	else if (o->value)
		value = argv[++*at];
	vpnc_set(s, i, value ? value : "", value ? strlen(value) : 0);
	if (o->secret && value)
		wipe(value, strlen(value));
	return VPNC_READ_GOOD;
}

enum vpnc_read vpnc_read_argv(struct vpnc_settings *s, int argc, char **argv, FILE *out, FILE *err)
{
	enum vpnc_read result = VPNC_READ_GOOD;

	for (int i = 1; i < argc && result == VPNC_READ_GOOD; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			if (!take_word(s, argv[i], out, &result))
				result = take_option(s, argc, argv, &i, err);
		} else if (!vpnc_read_file(s, argv[i], err)) {
			result = VPNC_READ_BAD;
		} else {
			s->had_file = true;
		}
	}
	return result;
}

/* ---- hidden secrets ---- */

static bool reveal(struct vpnc_settings *s, enum vpnc_setting hidden, enum vpnc_setting clear,
		   FILE *err)
{
	char password[CLIENT_PCF_PASSWORD_MAX + 1];

	if (!vpnc_is_set(s, hidden))
		return true;
	if (vpnc_is_set(s, clear)) {
		fprintf(err,
			"%s: warning: ignoring obfuscated password because cleartext password "
			"set\n",
			s->program);
	} else if (client_pcf_password(s->value[hidden], password)) {
		vpnc_set(s, clear, password, strlen(password));
		wipe(password, sizeof(password));
	} else {
		fprintf(err,
			"%s: error: deobfuscating of password failed: '%s' is not what a .pcf file "
			"holds\n",
			s->program, vpnc_options[hidden].keyword);
		return false;
	}
	vpnc_unset(s, hidden);
	return true;
}

bool vpnc_reveal(struct vpnc_settings *s, FILE *err)
{
	return reveal(s, VPNC_HIDDEN_SECRET, VPNC_SECRET, err) &&
	       reveal(s, VPNC_HIDDEN_PASSWORD, VPNC_PASSWORD, err);
}
