/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/option_values.h"

#define PORT_LAST 65534 /* the kernel's rules know no 65535 */

static struct policy_draft *policy_of(struct config_draft *d)
{
	return &d->policies[d->policy];
}

/* ---- filters ---- */

static bool hosts(const struct option *o, struct option_value *v, struct policy_hosts *out)
{
	struct option_list l = { .text = v->text };

	out->n = 0;
	if (strcmp(v->text, "any") == 0)
		return true;
	while (option_list_next(&l)) {
		struct prefix p;

		if (!option_list_room(&l, out->n, POLICY_LIST_MAX, v))
			return false;
		if (prefix_parse(l.item, &p))
			out->list[out->n].prefix = p;
		else if (option_is_host_name(l.item) && strcmp(l.item, "any") != 0)
			out->list[out->n].prefix.addr.family = FAMILY_NONE;
		else
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
		out->list[out->n].name = slice(v->text + l.at, strlen(l.item));
		out->list[out->n++].at = l.at;
	}
	return true;
}

bool value_policy_source(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return hosts(o, v, &policy_of(d)->source);
}

bool value_policy_destination(struct config_draft *d, const struct option *o,
			      struct option_value *v)
{
	return hosts(o, v, &policy_of(d)->destination);
}

/* "80" or "8000-8099" */
static bool port_range(const char *text, uint32_t *lo, uint32_t *hi)
{
	size_t n = option_number_parse(text, lo);

	*hi = *lo;
	if (n && text[n] == '-') {
		text += n + 1;
		n = option_number_parse(text, hi);
	}
	return n && !text[n] && *lo >= 1 && *lo <= *hi && *hi <= PORT_LAST;
}

static bool ports(const struct option *o, struct option_value *v, struct policy_ports *out)
{
	struct option_list l = { .text = v->text };
	uint32_t lo, hi;

	out->n = 0;
	if (strcmp(v->text, "any") == 0)
		return true;
	while (option_list_next(&l)) {
		if (!option_list_room(&l, out->n, POLICY_LIST_MAX, v))
			return false;
		if (!port_range(l.item, &lo, &hi))
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
		out->list[out->n].lo = (uint16_t)lo;
		out->list[out->n++].hi = (uint16_t)hi;
	}
	return true;
}

bool value_policy_source_port(struct config_draft *d, const struct option *o,
			      struct option_value *v)
{
	return ports(o, v, &policy_of(d)->source_port);
}

bool value_policy_port(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return ports(o, v, &policy_of(d)->port);
}

/* 0: there is none of this name or number. */
static uint8_t protocol(const char *text)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {
		{ "tcp", 6 },	  { "udp", 17 }, { "icmp", 1 },
		{ "icmpv6", 58 }, { "igmp", 2 }, { "esp", 50 },
	};
	uint32_t n = 0;
	size_t used = option_number_parse(text, &n);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].name, text) == 0)
			return names[i].number;
	return used && !text[used] && n <= 255 ? (uint8_t)n : 0;
}

bool value_policy_protocol(struct config_draft *d, const struct option *o, struct option_value *v)
{
	struct policy_protocols *out = &policy_of(d)->protocol;
	struct option_list l = { .text = v->text };

	out->n = 0;
	if (strcmp(v->text, "any") == 0)
		return true;
	while (option_list_next(&l)) {
		if (!option_list_room(&l, out->n, POLICY_LIST_MAX, v))
			return false;
		out->list[out->n] = protocol(l.item);
		if (!out->list[out->n++])
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
	}
	return true;
}

/* ---- what is done with it ---- */

/* The number of the word, which is one of the option's: other ones have been refused. */
static unsigned word(const struct option *o, const struct option_value *v)
{
	unsigned i = 0;

	while (strcmp(o->words[i].word, v->text) != 0)
		i++;
	return i;
}

bool value_policy_action(struct config_draft *d, const struct option *o, struct option_value *v)
{
	policy_of(d)->action = (enum policy_action)word(o, v);
	return true;
}

bool value_policy_granularity(struct config_draft *d, const struct option *o,
			      struct option_value *v)
{
	policy_of(d)->granularity = (enum policy_granularity)word(o, v);
	return true;
}

bool value_policy_proposals(struct config_draft *d, const struct option *o, struct option_value *v)
{
	struct policy_draft *p = policy_of(d);

	return option_esp_proposals(o, v, &p->child, p->esp_at, &p->proposed_group);
}

bool value_policy_pfs(struct config_draft *d, const struct option *o, struct option_value *v)
{
	/* What the gateway says is said for all of the connection. */
	if (strcmp(v->text, "server") == 0)
		return option_refuse_all(o, v);
	return option_pfs(o, v, &policy_of(d)->pfs, &policy_of(d)->pfs_group);
}

bool value_policy_keylife(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_duration(o, v, &policy_of(d)->child.keylife_s);
}

bool value_policy_idle_close(struct config_draft *d, const struct option *o, struct option_value *v)
{
	uint32_t seconds = 0;

	if (strcmp(v->text, "0") != 0 && !option_duration(o, v, &seconds))
		return false;
	policy_of(d)->idle_close = seconds * VTIME_S;
	return true;
}

bool value_policy_max_sas(struct config_draft *d, const struct option *o, struct option_value *v)
{
	uint32_t n = 0;
	size_t used = option_number_parse(v->text, &n);

	if (used == 0 || v->text[used] || n < o->min || n > o->max)
		return option_refuse_all(o, v);
	policy_of(d)->max_sas = n;
	return true;
}
