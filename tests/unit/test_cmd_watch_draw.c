/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screens are in tests/unit/golden, to be looked at; with GODWIT_GOLDEN=write they are written anew.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/watch.h"

#define NOW "2026-11-22T13:05:22Z"

static const char office[] =
	"{\"name\":\"office\",\"state\":\"up\",\"since\":\"2026-11-22T11:00:22Z\",\"why\":null,"
	"\"gateway\":\"vpn.example.com\",\"peer\":\"198.51.100.7:4500\",\"local\":\"192.168.1.23:4500\","
	"\"encapsulation\":\"udp\",\"nat\":\"local\",\"ike\":{\"version\":\"ikev1\",\"suite\":"
	"\"aes256-sha256-modp2048\",\"age_s\":7500,\"rekey_in_s\":21300,\"user\":\"alice\"},"
	"\"device\":\"godwit0\",\"addresses\":[\"10.98.0.1\",\"fd00::1\"],\"dns\":[\"10.98.0.53\"],"
	"\"mtu\":1438,\"tunnels\":[{\"name\":\"tunnel-1\",\"local_ts\":\"10.98.0.1/32\",\"remote_ts\":"
	"\"10.99.0.0/24\",\"ends_in_s\":1200,\"epochs\":[{\"spi_in\":\"c0ffee02\",\"spi_out\":"
	"\"0badcafe\",\"state\":\"current\",\"suite\":\"aes128gcm16\",\"age_s\":2400},{\"spi_in\":"
	"\"c0ffee01\",\"spi_out\":\"0badcaf0\",\"state\":\"retiring\",\"suite\":\"aes128gcm16\","
	"\"age_s\":3590}],\"held\":{\"packets\":0}},{\"name\":\"tunnel-2\",\"local_ts\":\"fd00::1/128\","
	"\"remote_ts\":\"fd00:99::/64\",\"ends_in_s\":null,\"epochs\":[],\"held\":{\"packets\":3}}],"
	"\"asks\":null,\"held\":{\"packets\":3,\"bytes\":240,\"in\":64,\"released\":60,\"replaced\":0,"
	"\"expired\":1,\"dropped\":0},\"ping\":{\"target\":\"10.99.0.1\",\"why\":\"ping-target\","
	"\"sent\":12,\"answered\":11},\"recovery\":{\"rung\":\"rest\",\"nepoch\":0},\"drops\":"
	"{\"replay\":5,\"probe_reply\":9,\"selectors\":2}}";

static const char connecting[] =
	"{\"name\":\"office\",\"state\":\"connecting\",\"since\":\"2026-11-22T13:05:20Z\","
	"\"why\":\"the gateway does not answer\",\"gateway\":null,\"peer\":null,\"local\":null,"
	"\"encapsulation\":\"udp\",\"nat\":\"none\",\"ike\":null,\"device\":\"godwit0\","
	"\"addresses\":[],\"dns\":[],\"mtu\":0,\"tunnels\":[],\"asks\":{\"id\":1},\"drops\":{}}";

static const char gateway[] =
	"{\"name\":\"gateway\",\"state\":\"up\",\"since\":\"2026-11-20T13:05:22Z\",\"half_open\":1,"
	"\"tunnels\":2,\"clients\":[{\"id\":1,\"identity\":\"laptop@example.com\",\"user\":\"alice\","
	"\"peer\":\"203.0.113.9:4500\",\"addresses\":[\"10.98.0.1\"],\"age_s\":7500,\"bytes_in\":5242880,"
	"\"bytes_out\":1048576},{\"id\":2,\"identity\":\"phone@example.com\",\"user\":null,\"peer\":"
	"\"[2001:db8::9]:4500\",\"addresses\":[],\"age_s\":5,\"bytes_in\":100,\"bytes_out\":0}],"
	"\"servers\":[],\"drops\":{\"worker_full\":4}}";

static const char *const roams[] = {
	"{\"seq\":1,\"time\":\"2026-11-22T12:55:00Z\",\"level\":\"info\",\"event\":\"our address "
	"changes\",\"fields\":{\"from\":\"10.1.2.3\",\"to\":\"192.168.1.23\"}}",
	"{\"seq\":2,\"time\":\"2026-11-22T12:55:01Z\",\"level\":\"info\",\"event\":\"the new path "
	"carries\",\"fields\":{\"method\":\"ipaddress_update\",\"outage_ms\":52}}",
	"{\"seq\":3,\"time\":\"2026-11-22T13:05:00.5Z\",\"level\":\"warn\",\"event\":\"recovering\","
	"\"fields\":{\"why\":\"nothing comes\"}}",
};

