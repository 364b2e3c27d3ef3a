/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Phase 1 in every mode, with every authentication, begun by either end; and what spoils it. */
#include "tests/support/ike_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct pair pair;
static struct pair *const p = &pair;

#define WAYS 12

/* All of them: two modes, three kinds of proof, with a user and without. */
static struct auth_way way_at(unsigned k)
{
	return (struct auth_way){ (enum ike_mode)(k % 2), (enum ike_auth)(k / 2 % 3), k / 6 };
}

static int setup(void **state)
{
	return crypto_init();
}

static int teardown(void **state)
{
	return secret_pool_used() == 0 ? 0 : -1;
}

static void start(unsigned end)
{
	pair_start(p, end, IKE_EVENT_START);
	pair_pump(p);
}

static void expect_dead(unsigned end, int err)
{
	const struct pair_end *e = &p->end[end];

	assert_int_not_equal(e->ndead, 0);
	assert_int_equal(e->nestablished, 0);
	assert_int_equal(e->dead.why.err, err);
	assert_non_null(e->dead.why.text);
	assert_int_equal(ike_sa_cipher_key(e->sa[0]).n, 0);
}

static struct identity identity(const char *text)
{
	struct identity id;

	assert_int_equal(identity_parse(text, &id), 0);
	return id;
}

/* ---- the straight way ---- */

static void every_way(void **state)
{
	char text[64];

	for (unsigned k = 0; k < 2 * WAYS; k++) {
		struct auth_way way = way_at(k / 2);
		unsigned begins = k % 2, messages = way.mode == IKE_MODE_MAIN ? 6 : 3;

		auth_init(p, k, way);
		start(begins);
		if (!auth_is_up(p))
			print_message("%s, begun by %u\n", auth_way_text(way, text), begins);
		assert_true(auth_is_up(p));
		assert_int_equal(p->sent[0].bytes[18],
				 way.mode == IKE_MODE_MAIN ? ISAKMP_MAIN : ISAKMP_AGGRESSIVE);
		for (unsigned i = 0; i < messages; i++) {
			bool sealed = p->sent[i].bytes[19] & ISAKMP_ENCRYPTED;
			bool late = i >= (way.mode == IKE_MODE_MAIN ? 4 : 2);

			assert_int_equal(p->sent[i].source, i % 2 ? 1 - begins : begins);
			assert_int_equal(sealed, late);
			assert_int_equal(p->sent[i].from.port, late ? IKE_NATT_PORT : IKE_PORT);
			assert_int_equal(p->sent[i].to.port, late ? IKE_NATT_PORT : IKE_PORT);
		}
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(p->end[i].nnat, 1);
			assert_true(p->end[i].nat.nat.natt);
			assert_int_equal(p->end[i].nat.nat.path.encapsulation, ENCAPSULATION_UDP);
			assert_int_equal(p->end[i].nat.nat.path.local.port, IKE_NATT_PORT);
			assert_int_equal(p->end[i].nat.nat.path.remote.port, IKE_NATT_PORT);
		}
		auth_free(p);
	}
}

static void in_fragments(void **state)
{
	for (unsigned k = 0; k < 2 * WAYS; k++) {
		auth_init(p, k, way_at(k / 2));
		p->end[0].config.no_fragments = p->end[1].config.no_fragments = false;
		start(k % 2);
		assert_true(auth_is_up(p));
		assert_true(p->end[0].sa[0]->peer_fragmentation);
		auth_free(p);
	}
}

/* What follows phase 1 stands on its IV: with and without PFS. */
static void children(void **state)
{
	for (unsigned k = 0; k < 16; k++) {
		struct auth_way way = { (enum ike_mode)(k % 2), k & 2 ? IKE_AUTH_RSA : IKE_AUTH_PSK,
					false };

		auth_init(p, k, way);
		p->end[0].child.pfs = p->end[1].child.pfs = k & 8 ? DH_ECP_256 : DH_NONE;
		start(0);
		pair_child(p, k & 4 ? 1 : 0);
		assert_int_equal(p->end[0].nup, 1);
		assert_int_equal(p->end[1].nup, 1);
		assert_true(pair_children_match(&p->end[0].up[0], &p->end[1].up[0]));
		assert_int_equal(p->end[0].up[0].pfs, p->end[0].child.pfs);
		auth_free(p);
	}
}

