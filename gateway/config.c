/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/private.h"
#include "gateway/config_impl.h"

#define COMPLAINTS_MAX 20
#define BLANKS " \t\r"

void gateway_complain(struct gateway_reader *r, unsigned line, const char *format, ...)
{
	va_list args;

	if (r->errors++ >= COMPLAINTS_MAX)
		return;
	if (line)
		fprintf(r->err, "%s:%u: ", r->name, line);
	else
		fprintf(r->err, "%s: ", r->name);
	va_start(args, format);
	vfprintf(r->err, format, args);
	va_end(args);
	fputc('\n', r->err);
}

/* ---- values ---- */

static void trim_end(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && strchr(BLANKS, s[n - 1]))
		n--;
	s[n] = '\0';
}

/* Two double quotes in a row are one that belongs to the value. NULL: the closing one is missing. */
static char *quoted_take(char *s)
{
	char *to = s + 1, *end = s + 1;

	for (; *end && (*end != '"' || end[1] == '"'); end++) {
		if (*end == '"')
			end++;
		*to++ = *end;
	}
	if (!*end)
		return NULL;
	end += 1 + strspn(end + 1, BLANKS);
	if (*end && !strchr(";#", *end))
		return NULL;
	*to = '\0';
	return s + 1;
}

/* NULL: a secret has something in it that may be a comment. */
static char *bare_take(char *s, bool secret)
{
	for (char *c = s; *c; c++) {
		if (*c != ';' && *c != '#')
			continue;
		if (secret)
			return NULL;
		if (c == s || strchr(BLANKS, c[-1])) {
			*c = '\0';
			break;
		}
	}
	trim_end(s);
	return s;
}

static void value_take(struct gateway_reader *r, const struct gateway_key *k, char *s)
{
	char why[KEY_WHY_MAX] = "";
	char *value;

	s += strspn(s, BLANKS);
	value = *s == '"' ? quoted_take(s) : bare_take(s, k->secret);
	if (!value)
		gateway_complain(r, r->line,
				 "[%s] %s: put the value in double quotes (one of its own is "
				 "written twice), and nothing behind it",
				 k->section, k->key);
	else if (!*value)
		gateway_complain(r, r->line, "[%s] %s is empty: expected %s", k->section, k->key,
				 k->expect);
	else if (!k->parse(&r->draft, k, value, why))
		gateway_complain(r, r->line, "[%s] %s: %s", k->section, k->key, why);
}

/* ---- lines ---- */

static bool is_name(const char *s, size_t max)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return n > 0 && n < max && !s[n];
}

struct named {
	const char *section;
	unsigned max;
	const char *sample;
	bool needed; /* at least one */
};

static const struct named named[] = {
	{ GATEWAY_AUTH, GATEWAY_ENTRIES_MAX, "staff", true },
	{ GATEWAY_SERVER, SERVERS_MAX, "web-1", false },
};

/* NULL: a section of this kind has no name. */
static const struct named *named_find(const char *section)
{
	for (unsigned i = 0; i < ARRAY_SIZE(named); i++)
		if (strcmp(named[i].section, section) == 0)
			return &named[i];
	return NULL;
}

static unsigned *named_count(struct gateway_file *f, const struct named *n)
{
	return n == &named[0] ? &f->config.nentries : &f->nservers;
}

static char *named_name(struct gateway_file *f, const struct named *n, unsigned i)
{
	return n == &named[0] ? f->names[i] : f->servers[i].name;
}

/* [auth NAME] begins an entry, [server NAME] a server. */
static bool named_begin(struct gateway_reader *r, const struct named *of, const char *name)
{
	struct gateway_file *f = r->draft.file;
	unsigned n = *named_count(f, of);

	if (!is_name(name, GATEWAY_NAME_MAX)) {
		gateway_complain(r, r->line,
				 "[%s] needs a name of letters, digits, - _ or ., as in [%s %s]",
				 of->section, of->section, of->sample);
		return false;
	}
	for (unsigned i = 0; i < n; i++)
		if (strcmp(named_name(f, of, i), name) == 0) {
			gateway_complain(r, r->line, "[%s %s] is there already", of->section, name);
			return false;
		}
	if (n == of->max) {
		gateway_complain(r, r->line, "one [%s] too many, there can be %u", of->section,
				 of->max);
		return false;
	}
	strcpy(named_name(f, of, n), name);
	if (of == &named[0])
		f->config.entries[n].name = f->names[n];
	r->draft.entry = n;
	++*named_count(f, of);
	return true;
}

