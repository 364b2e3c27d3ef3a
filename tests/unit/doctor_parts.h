/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway for the doctor in virtual time: what it accepts and what its path lets through is set, and
 * it counts what it is sent.
 */
#ifndef GODWIT_TESTS_UNIT_DOCTOR_PARTS_H
#define GODWIT_TESTS_UNIT_DOCTOR_PARTS_H

#include "doctor_address.h"

#define GATEWAY_SUITES_MAX 8
#define RTT (20 * VTIME_MS)

struct gateway {
	struct addr addr;
	/* IKEv1: nsuites 0 and refuses: it has nothing for us; neither: it is silent. */
	unsigned nsuites;
	struct ike_suite suites[GATEWAY_SUITES_MAX];
	struct auth_methods methods;
	bool refuses;
	bool no_key; /* silent to message 3 */
	bool no_natt;
	bool group; /* aggressive mode is answered */
	const struct ike_suite *lie; /* chosen, whether it was offered or not */
	/* IKEv2 */
	bool v2;
	uint16_t v2_error; /* refused with this */
	uint16_t v2_group; /* it insists on this one; 0: any */
	bool v2_cookie; /* it wants its cookie first */
	/* the path */
	bool drop[DOCTOR_PORTS];
	int icmp[DOCTOR_PORTS]; /* errno that comes back; 0: none */
	bool drop_fragments;
	unsigned mtu; /* 0: whatever is sent */
	bool too_big; /* is said */
	bool nat; /* our address is another one for it */
	unsigned goes_silent; /* after so many answers; 0: never */
	uint32_t losses; /* which of 32 datagrams are lost, again and again */
	/* what was seen */
	unsigned got, answered, half_open, released;
};

struct lab {
	struct gateway *g;
	struct doctor *d;
	struct rng_seed seed;
	struct rng rng;
	vtime now;
	const struct addr *us;
};

/* ---- the gateway's answers ---- */

static void write_vendors_of(struct ike_writer *b, const struct gateway *g)
{
	if (!g->no_natt)
		ike_write_body(b, PAYLOAD_VID, vendor_bytes(VENDOR_NATT_RFC));
	ike_write_body(b, PAYLOAD_VID, vendor_bytes(VENDOR_DPD));
	ike_write_body(b, PAYLOAD_VID, SLICE_STR("\x01\x02unknown"));
}

static struct slice refusal(const struct ike_msg *m, uint8_t *buf, size_t size, uint16_t type)
{
	struct notify_payload n = { .protocol = PROTOCOL_ISAKMP, .type = type };
	struct ike_header h = m->h;
	struct ike_writer b;

	h.exchange = ISAKMP_INFORMATIONAL;
	h.id = 77;
	ike_write_header(&b, buf, size, &h);
	notify_write(&b, &n);
	return ike_write_done(&b);
}

static struct slice answer_first(struct gateway *g, const struct ike_msg *m, uint8_t *buf,
				 size_t size)
{
	struct ike_header h = m->h;
	struct ike_choice c;
	struct sa_payload sa;
	struct ike_writer b;

	assert_int_equal(sa_payload_parse(ike_msg_body(m, PAYLOAD_SA), &sa), 0);
	if ((m->h.exchange == ISAKMP_AGGRESSIVE && !g->group) ||
	    proposal_choose_ike(&sa, g->suites, g->nsuites, &g->methods, &c) != 0)
		return g->refuses ? refusal(m, buf, size, NOTIFY_NO_PROPOSAL_CHOSEN) : SLICE_NONE;
	memset(h.cookie_r, 0xc0 + (int)(g->got & 15), sizeof(h.cookie_r));
	g->half_open++;
	ike_write_header(&b, buf, size, &h);
	if (g->lie)
		proposal_write_ike(&b, g->lie, 1, METHOD_PSK, 0);
	else
		proposal_write_choice(&b, &sa, c.proposal, c.transform, SLICE_NONE);
	write_vendors_of(&b, g);
	if (m->h.exchange == ISAKMP_AGGRESSIVE)
		ike_write_body(&b, PAYLOAD_HASH, SLICE_STR("twenty bytes of hash"));
	return ike_write_done(&b);
}

static struct slice answer_key(const struct gateway *g, const struct ike_msg *m,
			       const struct endpoint *client, const struct endpoint *own,
			       struct rng *rng, uint8_t *buf, size_t size)
{
	struct dh *dh = dh_new(g->suites[0].group, rng);
	struct ike_writer b;