static void renewal(void **state)
{
	for (unsigned k = 0; k < 2 * WAYS; k++) {
		auth_init(p, k, way_at(k / 2));
		start(0);
		pair_start(p, k % 2, IKE_EVENT_REKEY);
		pair_pump(p);
		assert_int_equal(p->end[0].nsa, 2);
		assert_int_equal(p->end[1].nsa, 2);
		assert_true(auth_is_up(p));
		auth_free(p);
	}
}

/* ---- keys and methods ---- */

static void wrong_key(void **state)
{
	for (unsigned mode = 0; mode < 2; mode++) {
		auth_init(p, mode, (struct auth_way){ (enum ike_mode)mode, IKE_AUTH_PSK, false });
		secret_free(&p->end[1].config.psk);
		secret_set(&p->end[1].config.psk, SLICE_STR("wrong"));
		start(0);
		pair_run(p, p->now + 60 * VTIME_S);
		expect_dead(1, mode == IKE_MODE_MAIN ? ERR_AUTH : ERR_TIMEOUT);
		expect_dead(0, mode == IKE_MODE_MAIN ? ERR_TIMEOUT : ERR_AUTH);
		/* Not a word of ours goes to who has not proved himself. */
		if (mode == IKE_MODE_AGGRESSIVE)
			assert_int_equal(p->end[0].nsent, p->end[0].nresent + 1);
		auth_free(p);
	}
}

/* Which method of the one is accepted by the other, from the proofs and users of both. */
static void methods_differ(void **state)
{
	for (unsigned k = 0; k < WAYS * WAYS; k++) {
		struct auth_way a = way_at(k % WAYS), b = way_at(k / WAYS);

		if (a.mode != b.mode || (a.auth == b.auth && a.xauth == b.xauth) ||
		    (a.auth == b.auth && a.auth == IKE_AUTH_HYBRID))
			continue;
		for (unsigned begins = 0; begins < 2; begins++) {
			bool fits;

			auth_init(p, k, b);
			/* A gateway that begins anew may leave the user as he is. */
			fits = a.auth == b.auth && a.xauth && begins == 1;
			p->end[0].config.auth = a.auth;
			p->end[0].config.xauth = a.xauth;
			if (!p->end[0].config.credentials)
				auth_credentials(p, 0, "direct.pem", "leaf.key", "root.pem");
			start(begins);
			if (fits) {
				assert_true(auth_is_up(p));
			} else {
				pair_run(p, p->now + 40 * VTIME_S);
				expect_dead(0, ERR_NO_PROPOSAL);
				expect_dead(1, ERR_NO_PROPOSAL);
			}
			auth_free(p);
		}
	}
}

/* ---- names ---- */

static void expect_identity(const char *text)
{
	char buf[IDENTITY_TEXT_MAX];

	assert_string_equal(identity_text(&p->end[0].sa[0]->peer, buf), text);
}

