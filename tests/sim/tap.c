/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/tap.h"

#include <stdio.h>

#include "ike/codec.h"
#include "tests/sim/trace.h"

void tap_init(struct tap *t, struct slice secret, unsigned budget)
{
	memset(t, 0, sizeof(*t));
	t->secret = secret;
	t->budget = budget;
}

/* ---- ESP ---- */

static struct tap_sa *tap_sa(struct tap *t, enum side from, uint32_t spi, uint32_t sequence)
{
	for (unsigned i = 0; i < t->nsas; i++)
		if (t->sas[i].from == from && t->sas[i].spi == spi)
			return &t->sas[i];
	if (t->nsas == TAP_SAS_MAX)
		return NULL;
	t->sas[t->nsas].from = from;
	t->sas[t->nsas].spi = spi;
	t->sas[t->nsas].base = sequence;
	return &t->sas[t->nsas++];
}

static const char *see_esp(struct tap *t, enum side from, struct slice payload,
			   char name[TAP_NAME_MAX])
{
	uint32_t spi = get_be32(payload.p), sequence = get_be32(payload.p + 4);
	struct tap_sa *sa = tap_sa(t, from, spi, sequence);
	uint32_t at = sa ? sequence - sa->base : 0;
	uint64_t bit = (uint64_t)1 << (at % 64);

	snprintf(name, TAP_NAME_MAX, "ESP %08x sequence %u, %zu bytes", spi, sequence, payload.n);
	t->esp_packets++;
	if (!sa || at >= TAP_SEQUENCES_MAX)
		return "more SAs or sequence numbers than the tap can follow";
	if (sa->sealed[at / 64] & bit)
		return "an SPI and sequence number were used twice";
	sa->sealed[at / 64] |= bit;
	return NULL;
}

/* ---- IKE ---- */

static unsigned kept(const struct tap *t)
{
	return t->nmessages < TAP_MESSAGES_MAX ? t->nmessages : TAP_MESSAGES_MAX;
}

static unsigned distinct(const struct tap *t, uint32_t id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < kept(t); i++)
		n += t->messages[i].id == id;
	return n;
}

static bool is_zero(const uint8_t cookie[IKE_COOKIE_SIZE])
{
	static const uint8_t zero[IKE_COOKIE_SIZE];

	return memcmp(cookie, zero, sizeof(zero)) == 0;
}

static unsigned main_mode_number(enum side from, const struct ike_msg *m)
{
	unsigned first = from == SIDE_CLIENT ? 1 : 2;

	if (m->h.flags & ISAKMP_ENCRYPTED)
		return first + 4;
	if (m->h.next == PAYLOAD_SA || is_zero(m->h.cookie_r))
		return first;
	return first + 2;
}

static void name_message(const struct tap *t, enum side from, const struct ike_msg *m,
			 char name[TAP_NAME_MAX])
{
	switch (m->h.exchange) {
	case ISAKMP_MAIN:
		snprintf(name, TAP_NAME_MAX, "main mode %u", main_mode_number(from, m));
		break;
	case ISAKMP_QUICK:
		snprintf(name, TAP_NAME_MAX, "quick mode %08x %u", m->h.id,
			 distinct(t, m->h.id) + 1);
		break;
	case ISAKMP_INFORMATIONAL:
		snprintf(name, TAP_NAME_MAX, "informational %08x%s", m->h.id,
			 m->h.flags & ISAKMP_ENCRYPTED ? "" : " in clear");
		break;
	default:
		snprintf(name, TAP_NAME_MAX, "exchange %u", m->h.exchange);
		break;
	}
}

static struct tap_message *message_add(struct tap *t, enum side from, uint64_t hash,
				       const struct ike_msg *m)
{
	struct tap_message *known = &t->messages[t->nmessages % TAP_MESSAGES_MAX];

	*known = (struct tap_message){ 0 };
	known->hash = hash;
	known->from = from;
	known->id = m->h.id;
	name_message(t, from, m, known->name);
	t->nmessages++;
	return known;
}

static struct tap_message *message_find(struct tap *t, enum side from, uint64_t hash)
{
	for (unsigned i = 0; i < kept(t); i++)
		if (t->messages[i].hash == hash && t->messages[i].from == from)
			return &t->messages[i];
	return NULL;
}

static const char *see_ike(struct tap *t, enum side from, struct slice bytes,
			   char name[TAP_NAME_MAX])
{
	uint64_t hash = trace_hash(1, bytes);
	struct tap_message *known = message_find(t, from, hash);
	struct ike_msg m;

	snprintf(name, TAP_NAME_MAX, "%zu bytes that are no IKE message", bytes.n);
	if (ike_msg_parse(bytes, &m) != 0)
		return "what was sent on an IKE port is no IKE message";
	if (!known)
		known = message_add(t, from, hash, &m);
	known->sent++;
	if (known->sent == 1)
		snprintf(name, TAP_NAME_MAX, "%s", known->name);
	else
		snprintf(name, TAP_NAME_MAX, "%.40s, resent %u", known->name, known->sent - 1);
	if (from == SIDE_CLIENT && known->sent > t->budget)
		return "a message was sent more often than the retransmission budget allows";
	return NULL;
}

const char *tap_see(struct tap *t, enum side from, bool floated, struct slice payload,
		    char name[TAP_NAME_MAX])
{
	static const uint8_t marker[4];

	snprintf(name, TAP_NAME_MAX, "%zu bytes", payload.n);
	if (payload.n >= t->secret.n && t->secret.n > 0 &&
	    memmem(payload.p, payload.n, t->secret.p, t->secret.n))
		return "an inner packet's bytes are on the wire in the clear";
	if (!floated)
		return see_ike(t, from, payload, name);
	if (payload.n == 1 && payload.p[0] == 0xff) {
		snprintf(name, TAP_NAME_MAX, "keepalive");
		return NULL;
	}
	if (payload.n < 8)
		return "too short for ESP and for IKE";
	if (memcmp(payload.p, marker, sizeof(marker)) == 0)
		return see_ike(t, from, slice(payload.p + 4, payload.n - 4), name);
	return see_esp(t, from, payload, name);
}

unsigned tap_sent(const struct tap *t, enum side from, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < kept(t); i++)
		if (t->messages[i].from == from &&
		    strncmp(t->messages[i].name, name, strlen(name)) == 0)
			n += t->messages[i].sent;
	return n;
}
