/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/hooks.h"

/* Longer than anything takes that ends at all; what ends does not wait for it. */
#define PATIENCE_MS 60000

/* A directory with a script in it that writes down how it was called. */
struct world {
	char dir[64];
	char script[128];
	char command[512];
	char pid_file[128];
	char said[65536];
	struct hooks_options options;
	struct hooks hooks;
	struct hooks_env env;
};

static char *path_of(const struct world *w, const char *name)
{
	static char path[4][160];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", w->dir, name);
	return path[next];
}

/* Runs with its directory in $D, which is no variable that it was given. */
static void write_script(struct world *w, const char *body)
{
	FILE *f;

	unlink(w->script);
	f = fopen(w->script, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nD=%s\n%s\n", w->dir, body);
	assert_int_equal(fchmod(fileno(f), 0755), 0);
	fclose(f);
}

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/godwit-hooks.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->script, sizeof(w->script), "%s/script", w->dir);
	snprintf(w->pid_file, sizeof(w->pid_file), "%s/pid", w->dir);
	w->options.script = w->script;
	w->hooks.fd = -1;
	write_script(w, "echo \"$reason\" >>$D/reasons");
	strcpy(w->env.device, "tun7");
	assert_true(addr_parse("192.0.2.1", &w->env.gateway));
	assert_true(addr_parse("10.91.0.7", &w->env.ip4));
	w->env.ip4_len = 32;
	*state = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st;
	(void)flag;
	(void)where;
	return remove(path);
}

static int world_close(void **state)
{
	struct world *w = *state;

	hooks_end(&w->hooks);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

static void start(struct world *w)
{
	assert_int_equal(hooks_start(&w->hooks, &w->options, stderr), 0);
}

static int run(struct world *w, enum hooks_reason reason)
{
	struct hooks_result r;

	assert_true(hooks_run_wait(&w->hooks, reason, &w->env, PATIENCE_MS, &r));
	return r.status;
}

/* The content of a file, "" when there is none. */
static const char *content(struct world *w, const char *name)
{
	FILE *f = fopen(path_of(w, name), "r");
	size_t n = f ? fread(w->said, 1, sizeof(w->said) - 1, f) : 0;

	w->said[n] = '\0';
	if (f)
		fclose(f);
	return w->said;
}

static bool comes(const struct world *w, const char *name)
{
	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		if (access(path_of(w, name), F_OK) == 0)
			return true;
		usleep(10000);
	}
	return false;
}

/* ---- the script ---- */

static void a_life(void **state)
{
	struct world *w = *state;

	start(w);
	assert_int_equal(run(w, HOOKS_PRE_INIT), 0);
	assert_int_equal(run(w, HOOKS_CONNECT), 0);
	assert_int_equal(run(w, HOOKS_ATTEMPT_RECONNECT), 0);
	assert_int_equal(run(w, HOOKS_RECONNECT), 0);
	assert_string_equal(content(w, "reasons"),
			    "pre-init\nconnect\nattempt-reconnect\nreconnect\n");
	hooks_end(&w->hooks);
	assert_string_equal(content(w, "reasons"),
			    "pre-init\nconnect\nattempt-reconnect\nreconnect\ndisconnect\n");
}

static void disconnect_only_after_connect(void **state)
{
	struct world *w = *state;

	start(w);
	assert_int_equal(run(w, HOOKS_PRE_INIT), 0);
	assert_int_equal(run(w, HOOKS_DISCONNECT), ERR_PERMISSION);
	hooks_end(&w->hooks);
	assert_string_equal(content(w, "reasons"), "pre-init\n");
}

