/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

static void notify_send(struct ike_sa *sa, uint16_t type, struct slice sequence)
{
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	sa_cookies(sa, cookies);
	v1_info_send_notify(sa, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
							  .type = type,
							  .spi = SLICE_OF(cookies),
							  .data = sequence });
}

/* ---- the peer asks ---- */

void v1_dpd_r_u_there(struct ike_sa *sa, const struct notify_payload *n)
{
	/* RFC 3706 section 5.3; peers differ in the SPI, the sequence number counts. */
	if (n->data.n != 4)
		sa_drop(sa, DROP_IKE_MALFORMED);
	else
		notify_send(sa, NOTIFY_R_U_THERE_ACK, n->data);
}

/* ---- we ask ---- */

/* A repetition is a message of its own with the same number (RFC 3706 section 5.4). */
static void ask(struct ike_sa *sa)
{
	uint8_t sequence[4];

	put_be32(sequence, sa->probe.sequence);
	notify_send(sa, NOTIFY_R_U_THERE, SLICE_OF(sequence));
}

static void arm(struct ike_sa *sa)
{
	const struct probe *p = &sa->probe;

	timers_set(&sa->timers, IKE_T_PROBE,
		   p->running ? vtime_min(p->resend_at, p->until) : VTIME_NEVER);
}

/* Its REQUEST would be among the exchanges that a peer forgets, and the person may take his time. */
static bool person_is_asked(const struct ike_sa *sa)
{
	return sa->user.open && !sa->config->gateway;
}

void v1_dpd_probe(struct ike_sa *sa, vtime now)
{
	struct probe *p = &sa->probe;

	if (!sa_is_up(sa) || !sa->peer_dpd || p->running || person_is_asked(sa))
		return;
	/* Half of the numbers are left to grow into. */
	if (!p->sequence)
		p->sequence = rng_u32(sa->rng) & 0x7fffffff;
	p->sequence++;
	p->running = true;
	p->heard = false;
	p->until = vtime_add(now, sa->config->timeout / 2);
	p->wait = EXCHANGE_FIRST_WAIT;
	p->resend_at = vtime_add(now, p->wait);
	arm(sa);
	ask(sa);
}

static void end(struct ike_sa *sa)
{
	sa->probe.running = false;
	arm(sa);
	if (sa->probe.heard)
		return;
	log_ev(sa->log, LOG_WARN, "the gateway does not answer",
	       log_u64("sequence", sa->probe.sequence));
	sa_push(sa, IKE_EFFECT_SILENT);
}

void v1_dpd_timeout(struct ike_sa *sa, vtime now)
{
	struct probe *p = &sa->probe;

	if (now >= p->until) {
		end(sa);
		return;
	}
	/*
	 * Each of these is an exchange to the peer, and strongSwan forgets the IV of a quick mode
	 * once three more have begun. So they are few, and a quick mode or a transaction, which
	 * is repeated by itself, asks in their place.
	 */
	p->wait *= 2;
	p->resend_at = vtime_add(now, p->wait);
	if (!v1_quick_in_air(sa) && !v1_transaction_in_air(sa))
		ask(sa);
	arm(sa);
}

void v1_dpd_moved(struct ike_sa *sa, vtime now)
{
	struct probe *p = &sa->probe;

	if (!p->running)
		return;
	p->wait = EXCHANGE_FIRST_WAIT;
	p->resend_at = vtime_add(now, p->wait);
	ask(sa);
	arm(sa);
}

bool v1_dpd_ack(struct ike_sa *sa, const struct notify_payload *n)
{
	struct probe *p = &sa->probe;

	if (!p->running || n->data.n != 4 || get_be32(n->data.p) != p->sequence) {
		sa_drop(sa, DROP_IKE_UNEXPECTED);
		return false;
	}
	p->running = false;
	arm(sa);
	return true;
}