/* "auth NAME" */
static bool named_take(struct gateway_reader *r, const char *s)
{
	for (unsigned i = 0; i < ARRAY_SIZE(named); i++) {
		size_t n = strlen(named[i].section);

		if (strncmp(s, named[i].section, n) != 0 || (s[n] && !strchr(BLANKS, s[n])))
			continue;
		if (named_begin(r, &named[i], s + n + strspn(s + n, BLANKS)))
			r->section = named[i].section;
		return true;
	}
	return false;
}

static void section_take(struct gateway_reader *r, char *s)
{
	char *end = strchr(s, ']');
	struct nearest near = { .word = s + 1 };

	r->section = NULL;
	if (!end ||
	    (end[1 + strspn(end + 1, BLANKS)] && !strchr(";#", end[1 + strspn(end + 1, BLANKS)]))) {
		gateway_complain(r, r->line, "expected [section] and nothing behind it");
		return;
	}
	*end = '\0';
	s++;
	if (named_take(r, s))
		return;
	for (unsigned i = 0; i < gateway_keys_n; i++) {
		if (strcmp(gateway_keys[i].section, s) == 0)
			r->section = gateway_keys[i].section;
		nearest_offer(&near, gateway_keys[i].section);
	}
	if (!r->section)
		gateway_complain(r, r->line, "unknown section [%s]%s%s", s,
				 near.best ? "; perhaps " : "", near.best ? near.best : "");
}

static void key_unknown(struct gateway_reader *r, const char *key)
{
	struct nearest near = { .word = key };

	for (unsigned i = 0; i < gateway_keys_n; i++)
		if (strcmp(gateway_keys[i].section, r->section) == 0)
			nearest_offer(&near, gateway_keys[i].key);
	gateway_complain(r, r->line, "unknown key %s in [%s]%s%s", key, r->section,
			 near.best ? "; perhaps " : "", near.best ? near.best : "");
}

static unsigned *seen_of(struct gateway_reader *r, unsigned key)
{
	if (named_find(gateway_keys[key].section))
		return &r->seen_of[r->draft.entry][key];
	return &r->seen[key];
}

static void key_take(struct gateway_reader *r, char *s)
{
	char *equals = strchr(s, '=');

	if (!equals) {
		gateway_complain(r, r->line, "expected key = value, a [section], or a comment");
		return;
	}
	*equals = '\0';
	trim_end(s);
	for (unsigned i = 0; i < gateway_keys_n && r->section; i++) {
		if (strcmp(gateway_keys[i].section, r->section) != 0 ||
		    strcmp(gateway_keys[i].key, s) != 0)
			continue;
		if (*seen_of(r, i)) {
			gateway_complain(r, r->line, "[%s] %s is already set in line %u",
					 r->section, s, *seen_of(r, i));
			return;
		}
		*seen_of(r, i) = r->line;
		value_take(r, &gateway_keys[i], equals + 1);
		return;
	}
	if (r->section)
		key_unknown(r, s);
	else if (r->errors == 0)
		gateway_complain(r, r->line, "%s stands before the first [section]", s);
}

static void line_take(struct gateway_reader *r, char *s)
{
	r->line++;
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\t' && *c != '\r') {
			gateway_complain(r, r->line, "a control character; only text is expected");
			return;
		}
	s += strspn(s, BLANKS);
	if (*s == '[')
		section_take(r, s);
	else if (*s && *s != ';' && *s != '#')
		key_take(r, s);
}

/* ---- presets ---- */

static void preset_take(struct gateway_reader *r, unsigned key)
{
	const struct gateway_key *k = &gateway_keys[key];
	char why[KEY_WHY_MAX] = "";

	if (k->preset && !*seen_of(r, key) && !k->parse(&r->draft, k, k->preset, why))
		gateway_complain(r, 0, "[%s] %s: the default is wrong: %s", k->section, k->key,
				 why);
}

