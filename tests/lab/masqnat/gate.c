/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "tests/lab/masqnat/masqnat.h"

static bool rule_take(struct gate_rule *r, const char *word)
{
	char *end;

	if (strcmp(word, "in") == 0 || strcmp(word, "out") == 0)
		r->in = word[0] == 'i';
	else if (strcmp(word, "esp") == 0)
		r->protocol = MASQ_ESP;
	else if (strcmp(word, "ike") == 0)
		r->protocol = MASQ_IKE;
	else if (strncmp(word, "spi=", 4) == 0)
		r->spi = (uint32_t)strtoul(word + 4, NULL, 16);
	else if (strncmp(word, "client=", 7) == 0)
		return addr_parse(word + 7, &r->client);
	else {
		r->left = (unsigned)strtoul(word, &end, 10);
		r->limited = r->left > 0;
		return end != word && !*end;
	}
	return true;
}

bool gate_add(struct gate *g, bool drops, char *words)
{
	struct gate_rule r = { .drops = drops };

	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		if (!rule_take(&r, word))
			return false;
	if (g->nrules == GATE_RULES_MAX)
		return false;
	g->rules[g->nrules++] = r;
	return true;
}

void gate_open(struct gate *g)
{
	g->nrules = 0;
}

static bool matches(const struct gate_rule *r, const struct nat_packet *p)
{
	return r->in == p->in && r->protocol == p->seen.protocol && (!r->limited || r->left) &&
	       (!r->spi || r->spi == p->spi) &&
	       (r->client.family == FAMILY_NONE || addr_eq(&r->client, &p->seen.from));
}

static void hold(struct gate *g, const struct nat_packet *p)
{
	struct nat_packet *copy = &g->held[g->nheld++];
	uint8_t *bytes = xcalloc(1, p->n);

	memcpy(bytes, p->bytes, p->n);
	*copy = *p;
	copy->bytes = bytes;
	copy->seen.head.p = bytes + (p->seen.head.p - p->bytes);
}

enum gate_fate gate_take(struct gate *g, const struct nat_packet *p)
{
	for (unsigned i = 0; i < g->nrules; i++) {
		struct gate_rule *r = &g->rules[i];

		if (!matches(r, p))
			continue;
		r->left -= r->limited;
		if (r->drops || g->nheld == GATE_HELD_MAX)
			return GATE_DROPPED;
		hold(g, p);
		return GATE_HELD;
	}
	return GATE_PASS;
}

bool gate_release(struct gate *g, uint32_t spi, struct nat_packet *p)
{
	for (unsigned i = 0; i < g->nheld; i++) {
		if (spi && g->held[i].spi != spi)
			continue;
		*p = g->held[i];
		g->nheld--;
		memmove(&g->held[i], &g->held[i + 1], (g->nheld - i) * sizeof(g->held[0]));
		return true;
	}
	return false;
}