/* What the gateway says it is, what the user wants it to be, and whether that will do. */
static void names_of_certificates(void **state)
{
	static const struct {
		const char *says, *wanted;
		bool good;
	} cases[] = {
		{ "vpn.example.com", "vpn.example.com", true },
		{ "a.example.org", "a.example.org", true },
		{ "admin@example.com", "admin@example.com", true },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "C=DE, O=Example, CN=vpn.example.com", "/C=DE/O=Example/CN=vpn.example.com",
		  true },
		{ NULL, "C=DE, O=Example, CN=vpn.example.com", true }, /* its subject */
		{ "admin@example.com", "vpn.example.com", true }, /* both are its names */
		{ NULL, "192.0.2.1", true },
		{ "vpn.example.com", "other.example.com", false },
		{ "other.example.com", "other.example.com", false },
		{ "other.example.com", "vpn.example.com", false },
		{ "192.0.2.2", "192.0.2.2", false },
		{ "C=DE, O=Example, CN=other", "C=DE, O=Example, CN=other", false },
		{ "C=DE, O=Example, CN=other", "vpn.example.com", false },
		{ "keyid:vpn.example.com", "keyid:vpn.example.com", false },
		{ "vpn.example.com@", "vpn.example.com@", false },
		{ "vpn.example.com", NULL, false }, /* 198.51.100.1 is not among them */
		{ "198.51.100.1", NULL, false },
	};

	for (unsigned k = 0; k < 2 * ARRAY_SIZE(cases); k++) {
		const struct auth_way way = { (enum ike_mode)(k % 2),
					      k & 2 ? IKE_AUTH_RSA : IKE_AUTH_HYBRID, true };
		const char *says = cases[k / 2].says, *wanted = cases[k / 2].wanted;
		const struct identity none = { .type = ID_NONE };

		auth_init(p, k, way);
		p->end[1].config.local = says ? identity(says) : none;
		p->end[0].config.remote = wanted ? identity(wanted) : none;
		start(0);
		assert_int_equal(auth_is_up(p), cases[k / 2].good);
		if (!cases[k / 2].good) {
			expect_dead(0, ERR_IDENTITY);
			assert_true(p->end[0].dead.why.authentic);
			assert_true(p->end[0].dead.why.detail[0]);
			/* Its names are more than there is room for. */
			assert_non_null(strstr(p->end[0].dead.why.detail, "..."));
		} else {
			expect_identity(says ? says : "C=DE, O=Example, CN=vpn.example.com");
		}
		auth_free(p);
	}
}

/* Without a name the certificate must have the gateway's address. */
static void name_is_the_address(void **state)
{
	for (unsigned mode = 0; mode < 2; mode++) {
		auth_init(p, mode, (struct auth_way){ (enum ike_mode)mode, IKE_AUTH_RSA, false });
		addr_parse("192.0.2.1", &p->end[1].address.addr);
		addr_parse("192.0.2.77", &p->end[0].address.addr);
		p->end[0].config.remote = (struct identity){ .type = ID_NONE };
		start(0);
		assert_true(auth_is_up(p));
		auth_free(p);
	}
}

static void certificates_refused(void **state)
{
	static const struct {
		const char *certificate, *key, *root; /* the gateway's; the root that we trust */
	} cases[] = {
		{ "unknown.pem", "leaf.key", "root.pem" },
		{ "forged.pem", "leaf.key", "root.pem" },
		{ "under-no-cert-sign.pem", "leaf.key", "root.pem" },
		{ "leaf.pem", "leaf.key", "root.pem" }, /* its issuer is missing */
		{ "direct.pem", "leaf.key", "other.pem" },
	};

	for (unsigned k = 0; k < 4 * ARRAY_SIZE(cases); k++) {
		const struct auth_way way = { (enum ike_mode)(k % 2),
					      k & 2 ? IKE_AUTH_RSA : IKE_AUTH_HYBRID, true };

		auth_init(p, k, way);
		auth_credentials(p, 1, cases[k / 4].certificate, cases[k / 4].key, "root.pem");
		auth_credentials(p, 0, "direct.pem", "leaf.key", cases[k / 4].root);
		start(0);
		pair_run(p, p->now + 60 * VTIME_S);
		expect_dead(0, ERR_AUTH);
		assert_true(p->end[0].dead.why.detail[0]);
		assert_int_equal(p->end[1].nestablished + p->end[0].nestablished, 0);
		auth_free(p);
	}
}

/* The user's, at the gateway. */
static void users_certificate_refused(void **state)
{
	for (unsigned k = 0; k < 4; k++) {
		const struct auth_way way = { (enum ike_mode)(k % 2), IKE_AUTH_RSA, false };

		auth_init(p, k, way);
		if (k < 2)
			auth_credentials(p, 0, "unknown.pem", "leaf.key", "root.pem");
		else
			p->end[1].config.remote = identity("C=DE, O=Example, CN=Somebody else");
		start(0);
		pair_run(p, p->now + 60 * VTIME_S);
		assert_int_equal(p->end[1].nestablished, 0);
		assert_int_equal(p->end[1].ndead, 1);
		assert_int_equal(p->end[1].dead.why.err, k < 2 ? ERR_AUTH : ERR_IDENTITY);
		assert_int_equal(p->end[0].ndead, k == 1 ? 0 : 1);
		auth_free(p);
	}
}