static void disconnect_between(void **state)
{
	struct world *w = *state;

	start(w);
	assert_int_equal(run(w, HOOKS_CONNECT), 0);
	assert_int_equal(run(w, HOOKS_DISCONNECT), 0);
	assert_int_equal(run(w, HOOKS_CONNECT), 0);
	hooks_end(&w->hooks);
	assert_string_equal(content(w, "reasons"), "connect\ndisconnect\nconnect\ndisconnect\n");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What `env -0` has written against what it should: the shell's own variables do not count. */
static void compare_environment(struct world *w, char **want, size_t n)
{
	FILE *f = fopen(path_of(w, "env"), "r");
	size_t size, at = 0, had = 0;
	char *have[128];

	assert_non_null(f);
	size = fread(w->said, 1, sizeof(w->said), f);
	fclose(f);
	for (; at < size; at += strlen(w->said + at) + 1)
		if (strncmp(w->said + at, "PWD=", 4) && strncmp(w->said + at, "OLDPWD=", 7) &&
		    strncmp(w->said + at, "SHLVL=", 6) && strncmp(w->said + at, "_=", 2))
			have[had++] = w->said + at;
	qsort(have, had, sizeof(have[0]), by_text);
	qsort(want, n, sizeof(want[0]), by_text);
	for (size_t i = 0; i < n && i < had; i++)
		assert_string_equal(have[i], want[i]);
	assert_int_equal(had, n);
}

/* The script gets exactly that, and nothing of what we were started with. */
static void environment_is_made_anew(void **state)
{
	struct world *w = *state;
	struct hooks_vars vars;

	setenv("LD_PRELOAD_OF_MINE", "x", 1);
	write_script(w, "unset D; env -0 >$(dirname $0)/env");
	strcpy(w->env.banner, "two\nlines, 'quoted'");
	start(w);
	assert_int_equal(run(w, HOOKS_CONNECT), 0);
	hooks_vars_make(&w->env, HOOKS_CONNECT, getpid(), 1, &vars);
	compare_environment(w, vars.vars, vars.n);
	hooks_vars_free(&vars);
	unsetenv("LD_PRELOAD_OF_MINE");
}

static void disconnect_knows_what_connect_knew(void **state)
{
	struct world *w = *state;

	write_script(w, "echo $reason $INTERNAL_IP4_ADDRESS $VPNGATEWAY >>$D/told");
	start(w);
	assert_int_equal(run(w, HOOKS_CONNECT), 0);
	hooks_end(&w->hooks);
	assert_string_equal(content(w, "told"), "connect 10.91.0.7 192.0.2.1\n"
						"disconnect 10.91.0.7 192.0.2.1\n");
}

/* Also when it is asked for by somebody who is not to be trusted any more. */
static void no_dns_for_whom_it_is_not(void **state)
{
	struct world *w = *state;

	w->env.ndns = w->env.nnbns = w->env.nsplit_dns = 1;
	assert_true(addr_parse("10.80.0.1", &w->env.dns[0]));
	w->env.nbns[0] = w->env.dns[0];
	strcpy(w->env.domain, "example.com");
	strcpy(w->env.split_dns[0], "example.com");
	for (unsigned k = 0; k < 2; k++) {
		w->options.no_dns = k;
		write_script(w, "env | grep -c -e DNS -e NBNS -e DOMAIN >$D/dns");
		start(w);
		run(w, HOOKS_CONNECT);
		assert_string_equal(content(w, "dns"), k ? "0\n" : "4\n");
		hooks_end(&w->hooks);
	}
}

static void failures_are_told(void **state)
{
	struct world *w = *state;
	struct hooks_result r;

	write_script(w, "[ $reason != connect ] || exit 3");
	start(w);
	assert_int_equal(run(w, HOOKS_PRE_INIT), 0);
	assert_true(hooks_run_wait(&w->hooks, HOOKS_CONNECT, &w->env, PATIENCE_MS, &r));
	assert_int_equal(r.status, ERR_CONFIG);
	assert_string_equal(r.why, "ended with exit code 3");
	unlink(w->script);
	assert_true(hooks_run_wait(&w->hooks, HOOKS_RECONNECT, &w->env, PATIENCE_MS, &r));
	assert_int_equal(r.status, ERR_UNSUPPORTED);
}

/* NetworkManager's has words behind it. */
static void script_may_have_arguments(void **state)
{
	struct world *w = *state;

	write_script(w, "echo \"$1|$2|$3\" >$D/args");
	snprintf(w->command, sizeof(w->command), "%s 0 'a b' --bus-name", w->script);
	w->options.script = w->command;
	start(w);
	assert_int_equal(run(w, HOOKS_CONNECT), 0);
	assert_string_equal(content(w, "args"), "0|a b|--bus-name\n");
}

/* No descriptor of ours, no signal held back or ignored. */
static void script_inherits_nothing(void **state)
{
	struct world *w = *state;
	int mine = open("/dev/null", O_RDONLY);
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	signal(SIGPIPE, SIG_IGN);
	write_script(w, "ls /proc/self/fd >$D/fds\n"
			"grep -E '^Sig(Blk|Ign)' /proc/self/status >$D/signals");
	start(w);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(run(w, HOOKS_CONNECT), 0);
	/* ls has the directory open, too; the shell has put its own script elsewhere. */
	assert_string_equal(content(w, "fds"), "0\n1\n2\n3\n");
	assert_non_null(strstr(content(w, "signals"), "SigBlk:\t0000000000000000\n"));
	/* Signals 32 and 33 are the C library's own. */
	assert_non_null(strstr(w->said, "SigIgn:\t"));
	assert_int_equal(strtoull(strstr(w->said, "SigIgn:\t") + 8, NULL, 16) & 0x7fffffff, 0);
	close(mine);
}

/* ---- the end ---- */

/* Whatever runs when the connection ends is in the way of `disconnect`. */
static void the_end_does_not_wait_for_connect(void **state)
{
	struct world *w = *state;

	write_script(w, "echo $reason >>$D/reasons\n"
			"if [ $reason = connect ]; then >$D/begun; sleep 1000; >$D/ended; fi");
	start(w);
	assert_true(hooks_run(&w->hooks, HOOKS_CONNECT, &w->env));
	assert_true(comes(w, "begun"));
	hooks_end(&w->hooks);
	assert_string_equal(content(w, "reasons"), "connect\ndisconnect\n");
	assert_int_equal(access(path_of(w, "ended"), F_OK), -1);
}

/* What it started is ended with it. */
static void disconnect_that_does_not_end(void **state)
{
	struct world *w = *state;
	int status = 0;
	pid_t sleeper;

	write_script(w, "[ $reason = disconnect ] || exit 0\n"
			"sleep 1000 &\necho $! >$D/sleeper\nwait\n>$D/ended");
	start(w);
	assert_int_equal(run(w, HOOKS_CONNECT), 0);
	hooks_end(&w->hooks);
	assert_int_equal(access(path_of(w, "ended"), F_OK), -1);
	sleeper = atoi(content(w, "sleeper"));
	assert_true(sleeper > 1);
	for (int i = 0; i < 1000 && (status = kill(sleeper, 0)) == 0; i++)
		usleep(10000);
	assert_int_equal(status, -1);
	assert_int_equal(errno, ESRCH);
}

/* Ours is killed: the attendant notices, and does what is left to do. */
static void killed_parent(void **state)
{
	struct world *w = *state;
	char ready;
	int ends[2];
	pid_t child;

	write_script(w, "echo $reason >>$D/reasons\n[ $reason != disconnect ] || >$D/over");
	w->options.pid_file = w->pid_file;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		struct hooks_result r;

		if (hooks_start(&w->hooks, &w->options, stderr) == 0 &&
		    hooks_run_wait(&w->hooks, HOOKS_CONNECT, &w->env, PATIENCE_MS, &r) &&
		    hooks_write_pid(&w->hooks, stderr) && write(ends[1], "r", 1) == 1)
			pause();
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &ready, 1), 1);
	assert_int_equal(atoi(content(w, "pid")), child);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	/* The attendant holds nothing of ours, so its end shows in what it does last. */
	assert_true(comes(w, "over"));
	for (int i = 0; i < PATIENCE_MS / 10 && access(w->pid_file, F_OK) == 0; i++)
		usleep(10000);
	assert_int_equal(access(w->pid_file, F_OK), -1);
	assert_string_equal(content(w, "reasons"), "connect\ndisconnect\n");
	close(ends[0]);
}

