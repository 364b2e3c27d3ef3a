/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/config_impl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/private.h"

#define NAME_MAX_INI 48 /* of a section or key: inih cuts at 49 */

static struct config_place here(const struct config_reader *r, const char *in_line)
{
	return (struct config_place){ r->line, (unsigned)(in_line - r->begin) + 1 };
}

/* ---- lines ---- */

static char *skip_blanks(char *s)
{
	return s + strspn(s, " \t");
}

/* Ends the string behind its last character that is not blank. */
static void trim_end(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	s[n] = '\0';
}

static bool line_is_clean(struct config_reader *r, size_t n)
{
	if (n > CONFIG_LINE_MAX) {
		config_complain(r, (struct config_place){ r->line, CONFIG_LINE_MAX + 1 },
				"the line is longer than %d bytes", CONFIG_LINE_MAX);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)r->begin[i];

		if ((c < ' ' && c != '\t') || c == 0x7f) {
			config_complain(r, here(r, r->begin + i),
					"a control character (byte 0x%02x); only text is expected",
					c);
			return false;
		}
	}
	return true;
}

/* Steps to the next line and ends it with a NUL. False when it is not text; it is then empty. */
static bool next_line(struct config_reader *r)
{
	char *text = r->source->text;
	size_t left = r->source->n - r->next;
	char *newline;
	size_t n;
	bool clean;

	r->line++;
	r->begin = text + r->next;
	if (r->next == 0 && left >= 3 && memcmp(r->begin, "\xef\xbb\xbf", 3) == 0) {
		r->begin += 3;
		left -= 3;
	}
	newline = memchr(r->begin, '\n', left);
	n = newline ? (size_t)(newline - r->begin) : left;
	r->next = (size_t)(r->begin - text) + n + 1;
	if (newline && n > 0 && r->begin[n - 1] == '\r')
		n--;
	clean = line_is_clean(r, n);
	r->begin[clean ? n : 0] = '\0';
	return clean;
}

static bool is_name(const char *s, size_t max)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
			return false;
	}
	return n > 0 && n <= max;
}

/* [policy NAME] begins a rule. False when it cannot. */
static bool begin_policy(struct config_reader *r, char *header)
{
	struct config_draft *d = &r->draft;
	char *name = skip_blanks(header + strcspn(header, " "));
	struct config_place at = here(r, name);

	if (!is_name(name, SESSION_RULE_NAME_MAX - 1)) {
		config_complain(
			r, at,
			"[policy] needs a name of 1 to %d letters, digits, - _ or ., as in [policy "
			"web-in-clear]",
			SESSION_RULE_NAME_MAX - 1);
		return false;
	}
	for (unsigned i = 0; i < d->npolicies; i++) {
		if (strcmp(d->policies[i].name, name) == 0) {
			config_complain(r, at, "[policy %s] is there already, in line %u", name,
					r->policy_at[i].line);
			return false;
		}
	}
	if (d->npolicies == SESSION_RULES_MAX) {
		if (!r->too_many)
			config_complain(r, at, "one [policy] too many, there can be %d",
					SESSION_RULES_MAX);
		r->too_many = true;
		return false;
	}
	d->policy = d->npolicies++;
	r->policy_at[d->policy] = at;
	strcpy(d->policies[d->policy].name, name);
	return true;
}

/* [name], and nothing but a comment behind it. NULL when it is not that, or no section of ours. */
static const char *take_section(struct config_reader *r, char *s)
{
	char *name = skip_blanks(s + 1);
	char *end = strchr(name, ']');
	const struct option_section *section;
	char hint[OPTION_WHY_MAX];
	char *behind;

	r->in_section = true;
	r->skip = true;
	if (!end) {
		config_complain(r, here(r, name + strlen(name)),
				"expected ] behind the section's name");
		return NULL;
	}
	behind = skip_blanks(end + 1);
	if (*behind && !strchr(";#", *behind)) {
		config_complain(r, here(r, behind), "expected nothing behind the section's name");
		return NULL;
	}
	*end = '\0';
	trim_end(name);
	section = strlen(name) <= NAME_MAX_INI ? option_section_find(name) : NULL;
	if (!section) {
		config_complain(r, here(r, name), "unknown section [%s]; %s", name,
				option_section_hint(name, hint));
		return NULL;
	}
	if (section->named && !begin_policy(r, name))
		return NULL;
	r->skip = false;
	r->shown = name;
	return section->name;
}

/*
 * "key = value": ends the key, keeps the value's place. NULL when it is not that; the line is not
 * shown then, since a secret may be in it.
 */
static const char *take_key(struct config_reader *r, char *s)
{
	char *equals = strchr(s, '=');

	if (equals) {
		*equals = '\0';
		trim_end(s);
		r->value = equals + 1;
	}
	if (!equals || !is_name(s, NAME_MAX_INI)) {
		config_complain(r, here(r, s),
				"expected key = value, a [section], or a comment after ;");
		return NULL;
	}
	if (!r->in_section) {
		config_complain(r, here(r, s), "%s stands before the first [section]", s);
		return NULL;
	}
	return r->skip ? NULL : s;
}