/* ---- proofs that were changed ---- */

/* The message that has the proof of end `prover`, counted among its own, when end 0 begins. */
static unsigned proof_at(struct auth_way way, unsigned prover)
{
	if (way.mode == IKE_MODE_MAIN)
		return 2;
	return prover == 0 ? 1 : 0;
}

static bool signs(struct auth_way way, unsigned prover)
{
	return way.auth == IKE_AUTH_RSA || (way.auth == IKE_AUTH_HYBRID && prover == 1);
}

/*
 * An imposter's message is not taken, and the true one that follows it is. (Over clear messages the
 * edit is what an attacker can do, over sealed ones what somebody with the key could.)
 */
static void proofs_edited(void **state)
{
	static const enum edit_how hows[] = { EDIT_OMIT,    EDIT_DOUBLE, EDIT_EMPTY,
					      EDIT_SHORTER, EDIT_LONGER, EDIT_FLIP };
	const unsigned n = ARRAY_SIZE(hows);

	for (unsigned k = 0; k < 6 * 2 * n; k++) {
		struct auth_way way = way_at(k / n / 2);
		unsigned prover = k / n % 2, victim = 1 - prover;

		auth_init(p, k, way);
		p->passes = auth_edit_passes;
		auth_edit = (struct edit){
			.source = prover,
			.n = proof_at(way, prover),
			.type = signs(way, prover) ? PAYLOAD_SIG : PAYLOAD_HASH,
			.how = hows[k % n],
		};
		start(0);
		assert_int_equal(p->end[victim].sa[0]->state, IKE_STATE_PHASE1);
		assert_int_equal(p->end[victim].nestablished, 0);
		/* The gateway of aggressive mode repeats nothing: the user's proof is lost. */
		if (victim == 0 || way.mode == IKE_MODE_MAIN) {
			pair_run(p, p->now + 3 * VTIME_S);
			assert_true(auth_is_up(p));
		}
		auth_free(p);
	}
}

/* The ID is what is proven. */
static void identity_edited(void **state)
{
	static const uint8_t evil[] = { ID_FQDN, 0, 0, 0, 'e', 'v', 'i', 'l' };
	static const uint8_t big[ID_BODY_MAX + 1] = { ID_FQDN };
	const struct {
		enum edit_how how;
		struct slice body;
	} cases[] = {
		{ EDIT_OMIT, SLICE_NONE },	  { EDIT_DOUBLE, SLICE_NONE },
		{ EDIT_EMPTY, SLICE_NONE },	  { EDIT_SHORTER, SLICE_NONE },
		{ EDIT_LONGER, SLICE_NONE },	  { EDIT_FLIP, SLICE_NONE },
		{ EDIT_REPLACE, SLICE_OF(evil) }, { EDIT_REPLACE, SLICE_OF(big) },
		{ EDIT_REPLACE, slice(evil, 3) },
	};
	const unsigned n = ARRAY_SIZE(cases);

	for (unsigned k = 0; k < 6 * n; k++) {
		struct auth_way way = way_at(k / n);

		auth_init(p, k, way);
		p->passes = auth_edit_passes;
		auth_edit = (struct edit){
			.source = 1,
			.n = proof_at(way, 1),
			.type = PAYLOAD_ID,
			.how = cases[k % n].how,
			.body = cases[k % n].body,
		};
		start(0);
		assert_int_equal(p->end[0].nestablished, 0);
		assert_int_equal(p->end[0].sa[0]->state, IKE_STATE_PHASE1);
		pair_run(p, p->now + 3 * VTIME_S);
		assert_true(auth_is_up(p));
		auth_free(p);
	}
}

