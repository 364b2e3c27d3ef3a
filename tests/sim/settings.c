/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/settings.h"

#include <assert.h>
#include <stdio.h>

struct session_reached sim_reached;

static const enum hash_alg hashes[] = { HASH_SHA1, HASH_SHA2_256, HASH_SHA2_384, HASH_SHA2_512,
					HASH_MD5 };
static const uint16_t key_bits[] = { 128, 192, 256 };

static const struct esp_suite esp_suites[] = {
	{ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE },
	{ ESP_CIPHER_AES_GCM_16, 192, ESP_INTEG_NONE },
	{ ESP_CIPHER_AES_GCM_16, 256, ESP_INTEG_NONE },
	{ ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA1_96 },
	{ ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA2_256_128 },
	{ ESP_CIPHER_AES_CBC, 192, ESP_INTEG_HMAC_SHA2_384_192 },
	{ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 },
	{ ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_512_256 },
	{ ESP_CIPHER_AES_GCM_12, 128, ESP_INTEG_NONE },
	{ ESP_CIPHER_AES_GCM_8, 256, ESP_INTEG_NONE },
	{ ESP_CIPHER_AES_CTR, 128, ESP_INTEG_HMAC_SHA1_96 },
	{ ESP_CIPHER_AES_CTR, 256, ESP_INTEG_HMAC_SHA2_256_128 },
	{ ESP_CIPHER_3DES_CBC, DES3_KEY_BITS, ESP_INTEG_HMAC_MD5_96 },
};

static bool one_in(struct rng *rng, unsigned n)
{
	return rng_below(rng, n) == 0;
}

/* MODP takes most of the time of a run, so it comes up in few seeds. */
static enum dh_group choose_group(struct rng *rng)
{
	uint64_t n = rng_below(rng, 16);

	if (n == 0)
		return DH_MODP_2048;
	return n < 4 ? DH_ECP_384 : DH_ECP_256;
}

static struct ike_suite choose_ike_suite(struct rng *rng)
{
	struct ike_suite s = {
		.cipher = one_in(rng, 4) ? IKE_CIPHER_3DES_CBC : IKE_CIPHER_AES_CBC,
		.key_bits = key_bits[rng_below(rng, ARRAY_SIZE(key_bits))],
		.hash = hashes[rng_below(rng, ARRAY_SIZE(hashes))],
		.group = choose_group(rng),
	};

	if (s.cipher == IKE_CIPHER_3DES_CBC)
		s.key_bits = DES3_KEY_BITS;
	return s;
}

static struct addr address(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a))
		assert(!"an address of the simulation");
	return a;
}

static void choose_addresses(struct settings *s, struct rng *rng)
{
	bool v6 = one_in(rng, 4), nat = one_in(rng, 2);

	s->client = address(v6 ? "2001:db8:1::10" : "198.51.100.10");
	s->gateway = address(v6 ? "2001:db8:2::1" : "192.0.2.1");
	s->dead = address(v6 ? "2001:db8:2::dead" : "192.0.2.254");
	if (nat)
		s->nat = address(v6 ? "2001:db8:3::77" : "203.0.113.77");
	addr_text(&s->gateway, s->gateway_text[0]);
	s->session.gateways[0] = s->gateway_text[0];
	s->session.ngateways = 1;
}

static struct ts whole(const char *text)
{
	struct prefix p;

	if (!prefix_parse(text, &p))
		assert(!"a prefix of the simulation");
	return ts_from_prefix(&p);
}

static void choose_tunnels(struct settings *s, struct rng *rng)
{
	static const struct {
		const char *inner, *remote, *host;
	} tunnels[SETTINGS_TUNNELS_MAX] = {
		{ "10.98.0.1", "10.99.0.0/24", "10.99.0.7" },
		{ "fd00:98::1", "fd00:99::/64", "fd00:99::7" },
		{ "10.98.0.1", "10.97.0.0/16", "10.97.3.9" },
	};
	struct session_config *c = &s->session;

	c->ntunnels = 1 + (unsigned)rng_below(rng, SETTINGS_TUNNELS_MAX);
	for (unsigned i = 0; i < c->ntunnels; i++) {
		c->tunnels[i].local = whole(tunnels[i].inner);
		c->tunnels[i].remote = whole(tunnels[i].remote);
		s->hosts[i] = address(tunnels[i].host);
	}
	c->inner[0] = address(tunnels[0].inner);
	c->inner[1] = address(tunnels[1].inner);
	c->ninner = c->ntunnels > 1 ? 2 : 1;
}

/* The client offers a few suites, the gateway takes one of them, not always the first. */
static void choose_suites(struct settings *s, struct rng *rng)
{
	struct ike_config *ike = &s->session.ike;
	struct ike_child_config *child = &s->session.child;
	unsigned first = (unsigned)rng_below(rng, ARRAY_SIZE(esp_suites));

	ike->nsuites = 1 + (unsigned)rng_below(rng, 3);
	for (unsigned i = 0; i < ike->nsuites; i++)
		ike->suites[i] = choose_ike_suite(rng);
	s->responder.suites[0] = ike->suites[rng_below(rng, ike->nsuites)];
	s->responder.nsuites = 1;

	child->nsuites = 1 + (unsigned)rng_below(rng, 3);
	for (unsigned i = 0; i < child->nsuites; i++)
		child->suites[i] = esp_suites[(first + i) % ARRAY_SIZE(esp_suites)];
	s->responder.esp[0] = child->suites[rng_below(rng, child->nsuites)];
	s->responder.nesp = 1;
	child->pfs = one_in(rng, 2) ? choose_group(rng) : DH_NONE;
	s->responder.pfs = child->pfs;
}

