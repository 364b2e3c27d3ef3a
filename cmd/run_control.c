/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "client/client.h"
#include "cmd/cmd.h"

static bool print_json(const char *answer)
{
	json_t *o = json_loads(answer, 0, NULL);
	bool good = command_print_json(o);

	json_decref(o);
	return good;
}

int run_status(const struct command_args *args)
{
	char *answer;
	bool shown;
	int rc;

	if (args->given[1])
		return run_watch(args);
	rc = client_request(args->word[0], "{\"cmd\":\"status\"}", &answer, stderr);
	if (rc)
		return rc;
	shown = args->given[0] ? print_json(answer) : status_text(answer, stdout);
	if (!shown)
		rc = command_no_sense();
	else
		rc = status_is_up(answer) ? EXIT_CODE_OK : EXIT_CODE_NOT_RUNNING;
	free(answer);
	return rc;
}

/* Of NetworkManager's dispatcher. One that is not known yet changes nothing: we look anyway. */
static void warn_of_action(const char *action)
{
	static const char *const known[] = { "up",	     "down",
					     "pre-up",	     "pre-down",
					     "vpn-up",	     "vpn-down",
					     "vpn-pre-up",   "vpn-pre-down",
					     "hostname",     "dhcp4-change",
					     "dhcp6-change", "dns-change",
					     "reapply",	     "connectivity-change",
					     "device-add",   "device-delete" };
	struct nearest near = { .word = action };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i], action) == 0)
			return;
		nearest_offer(&near, known[i]);
	}
	fprintf(stderr, "godwit roam: the action '%s' is not known; %s%s%s\n", action,
		near.best ? "did you mean '" : "looking at the network all the same",
		near.best ? near.best : "", near.best ? "'?" : "");
}

int run_roam(const struct command_args *args)
{
	/* Two words are an interface and what has happened to it, which one look tells better. */
	unsigned n = args->nwords;
	const char *interface = n < 2 ? NULL : args->word[n - 2];

	if (interface)
		warn_of_action(args->word[n - 1]);
	return client_roam(n % 2 ? args->word[0] : NULL, interface, stderr);
}

/* The request's complaint is worth saying only if there was no crash to put right either. */
int run_disconnect(const struct command_args *args)
{
	char *answer = NULL, *complaint = NULL;
	size_t size;
	FILE *err = open_memstream(&complaint, &size);
	int rc = client_request(args->word[0], "{\"cmd\":\"disconnect\"}", &answer, err);
	int repaired = client_repair(args->word[0], stderr);

	fclose(err);
	if (rc == 0)
		printf("disconnected\n");
	if (repaired > 0)
		printf("put right what a crashed connection had left behind\n");
	if (repaired < 0)
		rc = EXIT_CODE_SYSTEM;
	else if (repaired > 0)
		rc = EXIT_CODE_OK;
	else if (rc)
		fputs(complaint, stderr);
	free(complaint);
	free(answer);
	return rc;
}
