/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every parser of messages and payloads: the input is a datagram. */
#include "ike/codec.h"

#include <stdlib.h>

static void expect(bool truth)
{
	if (!truth)
		abort();
}

static void inside(struct slice part, struct slice whole)
{
	expect(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void parse_sa(struct slice body)
{
	static const struct ike_suite suites[] = {
		{ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_MODP_2048 },
		{ IKE_CIPHER_AES_CBC, 256, HASH_SHA2_384, DH_ECP_384 }
	};
	static const struct esp_suite esp[] = { { ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE } };
	const struct esp_offer offer = { .suites = esp, .n = 1 };
	const struct auth_methods psk = { 1, { METHOD_PSK } };
	struct ike_choice ike;
	struct esp_choice child;
	struct sa_payload sa;

	if (sa_payload_parse(body, &sa) != 0)
		return;
	for (unsigned i = 0; i < sa.ntransforms; i++)
		inside(sa.transform[i].whole, body);
	for (unsigned i = 0; i < sa.nproposals; i++)
		expect(sa.proposal[i].first + sa.proposal[i].n <= sa.ntransforms);
	if (proposal_choose_ike(&sa, suites, 2, &psk, &ike) == 0)
		expect(ike.transform < sa.ntransforms);
	if (proposal_choose_esp(&sa, &offer, &child) == 0)
		expect(child.spi >= 256);
}

static void parse_id(struct slice body)
{
	char text[IDENTITY_TEXT_MAX], ts_buf[TS_TEXT_MAX];
	struct identity identity;
	struct id_payload id;
	struct ts ts;

	if (id_parse(body, &id) != 0)
		return;
	if (id_to_identity(&id, &identity) == 0)
		expect(strlen(identity_text(&identity, text)) < sizeof(text));
	if (id_to_ts(&id, &ts) == 0) {
		expect(addr_cmp(&ts.lo, &ts.hi) <= 0);
		expect(strlen(ts_text(&ts, ts_buf)) < sizeof(ts_buf));
	}
}

static void parse_body(struct slice body)
{
	struct sa_attribute a[SA_ATTRIBUTES_MAX];
	struct delete_payload d;
	struct notify_payload n;
	uint32_t seconds;
	uint64_t bytes;

	parse_sa(body);
	parse_id(body);
	ke_parse(body, DH_ECP_256);
	nonce_parse(body);
	vendor_find(body, NULL);
	expect(sa_attributes_parse(body, a, SA_ATTRIBUTES_MAX) <= SA_ATTRIBUTES_MAX);
	if (notify_parse(body, &n) == 0)
		notify_lifetime(n.data, n.protocol, &seconds, &bytes);
	if (delete_parse(body, &d) == 0)
		expect(d.spis.n == (size_t)d.n * d.spi_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct endpoint e = { .port = IKE_PORT };
	struct slice whole = slice(data, size);
	struct ike_msg m;
	enum nat nat;

	parse_body(whole);
	if (ike_msg_parse(whole, &m) != 0)
		return 0;
	if ((m.h.flags & ISAKMP_ENCRYPTED) && ike_msg_parse_chain(&m, m.body) != 0)
		return 0;
	expect(m.n > 0 && m.n <= IKE_PAYLOADS_MAX);
	inside(ike_msg_rest(&m), whole);
	for (unsigned i = 0; i < m.n; i++) {
		inside(m.payload[i].whole, whole);
		expect(m.payload[i].whole.n == m.payload[i].body.n + IKE_GENERIC_SIZE);
		parse_body(m.payload[i].body);
	}
	vendor_is_cisco(vendor_msg_set(&m));
	natd_detect(&m, HASH_SHA1, &e, &e, &nat);
	return 0;
}
