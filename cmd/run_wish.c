/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running connection is asked to do, and when it is done. */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "client/client.h"
#include "cmd/cmd.h"

#define REKEY_WAIT_MS 40000 /* a little more than the connection takes */
#define PING_COUNT 4
#define PING_COUNT_MAX 1000000
#define PING_INTERVAL_MS 1000

static long long number_of(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* ---- rekey ---- */

int run_rekey(const struct command_args *args)
{
	const char *name = args->word[0], *what = args->word[1];
	json_t *request = json_pack("{s:s}", "cmd", "rekey"), *answer, *done;
	long long n;
	int code;

	/* One word is a connection if there is one of that name. */
	if (name && !what && !client_is_running(name)) {
		what = name;
		name = NULL;
	}
	if (what)
		json_object_set_new(request, "what", json_string(what));
	answer = command_ask(name, request, REKEY_WAIT_MS, &code);
	if (!answer)
		return code;
	done = json_object_get(answer, "rekeyed");
	n = number_of(done, "tunnels");
	printf("new keys for %s", json_is_true(json_object_get(done, "ike")) ? "IKE" : "");
	if (json_is_true(json_object_get(done, "ike")) && n)
		printf(" and ");
	if (n)
		printf("%lld tunnel%s", n, n == 1 ? "" : "s");
	printf(", in %lld ms\n", number_of(done, "took_ms"));
	json_decref(answer);
	return EXIT_CODE_OK;
}

/* ---- ping ---- */

struct pings {
	unsigned sent, answered;
	double least, most, sum; /* ms */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static bool count_of(const char *text, unsigned *out)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	*out = (unsigned)n;
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno && n > 0 && n <= PING_COUNT_MAX;
}

/* False: there is no answer of the connection's, and *code says so. */
static bool ping_once(const char *name, const char *target, struct pings *p, int *code)
{
	json_t *request = json_pack("{s:s}", "cmd", "ping"), *answer, *ping;
	double ms;

	if (target)
		json_object_set_new(request, "target", json_string(target));
	answer = command_ask(name, request, CLIENT_ANSWER_MS, code);
	if (!answer)
		return false;
	ping = json_object_get(answer, "ping");
	ms = json_number_value(json_object_get(ping, "rtt_ms"));
	target = json_string_value(json_object_get(ping, "target"));
	p->sent++;
	if (json_is_true(json_object_get(ping, "answered"))) {
		p->least = p->answered == 0 || ms < p->least ? ms : p->least;
		p->most = ms > p->most ? ms : p->most;
		p->sum += ms;
		p->answered++;
		printf("%s answers through %s (SPI %s), %.2f ms\n", target ? target : "-",
		       json_string_value(json_object_get(ping, "tunnel")),
		       json_string_value(json_object_get(ping, "spi_out")), ms);
	} else {
		printf("%s does not answer\n", target ? target : "-");
	}
	fflush(stdout);
	json_decref(answer);
	return true;
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int ping_all(const char *name, const char *target, unsigned count)
{
	struct pings p = { 0 };
	int code = EXIT_CODE_OK;

	for (unsigned i = 0; i < count && !interrupted; i++) {
		long long next = now_ms() + PING_INTERVAL_MS, left;

		if (!ping_once(name, target, &p, &code))
			break;
		left = next - now_ms();
		if (left > 0 && i + 1 < count && !interrupted)
			poll(NULL, 0, (int)left);
	}
	if (p.sent)
		printf("%u sent, %u answered", p.sent, p.answered);
	if (p.answered)
		printf("; %.2f ms at least, %.2f on average, %.2f at most", p.least,
		       p.sum / p.answered, p.most);
	if (p.sent)
		printf("\n");
	if (code && !interrupted)
		return code;
	return p.answered ? EXIT_CODE_OK : EXIT_CODE_NO_ANSWER;
}

int run_ping(const struct command_args *args)
{
	const char *name = args->word[0], *target = args->word[1];
	struct sigaction interrupt = { .sa_handler = on_interrupt }, before;
	unsigned count = PING_COUNT;
	struct addr addr;
	int code;

	if (args->given[0] && !count_of(args->values[0], &count)) {
		fprintf(stderr, "godwit ping: --count takes a number from 1 to %d\n",
			PING_COUNT_MAX);
		return EXIT_CODE_USAGE;
	}
	if (name && !target && addr_parse(name, &addr)) {
		target = name;
		name = NULL;
	}
	sigaction(SIGINT, &interrupt, &before);
	code = ping_all(name, target, count);
	sigaction(SIGINT, &before, NULL);
	return code;
}

/* ---- metrics ---- */

int run_metrics(const struct command_args *args)
{
	int code;
	json_t *answer = command_ask(args->word[0], json_pack("{s:s}", "cmd", "metrics"),
				     CLIENT_ANSWER_MS, &code);
	const char *text = json_string_value(json_object_get(answer, "metrics"));

	if (!answer)
		return code;
	if (text)
		fputs(text, stdout);
	else
		code = command_no_sense();
	json_decref(answer);
	return code;
}
