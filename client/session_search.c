/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "client/session_impl.h"

static const struct esp_suite strong[] = {
	{ ESP_CIPHER_AES_GCM_16, 256, ESP_INTEG_NONE },
	{ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE },
	{ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 },
	{ ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA2_256_128 },
	{ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_384_192 },
	{ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_512_256 },
	{ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA1_96 },
	{ ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA1_96 },
};

static const struct esp_suite weak[] = {
	{ ESP_CIPHER_3DES_CBC, DES3_KEY_BITS, ESP_INTEG_HMAC_SHA1_96 },
	{ ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_MD5_96 },
	{ ESP_CIPHER_3DES_CBC, DES3_KEY_BITS, ESP_INTEG_HMAC_MD5_96 },
};

static const struct attempt {
	bool weak;
	bool as_phase1; /* PFS in the group of phase 1 */
	enum dh_group pfs;
} attempts[] = {
	{ .as_phase1 = true },
	{ .pfs = DH_NONE },
	{ .pfs = DH_MODP_2048 },
	{ .pfs = DH_ECP_256 },
	{ .pfs = DH_ECP_384 },
	{ .weak = true, .pfs = DH_NONE },
	{ .weak = true, .as_phase1 = true },
};

bool session_search_next(struct session *s, const struct ike_failure *why)
{
	if (s->state != SESSION_CONNECTING || why->err != ERR_NO_PROPOSAL || !session_ike_main(s) ||
	    s->search.found[0] || s->search.next == ARRAY_SIZE(attempts))
		return false;
	if (s->search.next++ == 0)
		s->search.why = *why;
	return true;
}

void session_search_config(const struct session *s, struct ike_child_config *c, enum dh_group group)
{
	const struct attempt *a;

	if (s->search.next == 0)
		return;
	a = &attempts[s->search.next - 1];
	c->nsuites = a->weak ? ARRAY_SIZE(weak) : ARRAY_SIZE(strong);
	memcpy(c->suites, a->weak ? weak : strong, c->nsuites * sizeof(c->suites[0]));
	c->pfs = a->as_phase1 ? group : a->pfs;
}

void session_search_found(struct session *s, const struct ike_child *child)
{
	const struct attempt *a = &attempts[s->search.next - 1];
	char suite[40];

	snprintf(s->search.found, sizeof(s->search.found),
		 "; it would accept %s %s%s: write them in [esp] proposals and pfs%s",
		 esp_suite_name(&child->suite, suite),
		 child->pfs == DH_NONE ? "without PFS" : "with PFS in ",
		 child->pfs == DH_NONE ? "" : dh_group_name(child->pfs),
		 a->weak ? ", with allow-weak = yes, or ask for better" : "");
}