/* Whether its end is seen when something is sent or when a reply is awaited. */
static void loses_attendant(struct world *w, bool dead_before)
{
	struct hooks_result r;
	siginfo_t info;

	start(w);
	kill(w->hooks.pid, SIGKILL);
	if (dead_before)
		assert_int_equal(waitid(P_PID, (id_t)w->hooks.pid, &info, WEXITED | WNOWAIT), 0);
	assert_false(hooks_run_wait(&w->hooks, HOOKS_CONNECT, &w->env, PATIENCE_MS, &r));
	assert_true(w->hooks.lost);
	assert_false(hooks_has_script(&w->hooks));
	hooks_end(&w->hooks);
}

static void killed_attendant(void **state)
{
	loses_attendant(*state, false);
	loses_attendant(*state, true);
}

/* ---- what an unprivileged side may try ---- */

static int try(struct world *w, const struct hooks_request *q, size_t n)
{
	struct hooks_reply reply;

	assert_int_equal(send(w->hooks.fd, q, n, MSG_NOSIGNAL), n);
	assert_int_equal(recv(w->hooks.fd, &reply, sizeof(reply), 0), sizeof(reply));
	return reply.status;
}

/* The other side has given root up: the script is not to be run for a device of its choice. */
static void another_device_is_refused(void **state)
{
	struct world *w = *state;

	w->options.dns.device = "tun7";
	start(w);
	assert_int_equal(run(w, HOOKS_CONNECT), 0);
	strcpy(w->env.device, "eth0");
	assert_int_equal(run(w, HOOKS_CONNECT), ERR_PERMISSION);
	assert_int_equal(run(w, HOOKS_RECONNECT), ERR_PERMISSION);
	/* Nor does it stay behind as what the end is told of. */
	write_script(w, "echo \"$reason $TUNDEV\" >>$D/reasons");
	assert_int_equal(run(w, HOOKS_DISCONNECT), 0);
	assert_string_equal(content(w, "reasons"), "connect\ndisconnect tun7\n");
}