/*
 * Gives inih one line. It gets sections and keys to keep account of, but no value: inih would cut
 * it at ';' and at the end of its buffer, and keep secrets in memory that nobody wipes.
 */
static char *give_line(char *str, int size, void *ctx)
{
	struct config_reader *r = ctx;
	const char *name;
	char *s;

	if (r->next >= r->source->n)
		return NULL;
	snprintf(str, (size_t)size, "\n");
	if (!next_line(r))
		return str;
	s = skip_blanks(r->begin);
	if (*s == '\0' || *s == ';' || *s == '#')
		return str;
	if (*s == '[') {
		name = take_section(r, s);
		if (name)
			snprintf(str, (size_t)size, "[%s]\n", name);
	} else {
		name = take_key(r, s);
		if (name)
			snprintf(str, (size_t)size, "%s=\n", name);
	}
	return str;
}

/* ---- values ---- */

/* Two double quotes in a row are one that belongs to the value. */
static char *take_quoted(struct config_reader *r, const struct option *o, char *s)
{
	char *to = s + 1, *end = s + 1, *behind;

	for (; *end && (*end != '"' || end[1] == '"'); end++) {
		if (*end == '"')
			end++;
		*to++ = *end;
	}
	if (!*end) {
		config_complain(r, here(r, s), "[%s] %s: the closing double quote is missing",
				r->shown, o->key);
		return NULL;
	}
	behind = skip_blanks(end + 1);
	if (*behind && !strchr(";#", *behind)) {
		config_complain(
			r, here(r, behind),
			"[%s] %s: expected nothing behind the closing double quote (one that "
			"belongs to the value is written twice)",
			r->shown, o->key);
		return NULL;
	}
	*to = '\0';
	return s + 1;
}

static char *take_bare(struct config_reader *r, const struct option *o, char *s)
{
	for (char *c = s; *c; c++) {
		if (*c != ';' && *c != '#')
			continue;
		if (o->secret) {
			config_complain(
				r, here(r, c),
				"[%s] %s: there is a %c in or behind it; put a value that has one "
				"in double quotes, and a comment on a line of its own",
				r->shown, o->key, *c);
			return NULL;
		}
		if (c == s || c[-1] == ' ' || c[-1] == '\t') {
			*c = '\0';
			break;
		}
	}
	trim_end(s);
	return s;
}

static void take_value(struct config_reader *r, const struct option *o)
{
	char *s = skip_blanks(r->value);
	struct option_value v = { 0 };

	v.text = *s == '"' ? take_quoted(r, o, s) : take_bare(r, o, s);
	if (!v.text)
		return;
	config_seen(r, o)->value = here(r, v.text);
	if (option_parse(&r->draft, o, &v))
		return;
	config_seen(r, o)->refused = true;
	if (v.item[0])
		config_complain(r, here(r, v.text + v.at), "[%s] %s = %s: %s", r->shown, o->key,
				v.item, v.why);
	else
		config_complain(r, here(r, v.text + v.at), "[%s] %s: %s", r->shown, o->key, v.why);
}

/* inih's handler; the place and the value are those of the line given last. */
static int take_pair(void *ctx, const char *section, const char *key, const char *unused)
{
	struct config_reader *r = ctx;
	struct config_place at = here(r, skip_blanks(r->begin));
	const struct option *o = option_find(section, key);
	char hint[OPTION_WHY_MAX];
	struct config_place *seen;

	(void)unused;
	if (!o) {
		r->unknown = true;
		config_complain(r, at, "unknown key %s in [%s]; %s", key, r->shown,
				option_key_hint(section, key, hint));
		return 1;
	}
	seen = &config_seen(r, o)->key;
	if (seen->line == CONFIG_ARGV)
		return 1;
	if (seen->line) {
		config_complain(r, at, "[%s] %s is already set in line %u", r->shown, key,
				seen->line);
		return 1;
	}
	*seen = at;
	take_value(r, o);
	return 1;
}

/* ---- the whole ---- */

static void check_required(struct config_reader *r)
{
	/* The missing key may be the one that is misspelt. */
	if (r->unknown)
		return;
	for (unsigned i = 0; i < options_n; i++) {
		const struct option *o = &options[i];

		if (o->required && !r->seen[i].key.line)
			config_complain(r, CONFIG_NOWHERE, "[%s] %s is missing; expected %s",
					o->section, o->key, o->expect);
	}
}

/* Of the policy at hand, or of all that is none. */
static void take_presets_of(struct config_reader *r, bool policy)
{
	for (unsigned i = 0; i < options_n; i++) {
		const struct option *o = &options[i];
		struct option_value v = { .text = o->preset };

		if (option_section_find(o->section)->named != policy || !o->preset ||
		    config_seen(r, o)->key.line)
			continue;
		if (!option_parse(&r->draft, o, &v))
			config_complain(r, CONFIG_NOWHERE, "[%s] %s: the default is wrong: %s",
					o->section, o->key, v.why);
	}
}

