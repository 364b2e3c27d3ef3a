/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

static const char *const kinds[] = {
	[TUN_STATE_ADDRESS] = "address",
	[TUN_STATE_ROUTE] = "route",
	[TUN_STATE_RULE] = "rule",
	[TUN_STATE_TABLE] = "table",
};

static const char *const actions[] = {
	[TUN_LOOKUP] = "lookup",   [TUN_PROHIBIT] = "prohibit", [TUN_UNREACHABLE] = "unreachable",
	[TUN_UNICAST] = "unicast", [TUN_GOTO] = "goto",		[TUN_NOP] = "nop",
};

static bool prefix_is_network(const struct prefix *p)
{
	struct addr lo, hi;

	prefix_range(p, &lo, &hi);
	return addr_eq(&lo, &p->addr);
}

static bool ifname_valid(const char *name)
{
	size_t n = strnlen(name, IFNAMSIZ);

	if (n == 0 || n == IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/' || name[i] == ':')
			return false;
	return true;
}

static bool prefix_fits(const struct prefix *p, enum family f)
{
	return p->addr.family == f && p->len <= 8 * family_size(f);
}

static bool route_valid(const struct tun_state *s)
{
	bool unicast = s->action == TUN_UNICAST;
	enum family f = s->to.addr.family;

	if (f == FAMILY_NONE || !prefix_fits(&s->to, f) || !prefix_is_network(&s->to))
		return false;
	if (s->source.family != FAMILY_NONE && (s->source.family != f || !unicast))
		return false;
	if (s->gateway.family != FAMILY_NONE)
		return s->gateway.family == f && unicast && !s->ifname[0] && s->table != 0;
	if (unicast ? !ifname_valid(s->ifname) : s->action != TUN_UNREACHABLE)
		return false;
	return s->table != 0;
}

static bool ports_valid(const struct tun_ports *p, const struct tun_state *s)
{
	return p->hi == 0 ? p->lo == 0 : p->lo != 0 && p->lo <= p->hi && s->proto != 0;
}

static bool rule_valid(const struct tun_state *s)
{
	bool lookup = s->action == TUN_LOOKUP, jump = s->action == TUN_GOTO;

	/* Preference 0 is the kernel's own: what is local stays local. */
	if (s->family == FAMILY_NONE || s->pref == 0 || (s->ifname[0] && !ifname_valid(s->ifname)))
		return false;
	if (s->to.addr.family != FAMILY_NONE &&
	    (!prefix_fits(&s->to, s->family) || !prefix_is_network(&s->to)))
		return false;
	if (s->from.addr.family != FAMILY_NONE &&
	    (!prefix_fits(&s->from, s->family) || !prefix_is_network(&s->from)))
		return false;
	if (!ports_valid(&s->sport, s) || !ports_valid(&s->dport, s))
		return false;
	if (jump ? s->target <= s->pref : s->target != 0)
		return false;
	return s->action != TUN_UNICAST && lookup == (s->table != 0);
}

bool tun_state_valid(const struct tun_state *s)
{
	switch (s->kind) {
	case TUN_STATE_ADDRESS:
		return s->to.addr.family != FAMILY_NONE && prefix_fits(&s->to, s->to.addr.family) &&
		       ifname_valid(s->ifname);
	case TUN_STATE_ROUTE:
		return route_valid(s);
	case TUN_STATE_RULE:
		return rule_valid(s);
	case TUN_STATE_TABLE:
		return ifname_valid(s->ifname);
	}
	return false;
}

struct line {
	char *buf;
	size_t n;
};

static void put_word(struct line *l, const char *key, const char *value)
{
	l->n += (size_t)snprintf(l->buf + l->n, TUN_STATE_TEXT_MAX - l->n, " %s %s", key, value);
}

static void put_number(struct line *l, const char *key, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	put_word(l, key, text);
}

static void put_ports(struct line *l, const char *key, const struct tun_ports *p)
{
	char text[16];

	snprintf(text, sizeof(text), "%u-%u", p->lo, p->hi);
	if (p->hi && p->lo == p->hi)
		put_number(l, key, p->lo);
	else if (p->hi)
		put_word(l, key, text);
}

static void put_prefix(struct line *l, const char *key, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	if (p->addr.family != FAMILY_NONE)
		put_word(l, key, prefix_text(p, text));
}

static void put_route(struct line *l, const struct tun_state *s)
{
	char text[ADDR_TEXT_MAX];

	put_word(l, "action", actions[s->action]);
	put_prefix(l, "to", &s->to);
	if (s->gateway.family != FAMILY_NONE)
		put_word(l, "via", addr_text(&s->gateway, text));
	else if (s->action == TUN_UNICAST)
		put_word(l, "dev", s->ifname);
	if (s->source.family != FAMILY_NONE)
		put_word(l, "src", addr_text(&s->source, text));
	if (s->metric)
		put_number(l, "metric", s->metric);
	put_number(l, "table", s->table);
}

static void put_rule(struct line *l, const struct tun_state *s)
{
	char text[16];

	put_number(l, "pref", s->pref);
	put_word(l, "family", s->family == FAMILY_IP6 ? "inet6" : "inet");
	if (s->ifname[0])
		put_word(l, "iif", s->ifname);
	put_prefix(l, "from", &s->from);
	put_prefix(l, "to", &s->to);
	snprintf(text, sizeof(text), "0x%x", s->fwmark);
	if (s->fwmark)
		put_word(l, "fwmark", text);
	if (s->proto)
		put_number(l, "ipproto", s->proto);
	put_ports(l, "sport", &s->sport);
	put_ports(l, "dport", &s->dport);
	put_word(l, "action", actions[s->action]);
	if (s->table)
		put_number(l, "table", s->table);
	if (s->target)
		put_number(l, "target", s->target);
}

const char *tun_state_text(const struct tun_state *s, char buf[TUN_STATE_TEXT_MAX])
{
	struct line l = { .buf = buf };

	buf[0] = '\0';
	if (!tun_state_valid(s))
		return buf;
	l.n = (size_t)snprintf(buf, TUN_STATE_TEXT_MAX, "%s", kinds[s->kind]);
	switch (s->kind) {
	case TUN_STATE_ADDRESS:
		put_prefix(&l, "to", &s->to);
		put_word(&l, "dev", s->ifname);
		break;
	case TUN_STATE_ROUTE:
		put_route(&l, s);
		break;
	case TUN_STATE_RULE:
		put_rule(&l, s);
		break;
	case TUN_STATE_TABLE:
		put_word(&l, "dev", s->ifname);
		break;
	}
	return buf;
}

/* The place of a word among n names, or -1. */
static int name_index(const char *const *names, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], word) == 0)
			return (int)i;
	return -1;
}

