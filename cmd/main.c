/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <unistd.h>

#include "cmd/cmd.h"

#define LARGE (64 * 1024) /* bytes */

/*
 * Whoever starts us without standard descriptors gets them as /dev/null: what is opened next would
 * take their numbers, be written to as stdout or stderr, and be replaced on the way to the
 * background.
 */
static bool hold_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= 2 && fcntl(fd, F_SETFD, 0) == 0);
	if (fd > 2)
		close(fd);
	return fd > 2 || fcntl(2, F_GETFD) >= 0;
}

/*
 * Large tables are mapped, however much has been freed before: what is mapped is zero already, so that
 * what is never used is never touched, nor resident: of a gateway's half-open SA that is most of it.
 */
static void map_what_is_large(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE);
}

int main(int argc, char **argv)
{
	if (!hold_standard_descriptors())
		return EXIT_CODE_SYSTEM;
	map_what_is_large();
	return command_main(argc, argv);
}
