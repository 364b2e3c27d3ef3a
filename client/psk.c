/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/psk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/private.h"
#include "client/run.h"
#include "client/runtime.h"

static_assert(PSK_WHY_MAX >= RUN_WHY_MAX, "a run's complaint is one of ours");

/* A secret, the end of its line, and one byte to see that there is more. */
#define LINE_ROOM (PSK_MAX + 3)

/* ---- the line ---- */

/* What was read is one line: the secret is it without its end. */
static int take_line(const uint8_t *line, size_t n, struct secret *out, char why[PSK_WHY_MAX])
{
	if (n > 0 && line[n - 1] == '\n')
		n--;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n == 0) {
		snprintf(why, PSK_WHY_MAX, "gives an empty line");
		return ERR_CONFIG;
	}
	if (n > PSK_MAX) {
		snprintf(why, PSK_WHY_MAX, "gives more than %d bytes", PSK_MAX);
		return ERR_CONFIG;
	}
	if (memchr(line, '\n', n)) {
		snprintf(why, PSK_WHY_MAX, "gives more than one line");
		return ERR_CONFIG;
	}
	secret_set(out, slice(line, n));
	return 0;
}

/* ---- from a file ---- */

static int check_file(int fd, char why[PSK_WHY_MAX])
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		snprintf(why, PSK_WHY_MAX, "cannot be read: %s", strerror(errno));
		return ERR_SYSTEM;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, PSK_WHY_MAX, "is not a regular file");
		return ERR_CONFIG;
	}
	if (!mode_is_private(&st)) {
		snprintf(why, PSK_WHY_MAX,
			 "is open to others (mode %04o); chmod 600 makes it ours alone",
			 (unsigned)st.st_mode & 07777);
		return ERR_PERMISSION;
	}
	return 0;
}

int psk_from_file(const char *file, struct secret *out, char why[PSK_WHY_MAX])
{
	uint8_t *line = NULL;
	size_t n = 0;
	ssize_t got = 1;
	int err;
	/* Without O_NONBLOCK a named pipe would let us wait for its writer. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		snprintf(why, PSK_WHY_MAX, "cannot be read: %s", strerror(errno));
		return ERR_SYSTEM;
	}
	err = check_file(fd, why);
	if (err)
		goto out;
	line = secret_alloc(LINE_ROOM);
	while (n < LINE_ROOM && got > 0) {
		got = read(fd, line + n, LINE_ROOM - n);
		if (got > 0)
			n += (size_t)got;
	}
	if (got < 0) {
		snprintf(why, PSK_WHY_MAX, "cannot be read: %s", strerror(errno));
		err = ERR_SYSTEM;
		goto out;
	}
	err = take_line(line, n, out, why);
out:
	secret_release(line, LINE_ROOM);
	close(fd);
	return err;
}

/* ---- what may take its time ---- */

/* True when fd has something before the deadline. */
static bool wait_for(int fd, vtime deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		vtime left = vtime_until(runtime_now(), deadline);

		n = poll(&p, 1, (int)((left + VTIME_MS - 1) / VTIME_MS));
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* Reads to the end, to the deadline, or until there is too much for a secret. */
static int collect(int fd, vtime deadline, uint8_t *line, size_t *n)
{
	ssize_t got;

	for (*n = 0; *n < LINE_ROOM; *n += (size_t)got) {
		if (!wait_for(fd, deadline))
			return ERR_TIMEOUT;
		got = read(fd, line + *n, LINE_ROOM - *n);
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got <= 0)
			break;
	}
	return 0;
}

/* ---- from a descriptor ---- */

int psk_from_fd(int fd, unsigned timeout_ms, struct secret *out, char why[PSK_WHY_MAX])
{
	vtime deadline = vtime_add(runtime_now(), timeout_ms * VTIME_MS);
	uint8_t *line;
	size_t n = 0;
	int err;

	if (fcntl(fd, F_GETFD) < 0) {
		snprintf(why, PSK_WHY_MAX, "cannot be read: %s", strerror(errno));
		return ERR_SYSTEM;
	}
	line = secret_alloc(LINE_ROOM);
	err = collect(fd, deadline, line, &n);
	if (err)
		snprintf(why, PSK_WHY_MAX, "has not ended after %u s", (timeout_ms + 999) / 1000);
	else
		err = take_line(line, n, out, why);
	secret_release(line, LINE_ROOM);
	close(fd);
	return err;
}

/* ---- from a command ---- */

/* False: it has not ended before the deadline. */
static bool wait_for_end(pid_t pid, vtime deadline)
{
	int fd = pidfd_open(pid, 0);
	bool ended = fd >= 0 && wait_for(fd, deadline);

	if (fd >= 0)
		close(fd);
	return ended;
}

int psk_from_command(const char *command, unsigned timeout_ms, struct secret *out,
		     char why[PSK_WHY_MAX])
{
	vtime deadline = vtime_add(runtime_now(), timeout_ms * VTIME_MS);
	uint8_t *line;
	int fds[2], status, err;
	bool ended;
	size_t n = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0) {
		snprintf(why, PSK_WHY_MAX, "cannot be run: %s", strerror(errno));
		return ERR_SYSTEM;
	}
	err = run_spawn(command, NULL, environ, -1, fds[1], &pid);
	close(fds[1]);
	if (err) {
		snprintf(why, PSK_WHY_MAX, "cannot be run: %s", strerror(err));
		close(fds[0]);
		return ERR_SYSTEM;
	}
	line = secret_alloc(LINE_ROOM);
	err = collect(fds[0], deadline, line, &n);
	/* One that prints without end gets SIGPIPE. */
	close(fds[0]);
	ended = !err && wait_for_end(pid, deadline);
	status = run_reap(pid, ended);
	if (!ended) {
		snprintf(why, PSK_WHY_MAX, "has not ended after %u s", (timeout_ms + 999) / 1000);
		err = ERR_TIMEOUT;
	} else if (n < LINE_ROOM) {
		err = run_judge(status, why);
	}
	if (!err)
		err = take_line(line, n, out, why);
	secret_release(line, LINE_ROOM);
	return err;
}
