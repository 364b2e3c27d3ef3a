/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/runtime.h"

/* The process that holds the connection. */
struct connection {
	const struct client_options *options;
	struct config *config;
	struct host host;
	struct log log;
	struct progress progress;
	int report; /* the end of a pipe to the first process, -1: we are the first */
};

const char *client_crypto_version(void)
{
	return crypto_version();
}

const char *client_crypto_package(void)
{
	return crypto_package();
}

static void log_to_stderr(void *ctx, const struct log_event *ev)
{
	char text[512];

	(void)ctx;
	log_format(ev, text, sizeof(text));
	fprintf(stderr, "%s: %s\n", log_level_name(ev->level), text);
}

static sigset_t ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

/*
 * Tells the first process how it went; it then returns to whoever called it. False when it is not
 * there any more.
 */
static bool report(struct connection *c, int code)
{
	bool told;

	fflush(stdout);
	fflush(stderr);
	if (c->report < 0)
		return true;
	told = write(c->report, &code, sizeof(code)) == sizeof(code);
	close(c->report);
	c->report = -1;
	return told;
}

/* The tunnel is up: nothing holds on to the terminal or the directory any more. */
static void go_to_background(void *ctx)
{
	struct connection *c = ctx;
	int null;

	if (c->report < 0)
		return;
	fflush(stdout);
	fflush(stderr);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	c->progress.out = NULL;
	if (chdir("/") != 0)
		errno = 0;
	/* Who killed the first process wants no connection. */
	if (!report(c, SESSION_EXIT_UP))
		raise(SIGTERM);
}

static int drop_privileges(struct connection *c)
{
	if (priv_drop(&c->host.user) != 0) {
		fprintf(stderr, "godwit: cannot give up privileges, so nothing is done: %s\n",
			strerror(errno));
		return SESSION_EXIT_SYSTEM;
	}
	if (!secret_pool_locked())
		log_ev(&c->log, LOG_WARN,
		       "keys may be swapped out: the kernel locks no more memory");
	return 0;
}

/* With the host's things open and the signals held back. */
static int run_loop(struct connection *c, const sigset_t *unblocked)
{
	struct loop_options options = {
		.host = &c->host,
		.rng = crypto_rng(),
		.log = &c->log,
		.progress = &c->progress,
		.err = stderr,
		.up = go_to_background,
		.ctx = c,
	};
	struct loop *l = loop_new(&options);
	int code;

	if (!l) {
		host_close(&c->host, stderr);
		return SESSION_EXIT_SYSTEM;
	}
	sigprocmask(SIG_SETMASK, unblocked, NULL);
	code = drop_privileges(c);
	if (code == 0)
		code = loop_run(l);
	host_close(&c->host, stderr);
	if (!loop_free(l)) {
		report(c, code);
		_exit(code);
	}
	return code;
}

static int run_config(struct connection *c)
{
	sigset_t block = ending_signals(), before;
	int code;

	if (!priv_may_connect()) {
		fprintf(stderr, "godwit: connect makes a network device, which is not allowed "
				"without CAP_NET_ADMIN; run it as root\n");
		return SESSION_EXIT_SYSTEM;
	}
	if (crypto_init() != 0) {
		fprintf(stderr, "godwit: the cryptographic library does not start\n");
		return SESSION_EXIT_SYSTEM;
	}
	/* From here to the loop there are things to put back, which only the loop's end does. */
	sigprocmask(SIG_BLOCK, &block, &before);
	code = host_open(&c->host, c->config, c->options->keylog, c->progress.out, stderr);
	if (code == 0)
		code = run_loop(c, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* Reads the file in the process that will use it: secrets do not survive a fork. */
static int run(const struct client_options *options, int report_fd)
{
	struct connection c = {
		.options = options,
		.log = { .level = options->verbose ? LOG_DEBUG : LOG_ERROR,
			 .sink = options->verbose ? log_to_stderr : NULL },
		.progress = { .out = stdout, .terminal = isatty(STDOUT_FILENO) },
		.report = report_fd,
	};
	int code;

	/* What they tell of shows as an error of the call, and there are things to put back. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	priv_prepare();
	if (config_read(options->file, &c.config, stderr) != 0)
		code = SESSION_EXIT_USAGE;
	else
		code = run_config(&c);
	config_free(c.config);
	report(&c, code);
	return code;
}

static void pass_on_signal(int sigfd, pid_t child)
{
	struct signalfd_siginfo info;

	if (read(sigfd, &info, sizeof(info)) == sizeof(info))
		kill(child, (int)info.ssi_signo);
}

/* The connection ended before it could say how. */
static int ended_without_word(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) == child && WIFSIGNALED(status))
		fprintf(stderr,
			"godwit: the connection ended before it was up: signal %d (%s); "
			"godwit disconnect puts back what it may have changed\n",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		fprintf(stderr, "godwit: the connection ended before it was up\n");
	return SESSION_EXIT_LOST;
}

/* The first process: passes signals on until it knows how it went. */
static int await(pid_t child, int report_fd, int sigfd)
{
	struct pollfd p[2] = { { .fd = report_fd, .events = POLLIN },
			       { .fd = sigfd, .events = POLLIN } };
	bool ending = false;
	ssize_t n;
	int code;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return ended_without_word(child);
		if (p[1].revents) {
			pass_on_signal(sigfd, child);
			ending = true;
		}
		if (!p[0].revents)
			continue;
		n = read(report_fd, &code, sizeof(code));
		if (n != sizeof(code))
			return ended_without_word(child);
		if (code == SESSION_EXIT_UP && !ending)
			return code;
		waitpid(child, NULL, 0);
		if (code != SESSION_EXIT_UP)
			return code;
		fprintf(stderr, "godwit: interrupted just when the tunnel was up\n");
		return SESSION_EXIT_LOST;
	}
}

int client_connect(const struct client_options *options)
{
	sigset_t block = ending_signals(), before;
	pid_t child;
	int ends[2], sigfd, code;

	if (!options->detach)
		return run(options, -1);
	sigprocmask(SIG_BLOCK, &block, &before);
	sigfd = signalfd(-1, &block, SFD_CLOEXEC);
	if (sigfd < 0 || pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		fprintf(stderr, "godwit: cannot go to the background: %s\n", strerror(errno));
		return SESSION_EXIT_SYSTEM;
	}
	if (child == 0) {
		close(sigfd);
		close(ends[0]);
		sigprocmask(SIG_SETMASK, &before, NULL);
		setsid();
		exit(run(options, ends[1]));
	}
	close(ends[1]);
	code = await(child, ends[0], sigfd);
	close(ends[0]);
	close(sigfd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}