/* A minute of downloading, with a wave in it, and a pause. */
static void history_make(struct watch_history *h)
{
	memset(h, 0, sizeof(*h));
	for (unsigned i = 0; i < 3; i++) {
		json_t *event = json_loads(roams[i], 0, NULL);

		watch_history_event(h, event);
		json_decref(event);
	}
	for (unsigned i = 0; i < WATCH_SAMPLES; i++) {
		h->rates[i].in = i < 10 ? 0 : (double)((i * 7) % 23) * 65536;
		h->rates[i].out = i % 10 == 0 ? 1400 : 0;
	}
	h->nrates = WATCH_SAMPLES;
	h->rates[WATCH_SAMPLES - 1].in = 1258291;
}

static struct screen *draw(const char *json, unsigned columns, unsigned rows, bool utf8)
{
	static const char *const names[] = { "office", "home" };
	struct watch_history *h = calloc(1, sizeof(*h));
	json_t *status = json ? json_loads(json, 0, NULL) : NULL;
	struct screen *s = screen_new(columns, rows, utf8);
	struct watch_view v = {
		.names = names,
		.nnames = 2,
		.status = status,
		.history = h,
		.now = watch_time(NOW),
		.clock = "13:05:22",
		.keys = true,
	};

	assert_true(!json || status);
	history_make(h);
	watch_draw(&v, s);
	json_decref(status);
	free(h);
	return s;
}

static char *read_file(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "r");

	if (f) {
		text[fread(text, 1, 65535, f)] = '\0';
		fclose(f);
	}
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void is_golden(struct screen *s, const char *name)
{
	const char *source = getenv("GODWIT_SOURCE"), *write = getenv("GODWIT_GOLDEN");
	char path[512], *got = NULL, *wanted;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	screen_print(s, out);
	fclose(out);
	screen_free(s);
	snprintf(path, sizeof(path), "%s/tests/unit/golden/%s.txt", source ? source : ".", name);
	if (write && strcmp(write, "write") == 0)
		write_file(path, got);
	wanted = read_file(path);
	if (strcmp(got, wanted) != 0)
		fail_msg("%s is not:\n%s", path, got);
	free(got);
	free(wanted);
}

static void golden_screens(void **state)
{
	is_golden(draw(office, 80, 24, true), "watch_80x24");
	is_golden(draw(office, 80, 24, false), "watch_80x24_ascii");
	is_golden(draw(office, 120, 40, true), "watch_120x40");
	is_golden(draw(office, 40, 12, true), "watch_40x12");
	is_golden(draw(connecting, 80, 24, true), "watch_connecting");
	is_golden(draw(gateway, 80, 24, true), "watch_gateway");
	is_golden(draw(NULL, 80, 24, true), "watch_not_running");
}

/* So many SAs that most of them have no room. */
static void more_than_fits(void **state)
{
	json_t *status = json_loads(office, 0, NULL);
	json_t *tunnels = json_object_get(status, "tunnels");
	char *text;

	for (unsigned i = 0; i < 30; i++)
		json_array_append_new(tunnels, json_deep_copy(json_array_get(tunnels, 1)));
	text = json_dumps(status, 0);
	is_golden(draw(text, 80, 24, true), "watch_many");
	free(text);
	json_decref(status);
}

/* Whatever its size, nothing is put beside it; the sanitizers see that. */
static void every_size(void **state)
{
	for (unsigned columns = 0; columns <= 90; columns++)
		for (unsigned rows = 0; rows <= 26; rows++) {
			screen_free(draw(office, columns, rows, true));
			screen_free(draw(gateway, columns, rows, false));
			screen_free(draw(NULL, columns, rows, true));
		}
}

static void nothing_but_nonsense(void **state)
{
	screen_free(draw("{}", 80, 24, true));
	screen_free(
		draw("{\"state\":7,\"tunnels\":[1,{\"epochs\":[null]}],\"clients\":{},\"drops\":[],"
		     "\"ike\":{\"age_s\":-9e30,\"rekey_in_s\":1e300}}",
		     80, 24, true));
	screen_free(draw("{\"clients\":[7,{\"addresses\":3}]}", 80, 24, true));
}

static void says(const char *json, const char *wanted)
{
	static const char *const names[] = { "office" };
	json_t *status = json ? json_loads(json, 0, NULL) : NULL;
	struct watch_view v = { .names = names, .nnames = 1, .status = status };
	char line[512], cut[20];

	watch_line(&v, line, sizeof(line));
	assert_string_equal(line, wanted);
	watch_line(&v, cut, sizeof(cut));
	assert_int_equal(strncmp(cut, wanted, strlen(cut)), 0);
	json_decref(status);
}

static void lines(void **state)
{
	says(office,
	     "office: up, 192.168.1.23:4500 -> 198.51.100.7:4500, udp, NAT: local; tunnel-1: "
	     "c0ffee02 current, c0ffee01 retiring; tunnel-2: no SA; 3 held");
	says(gateway, "office: up, 2 clients, 2 tunnels");
	says(NULL, "office: not running");
	says("{\"state\":\"up\\u001b[2J\"}", "office: up?[2J, - -> -, -, NAT: -");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_screens), cmocka_unit_test(more_than_fits),
		cmocka_unit_test(every_size),	  cmocka_unit_test(nothing_but_nonsense),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
