/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "client/dns.h"
#include "client/runtime.h"

/* The process that holds the connection. */
struct connection {
	const struct client_options *options;
	struct config *config;
	struct host host;
	struct log log;
	struct event_log *events;
	struct progress progress;
	struct hooks_options hooks_options;
	struct hooks hooks;
	struct dns dns;
	struct ask ask;
	FILE *err;
	int tty; /* where questions are asked; -1: nowhere */
	bool up; /* it has been */
	int report; /* the end of a pipe to the first process, -1: we are the first */
};

/* What goes through that pipe, once. */
struct outcome {
	int code;
	char name[CONFIG_NAME_MAX + 1]; /* of the connection; "": it has none yet */
};

const char *client_crypto_version(void)
{
	return crypto_version();
}

const char *client_crypto_package(void)
{
	return crypto_package();
}

const char *client_crypto_gcm(void)
{
	return crypto_init() == 0 ? crypto_gcm_name() : "nothing";
}

static void log_to_journal(struct connection *c)
{
	const struct event_sink sink = event_sink_journal(c->config->name);

	event_log_add_sink(c->events, &sink);
}

/*
 * Events go to the journal if standard error does, else to standard error if they are wanted there. In
 * the background they go to the journal, where there is one. What is kept to be asked for has them all.
 */
static void log_to_journal_or_stderr(struct connection *c)
{
	const struct event_sink sink = event_sink_stderr(false);

	if (event_journal_is_stderr())
		log_to_journal(c);
	else if (c->options->verbose)
		event_log_add_sink(c->events, &sink);
}

static sigset_t ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	return set;
}

/*
 * Tells the first process how it went; it then returns to whoever called it. False when it is not
 * there any more.
 */
static bool report(struct connection *c, int code)
{
	struct outcome outcome = { .code = code };
	bool told;

	fflush(stdout);
	fflush(c->err);
	fflush(stderr);
	if (c->report < 0)
		return true;
	if (c->config)
		snprintf(outcome.name, sizeof(outcome.name), "%s", c->config->name);
	told = write(c->report, &outcome, sizeof(outcome)) == sizeof(outcome);
	close(c->report);
	c->report = -1;
	return told;
}

static void let_go_of_terminal(struct connection *c)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	hooks_go_to_background(&c->hooks);
	ask_let_go(&c->ask);
	event_log_remove_sinks(c->events);
	if (event_journal_is_there())
		log_to_journal(c);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (c->tty > 2)
		close(c->tty);
	c->tty = -1;
	c->progress.out = NULL;
	if (chdir("/") != 0)
		errno = 0;
}

static void say_up(const struct connection *c)
{
	if (c->options->manner != CLIENT_VPNC)
		return;
	if (c->report >= 0)
		printf("VPNC started in background (pid: %d)...\n", (int)getpid());
	else
		printf("VPNC started in foreground...\n");
	fflush(stdout);
}

/* The tunnel is up: nothing holds on to the terminal or the directory any more. */
static void go_to_background(void *ctx)
{
	struct connection *c = ctx;

	c->up = true;
	if (c->options->pid_file)
		hooks_write_pid(&c->hooks, c->err);
	say_up(c);
	if (c->report < 0)
		return;
	fflush(stdout);
	fflush(c->err);
	let_go_of_terminal(c);
	/* Who killed the first process wants no connection. */
	if (!report(c, SESSION_EXIT_UP))
		raise(SIGTERM);
}