static void take_presets(struct config_reader *r)
{
	take_presets_of(r, false);
	for (r->draft.policy = 0; r->draft.policy < r->draft.npolicies; r->draft.policy++)
		take_presets_of(r, true);
	r->draft.policy = 0;
}

static void take_name(struct config_reader *r)
{
	const char *file = r->source->file;
	const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	size_t n = strlen(base);
	char *name = r->draft.config->name;

	if (n > 5 && strcmp(base + n - 5, ".conf") == 0)
		n -= 5;
	if (r->source->name) {
		base = r->source->name;
		n = strlen(base);
	}
	if (n <= CONFIG_NAME_MAX) {
		memcpy(name, base, n);
		name[n] = '\0';
	}
	if (isalnum((unsigned char)name[0]) && is_name(name, CONFIG_NAME_MAX))
		return;
	/* Who names no gateway is told of that. */
	if (r->source->name && !name[0] && !config_is_set(r, "gateway", "address"))
		return;
	if (r->source->name)
		config_complain(r, CONFIG_NOWHERE,
				"--name is needed: 1 to %d letters, digits, - _ or ., of which the "
				"first is a letter or digit",
				CONFIG_NAME_MAX);
	else
		config_complain(
			r, CONFIG_NOWHERE,
			"the file's name names the connection: without .conf it must be 1 to %d "
			"letters, digits, - _ or ., and begin with a letter or digit",
			CONFIG_NAME_MAX);
}

int config_parse(const struct config_source *source, struct config **out, FILE *err)
{
	struct config *c = xcalloc(1, sizeof(*c));
	struct config_reader r = { .source = source, .err = err, .draft.config = c };

	*out = NULL;
	c->file = xstrdup(source->file);
	c->session.name = c->name;
	config_take_settings(&r);
	if (ini_parse_stream(give_line, &r, take_pair, &r) != 0)
		config_complain(&r, CONFIG_NOWHERE, "cannot be read as an INI file");
	check_required(&r);
	take_presets(&r);
	take_name(&r);
	config_settle_auth(&r);
	if (r.errors == 0) {
		config_settle_ike(&r);
		config_settle_tunnel(&r);
	}
	if (r.errors == 0)
		config_settle_policies(&r);
	if (r.errors == 0 && source->fetch)
		config_fetch_auth(&r);
	for (size_t i = 0; i < ARRAY_SIZE(r.given); i++)
		free(r.given[i]);
	if (r.errors) {
		config_free(c);
		return ERR_CONFIG;
	}
	*out = c;
	return 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	secret_free(&c->session.ike.psk);
	secret_free(&c->session.password);
	credentials_free(c->credentials);
	for (size_t i = 0; i < ARRAY_SIZE(c->storage); i++)
		free(c->storage[i]);
	if (c->password_command)
		wipe(c->password_command, strlen(c->password_command));
	free(c->password_command);
	free(c->script);
	free(c->file);
	free(c);
}

/* ---- the file ---- */

/* Fills *source, whose text has room for CONFIG_SIZE_MAX + 1 bytes. NULL, or what is wrong. */
static const char *slurp(const char *file, struct config_source *source)
{
	struct stat st;
	ssize_t got = 1;
	/* Without O_NONBLOCK a named pipe would let us wait for its writer. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return "not a regular file";
	}
	source->owner = st.st_uid;
	/* Of what is private, whatever its letter says, others see nothing. */
	source->mode = mode_is_private(&st) ? st.st_mode & ~(mode_t)077 : st.st_mode;
	while (source->n <= CONFIG_SIZE_MAX && got > 0) {
		got = read(fd, source->text + source->n, CONFIG_SIZE_MAX + 1 - source->n);
		if (got > 0)
			source->n += (size_t)got;
	}
	close(fd);
	if (got < 0)
		return strerror(errno);
	return source->n > CONFIG_SIZE_MAX ? "too large for a configuration" : NULL;
}

int config_read_with(const char *file, const struct client_settings *settings, bool may_ask,
		     struct config **out, FILE *err)
{
	/* The whole text goes to locked memory, since there may be a secret in it. */
	struct config_source source = {
		.file = file,
		.text = secret_alloc(CONFIG_SIZE_MAX + 1),
		.fetch = true,
		.may_ask = may_ask,
		.settings = settings ? settings->list : NULL,
		.nsettings = settings ? settings->n : 0,
		.name = settings ? settings->name : NULL,
	};
	const char *why = slurp(file, &source);
	int result = ERR_SYSTEM;

	*out = NULL;
	if (why)
		fprintf(err, "%s: cannot be read: %s\n", file, why);
	else
		result = config_parse(&source, out, err);
	secret_release(source.text, CONFIG_SIZE_MAX + 1);
	return result;
}

int config_read(const char *file, struct config **out, FILE *err)
{
	return config_read_with(file, NULL, false, out, err);
}
