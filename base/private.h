/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a file with a secret in it is its owner's alone. */
#ifndef GODWIT_BASE_PRIVATE_H
#define GODWIT_BASE_PRIVATE_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * systemd's credentials look as the second line says where an access control list names the one who may
 * read them. Nobody but root can make a file look so, and there is nothing but root in root's group.
 */
static inline bool mode_is_private(const struct stat *st)
{
	return (st->st_mode & 077) == 0 ||
	       ((st->st_mode & 07777) == 0440 && st->st_uid == 0 && st->st_gid == 0);
}

#endif
