/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors. Functions return 0 or a negative enum err (some a count >= 0). Three classes:
 * this datagram (it is dropped, nothing changed), this SA (the exchange or SA fails), this process.
 */
#ifndef GODWIT_BASE_ERR_H
#define GODWIT_BASE_ERR_H

enum err {
	ERR_OK = 0,
	/* this datagram */
	ERR_MALFORMED = -1, /* lengths or structure do not add up */
	ERR_UNSUPPORTED = -2, /* well formed, but nothing we speak */
	ERR_AUTH = -3, /* an ICV, HASH or signature does not verify */
	ERR_REPLAY = -4, /* seen before */
	ERR_UNEXPECTED = -5, /* valid, but not now */
	/* this SA */
	ERR_NO_PROPOSAL = -20, /* the peer chose nothing, or not what was offered */
	ERR_PEER_REFUSED = -21, /* the peer answered with an error notification */
	ERR_TIMEOUT = -22, /* no answer after the last retransmission */
	ERR_BAD_KEY = -23, /* a public value outside its group, or the like */
	ERR_IDENTITY = -24, /* the peer is not who it must be */
	ERR_EXHAUSTED = -25, /* sequence numbers or bytes used up */
	ERR_REDIRECTED = -26, /* the peer sends us to another gateway */
	/* this process */
	ERR_SYSTEM = -40, /* a system call failed; errno tells */
	ERR_PERMISSION = -41,
	ERR_CONFIG = -42,
	ERR_NO_ROOM = -43, /* a fixed bound was reached */
};

/* A short plain name: "malformed", "no answer" … Never NULL. */
const char *err_name(int err);

#endif