static bool get_number(const char *word, uint32_t max, uint32_t *out)
{
	char *end;
	unsigned long v = strtoul(word, &end, 0);

	*out = (uint32_t)v;
	return *word && !*end && v <= max;
}

/* "80" or "80-89" */
static bool get_ports(const char *word, struct tun_ports *out)
{
	uint32_t lo, hi;
	char *end;

	lo = hi = (uint32_t)strtoul(word, &end, 10);
	if (*end == '-')
		hi = (uint32_t)strtoul(end + 1, &end, 10);
	*out = (struct tun_ports){ (uint16_t)lo, (uint16_t)hi };
	return !*end;
}

static bool get_action(const char *word, struct tun_state *s)
{
	int i = name_index(actions, ARRAY_SIZE(actions), word);

	s->action = (enum tun_action)(i < 0 ? 0 : i);
	return i >= 0;
}

static bool get_family(const char *word, struct tun_state *s)
{
	s->family = strcmp(word, "inet6") == 0 ? FAMILY_IP6 : FAMILY_IP4;
	return true;
}

static bool get_ifname(const char *word, struct tun_state *s)
{
	if (strlen(word) >= IFNAMSIZ)
		return false;
	memcpy(s->ifname, word, strlen(word) + 1);
	return true;
}

/* Sets one field; what does not belong to the kind shows when the line is written again. */
static bool get_field(struct tun_state *s, const char *key, const char *word)
{
	uint32_t v;

	if (strcmp(key, "action") == 0)
		return get_action(word, s);
	if (strcmp(key, "dev") == 0 || strcmp(key, "iif") == 0)
		return get_ifname(word, s);
	if (strcmp(key, "family") == 0)
		return get_family(word, s);
	if (strcmp(key, "to") == 0)
		return prefix_parse(word, &s->to);
	if (strcmp(key, "from") == 0)
		return prefix_parse(word, &s->from);
	if (strcmp(key, "src") == 0)
		return addr_parse(word, &s->source);
	if (strcmp(key, "via") == 0)
		return addr_parse(word, &s->gateway);
	if (strcmp(key, "sport") == 0)
		return get_ports(word, &s->sport);
	if (strcmp(key, "dport") == 0)
		return get_ports(word, &s->dport);
	if (!get_number(word, UINT32_MAX, &v))
		return false;
	if (strcmp(key, "metric") == 0)
		s->metric = v;
	else if (strcmp(key, "table") == 0)
		s->table = v;
	else if (strcmp(key, "pref") == 0)
		s->pref = v;
	else if (strcmp(key, "target") == 0)
		s->target = v;
	else if (strcmp(key, "fwmark") == 0)
		s->fwmark = v;
	else if (strcmp(key, "ipproto") == 0)
		s->proto = (uint8_t)v;
	else
		return false;
	return true;
}

int tun_state_parse(const char *line, struct tun_state *out)
{
	char copy[TUN_STATE_TEXT_MAX], again[TUN_STATE_TEXT_MAX];
	char *rest, *word, *value;
	int kind;

	*out = (struct tun_state){ 0 };
	if (strlen(line) >= sizeof(copy))
		return ERR_MALFORMED;
	memcpy(copy, line, strlen(line) + 1);
	word = strtok_r(copy, " ", &rest);
	kind = word ? name_index(kinds, ARRAY_SIZE(kinds), word) : -1;
	if (kind < 0)
		return ERR_MALFORMED;
	out->kind = (enum tun_state_kind)kind;
	while ((word = strtok_r(NULL, " ", &rest))) {
		value = strtok_r(NULL, " ", &rest);
		if (!value || !get_field(out, word, value))
			return ERR_MALFORMED;
	}
	/* There is one way to write each state, and only that is read. */
	if (strcmp(tun_state_text(out, again), line) != 0)
		return ERR_MALFORMED;
	return 0;
}