static int drop_privileges(struct connection *c)
{
	if (priv_drop(&c->host.user) != 0) {
		fprintf(c->err, "godwit: cannot give up privileges, so nothing is done: %s\n",
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
		.events = c->events,
		.progress = &c->progress,
		.hooks = &c->hooks,
		.ask = &c->ask,
		.err = c->err,
		.up = go_to_background,
		.ctx = c,
		.advise = c->options->advise,
	};
	struct loop *l;
	int code;

	c->host.dns = &c->dns;
	l = loop_new(&options);
	if (!l) {
		host_close(&c->host, c->err);
		return SESSION_EXIT_SYSTEM;
	}
	sigprocmask(SIG_SETMASK, unblocked, NULL);
	code = drop_privileges(c);
	if (code == 0)
		code = loop_run(l);
	ask_end(&c->ask);
	hooks_end(&c->hooks);
	if (c->hooks.dns_over)
		c->dns.state = DNS_NOTHING;
	host_close(&c->host, c->err);
	if (!loop_free(l)) {
		code = manner_exit(c->options->manner, code, c->up);
		report(c, code);
		_exit(code);
	}
	return code;
}

/*
 * Before anything of the host's is touched: the script may have to make /dev/net/tun. One that does
 * not know this reason may do for the others.
 */
static int pre_init(struct connection *c)
{
	struct hooks_result r;

	if (!hooks_has_script(&c->hooks))
		return 0;
	if (!hooks_run_wait(&c->hooks, HOOKS_PRE_INIT, NULL, HOOKS_RUN_MS + 1000, &r)) {
		r.status = ERR_SYSTEM;
		snprintf(r.why, sizeof(r.why), "cannot be run");
	}
	if (r.status)
		fprintf(c->err, "godwit: the script %s %s (pre-init)\n", c->config->script, r.why);
	return r.status == 0 || r.status == ERR_CONFIG ? 0 : SESSION_EXIT_SYSTEM;
}

static void start_asking(struct connection *c)
{
	const struct session_config *session = &c->config->session;
	struct ask_options options = {
		.manner = c->options->manner,
		.no_questions = c->options->no_questions,
		.always = session->ask_always,
		.name = c->config->name,
		.username = session->username,
		.tty = c->tty,
		.progress = &c->progress,
		.err = c->err,
	};

	ask_init(&c->ask, &options);
}

static int run_host(struct connection *c)
{
	sigset_t block = ending_signals(), before;
	int code;

	/* From here to the loop there are things to put back, which only the loop's end does. */
	sigprocmask(SIG_BLOCK, &block, &before);
	code = host_open(&c->host, c->config, c->options->keylog, c->progress.out, c->err);
	if (code == 0) {
		start_asking(c);
		code = run_loop(c, &before);
		ask_free(&c->ask);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

static int run_config(struct connection *c)
{
	int code;

	if (!priv_may_connect()) {
		fprintf(c->err, "godwit: connect makes a network device, which is not allowed "
				"without CAP_NET_ADMIN; run it as root\n");
		return SESSION_EXIT_SYSTEM;
	}
	if (crypto_init() != 0) {
		fprintf(c->err, "godwit: the cryptographic library does not start\n");
		return SESSION_EXIT_SYSTEM;
	}
	crypto_log(&c->log);
	dns_init(&c->dns, c->config, &c->log, c->err);
	c->hooks_options = (struct hooks_options){
		.script = c->config->script,
		.password_command = c->config->password_command,
		.pid_file = c->options->pid_file,
		.no_dns = c->dns.by != DNS_BY_SCRIPT,
		.verbose = c->options->verbose,
		.dns = { c->dns.by, c->config->device, c->dns.host.resolvconf, c->dns.record },
	};
	if (hooks_start(&c->hooks, &c->hooks_options, c->err) != 0)
		return SESSION_EXIT_SYSTEM;
	code = pre_init(c);
	if (code == 0)
		code = run_host(c);
	hooks_end(&c->hooks);
	return code;
}

/* The configuration, in the process that will use it: secrets do not survive a fork. */
static int read_config(struct connection *c)
{
	const struct client_options *o = c->options;
	struct config_source source = {
		.file = o->file,
		.text = o->text,
		.n = o->text_size,
		.owner = geteuid(),
		.mode = S_IFREG | 0600,
		.fetch = true,
		/* Who reads vpnc's words takes every other one for the gateway's. */
		.quiet = o->manner == CLIENT_VPNC && !o->verbose,
	};
	bool may_ask = c->tty >= 0 && !o->no_questions;
	int rc;

	if (!o->text)
		return o->file ?
			       config_read_with(o->file, o->settings, may_ask, &c->config, c->err) :
			       config_read_settings(o->settings, may_ask, &c->config, c->err);
	rc = config_parse(&source, &c->config, c->err);
	/* Nobody who is forked from here on is to find secrets in it. */
	wipe(o->text, o->text_size);
	return rc;
}

/* What the configuration leaves open, in the process that holds it. The exit code; 0: go on. */
static int ask_for_psk(struct connection *c)
{
	struct session_config *s = &c->config->session;
	char prompt[400], id[IDENTITY_TEXT_MAX];

	if (!c->config->psk_asked)
		return 0;
	if (s->ike.mode == IKE_MODE_AGGRESSIVE && s->ike.local.type != ID_NONE)
		snprintf(prompt, sizeof(prompt),
			 "Secret of the group %.100s at %.200s: ", identity_word(&s->ike.local, id),
			 s->gateways[0]);
	else
		snprintf(prompt, sizeof(prompt), "Pre-shared key of %.200s: ", s->gateways[0]);
	switch (ask_line(c->tty, prompt, &s->ike.psk)) {
	case ASK_LINE_TYPED:
		return 0;
	case ASK_LINE_ENDED:
		fputs(CONNECT_INTERRUPTED, c->err);
		return SESSION_EXIT_LOST;
	case ASK_LINE_EMPTY:
		break;
	}
	fprintf(c->err, "godwit: without a pre-shared key there is no connection; type it, or set "
			"psk, psk-file or psk-command in [auth]\n");
	return SESSION_EXIT_USAGE;
}

static int run(const struct client_options *options, int tty, int report_fd)
{
	bool quiet = options->manner == CLIENT_VPNC;
	struct connection c = {
		.options = options,
		.events = event_log_new(LOG_DEBUG, options->verbose ? LOG_DEBUG : LOG_INFO),
		.progress = { .out = quiet ? NULL : stdout, .width = progress_width(stdout) },
		.err = manner_err(options->manner),
		.tty = tty,
		.report = report_fd,
	};
	int code;

	/* What they tell of shows as an error of the call, and there are things to put back. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	event_log_attach(c.events, &c.log);
	priv_prepare();
	code = read_config(&c) != 0 ? SESSION_EXIT_USAGE : ask_for_psk(&c);
	if (!code) {
		log_to_journal_or_stderr(&c);
		code = run_config(&c);
	}
	event_log_remove_sinks(c.events);
	code = manner_exit(options->manner, code, c.up);
	report(&c, code);
	config_free(c.config);
	manner_err_close(c.err);
	event_log_free(c.events);
	return code;
}

static void pass_on_signal(int sigfd, pid_t child)
{
	struct signalfd_siginfo info;

	if (read(sigfd, &info, sizeof(info)) == sizeof(info))
		kill(child, (int)info.ssi_signo);
}

/* The connection ended before it could say how. */
static int ended_without_word(pid_t child, FILE *err)
{
	int status;

	if (waitpid(child, &status, 0) == child && WIFSIGNALED(status))
		fprintf(err,
			"godwit: the connection ended before it was up: signal %d (%s); "
			"godwit disconnect puts back what it may have changed\n",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		fprintf(err, "godwit: the connection ended before it was up\n");
	return SESSION_EXIT_LOST;
}

/* A person sees the prompt again, and that it goes on behind it. */
static void tell_what_next(enum client_manner manner)
{
	if (manner == CLIENT_GODWIT && isatty(STDOUT_FILENO))
		puts("In the background now: godwit status shows it, godwit disconnect ends it.");
}

/*
 * The connection has ended and could not do so itself. A name from there is no more than that: what is
 * not empty stays.
 */
static void remove_rundir(const struct outcome *o)
{
	if (memchr(o->name, '\0', sizeof(o->name)) && rundir_name_ok(o->name))
		rundir_remove(o->name);
}

/* The first process: passes signals on until it knows how it went. */
static int await(pid_t child, int report_fd, int sigfd, enum client_manner manner, FILE *err)
{
	struct pollfd p[2] = { { .fd = report_fd, .events = POLLIN },
			       { .fd = sigfd, .events = POLLIN } };
	struct outcome outcome;
	bool ending = false;
	ssize_t n;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return manner_exit(manner, ended_without_word(child, err), false);
		if (p[1].revents) {
			pass_on_signal(sigfd, child);
			ending = true;
		}
		if (!p[0].revents)
			continue;
		n = read(report_fd, &outcome, sizeof(outcome));
		if (n != sizeof(outcome))
			return manner_exit(manner, ended_without_word(child, err), false);
		if (outcome.code == SESSION_EXIT_UP && !ending) {
			tell_what_next(manner);
			return SESSION_EXIT_UP;
		}
		waitpid(child, NULL, 0);
		remove_rundir(&outcome);
		if (outcome.code != SESSION_EXIT_UP)
			return outcome.code;
		fprintf(err, "godwit: interrupted just when the tunnel was up\n");
		return manner_exit(manner, SESSION_EXIT_LOST, false);
	}
}

/* In vpnc's manner questions are read from standard input, whatever that is. */
static int open_terminal(const struct client_options *options)
{
	if (options->manner == CLIENT_VPNC)
		return STDIN_FILENO;
	return open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int connect_in_background(const struct client_options *options, int tty)
{
	FILE *err = manner_err(options->manner);
	sigset_t block = ending_signals(), before;
	struct termios echo, now;
	bool has_echo = tty >= 0 && tcgetattr(tty, &echo) == 0;
	pid_t child;
	int ends[2], sigfd, code = SESSION_EXIT_SYSTEM;

	sigprocmask(SIG_BLOCK, &block, &before);
	sigfd = signalfd(-1, &block, SFD_CLOEXEC);
	fflush(NULL);
	if (sigfd < 0 || pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		fprintf(err, "godwit: cannot go to the background: %s\n", strerror(errno));
		code = manner_exit(options->manner, code, false);
		goto out;
	}
	if (child == 0) {
		close(sigfd);
		close(ends[0]);
		sigprocmask(SIG_SETMASK, &before, NULL);
		setsid();
		exit(run(options, tty, ends[1]));
	}
	close(ends[1]);
	code = await(child, ends[0], sigfd, options->manner, err);
	close(ends[0]);
	/* The other one may have been killed while it asked. */
	if (has_echo && tcgetattr(tty, &now) == 0 && (echo.c_lflag & ~now.c_lflag & ECHO))
		tcsetattr(tty, TCSANOW, &echo);
out:
	if (sigfd >= 0)
		close(sigfd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	manner_err_close(err);
	return code;
}

int client_connect(const struct client_options *options)
{
	int tty = open_terminal(options);
	int code = options->detach ? connect_in_background(options, tty) : run(options, tty, -1);

	if (tty > 2)
		close(tty);
	return code;
}
