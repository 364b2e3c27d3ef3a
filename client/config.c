/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/options.h"
#include "client/psk.h"

#define NAME_MAX_INI 48 /* of a section or key: inih cuts at 49 */
#define MESSAGE_MAX 800

struct place {
	unsigned line; /* from 1; 0: the file as a whole */
	unsigned column; /* from 1, in bytes */
};

static const struct place NOWHERE = { 0, 0 };

struct parse {
	const struct config_source *source;
	struct config_draft draft;
	FILE *err;
	unsigned errors;
	bool unknown; /* a key that does not exist was seen */
	unsigned line;
	char *begin; /* of the line */
	size_t next; /* offset of the next line */
	char *value; /* what stands behind the '=' of the line */
	bool in_section;
	bool skip; /* the section's keys: it is not one of ours */
	struct {
		struct place key;
		struct place value;
	} seen[OPTIONS_MAX];
};

/* ---- complaints ---- */

__attribute__((format(printf, 4, 0))) static void
say(const struct parse *p, struct place at, const char *prefix, const char *format, va_list args)
{
	char text[MESSAGE_MAX];
	int n = snprintf(text, sizeof(text), "%s", prefix);

	vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
	for (char *c = text; *c; c++)
		*c = (char)(isprint((unsigned char)*c) ? *c : '?');
	if (at.line)
		fprintf(p->err, "%s:%u:%u: %s\n", p->source->file, at.line, at.column, text);
	else
		fprintf(p->err, "%s: %s\n", p->source->file, text);
}

__attribute__((format(printf, 3, 4))) static void complain(struct parse *p, struct place at,
							   const char *format, ...)
{
	va_list args;

	p->errors++;
	if (p->errors == CONFIG_COMPLAINTS_MAX + 1)
		fprintf(p->err, "%s: there is more to complain of\n", p->source->file);
	if (p->errors > CONFIG_COMPLAINTS_MAX)
		return;
	va_start(args, format);
	say(p, at, "", format, args);
	va_end(args);
}

__attribute__((format(printf, 3, 4))) static void warn(const struct parse *p, struct place at,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(p, at, "warning: ", format, args);
	va_end(args);
}

static struct place here(const struct parse *p, const char *in_line)
{
	return (struct place){ p->line, (unsigned)(in_line - p->begin) + 1 };
}

static unsigned option_index(const char *section, const char *key)
{
	return (unsigned)(option_find(section, key) - options);
}

static bool is_set(const struct parse *p, const char *section, const char *key)
{
	return p->seen[option_index(section, key)].key.line != 0;
}

static struct place key_place(const struct parse *p, const char *section, const char *key)
{
	return p->seen[option_index(section, key)].key;
}

