/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/target.h"

#include <assert.h>

void targets_init(struct targets *t)
{
	*t = (struct targets){ .state = TARGET_ASKING };
}

/* ---- candidates ---- */

static bool is_list(const struct targets *t, const struct target_candidate *list, unsigned n)
{
	for (unsigned i = 0; i < n && i < t->n; i++)
		if (!addr_eq(&t->list[i].addr, &list[i].addr))
			return false;
	return n == t->n;
}

/* The place of an address in the list; n: none. */
static unsigned place_of(const struct targets *t, const struct addr *a)
{
	unsigned i = 0;

	while (i < t->n && !addr_eq(&t->list[i].addr, a))
		i++;
	return i;
}

void targets_set(struct targets *t, const struct target_candidate *list, unsigned n,
		 const char *why)
{
	bool same = is_list(t, list, n), had = t->state == TARGET_FOUND;
	const struct addr target = t->list[t->found].addr;

	assert(n <= TARGETS_MAX);
	for (unsigned i = 0; i < n; i++)
		t->list[i] = list[i];
	t->n = n;
	if (n == 0) {
		t->state = TARGET_DATA;
		t->why = why;
	}
	if (n == 0 || same)
		return;
	t->found = had ? place_of(t, &target) : n;
	t->state = t->found < n ? TARGET_FOUND : TARGET_ASKING;
	t->found %= n;
	t->why = NULL;
}

bool targets_asks(const struct targets *t, unsigned candidate)
{
	return candidate < t->n && (t->state != TARGET_FOUND || candidate == t->found);
}

void targets_ask_anew(struct targets *t)
{
	if (t->state == TARGET_FOUND)
		t->state = TARGET_ASKING;
}

void targets_give_up(struct targets *t)
{
	if (t->state != TARGET_ASKING)
		return;
	t->state = TARGET_DATA;
	t->why = "nobody answers pings";
}

/* ---- probes ---- */

uint16_t targets_number(struct targets *t)
{
	t->last = t->last == UINT16_MAX ? 1 : (uint16_t)(t->last + 1);
	return t->last;
}

uint16_t targets_sent(struct targets *t, unsigned slot, uint32_t epoch, unsigned candidate)
{
	struct target_probe *p;

	assert(candidate < t->n);
	t->sent++;
	p = &t->probes[targets_number(t) % TARGET_PROBES];
	*p = (struct target_probe){
		.sequence = t->last,
		.epoch = epoch,
		.slot = slot,
		.candidate = candidate,
		.to = t->list[candidate].addr,
	};
	return t->last;
}

const struct target_probe *targets_answered(struct targets *t, uint16_t sequence,
					    const struct addr *from)
{
	struct target_probe *p = &t->probes[sequence % TARGET_PROBES];
	unsigned place = place_of(t, from);

	if (sequence == 0 || p->sequence != sequence || p->answered || !addr_eq(&p->to, from))
		return NULL;
	p->answered = true;
	t->answered++;
	if (t->state != TARGET_FOUND && place < t->n) {
		t->state = TARGET_FOUND;
		t->found = place;
		t->why = NULL;
	}
	return p;
}

const char *target_kind_name(enum target_kind kind)
{
	switch (kind) {
	case TARGET_CONFIGURED:
		return "ping-target";
	case TARGET_GATEWAY:
		return "gateway";
	case TARGET_DNS:
		return "dns";
	case TARGET_SUBNET:
		return "subnet";
	}
	return "unknown";
}