static void bad_requests_are_refused(void **state)
{
	struct world *w = *state;
	struct hooks_request *q = calloc(1, sizeof(*q));

	start(w);
	q->verb = HOOKS_RUN;
	q->reason = HOOKS_REASONS;
	q->env = w->env;
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	q->reason = (enum hooks_reason)0x7fffffff;
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	q->reason = HOOKS_CONNECT;
	strcpy(q->env.domain, "x\nLD_PRELOAD=/tmp/x.so");
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	q->verb = (enum hooks_verb)99;
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	/* What was not configured cannot be had. */
	q->verb = HOOKS_PID_FILE;
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	q->verb = HOOKS_PASSWORD;
	strcpy(q->question, "Password: ");
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	/* One of another size has no answer; the next one has. */
	assert_int_equal(send(w->hooks.fd, q, 100, MSG_NOSIGNAL), 100);
	assert_int_equal(send(w->hooks.fd, q, 1, MSG_NOSIGNAL), 1);
	assert_int_equal(run(w, HOOKS_CONNECT), 0);
	/* Half a request is not completed by what was there before. */
	q->verb = HOOKS_RUN;
	q->reason = HOOKS_DISCONNECT;
	assert_int_equal(send(w->hooks.fd, q, offsetof(struct hooks_request, env), MSG_NOSIGNAL),
			 offsetof(struct hooks_request, env));
	assert_int_equal(run(w, HOOKS_RECONNECT), 0);
	assert_string_equal(content(w, "reasons"), "connect\nreconnect\n");
	free(q);
}

static void bad_questions_are_refused(void **state)
{
	struct world *w = *state;
	struct hooks_request *q = calloc(1, sizeof(*q));

	w->options.script = NULL;
	w->options.password_command = "echo secret";
	start(w);
	q->verb = HOOKS_PASSWORD;
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	strcpy(q->question, "two\nlines");
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	strcpy(q->question, "\x1b[2J");
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	strcpy(q->question, "--title=Password");
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	memset(q->question, 'x', sizeof(q->question));
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	q->question[sizeof(q->question) - 1] = '\0';
	assert_int_equal(try(w, q, sizeof(*q)), 0);
	q->verb = HOOKS_RUN;
	q->reason = HOOKS_PRE_INIT;
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	free(q);
}

/* ---- the password command ---- */

static void ask(struct world *w, struct hooks_result *r)
{
	assert_true(hooks_password(&w->hooks, "Password for alice@vpn.example.com: "));
	assert_true(hooks_take(&w->hooks, PATIENCE_MS, r));
	assert_int_equal(r->verb, HOOKS_PASSWORD);
}

static void expect_password(struct world *w, const char *command, const char *password)
{
	struct hooks_result r;

	hooks_end(&w->hooks);
	w->options.script = NULL;
	w->options.password_command = command;
	start(w);
	ask(w, &r);
	assert_int_equal(r.status == 0, password != NULL);
	if (password) {
		assert_int_equal(r.password.n, strlen(password));
		assert_memory_equal(r.password.p, password, r.password.n);
	} else {
		assert_int_equal(r.password.n, 0);
		assert_true(r.why[0]);
	}
	secret_free(&r.password);
}