void settings_psk(struct settings *s, struct slice psk)
{
	secret_free(&s->psk);
	secret_set(&s->psk, psk);
	s->responder.psk = secret_slice(&s->psk);
}

static void choose_identities(struct settings *s, struct rng *rng)
{
	struct ike_config *ours = &s->session.ike;
	uint8_t psk[20];

	rng_fill(rng, psk, sizeof(psk));
	secret_set(&ours->psk, SLICE_OF(psk));
	settings_psk(s, SLICE_OF(psk));
	if (one_in(rng, 2)) {
		identity_parse("vpn.example.com", &s->responder.id);
		identity_parse("vpn.example.com", &ours->remote);
	}
	if (one_in(rng, 2)) {
		identity_parse("laptop@example.com", &s->responder.peer);
		identity_parse("laptop@example.com", &ours->local);
	}
	s->responder.faults.fake_nat = one_in(rng, 3);
	s->responder.faults.draft_natt = one_in(rng, 4);
}

void settings_choose(struct settings *s, struct rng *rng)
{
	memset(s, 0, sizeof(*s));
	s->session.name = "sim";
	s->session.reached = &sim_reached;
	s->session.fallback = POLICY_DISCARD;
	s->session.ike.lifetime_s = 8 * 3600;
	s->session.ike.timeout = 30 * VTIME_S;
	s->session.child.keylife_s = 8 * 3600;
	s->session.dpd = 30 * VTIME_S;
	s->session.rekeymargin = 540 * VTIME_S;
	s->session.rekeyfuzz = 100;
	s->session.pingtime = 2 * VTIME_S;
	s->session.pingtries = 5;
	s->session.elimit = 3;
	choose_addresses(s, rng);
	choose_tunnels(s, rng);
	choose_suites(s, rng);
	choose_identities(s, rng);
	s->late = one_in(rng, 2);
	/* Data goes in UDP alone, so one of the two must be so. */
	s->session.ike.force_udp = s->nat.family == FAMILY_NONE || one_in(rng, 2);
	s->up = (struct link_config){ .delay = 20 * VTIME_MS, .jitter = 5 * VTIME_MS };
	s->down = s->up;
}

void settings_engine(struct settings *s, uint32_t lifetime_s, uint32_t keylife_s, vtime dpd)
{
	s->engine = true;
	s->session.ike.lifetime_s = s->gateway_lifetime_s = lifetime_s;
	s->session.child.keylife_s = s->gateway_keylife_s = keylife_s;
	s->session.dpd = dpd;
	s->responder.faults = (struct responder_faults){ 0 };
	/* Behind a NAT nobody is known by an address. */
	identity_parse("vpn.example.com", &s->responder.id);
	s->session.ike.remote = s->responder.id;
	identity_parse("laptop@example.com", &s->responder.peer);
	s->session.ike.local = s->responder.peer;
}

void settings_user(struct settings *s, unsigned fields)
{
	s->fields = fields;
	s->person = 7 * VTIME_S;
	s->session.ike.xauth = true;
	snprintf(s->session.username, sizeof(s->session.username), "%s", SETTINGS_USER);
	secret_set(&s->session.password, SLICE_STR(SETTINGS_PASSWORD));
}

void settings_config(struct settings *s, bool unity)
{
	struct session_config *c = &s->session;

	s->config = true;
	c->address_config = true;
	c->ike.wish.pull = true;
	c->ike.wish.ip6 = c->ninner > 1;
	c->ninner = 0;
	if (unity) {
		c->ntunnels = 1;
		c->tunnels[0].remote = whole("0.0.0.0/0");
		return;
	}
	for (unsigned i = 0; i < c->ntunnels; i++)
		ts_to_prefix(&c->tunnels[i].remote, &c->remotes[c->nremotes++]);
}

void settings_free(struct settings *s)
{
	secret_free(&s->session.ike.psk);
	secret_free(&s->session.password);
	secret_free(&s->psk);
}

void settings_bad_wire(struct settings *s)
{
	s->up.loss = 300;
	s->up.duplication = 100;
	s->up.reordering = 250;
	s->up.held = 400 * VTIME_MS;
	s->down = s->up;
}

void settings_text(const struct settings *s, char *buf, size_t size)
{
	char ike[48], esp[40];

	snprintf(buf, size, "%s, ESP %s, PFS %s, %u tunnels, IPv%d, %s%s",
		 ike_suite_name(&s->responder.suites[0], ike),
		 esp_suite_name(&s->responder.esp[0], esp),
		 s->responder.pfs ? dh_group_name(s->responder.pfs) : "no", s->session.ntunnels,
		 (int)s->client.family, s->nat.family == FAMILY_NONE ? "no NAT" : "NAT",
		 s->session.ike.force_udp ? ", UDP forced" : "");
}
