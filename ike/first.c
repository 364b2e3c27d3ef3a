/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* The initiator of aggressive mode says at once who it is; of main mode nobody knows yet. */
static bool identity_fits(const struct ike_config *c, const struct ike_msg *m)
{
	struct id_payload id;
	struct identity peer;

	if (m->h.exchange == ISAKMP_MAIN)
		return true;
	/* A certificate tells the name, and not before message 3. */
	if (c->remote_any || c->remote.type == ID_NONE || v1_auth_peer_signs(c))
		return true;
	return id_parse(ike_msg_body(m, PAYLOAD_ID), &id) == 0 && id_to_identity(&id, &peer) == 0 &&
	       identity_eq(&c->remote, &peer);
}

bool ike_first_fits(const struct ike_config *c, struct slice datagram)
{
	const struct auth_methods methods = v1_auth_methods(c, true);
	struct ike_choice choice;
	struct sa_payload offer;
	struct ike_msg m;

	if (!ike_is_first_message(datagram) || ike_msg_parse(datagram, &m) != 0)
		return false;
	if (m.h.exchange == ISAKMP_AGGRESSIVE && c->mode != IKE_MODE_AGGRESSIVE)
		return false;
	return sa_payload_parse(ike_msg_body(&m, PAYLOAD_SA), &offer) == 0 &&
	       proposal_choose_ike(&offer, c->suites, c->nsuites, &methods, &choice) == 0 &&
	       identity_fits(c, &m);
}

enum ike_mode ike_first_mode(struct slice datagram)
{
	struct ike_msg m;

	if (ike_msg_parse(datagram, &m) == 0 && m.h.exchange == ISAKMP_AGGRESSIVE)
		return IKE_MODE_AGGRESSIVE;
	return IKE_MODE_MAIN;
}
