/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What passes between us and the service manager that has started us. It is told how it stands with
 * sd_notify's words, on the socket of $NOTIFY_SOCKET; without libsystemd, or without such a socket,
 * nobody is told anything. It gives us secrets as files in $CREDENTIALS_DIRECTORY, which nobody else
 * can read.
 *
 * Nothing is sent by the clock (WATCHDOG=1 is not): that would wake the machine up for nothing.
 */
#ifndef GODWIT_CLIENT_SERVICE_H
#define GODWIT_CLIENT_SERVICE_H

#include <stdbool.h>

#define SERVICE_DIRECTORY "/etc/godwit" /* where files are of which there is no credential */

/* It is up: what waits for it may go on. */
void service_ready(void);
/* One line for a person, as `systemctl status` shows it. Cut where it is too long. */
void service_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The end has begun, and will take a moment. */
void service_stopping(void);

/* The file of a credential, or NULL: there is none, or it is empty. free(). */
char *service_credential(const char *name);
/*
 * The file that a configuration calls by a relative name. It is beside the configuration; where that is
 * a credential itself, it is the credential of that name, with '_' in place of '/', or else the file
 * below SERVICE_DIRECTORY. free().
 */
char *service_beside(const char *config, const char *file);

#endif
