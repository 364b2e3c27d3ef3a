/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

const char *err_name(int err)
{
	switch ((enum err)err) {
	case ERR_OK:
		return "ok";
	case ERR_MALFORMED:
		return "malformed";
	case ERR_UNSUPPORTED:
		return "unsupported";
	case ERR_AUTH:
		return "not authentic";
	case ERR_REPLAY:
		return "replayed";
	case ERR_UNEXPECTED:
		return "unexpected";
	case ERR_NO_PROPOSAL:
		return "no proposal chosen";
	case ERR_PEER_REFUSED:
		return "refused by the peer";
	case ERR_TIMEOUT:
		return "no answer";
	case ERR_BAD_KEY:
		return "bad public value";
	case ERR_IDENTITY:
		return "wrong identity";
	case ERR_EXHAUSTED:
		return "exhausted";
	case ERR_REDIRECTED:
		return "sent to another gateway";
	case ERR_SYSTEM:
		return "system error";
	case ERR_PERMISSION:
		return "not permitted";
	case ERR_CONFIG:
		return "bad configuration";
	case ERR_NO_ROOM:
		return "no room";
	}
	return "unknown error";
}
