/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/drop.h"

const char *drop_name(enum drop why)
{
	static const char *const names[] = {
#define X(e, name) [e] = name,
		DROP_REASONS(X)
#undef X
	};

	return (unsigned)why < DROP_COUNT ? names[why] : "unknown";
}
