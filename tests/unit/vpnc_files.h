/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the tests of vpnc's front: settings from a text, and what is said meanwhile. */
#ifndef GODWIT_TESTS_VPNC_FILES_H
#define GODWIT_TESTS_VPNC_FILES_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/vpnc.h"

static struct vpnc_settings s;
static char *said;
static size_t said_size, heard;
static FILE *err;

static inline int ears_open(void **state)
{
	(void)state;
	s = (struct vpnc_settings){ .program = "vpnc" };
	err = open_memstream(&said, &said_size);
	heard = 0;
	return 0;
}

static inline int ears_close(void **state)
{
	(void)state;
	vpnc_settings_free(&s);
	fclose(err);
	free(said);
	return 0;
}

/* Everything said since the last time is exactly this. */
static inline void expect_said(const char *text)
{
	fflush(err);
	assert_string_equal(said + heard, text);
	heard = said_size;
}

/* A descriptor to read these bytes from, up to their end. */
static inline int bytes_to_read(const char *bytes, size_t n)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], bytes, n), n);
	close(fds[1]);
	return fds[0];
}

static inline bool read_text(const char *text)
{
	int fd = bytes_to_read(text, strlen(text));
	bool good = vpnc_read_fd(&s, fd, "test", err);

	close(fd);
	return good;
}

#endif