static void certificates_edited(void **state)
{
	static uint8_t pkcs7[] = { 1, 0x30, 0x03, 2, 1, 1 }, crl[] = { 7, 0x30, 0 };
	static uint8_t broken[] = { 4, 0x30, 0x82, 0xff, 0xff, 0x30 }, nothing[] = { 4 };
	static uint8_t big[CERT_SIZE_MAX + 100] = { 4, 0x30, 0x82, 0x20, 0x40 };
	const struct {
		enum edit_how how;
		struct slice body;
		bool harmless;
	} cases[] = {
		{ EDIT_OMIT, SLICE_NONE, false },
		{ EDIT_EMPTY, SLICE_NONE, false },
		{ EDIT_FLIP, SLICE_NONE, false },
		{ EDIT_SHORTER, SLICE_NONE, false },
		{ EDIT_REPLACE, SLICE_OF(pkcs7), false },
		{ EDIT_REPLACE, SLICE_OF(crl), false },
		{ EDIT_REPLACE, SLICE_OF(broken), false },
		{ EDIT_REPLACE, SLICE_OF(nothing), false },
		{ EDIT_REPLACE, slice(big, 3000), false },
		{ EDIT_DOUBLE, SLICE_NONE, true },
		{ EDIT_APPEND, SLICE_OF(pkcs7), true },
		{ EDIT_APPEND, SLICE_OF(crl), true },
		{ EDIT_APPEND, SLICE_OF(nothing), true },
	};
	const unsigned n = ARRAY_SIZE(cases);

	for (unsigned k = 0; k < 2 * n; k++) {
		struct auth_way way = { (enum ike_mode)(k % 2), IKE_AUTH_HYBRID, true };

		auth_init(p, k, way);
		p->passes = auth_edit_passes;
		auth_edit = (struct edit){
			.source = 1,
			.n = proof_at(way, 1),
			.always = true,
			.type = PAYLOAD_CERT,
			.how = cases[k / 2].how,
			.body = cases[k / 2].body,
		};
		/* Past the message in question there are others, which this is not about. */
		auth_edit.always = way.mode == IKE_MODE_AGGRESSIVE && !cases[k / 2].harmless;
		start(0);
		pair_run(p, p->now + (auth_edit.always ? 60 : 3) * VTIME_S);
		/* A sealed message that was edited has another last block: no keys are compared. */
		if (!auth_edit.always)
			assert_int_not_equal(p->end[0].sa[0]->state, IKE_STATE_PHASE1);
		else
			expect_dead(0, ERR_AUTH);
		auth_free(p);
	}
}

static void pkcs7_is_named(void **state)
{
	static uint8_t pkcs7[] = { 1, 0x30, 0x03, 2, 1, 1 };

	auth_init(p, 1, (struct auth_way){ IKE_MODE_AGGRESSIVE, IKE_AUTH_HYBRID, true });
	p->passes = auth_edit_passes;
	auth_edit = (struct edit){ .source = 1,
				   .always = true,
				   .type = PAYLOAD_CERT,
				   .how = EDIT_REPLACE,
				   .body = SLICE_OF(pkcs7) };
	start(0);
	pair_run(p, p->now + 60 * VTIME_S);
	expect_dead(0, ERR_AUTH);
	assert_non_null(strstr(p->end[0].dead.why.text, "PKCS #7"));
	auth_free(p);
}

/* The leaf comes first; but another end's certificate with its own key is another end. */
static void signature_of_another(void **state)
{
	static uint8_t signature[256];

	for (unsigned k = 0; k < 2; k++) {
		auth_init(p, k, (struct auth_way){ (enum ike_mode)k, IKE_AUTH_RSA, false });
		p->passes = auth_edit_passes;
		memset(signature, k ? 0 : 0xff, sizeof(signature));
		signature[0] = 0;
		auth_edit = (struct edit){ .source = 1,
					   .n = k ? 0 : 2,
					   .type = PAYLOAD_SIG,
					   .how = EDIT_REPLACE,
					   .body = SLICE_OF(signature) };
		start(0);
		assert_int_equal(p->end[0].nestablished, 0);
		assert_int_equal(p->end[0].sa[0]->main.x.hint.err, ERR_AUTH);
		pair_run(p, p->now + 3 * VTIME_S);
		assert_true(auth_is_up(p));
		auth_free(p);
	}
}

