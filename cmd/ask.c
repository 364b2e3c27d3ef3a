/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>
#include <stdlib.h>

#include "client/client.h"
#include "cmd/cmd.h"

int command_no_sense(void)
{
	fprintf(stderr, "godwit: the connection gives an answer that makes no sense\n");
	return EXIT_CODE_NOT_RUNNING;
}

json_t *command_ask(const char *name, json_t *request, int wait_ms, int *code)
{
	char *line = json_dumps(request, JSON_COMPACT), *text = NULL;
	json_t *answer = NULL;
	const char *error;

	json_decref(request);
	*code = EXIT_CODE_USAGE;
	if (!line) {
		fprintf(stderr, "godwit: that is no text that can be asked with\n");
		return NULL;
	}
	*code = client_request_wait(name, line, wait_ms, &text, stderr);
	free(line);
	if (*code == 0)
		answer = json_loads(text, 0, NULL);
	free(text);
	if (*code)
		return NULL;
	if (!answer) {
		*code = command_no_sense();
		return NULL;
	}
	error = json_string_value(json_object_get(answer, "error"));
	if (!error)
		return answer;
	fprintf(stderr, "godwit: %s\n", error);
	json_decref(answer);
	*code = EXIT_CODE_USAGE;
	return NULL;
}

bool command_print_json(const json_t *o)
{
	return json_dumpf(o, stdout, JSON_INDENT(2)) == 0 && printf("\n") > 0;
}