/* Of the value, or of what stands at this offset in it. NOWHERE for a default. */
static struct place value_place(const struct parse *p, const char *section, const char *key,
				size_t at)
{
	struct place place = p->seen[option_index(section, key)].value;

	if (place.line)
		place.column += (unsigned)at;
	return place;
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

static bool line_is_clean(struct parse *p, size_t n)
{
	if (n > CONFIG_LINE_MAX) {
		complain(p, (struct place){ p->line, CONFIG_LINE_MAX + 1 },
			 "the line is longer than %d bytes", CONFIG_LINE_MAX);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p->begin[i];

		if ((c < ' ' && c != '\t') || c == 0x7f) {
			complain(p, here(p, p->begin + i),
				 "a control character (byte 0x%02x); only text is expected", c);
			return false;
		}
	}
	return true;
}

/* Steps to the next line and ends it with a NUL. False when it is not text; it is then empty. */
static bool next_line(struct parse *p)
{
	char *text = p->source->text;
	size_t left = p->source->n - p->next;
	char *newline;
	size_t n;
	bool clean;

	p->line++;
	p->begin = text + p->next;
	if (p->next == 0 && left >= 3 && memcmp(p->begin, "\xef\xbb\xbf", 3) == 0) {
		p->begin += 3;
		left -= 3;
	}
	newline = memchr(p->begin, '\n', left);
	n = newline ? (size_t)(newline - p->begin) : left;
	p->next = (size_t)(p->begin - text) + n + 1;
	if (newline && n > 0 && p->begin[n - 1] == '\r')
		n--;
	clean = line_is_clean(p, n);
	p->begin[clean ? n : 0] = '\0';
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

/* [name], and nothing but a comment behind it. NULL when it is not that, or no section of ours. */
static const char *take_section(struct parse *p, char *s)
{
	char *name = skip_blanks(s + 1);
	char *end = strchr(name, ']');
	const struct option_section *section;
	char hint[OPTION_WHY_MAX];
	char *behind;

	p->in_section = true;
	p->skip = true;
	if (!end) {
		complain(p, here(p, name + strlen(name)), "expected ] behind the section's name");
		return NULL;
	}
	behind = skip_blanks(end + 1);
	if (*behind && !strchr(";#", *behind)) {
		complain(p, here(p, behind), "expected nothing behind the section's name");
		return NULL;
	}
	*end = '\0';
	trim_end(name);
	section = strlen(name) <= NAME_MAX_INI ? option_section_find(name) : NULL;
	if (!section) {
		complain(p, here(p, name), "unknown section [%s]; %s", name,
			 option_section_hint(name, hint));
		return NULL;
	}
	if (section->later) {
		complain(p, here(p, s),
			 "[%s] is not available in this version: %s; remove the section", name,
			 section->later);
		return NULL;
	}
	p->skip = false;
	return name;
}

/*
 * "key = value": ends the key, keeps the value's place. NULL when it is not that; the line is not
 * shown then, since a secret may be in it.
 */
static const char *take_key(struct parse *p, char *s)
{
	char *equals = strchr(s, '=');

	if (equals) {
		*equals = '\0';
		trim_end(s);
		p->value = equals + 1;
	}
	if (!equals || !is_name(s, NAME_MAX_INI)) {
		complain(p, here(p, s), "expected key = value, a [section], or a comment after ;");
		return NULL;
	}
	if (!p->in_section) {
		complain(p, here(p, s), "%s stands before the first [section]", s);
		return NULL;
	}
	return p->skip ? NULL : s;
}

/*
 * Gives inih one line. It gets sections and keys to keep account of, but no value: inih would cut
 * it at ';' and at the end of its buffer, and keep secrets in memory that nobody wipes.
 */
static char *give_line(char *str, int size, void *ctx)
{
	struct parse *p = ctx;
	const char *name;
	char *s;

	if (p->next >= p->source->n)
		return NULL;
	snprintf(str, (size_t)size, "\n");
	if (!next_line(p))
		return str;
	s = skip_blanks(p->begin);
	if (*s == '\0' || *s == ';' || *s == '#')
		return str;
	if (*s == '[') {
		name = take_section(p, s);
		if (name)
			snprintf(str, (size_t)size, "[%s]\n", name);
	} else {
		name = take_key(p, s);
		if (name)
			snprintf(str, (size_t)size, "%s=\n", name);
	}
	return str;
}

/* ---- values ---- */

static char *take_quoted(struct parse *p, const struct option *o, char *s)
{
	char *end = strchr(s + 1, '"');
	char *behind;

	if (!end) {
		complain(p, here(p, s), "[%s] %s: the closing double quote is missing", o->section,
			 o->key);
		return NULL;
	}
	behind = skip_blanks(end + 1);
	if (*behind && !strchr(";#", *behind)) {
		complain(
			p, here(p, behind),
			"[%s] %s: expected nothing behind the closing double quote (a quoted value "
			"cannot have one in it)",
			o->section, o->key);
		return NULL;
	}
	*end = '\0';
	return s + 1;
}

static char *take_bare(struct parse *p, const struct option *o, char *s)
{
	for (char *c = s; *c; c++) {
		if (*c != ';' && *c != '#')
			continue;
		if (o->secret) {
			complain(p, here(p, c),
				 "[%s] %s: there is a %c in or behind it; put a value that has one "
				 "in double quotes, and a comment on a line of its own",
				 o->section, o->key, *c);
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

static void take_value(struct parse *p, const struct option *o)
{
	char *s = skip_blanks(p->value);
	struct option_value v = { 0 };

	v.text = *s == '"' ? take_quoted(p, o, s) : take_bare(p, o, s);
	if (!v.text)
		return;
	p->seen[o - options].value = here(p, v.text);
	if (option_parse(&p->draft, o, &v))
		return;
	if (v.item[0])
		complain(p, here(p, v.text + v.at), "[%s] %s = %s: %s", o->section, o->key, v.item,
			 v.why);
	else
		complain(p, here(p, v.text + v.at), "[%s] %s: %s", o->section, o->key, v.why);
}

/* inih's handler; the place and the value are those of the line given last. */
static int take_pair(void *ctx, const char *section, const char *key, const char *unused)
{
	struct parse *p = ctx;
	struct place at = here(p, skip_blanks(p->begin));
	const struct option *o = option_find(section, key);
	char hint[OPTION_WHY_MAX];
	struct place *seen;

	(void)unused;
	if (!o) {
		p->unknown = true;
		complain(p, at, "unknown key %s in [%s]; %s", key, section,
			 option_key_hint(section, key, hint));
		return 1;
	}
	if (o->later) {
		complain(p, at, "[%s] %s is not available in this version: %s; remove the line",
			 section, key, o->later);
		return 1;
	}
	seen = &p->seen[o - options].key;
	if (seen->line) {
		complain(p, at, "[%s] %s is already set in line %u", section, key, seen->line);
		return 1;
	}
	*seen = at;
	take_value(p, o);
	return 1;
}

/* ---- the whole ---- */

static void check_required(struct parse *p)
{
	/* The missing key may be the one that is misspelt. */
	if (p->unknown)
		return;
	for (unsigned i = 0; i < options_n; i++) {
		const struct option *o = &options[i];

		if (o->required && !p->seen[i].key.line)
			complain(p, NOWHERE, "[%s] %s is missing; expected %s", o->section, o->key,
				 o->expect);
	}
}

static void take_presets(struct parse *p)
{
	for (unsigned i = 0; i < options_n; i++) {
		struct option_value v = { .text = options[i].preset };

		if (p->seen[i].key.line || !options[i].preset)
			continue;
		if (!option_parse(&p->draft, &options[i], &v))
			complain(p, NOWHERE, "[%s] %s: the default is wrong: %s",
				 options[i].section, options[i].key, v.why);
	}
}

static void take_name(struct parse *p)
{
	const char *file = p->source->file;
	const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	size_t n = strlen(base);
	char *name = p->draft.config->name;

	if (n > 5 && strcmp(base + n - 5, ".conf") == 0)
		n -= 5;
	if (n <= CONFIG_NAME_MAX) {
		memcpy(name, base, n);
		name[n] = '\0';
	}
	if (!isalnum((unsigned char)name[0]) || !is_name(name, CONFIG_NAME_MAX))
		complain(p, NOWHERE,
			 "the file's name names the connection: without .conf it must be 1 to %d "
			 "letters, digits, - _ or ., and begin with a letter or digit",
			 CONFIG_NAME_MAX);
}

static void check_psk_sources(struct parse *p)
{
	static const char *const keys[] = { "psk", "psk-file", "psk-command" };
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!is_set(p, "auth", keys[i]))
			continue;
		if (first)
			complain(p, key_place(p, "auth", keys[i]),
				 "[auth] %s stands beside %s in line %u; keep one of them", keys[i],
				 first, key_place(p, "auth", first).line);
		else
			first = keys[i];
	}
	if (!first)
		complain(p, NOWHERE,
			 "no pre-shared key; set psk, psk-file or psk-command in [auth]");
}

static void check_permissions(struct parse *p)
{
	const struct config_source *s = p->source;

	if (is_set(p, "auth", "psk") && (s->mode & 077))
		complain(
			p, key_place(p, "auth", "psk"),
			"the file holds a secret and is open to others (mode %04o); run: chmod 600 "
			"%s",
			(unsigned)s->mode & 07777, s->file);
	if (!is_set(p, "auth", "psk-command"))
		return;
	if (s->mode & 022)
		complain(p, key_place(p, "auth", "psk-command"),
			 "others can change the command (mode %04o); run: chmod go-w %s",
			 (unsigned)s->mode & 07777, s->file);
	if (s->owner != 0 && s->owner != geteuid())
		complain(
			p, key_place(p, "auth", "psk-command"),
			"the command is uid %u's, who owns the file, and would run as uid %u; run: "
			"chown %u %s",
			(unsigned)s->owner, (unsigned)geteuid(), (unsigned)geteuid(), s->file);
}

static void settle_pfs(struct parse *p)
{
	const struct config_draft *d = &p->draft;
	struct session_config *s = &d->config->session;

	switch (d->pfs) {
	case PFS_AS_PROPOSED:
		s->child.pfs = d->proposed_group ? d->proposed_group : s->ike.suites[0].group;
		s->pfs_as_phase1 = !d->proposed_group;
		return;
	case PFS_NONE:
		s->child.pfs = DH_NONE;
		break;
	case PFS_GROUP:
		s->child.pfs = d->pfs_group;
		break;
	}
	if (d->proposed_group != DH_NONE && d->proposed_group != s->child.pfs)
		complain(
			p, value_place(p, "esp", "pfs", 0),
			"[esp] pfs does not fit the group %s in [esp] proposals; remove one of them",
			dh_group_name(d->proposed_group));
}

/* A person must ask for what is weak, and is told once more. */
static void check_weak(struct parse *p, const char *section, struct place at, const char *text,
		       const char *weak)
{
	const struct config_draft *d = &p->draft;
	bool allowed = strcmp(section, "ike") == 0 ? d->allow_weak_ike : d->allow_weak_esp;

	if (!weak[0])
		return;
	if (allowed)
		warn(p, at, "[%s] %s is weak (%s) and is offered since allow-weak = yes", section,
		     text, weak);
	else
		complain(p, at,
			 "[%s] %s is weak (%s); take it out, or set allow-weak = yes in [%s]",
			 section, text, weak, section);
}

static void check_weak_suites(struct parse *p)
{
	const struct config_draft *d = &p->draft;
	const struct session_config *s = &d->config->session;
	char name[48], weak[IKE_WEAK_MAX];

	for (unsigned i = 0; i < s->ike.nsuites; i++)
		check_weak(p, "ike", value_place(p, "ike", "proposals", d->ike_at[i]),
			   ike_suite_name(&s->ike.suites[i], name),
			   ike_suite_weak(&s->ike.suites[i], weak));
	for (unsigned i = 0; i < s->child.nsuites; i++)
		check_weak(p, "esp", value_place(p, "esp", "proposals", d->esp_at[i]),
			   esp_suite_name(&s->child.suites[i], name),
			   esp_suite_weak(&s->child.suites[i], weak));
	/* A group that comes from [ike] has been looked at there. */
	if (!dh_group_is_weak(s->child.pfs) || (d->pfs != PFS_GROUP && !d->proposed_group))
		return;
	check_weak(p, "esp", value_place(p, "esp", d->pfs == PFS_GROUP ? "pfs" : "proposals", 0),
		   "the group for PFS", dh_group_name(s->child.pfs));
}

static bool overlap(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, &b->addr) || prefix_contains(b, &a->addr);
}

/* Slips in a list of prefixes, which is [tunnel] local or remote. */
static void check_prefixes(struct parse *p, const char *key, const struct config_prefix *list,
			   unsigned n)
{
	char text[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX], lo_text[ADDR_TEXT_MAX];
	struct addr lo, hi;

	for (unsigned i = 0; i < n; i++) {
		const struct prefix *a = &list[i].prefix;
		struct place at = value_place(p, "tunnel", key, list[i].at);

		prefix_text(a, text);
		prefix_range(a, &lo, &hi);
		if (!addr_eq(&lo, &a->addr))
			warn(p, at, "[tunnel] %s = %s is taken as %s/%u", key, text,
			     addr_text(&lo, lo_text), a->len);
		for (unsigned j = 0; j < i; j++) {
			const struct prefix *b = &list[j].prefix;

			if (!overlap(a, b))
				continue;
			prefix_text(b, other);
			if (a->len == b->len)
				complain(p, at, "[tunnel] %s = %s is named twice", key, text);
			else
				warn(p, at,
				     "[tunnel] %s = %s overlaps %s, which comes first and takes what "
				     "both cover",
				     key, text, other);
		}
	}
}

static bool has_inner(const struct session_config *s, enum family family)
{
	for (unsigned i = 0; i < s->ninner; i++) {
		if (s->inner[i].family == family)
			return true;
	}
	return false;
}

/* Without [tunnel] local our inner addresses are our side; else each must be of use to us. */
static void settle_local(struct parse *p)
{
	struct config_draft *d = &p->draft;
	const struct session_config *s = &d->config->session;
	char text[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < d->nlocal; i++) {
		const struct prefix *prefix = &d->local[i].prefix;
		bool inside = false;

		for (unsigned j = 0; j < s->ninner; j++)
			inside |= prefix_contains(prefix, &s->inner[j]);
		if (!has_inner(s, prefix->addr.family))
			complain(
				p, value_place(p, "tunnel", "local", d->local[i].at),
				"[tunnel] local = %s: we have no IPv%d address in the tunnel; add one to "
				"[tunnel] address",
				prefix_text(prefix, text), (int)prefix->addr.family);
		else if (!inside)
			warn(p, value_place(p, "tunnel", "local", d->local[i].at),
			     "[tunnel] local = %s has no address of [tunnel] address in it: what this "
			     "host itself sends does not fit",
			     prefix_text(prefix, text));
	}
	if (d->nlocal)
		return;
	for (unsigned i = 0; i < s->ninner; i++) {
		d->local[i].prefix.addr = s->inner[i];
		d->local[i].prefix.len = (uint8_t)(8 * family_size(s->inner[i].family));
	}
	d->nlocal = s->ninner;
}

/* Adds the pairs of this remote prefix. False when there is no room. */
static bool add_tunnels(struct parse *p, const struct config_prefix *remote)
{
	const struct config_draft *d = &p->draft;
	struct session_config *s = &d->config->session;
	struct place at = value_place(p, "tunnel", "remote", remote->at);
	enum family family = remote->prefix.addr.family;
	char text[PREFIX_TEXT_MAX];
	bool any = false;

	for (unsigned i = 0; i < d->nlocal; i++) {
		if (d->local[i].prefix.addr.family != family)
			continue;
		any = true;
		if (s->ntunnels == SESSION_TUNNELS_MAX) {
			complain(p, at, "more than %d pairs of a local and a remote prefix",
				 SESSION_TUNNELS_MAX);
			return false;
		}
		s->tunnels[s->ntunnels].local = ts_from_prefix(&d->local[i].prefix);
		s->tunnels[s->ntunnels].remote = ts_from_prefix(&remote->prefix);
		s->ntunnels++;
	}
	if (!any)
		complain(
			p, at,
			"[tunnel] remote = %s: our side has no IPv%d; add an IPv%d address to [tunnel] "
			"%s",
			prefix_text(&remote->prefix, text), (int)family, (int)family,
			is_set(p, "tunnel", "local") ? "address and local" : "address");
	return true;
}

static void settle_tunnels(struct parse *p)
{
	const struct config_draft *d = &p->draft;
	const struct session_config *s = &d->config->session;

	check_prefixes(p, "local", d->local, d->nlocal);
	check_prefixes(p, "remote", d->remote, d->nremote);
	settle_local(p);
	for (unsigned i = 0; i < d->nremote; i++) {
		if (!add_tunnels(p, &d->remote[i]))
			break;
	}
	if (s->mtu != 0 && s->mtu < 1280 && has_inner(s, FAMILY_IP6))
		complain(p, value_place(p, "tunnel", "mtu", 0),
			 "[tunnel] mtu = %u: IPv6 in the tunnel needs at least 1280", s->mtu);
}

/* A psk-file without a directory of its own is beside the configuration. */
static char *beside(const char *config, const char *file)
{
	const char *slash = strrchr(config, '/');
	size_t n = slash && file[0] != '/' ? (size_t)(slash - config) + 1 : 0;
	char *path = xcalloc(n + strlen(file) + 1, 1);

	memcpy(path, config, n);
	strcpy(path + n, file);
	return path;
}

static void fetch_psk(struct parse *p)
{
	struct secret *psk = &p->draft.config->session.ike.psk;
	char why[PSK_WHY_MAX] = "";
	char *path;

	if (p->draft.psk_file) {
		path = beside(p->source->file, p->draft.psk_file);
		if (psk_from_file(path, psk, why) != 0)
			complain(p, value_place(p, "auth", "psk-file", 0), "[auth] psk-file: %s %s",
				 path, why);
		free(path);
	} else if (p->draft.psk_command) {
		if (psk_from_command(p->draft.psk_command, PSK_COMMAND_TIMEOUT_MS, psk, why) != 0)
			complain(p, value_place(p, "auth", "psk-command", 0),
				 "[auth] psk-command: it %s", why);
	}
}

int config_parse(const struct config_source *source, struct config **out, FILE *err)
{
	struct config *c = xcalloc(1, sizeof(*c));
	struct parse p = { .source = source, .err = err, .draft.config = c };

	*out = NULL;
	c->file = xstrdup(source->file);
	c->session.name = c->name;
	c->session.ike.force_udp = true;
	c->session.fallback = POLICY_BYPASS;
	if (ini_parse_stream(give_line, &p, take_pair, &p) != 0)
		complain(&p, NOWHERE, "cannot be read as an INI file");
	check_required(&p);
	take_presets(&p);
	take_name(&p);
	check_psk_sources(&p);
	check_permissions(&p);
	if (p.errors == 0) {
		settle_pfs(&p);
		check_weak_suites(&p);
		settle_tunnels(&p);
	}
	if (p.errors == 0 && source->fetch)
		fetch_psk(&p);
	if (p.errors) {
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
	for (size_t i = 0; i < ARRAY_SIZE(c->storage); i++)
		free(c->storage[i]);
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
	source->mode = st.st_mode;
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

int config_read(const char *file, struct config **out, FILE *err)
{
	/* The whole text goes to locked memory, since there may be a secret in it. */
	struct config_source source = {
		.file = file,
		.text = secret_alloc(CONFIG_SIZE_MAX + 1),
		.fetch = true,
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