static void presets_take(struct gateway_reader *r)
{
	for (unsigned i = 0; i < gateway_keys_n; i++) {
		const struct named *of = named_find(gateway_keys[i].section);
		unsigned n = of ? *named_count(r->draft.file, of) : 1;

		for (r->draft.entry = 0; r->draft.entry < n; r->draft.entry++)
			preset_take(r, i);
	}
}

/* ---- the whole ---- */

static int text_read(struct gateway_reader *r, char *text, size_t n, const struct stat *st)
{
	char *line = text;

	if (memchr(text, 0, n))
		gateway_complain(r, 0, "a control character; only text is expected");
	for (char *end; r->errors == 0 && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		line_take(r, line);
	}
	if (r->errors == 0 && *line)
		line_take(r, line);
	presets_take(r);
	if (r->draft.secret && !mode_is_private(st))
		gateway_complain(r, 0,
				 "it holds a secret and is open to others (mode %04o); run: "
				 "chmod 600 %s",
				 (unsigned)(st->st_mode & 07777), r->name);
	if (r->errors == 0)
		gateway_settle(r);
	return r->errors ? ERR_CONFIG : 0;
}

/* The length, or -1: `err` has a line. */
static ssize_t slurp(const char *file, char *text, struct stat *st, FILE *err)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = -1;

	if (fd >= 0)
		errno = 0;
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		n = read(fd, text, GATEWAY_FILE_MAX + 1);
	if (n < 0)
		fprintf(err, "%s: cannot be read: %s\n", file,
			errno ? strerror(errno) : "not a regular file");
	else if (n > GATEWAY_FILE_MAX)
		fprintf(err, "%s: too large for a configuration\n", file);
	if (fd >= 0)
		close(fd);
	return n > GATEWAY_FILE_MAX ? -1 : n;
}

int gateway_file_read(const char *file, struct gateway_file **out, FILE *err)
{
	struct gateway_reader *r = xcalloc(1, sizeof(*r));
	struct gateway_file *f = xcalloc(1, sizeof(*f));
	/* The whole text goes to locked memory, since there may be a secret in it. */
	char *text = secret_alloc(GATEWAY_FILE_MAX + 2);
	struct stat st;
	ssize_t n = slurp(file, text, &st, err);
	int result = ERR_SYSTEM;

	*out = NULL;
	r->name = file;
	r->err = err;
	r->draft.file = f;
	gateway_config_defaults(&f->config);
	if (n >= 0)
		result = text_read(r, text, (size_t)n, &st);
	secret_release(text, GATEWAY_FILE_MAX + 2);
	free(r);
	if (result == 0)
		*out = f;
	else
		gateway_file_free(f);
	return result;
}

void gateway_file_free(struct gateway_file *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < f->config.nentries; i++)
		secret_free(&f->config.entries[i].ike.psk);
	users_free(f->users);
	credentials_free(f->credentials);
	free(f);
}

/* ---- the example ---- */

static bool is_new_section(unsigned key)
{
	return key == 0 || strcmp(gateway_keys[key].section, gateway_keys[key - 1].section) != 0;
}

void gateway_example(FILE *out)
{
	fprintf(out,
		"; A gateway of godwit. A line is a [section], \"key = value\", or a comment\n"
		"; behind ; or #. What begins with ; below shows the default, or an example\n"
		"; where there is none. There may be several [auth NAME] and [server NAME].\n");
	for (unsigned i = 0; i < gateway_keys_n; i++) {
		const struct gateway_key *k = &gateway_keys[i];
		const struct named *of = named_find(k->section);
		bool quotes = k->secret || (k->sample && !*k->sample);

		if (is_new_section(i))
			fprintf(out, "\n%s[%s%s%s]\n", of && !of->needed ? ";" : "", k->section,
				of ? " " : "", of ? of->sample : "");
		fprintf(out, "; %s\n;%s = %s%s%s\n", k->help, k->key, quotes ? "\"" : "",
			k->preset ? k->preset : k->sample, quotes ? "\"" : "");
	}
}
