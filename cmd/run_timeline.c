/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "cmd/cmd.h"
#include "cmd/timeline.h"

#define REQUEST "{\"cmd\":\"log\",\"level\":\"debug\"}"

/* In the order of the command's options. */
enum {
	GIVEN_SVG,
	GIVEN_FROM,
};

static bool is_end(const char *line)
{
	json_t *o = json_loads(line, 0, NULL);
	const char *log = json_string_value(json_object_get(o, "log"));
	bool end = log && strcmp(log, "end") == 0;

	json_decref(o);
	return end;
}

static int take_connection(struct timeline *t, const char *name, char title[256])
{
	struct client_stream *s;
	const char *line;
	bool whole = false;
	int rc = client_stream_open(name, REQUEST, &s, stderr);

	if (rc)
		return rc;
	snprintf(title, 256, "%s", client_stream_name(s));
	while (!whole && client_stream_take(s, CLIENT_ANSWER_MS, &line) == CLIENT_STREAM_LINE) {
		timeline_add_line(t, line);
		whole = is_end(line);
	}
	if (!whole) {
		fprintf(stderr, "godwit: the connection %s does not tell all of its log\n", title);
		rc = EXIT_CODE_NOT_RUNNING;
	}
	client_stream_close(s);
	return rc;
}

static int take_file(struct timeline *t, const char *file, char title[256])
{
	FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	unsigned long number = 0;
	char *line = NULL;
	size_t size = 0;
	bool good = in != NULL;

	if (!in)
		fprintf(stderr, "godwit: %s: %s\n", file, strerror(errno));
	snprintf(title, 256, "%s", basename(file));
	while (good && getline(&line, &size, in) > 0) {
		number++;
		if (line[0] == '\n' || timeline_add_line(t, line))
			continue;
		fprintf(stderr, "godwit: %s:%lu: not an event as godwit log --json writes it\n",
			file, number);
		good = false;
	}
	free(line);
	if (in && in != stdin)
		fclose(in);
	return good ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}

static int draw(const struct timeline *t, const char *title, const char *file)
{
	bool to_stdout = strcmp(file, "-") == 0;
	FILE *out = to_stdout ? stdout : fopen(file, "we");
	bool good = out != NULL;

	if (good)
		timeline_draw(t, title, out);
	if (good)
		good = (to_stdout ? fflush(out) : fclose(out)) == 0;
	if (good)
		return EXIT_CODE_OK;
	fprintf(stderr, "godwit: %s: %s\n", file, strerror(errno));
	return EXIT_CODE_SYSTEM;
}

int run_timeline(const struct command_args *args)
{
	const char *file = args->values[GIVEN_SVG], *from = args->values[GIVEN_FROM];
	struct timeline t = { 0 };
	char title[256];
	int rc;

	if (!file) {
		fprintf(stderr, "godwit timeline: --svg FILE says where the picture is to go\n");
		return EXIT_CODE_USAGE;
	}
	rc = from ? take_file(&t, from, title) : take_connection(&t, args->word[0], title);
	if (rc == EXIT_CODE_OK)
		rc = draw(&t, title, file);
	timeline_free(&t);
	return rc;
}