	if (g->no_key) {
		dh_free(dh);
		return SLICE_NONE;
	}
	ike_write_header(&b, buf, size, &m->h);
	ike_write_body(&b, PAYLOAD_KE, dh_public(dh));
	ike_write_body(&b, PAYLOAD_NONCE, SLICE_STR("a nonce of the gateway"));
	if (!g->no_natt)
		natd_write(&b, NATT_RFC, g->suites[0].hash, &m->h, client, own, rng);
	dh_free(dh);
	return ike_write_done(&b);
}

static void v2_begin_answer(struct ike_writer *b, const struct v2_msg *m, uint8_t *buf, size_t size,
			    bool spi)
{
	struct ike_header h = m->h;

	h.flags = V2_RESPONSE;
	if (spi)
		memset(h.cookie_r, 0x5a, sizeof(h.cookie_r));
	ike_write_header(b, buf, size, &h);
}

static void v2_add_notify(struct ike_writer *b, uint16_t type, struct slice data)
{
	ike_write_payload(b, (enum payload_type)V2_NOTIFY);
	wr_u16(&b->w, 0);
	wr_u16(&b->w, type);
	wr_slice(&b->w, data);
}

static struct slice v2_done(struct ike_writer *b, uint8_t *buf)
{
	struct slice s = ike_write_done(b);

	v2_write_end(buf, s.n);
	return s;
}

/* Its only suite: AES-GCM-256, PRF-SHA-384 and the group that the client has sent a value of. */
static void v2_add_choice(struct ike_writer *b, uint16_t group)
{
	static const uint8_t head[] = { 0,  0, 0, 36, 1, 1, 0, 3, 3, 0, 0, 12, 1, 0, 0, 20, 0x80,
					14, 1, 0, 3,  0, 0, 8, 2, 0, 0, 6, 0,  0, 0, 8, 4,  0 };

	ike_write_payload(b, (enum payload_type)V2_SA);
	wr_slice(&b->w, SLICE_OF(head));
	wr_u16(&b->w, group);
	ike_write_payload(b, (enum payload_type)V2_KE);
	wr_u16(&b->w, group);
	wr_u16(&b->w, 0);
	wr_zero(&b->w, v2_group_size(group));
	ike_write_payload(b, (enum payload_type)V2_NONCE);
	wr_zero(&b->w, 32);
}

static struct slice answer_init(struct gateway *g, struct slice message,
				const struct endpoint *client, uint8_t *buf, size_t size)
{
	static const uint8_t cookie[] = "cookie of mine";
	struct v2_notification n;
	struct ike_writer b;
	struct slice ke;
	struct v2_msg m;
	uint8_t group[2], hash[HASH_MAX];
	uint16_t theirs;

	assert_int_equal(v2_msg_parse(message, &m), 0);
	assert_int_equal(m.h.flags, V2_INITIATOR);
	ke = v2_msg_find(&m, NULL, V2_KE)->body;
	assert_true(ke.n > 4);
	theirs = get_be16(ke.p);
	assert_int_equal(ke.n, 4 + v2_group_size(theirs));
	v2_begin_answer(&b, &m, buf, size, false);
	if (g->v2_cookie && !v2_notify_find(&m, V2_COOKIE, &n)) {
		v2_add_notify(&b, V2_COOKIE, SLICE_OF(cookie));
		return v2_done(&b, buf);
	}
	if (g->v2_cookie)
		assert_true(slice_eq(n.data, SLICE_OF(cookie)));
	if (g->v2_error) {
		v2_add_notify(&b, g->v2_error, SLICE_NONE);
		return v2_done(&b, buf);
	}
	if (g->v2_group && theirs != g->v2_group) {
		put_be16(group, g->v2_group);
		v2_add_notify(&b, V2_INVALID_KE, SLICE_OF(group));
		return v2_done(&b, buf);
	}
	v2_begin_answer(&b, &m, buf, size, true);
	v2_add_choice(&b, theirs);
	memset(m.h.cookie_r, 0x5a, sizeof(m.h.cookie_r));
	natd_hash(HASH_SHA1, &m.h, client, hash);
	v2_add_notify(&b, V2_NAT_DESTINATION, slice(hash, 20));
	natd_hash(HASH_SHA1, &m.h, &(struct endpoint){ g->addr, client->port == 4500 ? 4500 : 500 },
		  hash);
	v2_add_notify(&b, V2_NAT_SOURCE, slice(hash, 20));
	return v2_done(&b, buf);
}

