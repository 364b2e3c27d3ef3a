/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Passwords as Cisco's VPN client hides them in its .pcf files. This keeps them from a glance, not
 * from a reader: the key lies beside the text.
 *
 *	20 bytes   seed; its first 8 are the IV
 *	20 bytes   SHA-1 of what follows
 *	8n bytes   3DES-CBC of the password, padded with 1 to 8 bytes that tell their number
 *
 * The key is SHA-1 of the seed with 1 added to its last byte, and behind it the first 4 bytes of
 * SHA-1 of the seed with 3 added.
 */
#ifndef GODWIT_CRYPTO_CISCO_H
#define GODWIT_CRYPTO_CISCO_H

#include "base/bytes.h"
#include "base/secret.h"

/*
 * The password, perhaps empty, in *out, which must be empty. ERR_MALFORMED when the lengths do not
 * add up, ERR_AUTH when the checksum is wrong; *out is empty then.
 */
int cisco_password_open(struct slice hidden, struct secret *out);

#endif
