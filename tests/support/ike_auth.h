/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pair (ike_pair.h) in each of the ways in which phase 1 can be authenticated, and somebody on the
 * way who edits payloads, also encrypted ones, for it knows the keys.
 */
#ifndef GODWIT_TESTS_IKE_AUTH_H
#define GODWIT_TESTS_IKE_AUTH_H

#include "tests/support/ike_pair.h"

struct auth_way {
	enum ike_mode mode;
	enum ike_auth auth;
	bool xauth;
};

/*
 * pair_init, and both ends are to speak this way. End 0 is the user's with the certificate "direct",
 * end 1 the gateway with "leaf" and its issuer (vpn.example.com, admin@example.com, 192.0.2.1), both
 * trust "root". Messages are whole. With RSA end 0 and with signatures end 1 go by the names of their certificates.
 * Neither of them uses fragments.
 */
void auth_init(struct pair *p, uint64_t seed, struct auth_way way);
/* pair_free, and the credentials. */
void auth_free(struct pair *p);
/* Other credentials: certificates, key and root by their names in tests/vectors/cert. */
void auth_credentials(struct pair *p, unsigned end, const char *certificate, const char *key,
		      const char *root);
/* The configuration of auth_init, without the credentials (certs.h has them). */
void auth_configure(struct pair *p, struct auth_way way);
/* Phase 1 is complete at both ends, with the same keys. */
bool auth_is_up(const struct pair *p);
const char *auth_way_text(struct auth_way way, char buf[64]);

/*
 * Opens the encrypted message of phase 1 that was sent last; iv: what it was sealed with. 0 or an
 * error.
 */
int auth_open(const struct pair *p, const struct pair_datagram *d, uint8_t iv[PROTECT_BLOCK],
	      uint8_t buf[IKE_MESSAGE_MAX], struct ike_msg *out);

enum edit_how {
	EDIT_OMIT,
	EDIT_DOUBLE,
	EDIT_EMPTY,
	EDIT_SHORTER, /* without its last byte */
	EDIT_LONGER, /* with a zero behind it */
	EDIT_FLIP, /* one bit of its last byte */
	EDIT_REPLACE, /* by `body` */
	EDIT_APPEND, /* to the message: a payload with `body` */
};

/* What happens to datagram `n` of end `source`, from 0, and with `always` to all later ones. */
struct edit {
	unsigned source;
	unsigned n;
	bool always;
	uint8_t type;
	enum edit_how how;
	struct slice body;
};

/*
 * A filter for pair.passes that does it once. Encrypted messages of phase 1 are opened and sealed
 * with the sender's keys.
 */
extern struct edit auth_edit;
bool auth_edit_passes(struct pair *p, struct pair_datagram *d, unsigned n);

#endif