/* A HASH does not do where a signature is due. */
static void hash_for_signature(void **state)
{
	static uint8_t hash[32];

	for (unsigned k = 0; k < 4; k++) {
		struct auth_way way = { (enum ike_mode)(k % 2),
					k & 2 ? IKE_AUTH_RSA : IKE_AUTH_HYBRID, true };

		auth_init(p, k, way);
		p->passes = auth_edit_passes;
		auth_edit = (struct edit){ .source = 1,
					   .n = proof_at(way, 1),
					   .type = PAYLOAD_HASH,
					   .how = EDIT_APPEND,
					   .body = SLICE_OF(hash) };
		start(0);
		assert_int_equal(p->end[0].nestablished, 0);
		assert_int_equal(p->end[0].sa[0]->state, IKE_STATE_PHASE1);
		auth_free(p);
	}
}

/* ---- what is said besides ---- */

static struct slice payload_of(unsigned message, enum payload_type type)
{
	static struct pair_datagram d;
	struct ike_msg m;

	d = p->sent[message];
	assert_int_equal(ike_msg_parse(slice(d.bytes, d.n), &m), 0);
	return ike_msg_body(&m, type);
}

static void ciscos_identity(void **state)
{
	static const uint8_t want[] = { ID_KEY_ID, 17, 1, 0xf4, 's', 't', 'a', 'f', 'f' };
	static const uint8_t plain[] = { ID_FQDN, 0, 0, 0, 's', 't', 'a', 'f', 'f' };
	static const enum ike_vendor vendors[] = { IKE_VENDOR_CISCO, IKE_VENDOR_NETSCREEN,
						   IKE_VENDOR_FORTIGATE, IKE_VENDOR_NONE };

	for (unsigned k = 0; k < ARRAY_SIZE(vendors); k++) {
		bool cisco = vendors[k] == IKE_VENDOR_CISCO;

		auth_init(p, k, (struct auth_way){ IKE_MODE_AGGRESSIVE, IKE_AUTH_PSK, true });
		p->end[0].config.local = identity("staff");
		p->end[0].config.vendor = vendors[k];
		p->end[1].config.remote = identity(cisco ? "keyid:staff" : "staff");
		start(0);
		assert_true(auth_is_up(p));
		assert_true(slice_eq(payload_of(0, PAYLOAD_ID),
				     cisco ? SLICE_OF(want) : SLICE_OF(plain)));
		auth_free(p);
	}
}

static void requests(void **state)
{
	struct slice subject;

	for (unsigned k = 0; k < 3; k++) {
		auth_init(p, k, (struct auth_way){ IKE_MODE_AGGRESSIVE, (enum ike_auth)k, false });
		start(0);
		assert_true(auth_is_up(p));
		if (k == IKE_AUTH_PSK) {
			assert_int_equal(payload_of(0, PAYLOAD_CERT_REQUEST).n, 0);
		} else {
			struct slice request = payload_of(0, PAYLOAD_CERT_REQUEST);

			subject = credentials_root(p->end[0].config.credentials, 0);
			assert_int_equal(request.p[0], CERT_ENCODING_X509_SIGNATURE);
			assert_true(slice_eq(slice(request.p + 1, request.n - 1), subject));
		}
		/* Who only listens does not ask. */
		assert_int_equal(payload_of(1, PAYLOAD_CERT_REQUEST).n != 0, k == IKE_AUTH_RSA);
		auth_free(p);
	}
}

static bool notify_seen;
static uint8_t notify_data[HASH_MAX];

/* Opens the user's message 3 and keeps Cisco's notify. */
static bool look_at_3(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	static uint8_t buf[IKE_MESSAGE_MAX];
	struct ike_sa *sa = pair_sa(pp, 0);
	uint8_t iv[PROTECT_BLOCK];
	struct notify_payload notify;
	struct ike_msg m;

	if (d->source != 0 || n != 1)
		return true;
	assert_int_equal(auth_open(pp, d, iv, buf, &m), 0);
	for (const struct ike_payload *q = ike_msg_find(&m, PAYLOAD_NOTIFY); q;
	     q = ike_msg_find_next(&m, q)) {
		assert_int_equal(notify_parse(q->body, &notify), 0);
		if (notify.type != NOTIFY_GROUP_PASSWORD_HASH)
			continue;
		notify_seen = true;
		assert_int_equal(notify.data.n, hash_size(sa->suite.hash));
		memcpy(notify_data, notify.data.p, notify.data.n);
	}
	return true;
}

