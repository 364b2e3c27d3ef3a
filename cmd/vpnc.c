/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/vpnc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/client.h"
#include "cmd/cmd.h"

/* What the connection needs to know besides its vpn.conf; outlives the settings. */
struct call {
	char name[80];
	char *pid_file;
	bool detach;
	bool no_questions;
	bool verbose;
};

static void take_call(const struct vpnc_settings *s, struct call *out)
{
	const char *pid_file = vpnc_value(s, VPNC_PIDFILE);

	vpnc_connection_name(pid_file, out->name, sizeof(out->name));
	out->pid_file = pid_file[0] ? xstrdup(pid_file) : NULL;
	out->detach = !vpnc_is_set(s, VPNC_NO_DETACH);
	out->no_questions = vpnc_is_set(s, VPNC_NONINTERACTIVE);
	out->verbose = atoi(vpnc_value(s, VPNC_DEBUG)) > 0;
}

/*
 * The settings are wiped before the client forks: what it then needs to know is in the text and in
 * `call`.
 */
static int connect_with(struct vpnc_settings *s)
{
	struct conf_text text = { 0 };
	struct call call = { 0 };
	int code = EXIT_CODE_USAGE;
	bool good = vpnc_map(s, VPNC_MAP_RUN, &text, stderr);

	take_call(s, &call);
	vpnc_settings_free(s);
	if (good) {
		const struct client_options options = {
			.file = call.name,
			.text = text.p,
			.text_size = text.n,
			.manner = CLIENT_VPNC,
			.pid_file = call.pid_file,
			.no_questions = call.no_questions,
			.detach = call.detach,
			.verbose = call.verbose,
		};

		code = client_connect(&options);
	}
	conf_free(&text);
	free(call.pid_file);
	return code;
}

static bool collect(struct vpnc_settings *s)
{
	return (s->had_file || vpnc_read_defaults(s, stderr)) && vpnc_reveal(s, stderr) &&
	       vpnc_ask(s, STDIN_FILENO, stdout, stderr);
}

static int run(struct vpnc_settings *s, int argc, char **argv)
{
	switch (vpnc_read_argv(s, argc, argv, stdout, stderr)) {
	case VPNC_READ_DONE:
		return EXIT_CODE_OK;
	case VPNC_READ_BAD:
		return EXIT_CODE_USAGE;
	case VPNC_READ_GOOD:
		break;
	}
	if (!collect(s))
		return EXIT_CODE_USAGE;
	if (!s->print_config)
		return connect_with(s);
	fprintf(stderr, "vpnc.conf:\n\n");
	vpnc_print_config(s, stdout);
	return EXIT_CODE_OK;
}

int vpnc_main(int argc, char **argv)
{
	struct vpnc_settings s = { .program = "vpnc" };
	int code;

	/* Secrets are in memory from here on. */
	prctl(PR_SET_DUMPABLE, 0);
	code = run(&s, argc, argv);
	vpnc_settings_free(&s);
	return code;
}