static struct slice answer(struct lab *lab, const struct doctor_send *s, struct slice message,
			   uint8_t *buf, size_t size)
{
	struct gateway *g = lab->g;
	struct endpoint client = { *lab->us, s->to.port };
	struct ike_msg m;

	if (g->nat)
		client = (struct endpoint){ address("203.0.113.9"), 61000 };
	if (message.p[17] == V2_VERSION)
		return g->v2 ? answer_init(g, message, &client, buf, size) : SLICE_NONE;
	assert_int_equal(ike_msg_parse(message, &m), 0);
	if (m.h.exchange == ISAKMP_INFORMATIONAL) {
		g->released++;
		return SLICE_NONE;
	}
	if (ike_msg_find(&m, PAYLOAD_SA))
		return answer_first(g, &m, buf, size);
	return answer_key(g, &m, &client, &s->to, &lab->rng, buf, size);
}

/* ---- the path ---- */

static void send_error(struct lab *lab, const struct doctor_send *s, int error, unsigned mtu)
{
	struct doctor_event ev = {
		.type = DOCTOR_ERROR,
		.port = s->port,
		.remote = s->to,
		.bytes = slice(s->bytes.p, 28),
		.by = address("192.0.2.254"),
		.error = error,
		.mtu = mtu,
	};

	doctor_event(lab->d, lab->now, &ev);
}

static bool passes_path(struct lab *lab, const struct doctor_send *s)
{
	struct gateway *g = lab->g;
	unsigned bytes = (unsigned)s->bytes.n + 28;

	if (g->icmp[s->port]) {
		send_error(lab, s, g->icmp[s->port], 0);
		return false;
	}
	if (s->whole && g->mtu && bytes > g->mtu) {
		if (g->too_big)
			send_error(lab, s, EMSGSIZE, g->mtu);
		return false;
	}
	if (!s->whole && bytes > (g->mtu ? g->mtu : 1500) && g->drop_fragments)
		return false;
	return !g->drop[s->port];
}

static void deliver(struct lab *lab, const struct doctor_send *sent)
{
	static uint8_t copy[DOCTOR_PORTS * 8192], buf[4096];
	size_t marker = sent->port == DOCTOR_4500 ? 4 : 0;
	struct gateway *g = lab->g;
	struct doctor_send s = *sent;
	struct doctor_event ev = { .type = DOCTOR_DATAGRAM, .port = s.port, .remote = s.to };
	struct slice out;

	assert_true(s.bytes.n <= sizeof(copy));
	memcpy(copy, s.bytes.p, s.bytes.n);
	s.bytes = slice(copy, s.bytes.n);
	g->got++;
	if (!addr_eq(&s.to.addr, &g->addr) || !passes_path(lab, &s))
		return;
	if (g->goes_silent && g->answered >= g->goes_silent)
		return;
	if (g->losses >> g->got % 32 & 1)
		return;
	memset(buf, 0, marker);
	out = answer(lab, &s, slice(s.bytes.p + marker, s.bytes.n - marker), buf + marker,
		     sizeof(buf) - marker);
	if (!out.n)
		return;
	g->answered++;
	lab->now += RTT;
	ev.local = *lab->us;
	ev.bytes = slice(buf, out.n + marker);
	doctor_event(lab->d, lab->now, &ev);
}

static void lab_begin(struct lab *lab, struct gateway *g, const struct doctor_config *config)
{
	static struct addr us;

	us = address("192.0.2.7");
	*lab = (struct lab){ .g = g, .us = &us, .now = VTIME_S };
	lab->rng = rng_seeded(&lab->seed, 1);
	lab->d = doctor_new(config, &lab->rng);
}

/* Until it is over; that must come within `limit`. */
static void lab_run(struct lab *lab, vtime limit)
{
	vtime end = lab->now + limit, last = 0;
	struct doctor_send s;

	while (!doctor_over(lab->d)) {
		vtime at = doctor_deadline(lab->d);

		assert_true(at != VTIME_NEVER);
		if (at > lab->now)
			lab->now = at;
		assert_true(lab->now < end);
		doctor_timeout(lab->d, lab->now);
		while (doctor_output(lab->d, lab->now, &s)) {
			/* What ends an exchange follows at once, the rest keeps its distance. */
			if (s.bytes.n > 100) {
				assert_true(!last || lab->now - last >= DOCTOR_PACE);
				last = lab->now;
			}
			deliver(lab, &s);
		}
	}
}

static struct doctor_config one_target(const struct gateway *g)
{
	return (struct doctor_config){
		.ntargets = 1,
		.targets = { { g->addr, address("192.0.2.7"), 1500 } },
		.port = { 500, 4500 },
	};
}

#define PSK_ONLY                                                                                   \
	{                                                                                          \
		1,                                                                                 \
		{                                                                                  \
			METHOD_PSK                                                                 \
		}                                                                                  \
	}

#endif