static void group_password(void **state)
{
	const struct slice password = SLICE_STR("group secret");

	for (unsigned k = 0; k < 3; k++) {
		struct auth_way way = { IKE_MODE_AGGRESSIVE,
					k == 2 ? IKE_AUTH_RSA : IKE_AUTH_HYBRID, true };
		uint8_t want[HASH_MAX];

		auth_init(p, k, way);
		if (k)
			secret_set(&p->end[0].config.psk, password);
		notify_seen = false;
		p->passes = look_at_3;
		start(0);
		assert_true(auth_is_up(p));
		assert_int_equal(notify_seen, k == 1);
		if (notify_seen) {
			hmac_parts(HASH_SHA2_256, secret_slice(&p->end[0].sa[0]->keys.skeyid),
				   &password, 1, want);
			assert_memory_equal(notify_data, want, 32);
		}
		auth_free(p);
	}
}

/* ---- loss ---- */

static unsigned lost_mask;

static bool lose(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	unsigned bit = 2 * n + d->source;

	return bit >= 10 || !(lost_mask & (1u << bit));
}

/*
 * A lost message 3 of aggressive mode is asked for by message 2, which most gateways repeat and an
 * engine of ours, which answers only, does not.
 */
static void gateway_asks_again(void)
{
	struct pair_datagram two = { 0 };

	for (unsigned i = 0; i < p->nsent; i++)
		if (p->sent[i].source == 1)
			two = p->sent[i];
	for (unsigned i = 0; i < 5 && !auth_is_up(p); i++)
		pair_inject(p, &two);
}

static void any_loss_is_mended(void **state)
{
	for (unsigned k = 0; k < 6; k++) {
		for (lost_mask = 0; lost_mask < 1024; lost_mask += 37) {
			auth_init(p, lost_mask + k, way_at(k));
			p->passes = lose;
			start(0);
			pair_run(p, p->now + 20 * VTIME_S);
			if (way_at(k).mode == IKE_MODE_AGGRESSIVE)
				gateway_asks_again();
			assert_true(auth_is_up(p));
			auth_free(p);
		}
	}
}

/* As a gateway sends message 2 again that has not had message 3. */
static void message_2_again(void **state)
{
	for (unsigned k = 0; k < 3; k++) {
		struct pair_datagram two, three;
		unsigned sent;

		auth_init(p, k, (struct auth_way){ IKE_MODE_AGGRESSIVE, (enum ike_auth)k, false });
		lost_mask = 4;
		p->passes = lose;
		start(0);
		assert_int_equal(p->end[1].sa[0]->state, IKE_STATE_PHASE1);
		two = p->sent[1];
		three = p->sent[2];
		sent = p->nsent;
		pair_inject(p, &two);
		assert_true(p->nsent > sent);
		assert_int_equal(p->sent[sent].n, three.n);
		assert_memory_equal(p->sent[sent].bytes, three.bytes, three.n);
		assert_true(auth_is_up(p));
		auth_free(p);
	}
}

static bool twice(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (pp->queued < PAIR_QUEUE / 2)
		pp->queue[pp->queued++] = *d;
	return true;
}

static void everything_twice(void **state)
{
	for (unsigned k = 0; k < WAYS; k++) {
		auth_init(p, k, way_at(k));
		p->passes = twice;
		start(0);
		assert_true(auth_is_up(p));
		assert_int_equal(p->end[1].nsa, 1);
		auth_free(p);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_way),
		T(in_fragments),
		T(children),
		T(renewal),
		T(wrong_key),
		T(methods_differ),
		T(names_of_certificates),
		T(name_is_the_address),
		T(certificates_refused),
		T(users_certificate_refused),
		T(proofs_edited),
		T(identity_edited),
		T(certificates_edited),
		T(pkcs7_is_named),
		T(signature_of_another),
		T(hash_for_signature),
		T(ciscos_identity),
		T(requests),
		T(group_password),
		T(any_loss_is_mended),
		T(message_2_again),
		T(everything_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
