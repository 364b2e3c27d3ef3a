/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a file with a secret in it is its owner's alone. */
#ifndef GODWIT_BASE_PRIVATE_H
#define GODWIT_BASE_PRIVATE_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Root's group may read: whoever is in it is root. So systemd shows its credentials where an access
 * control list says who else may.
 */
static inline bool mode_is_private(const struct stat *st)
{
	mode_t others = st->st_mode & (S_IRWXG | S_IRWXO);

	return others == 0 || (others == S_IRGRP && st->st_uid == 0 && st->st_gid == 0);
}

#endif
