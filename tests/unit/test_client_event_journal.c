/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journald's socket, in a /run of our own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/event_log.h"

#define PATH "/run/systemd/journal/socket"

static int journal = -1;

static int open_journal(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = PATH };

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) != 0)
		return 0;
	assert_false(event_journal_is_there());
	assert_int_equal(mkdir("/run/systemd", 0755), 0);
	assert_int_equal(mkdir("/run/systemd/journal", 0755), 0);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(journal, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_true(event_journal_is_there());
	return 0;
}

static void need_journal(void)
{
	if (journal >= 0)
		return;
	print_message("skipped: no mount namespace (root is needed)\n");
	skip();
}

/* The fields of one entry have come, in any order. */
static void expect_entry(const char *const *fields)
{
	char buf[4096] = "\n";
	ssize_t n = recv(journal, buf + 1, sizeof(buf) - 2, 0);

	assert_true(n > 0);
	buf[n + 1] = '\0';
	for (; *fields; fields++) {
		char line[200];

		snprintf(line, sizeof(line), "\n%s\n", *fields);
		if (!strstr(buf, line))
			fail_msg("no %s in %s", *fields, buf);
	}
}

static void an_event_has_its_fields(void **state)
{
	const char *const fields[] = { "MESSAGE=child up, spi_in: 00000abc, n: 7, from: a?b",
				       "PRIORITY=4",
				       "SYSLOG_IDENTIFIER=godwit",
				       "GODWIT_CONNECTION=work",
				       "GODWIT_SEQ=1",
				       "GODWIT_EVENT=child up",
				       "GODWIT_SPI_IN=00000abc",
				       "GODWIT_N=7",
				       "GODWIT_FROM=a?b",
				       NULL };
	struct event_log *l = event_log_new(LOG_INFO, LOG_INFO);
	const struct event_sink sink = event_sink_journal("work");
	struct log log = { 0 };

	need_journal();
	event_log_attach(l, &log);
	event_log_add_sink(l, &sink);
	log_ev(&log, LOG_WARN, "child up", log_hex("spi_in", 4, 0xabc), log_u64("n", 7),
	       log_str("from", "a\nb"));
	expect_entry(fields);
	/* A journal that is gone or full is no reason to stop. */
	for (unsigned i = 0; i < 5000; i++)
		log_ev(&log, LOG_INFO, "full");
	event_log_free(l);
}

static void stderr_may_be_the_journal(void **state)
{
	int saved = dup(STDERR_FILENO), file = open("/run/stderr", O_CREAT | O_WRONLY, 0600);
	char stream[80];
	struct stat st;

	need_journal();
	assert_int_equal(fstat(file, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_false(event_journal_is_stderr());
	dup2(file, STDERR_FILENO);
	assert_true(event_journal_is_stderr());
	unlink(PATH);
	assert_false(event_journal_is_stderr());
	unsetenv("JOURNAL_STREAM");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_has_its_fields),
		cmocka_unit_test(stderr_may_be_the_journal),
	};

	return cmocka_run_group_tests(tests, open_journal, NULL);
}
