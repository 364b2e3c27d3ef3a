/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/runtime.h"

/* The exit status says which line was not as it should be. */
#define WANT(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			_exit(__LINE__ & 0xff);                                                    \
	} while (0)

static unsigned long long status_hex(const char *key)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long long value = ~0ULL;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtoull(line + strlen(key) + 1, NULL, 16);
	if (f)
		fclose(f);
	return value;
}

static void dropped(void)
{
	struct priv_user user = priv_user();
	struct rlimit core;
	int mark = 1, s = socket(AF_INET, SOCK_DGRAM, 0);

	WANT(setgroups(2, (gid_t[]){ 4, 24 }) == 0);
	priv_prepare();
	WANT(user.uid != 0);
	WANT(priv_may_connect());
	WANT(priv_drop(&user) == 0);
	WANT(getuid() == user.uid && geteuid() == user.uid && getegid() == user.gid);
	WANT(getgroups(0, NULL) == 0);
	WANT(status_hex("CapEff:") == 1ULL << 12);
	WANT(status_hex("CapPrm:") == 1ULL << 12);
	WANT(status_hex("CapInh:") == 0);
	WANT(status_hex("CapAmb:") == 0);
	WANT((status_hex("CapBnd:") & ~(1ULL << 12)) == 0);
	WANT(status_hex("NoNewPrivs:") == 1);
	WANT(prctl(PR_GET_DUMPABLE) == 0);
	WANT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	/* What is left works, what is gone does not. */
	WANT(setsockopt(s, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0);
	WANT(socket(AF_INET, SOCK_RAW, 50) < 0);
	WANT(open("/etc/shadow", O_RDONLY) < 0);
	WANT(setuid(0) != 0);
	_exit(0);
}

static void only_net_admin_is_left(void **state)
{
	int status;
	pid_t child;

	if (geteuid() != 0 || !priv_may_connect())
		skip();
	child = fork();
	if (child == 0)
		dropped();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Somebody without privileges has nothing to drop to: it must be an error, not a silent success. */
static void without_privileges(void)
{
	struct priv_user user;

	WANT(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
	user = priv_user();
	WANT(user.uid == 65534);
	WANT(!priv_may_connect());
	WANT(priv_drop(&user) == ERR_PERMISSION);
	_exit(0);
}

static void who_has_none_is_refused(void **state)
{
	int status;
	pid_t child;

	if (geteuid() != 0)
		skip();
	child = fork();
	if (child == 0)
		without_privileges();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_net_admin_is_left),
		cmocka_unit_test(who_has_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
