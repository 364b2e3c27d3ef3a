/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pre-shared key or password from elsewhere than vpn.conf: a file, a descriptor, or a command. */
#ifndef GODWIT_CLIENT_PSK_H
#define GODWIT_CLIENT_PSK_H

#include <sys/types.h>

#include "base/secret.h"

#define PSK_MAX 1024 /* bytes */
#define PSK_COMMAND_TIMEOUT_MS 30000
#define PSK_FD_TIMEOUT_MS 10000
#define PSK_WHY_MAX 240

/*
 * Reads the secret from a file in one line, whose end is not part of it. The file must be a
 * regular one that group and others cannot touch. 0; else ERR_SYSTEM, ERR_PERMISSION or ERR_CONFIG,
 * and `why` says what is wrong with it; *out is then untouched.
 */
int psk_from_file(const char *file, struct secret *out, char why[PSK_WHY_MAX]);
/*
 * Reads the line from a descriptor that somebody has left open for us, a pipe for instance, to its end
 * but no longer than timeout_ms, and closes it. As psk_from_file, or ERR_TIMEOUT.
 */
int psk_from_fd(int fd, unsigned timeout_ms, struct secret *out, char why[PSK_WHY_MAX]);
/*
 * Runs `command` by /bin/sh without input and takes the line that it prints; what it complains of
 * goes to our stderr. It fails, and is killed with everything it started, when it has not ended
 * after timeout_ms. 0; else ERR_SYSTEM, ERR_TIMEOUT or ERR_CONFIG and `why`; *out is then untouched.
 */
int psk_from_command(const char *command, unsigned timeout_ms, struct secret *out,
		     char why[PSK_WHY_MAX]);

#endif
