/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * godwit-pages: man pages, as far as the tables of commands, options and keys decide what is in them.
 * Run when the product is built, never installed.
 *
 *	pages.c  copies a template; a line "@what@" gives way to what one of these writes
 *	man.c    mdoc
 *
 * What people wrote is in the templates: dist/man.
 */
#ifndef GODWIT_DIST_PAGES_H
#define GODWIT_DIST_PAGES_H

#include <stdio.h>

/* The commands of argv; those of the shell alone; the sections of vpn.conf; those of gateway.conf. */
void man_commands(FILE *out);
void man_shell_commands(FILE *out);
void man_options(FILE *out);
void man_gateway_keys(FILE *out);

#endif
