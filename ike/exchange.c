/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/exchange.h"

void exchange_built(struct exchange *x, const struct ike_writer *b, struct slice message)
{
	size_t n = wr_len(&b->w);

	x->sent_n = message.n;
	x->sent_used = n > x->sent_used ? n : x->sent_used;
}

void exchange_end(struct exchange *x)
{
	wipe(x->sent, x->sent_used);
	wipe(x, offsetof(struct exchange, sent));
	x->lost_at = VTIME_NEVER;
	x->resend_at = VTIME_NEVER;
}

void exchange_end_within(struct exchange *x, size_t size)
{
	wipe((uint8_t *)x + sizeof(*x), size - sizeof(*x));
	exchange_end(x);
}

void exchange_begin(struct exchange *x, const struct exchange_type *type, uint32_t id, vtime now,
		    vtime timeout)
{
	exchange_end(x);
	x->type = type;
	x->id = id;
	x->time_up = vtime_add(now, timeout);
	x->lost_at = x->time_up;
}

void exchange_sent(struct exchange *x, vtime now)
{
	x->answered = true;
	x->wait = EXCHANGE_FIRST_WAIT;
	x->resend_at = x->type->passive ? VTIME_NEVER : vtime_add(now, x->wait);
}

static void digest(struct slice datagram, uint8_t out[HASH_MAX])
{
	hash_parts(HASH_SHA2_256, &datagram, 1, out);
}

void exchange_received(struct exchange *x, struct slice datagram)
{
	digest(datagram, x->received_hash);
	x->received = true;
	x->answered = false;
	x->hint = (struct ike_failure){ 0 };
	x->lost_at = x->time_up;
	x->resend_at = VTIME_NEVER;
}

bool exchange_is_repeat(const struct exchange *x, struct slice datagram)
{
	uint8_t hash[HASH_MAX];

	if (!x->received)
		return false;
	digest(datagram, hash);
	return memcmp(hash, x->received_hash, hash_size(HASH_SHA2_256)) == 0;
}

bool exchange_in_air(const struct exchange *x)
{
	return x->type && x->step < x->type->n;
}

void exchange_hint(struct exchange *x, vtime now, const struct ike_failure *why)
{
	vtime again = vtime_add(now, EXCHANGE_FIRST_WAIT);

	if (x->hint.err || !exchange_in_air(x))
		return;
	x->hint = *why;
	if (x->type->passive)
		return;
	x->lost_at = vtime_min(x->lost_at, vtime_add(now, EXCHANGE_HINT_WAIT));
	/* The real answer, if there is one, gets its chance. */
	x->resend_at = vtime_min(x->resend_at, again);
}

void exchange_complete(struct exchange *x)
{
	x->lost_at = VTIME_NEVER;
	x->resend_at = VTIME_NEVER;
}

vtime exchange_deadline(const struct exchange *x)
{
	return vtime_min(x->lost_at, x->resend_at);
}

enum exchange_due exchange_timeout(struct exchange *x, vtime now)
{
	if (!exchange_in_air(x))
		return EXCHANGE_NOTHING;
	if (now >= x->lost_at)
		return EXCHANGE_LOST;
	if (now < x->resend_at)
		return EXCHANGE_NOTHING;
	x->wait = vtime_min(2 * x->wait,
			    x->type->patient ? EXCHANGE_PATIENT_WAIT : EXCHANGE_LONGEST_WAIT);
	x->resend_at = vtime_add(now, x->wait);
	return EXCHANGE_RESEND;
}
