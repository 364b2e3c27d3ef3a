/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/vpnc.h"

/* The number in the file; 0 when there is none. */
static pid_t read_pid(const char *file)
{
	FILE *in = fopen(file, "re");
	char line[32] = "";
	long pid;
	char *end;

	if (!in)
		return 0;
	if (!fgets(line, sizeof(line), in))
		line[0] = '\0';
	fclose(in);
	pid = strtol(line, &end, 10);
	while (isspace((unsigned char)*end))
		end++;
	return *end == '\0' && pid > 1 && pid <= INT_MAX ? (pid_t)pid : 0;
}

/*
 * The number may have gone to another program since. Ours is what runs the same program, or one
 * that an upgrade has replaced, or a vpnc that was here before us.
 */
static bool is_vpnc(pid_t pid)
{
	static const char deleted[] = " (deleted)";
	char link[64], program[PATH_MAX], *base;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, program, sizeof(program) - 1);
	if (n <= 0)
		return false;
	program[n] = '\0';
	if ((size_t)n > strlen(deleted) &&
	    strcmp(program + (size_t)n - strlen(deleted), deleted) == 0)
		program[(size_t)n - strlen(deleted)] = '\0';
	base = strrchr(program, '/');
	base = base ? base + 1 : program;
	return strcmp(base, "godwit") == 0 || strcmp(base, "vpnc") == 0;
}

static int not_running(void)
{
	printf("no vpnc found running\n");
	return EXIT_CODE_USAGE;
}

int vpnc_disconnect_main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : VPNC_PID_FILE;
	pid_t pid;
	int fd;

	if (argc > 2 || file[0] == '-') {
		fprintf(stderr, "Usage: vpnc-disconnect [PIDFILE]\n");
		return EXIT_CODE_USAGE;
	}
	pid = read_pid(file);
	/* The process that is looked at is the one that gets the signal. */
	fd = pid ? pidfd_open(pid, 0) : -1;
	if (fd < 0)
		return not_running();
	if (!is_vpnc(pid)) {
		close(fd);
		return not_running();
	}
	printf("Terminating vpnc daemon (pid: %d)\n", (int)pid);
	if (pidfd_send_signal(fd, SIGTERM, NULL, 0) != 0) {
		fprintf(stderr, "vpnc-disconnect: cannot end it: %s\n", strerror(errno));
		close(fd);
		return EXIT_CODE_USAGE;
	}
	close(fd);
	return EXIT_CODE_OK;
}
