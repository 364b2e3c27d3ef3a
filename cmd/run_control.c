/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "cmd/cmd.h"

/* Indented, for eyes that meet it; programs do not mind. */
static bool print_json(const char *answer)
{
	json_t *o = json_loads(answer, 0, NULL);
	bool good = o && json_dumpf(o, stdout, JSON_INDENT(2)) == 0;

	if (good)
		printf("\n");
	json_decref(o);
	return good;
}

int run_status(const struct command_args *args)
{
	char *answer;
	int rc = client_request(args->operand, "{\"cmd\":\"status\"}", &answer, stderr);
	bool shown;

	if (rc)
		return rc;
	shown = args->given[0] ? print_json(answer) : status_text(answer, stdout);
	if (!shown)
		fprintf(stderr, "godwit: the connection gives an answer that makes no sense\n");
	rc = shown && status_is_up(answer) ? EXIT_CODE_OK : EXIT_CODE_NOT_RUNNING;
	free(answer);
	return rc;
}

/* What a crash left comes first: then what still runs is all that is left to end. */
int run_disconnect(const struct command_args *args)
{
	int repaired = client_repair(args->operand, stderr);
	char *answer = NULL;
	int rc;

	if (repaired < 0)
		return 5;
	if (repaired > 0) {
		printf("put right what a crashed connection had left behind\n");
		return EXIT_CODE_OK;
	}
	rc = client_request(args->operand, "{\"cmd\":\"disconnect\"}", &answer, stderr);
	if (rc == 0)
		printf("disconnected\n");
	free(answer);
	return rc;
}