static void passwords(void **state)
{
	struct world *w = *state;

	expect_password(w, "echo \"  two words \"", "  two words ");
	expect_password(w, "printf abc", "abc");
	expect_password(w, "printf 'abc\\r\\ndef\\n'", "abc");
	expect_password(w, "printf '\\n\\nabc'", NULL);
	expect_password(w, "echo \"<$1>\"", "<Password for alice@vpn.example.com: >");
	expect_password(w, "env | grep -vE '^(PWD|OLDPWD|SHLVL|_)=' | wc -l", "1");
	expect_password(w, "echo abc; exit 1", NULL);
	expect_password(w, "true", NULL);
	expect_password(w, "/no/such/program", NULL);
	expect_password(w, "head -c 255 /dev/zero | tr '\\0' x | grep -c . >/dev/null; echo ok",
			"ok");
	expect_password(w, "head -c 256 /dev/zero | tr '\\0' x", NULL);
	/* As pass(1) shows an entry. */
	expect_password(w, "echo abc; head -c 100000 /dev/zero", "abc");
	/* What goes on in the background does not keep us waiting. */
	expect_password(w, "sleep 5 & echo abc", "abc");
}

/* ---- the pid file ---- */

static void pid_file_is_ours(void **state)
{
	struct world *w = *state;
	struct stat st;

	w->options.pid_file = w->pid_file;
	umask(077);
	start(w);
	umask(022);
	assert_int_equal(access(w->pid_file, F_OK), -1);
	assert_true(hooks_write_pid(&w->hooks, stderr));
	assert_int_equal(atoi(content(w, "pid")), getpid());
	assert_int_equal(stat(w->pid_file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	hooks_end(&w->hooks);
	assert_int_equal(access(w->pid_file, F_OK), -1);
}

static void pid_file_follows_no_link(void **state)
{
	struct world *w = *state;
	struct stat st;

	w->options.pid_file = w->pid_file;
	assert_int_equal(symlink(path_of(w, "victim"), w->pid_file), 0);
	start(w);
	assert_true(hooks_write_pid(&w->hooks, stderr));
	assert_int_equal(access(path_of(w, "victim"), F_OK), -1);
	assert_int_equal(lstat(w->pid_file, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void pid_file_of_another_stays(void **state)
{
	struct world *w = *state;
	FILE *f;

	w->options.pid_file = w->pid_file;
	start(w);
	assert_true(hooks_write_pid(&w->hooks, stderr));
	f = fopen(w->pid_file, "w");
	fprintf(f, "1\n");
	fclose(f);
	hooks_end(&w->hooks);
	assert_string_equal(content(w, "pid"), "1\n");
}

static void pid_file_that_cannot_be(void **state)
{
	struct world *w = *state;
	char *said = NULL;
	size_t n;
	FILE *err = open_memstream(&said, &n);

	w->options.pid_file = "/no/such/directory/pid";
	start(w);
	assert_false(hooks_write_pid(&w->hooks, err));
	fclose(err);
	assert_non_null(strstr(said, "cannot write the pid file /no/such/directory/pid: No such"));
	free(said);
}

static void nothing_to_do_is_no_attendant(void **state)
{
	struct world *w = *state;

	w->options.script = NULL;
	start(w);
	assert_int_equal(w->hooks.pid, -1);
	assert_false(hooks_has_script(&w->hooks));
	assert_false(hooks_run(&w->hooks, HOOKS_CONNECT, &w->env));
	hooks_go_to_background(&w->hooks);
	hooks_end(&w->hooks);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

/* ---- DNS ---- */

static struct dns_plan a_plan(void)
{
	struct dns_plan p = { .nservers = 1, .ndomains = 1 };

	assert_true(addr_parse("10.80.0.53", &p.servers[0]));
	strcpy(p.domains[0].name, "corp.example");
	p.domains[0].search = true;
	return p;
}

/* With a resolvconf that writes down what it is told. */
static void start_with_dns(struct world *w)
{
	write_script(w, "{ echo $1 $2; [ $1 != -a ] || cat; } >>$D/told");
	w->options.script = NULL;
	w->options.dns = (struct dns_agent_options){ DNS_BY_RESOLVCONF, "tun7", w->script,
						     "vpn.tun7.godwit" };
	start(w);
}

static int hand_over(struct world *w, const struct dns_plan *p)
{
	struct hooks_result r;

	assert_true(hooks_dns(&w->hooks, p));
	assert_true(hooks_take(&w->hooks, PATIENCE_MS, &r));
	assert_int_equal(r.verb, HOOKS_DNS);
	assert_false(r.dns_over);
	return r.status;
}

#define TOLD "-a vpn.tun7.godwit\nsearch corp.example\nnameserver 10.80.0.53\n"

static void dns_is_handed_over_and_taken_back(void **state)
{
	struct dns_plan p = a_plan(), nothing = { 0 };
	struct world *w = *state;

	start_with_dns(w);
	assert_int_equal(hand_over(w, &nothing), 0);
	assert_int_equal(hand_over(w, &p), 0);
	assert_string_equal(content(w, "told"), TOLD);
	assert_int_equal(hand_over(w, &nothing), 0);
	assert_int_equal(hand_over(w, &p), 0);
	hooks_end(&w->hooks);
	assert_true(w->hooks.dns_over);
	assert_string_equal(content(w, "told"),
			    TOLD "-d vpn.tun7.godwit\n" TOLD "-d vpn.tun7.godwit\n");
}

static void dns_that_is_not_taken_back_is_told(void **state)
{
	struct dns_plan p = a_plan();
	struct world *w = *state;

	start_with_dns(w);
	write_script(w, "exit 7");
	assert_int_equal(hand_over(w, &p), ERR_CONFIG);
	hooks_end(&w->hooks);
	assert_false(w->hooks.dns_over);
}

static void dns_is_checked(void **state)
{
	struct dns_plan p = a_plan();
	struct world *w = *state;

	start_with_dns(w);
	strcpy(p.domains[0].name, "x\nnameserver 6.6.6.6");
	assert_int_equal(hand_over(w, &p), ERR_PERMISSION);
	p = a_plan();
	p.nservers = 1000000;
	assert_int_equal(hand_over(w, &p), ERR_PERMISSION);
	hooks_end(&w->hooks);
	assert_true(w->hooks.dns_over);
	assert_string_equal(content(w, "told"), "");
}

/* Also when it is asked for by somebody who is not to be trusted any more. */
static void dns_is_not_everybodys_business(void **state)
{
	struct hooks_request *q = calloc(1, sizeof(*q));
	struct world *w = *state;

	start(w);
	q->verb = HOOKS_DNS;
	q->dns = a_plan();
	assert_false(hooks_dns(&w->hooks, &q->dns));
	assert_int_equal(try(w, q, sizeof(*q)), ERR_PERMISSION);
	free(q);
}

/* Killed, we leave nothing. */
static void dns_is_taken_back_by_itself(void **state)
{
	struct dns_plan p = a_plan();
	struct world *w = *state;
	char ready;
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		start_with_dns(w);
		if (hand_over(w, &p) == 0 && write(ends[1], "r", 1) == 1)
			pause();
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &ready, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	for (int i = 0; i < PATIENCE_MS / 10 && !strstr(content(w, "told"), "-d"); i++)
		usleep(10000);
	assert_string_equal(content(w, "told"), TOLD "-d vpn.tun7.godwit\n");
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_life),
		TEST(disconnect_only_after_connect),
		TEST(disconnect_between),
		TEST(environment_is_made_anew),
		TEST(disconnect_knows_what_connect_knew),
		TEST(no_dns_for_whom_it_is_not),
		TEST(failures_are_told),
		TEST(script_may_have_arguments),
		TEST(script_inherits_nothing),
		TEST(the_end_does_not_wait_for_connect),
		TEST(disconnect_that_does_not_end),
		TEST(killed_parent),
		TEST(killed_attendant),
		TEST(dns_is_handed_over_and_taken_back),
		TEST(dns_that_is_not_taken_back_is_told),
		TEST(dns_is_checked),
		TEST(dns_is_not_everybodys_business),
		TEST(dns_is_taken_back_by_itself),
		TEST(bad_requests_are_refused),
		TEST(another_device_is_refused),
		TEST(bad_questions_are_refused),
		TEST(passwords),
		TEST(pid_file_is_ours),
		TEST(pid_file_follows_no_link),
		TEST(pid_file_of_another_stays),
		TEST(pid_file_that_cannot_be),
		TEST(nothing_to_do_is_no_attendant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
