/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/table.h"

/* How a value is shown. */
enum kind {
	KIND_TEXT,
	KIND_LONG, /* text that may be cut */
	KIND_NUMBER,
	KIND_BYTES,
	KIND_SECONDS,
	KIND_STATE,
	KIND_MARKS, /* what is true of an epoch */
	KIND_THERE,
	KIND_END, /* address and port: of "source" or "destination" */
	KIND_FLOWS,
};

struct shown {
	const char *head;
	const char *key;
	enum kind kind;
};

#define SHOWN_MAX TABLE_COLUMNS_MAX

static const struct shown ike_columns[] = {
	{ "IKE SA", "state", KIND_STATE },
	{ "role", "role", KIND_TEXT },
	{ "cookie i", "spi_i", KIND_TEXT },
	{ "cookie r", "spi_r", KIND_TEXT },
	{ "suite", "suite", KIND_LONG },
	{ "age", "age_s", KIND_SECONDS },
	{ "new in", "rekey_in_s", KIND_SECONDS },
	{ "ends in", "expires_in_s", KIND_SECONDS },
	{ NULL, NULL, KIND_TEXT },
};

static const struct shown esp_columns[] = {
	{ "ESP SA", "spi", KIND_TEXT },
	{ "", "direction", KIND_TEXT },
	{ "tunnel", "tunnel", KIND_LONG },
	{ "state", "state", KIND_STATE },
	{ "suite", "suite", KIND_LONG },
	{ "by", "owner", KIND_TEXT },
	{ "sequence", "sequence", KIND_NUMBER },
	{ "missing", "missing", KIND_NUMBER },
	{ "packets", "packets", KIND_NUMBER },
	{ "bytes", "bytes", KIND_BYTES },
	{ "replays", "replays", KIND_NUMBER },
	{ "not authentic", "auth_failures", KIND_NUMBER },
	{ "new in", "rekey_in_s", KIND_SECONDS },
	{ "ends in", "expires_in_s", KIND_SECONDS },
	{ "packets left", "packets_left", KIND_NUMBER },
	{ "bytes left", "bytes_left", KIND_BYTES },
	{ NULL, NULL, KIND_TEXT },
};

static const struct shown policy_columns[] = {
	{ "order", "order", KIND_NUMBER }, { "action", "action", KIND_TEXT },
	{ "here", "local_ts", KIND_LONG }, { "there", "remote_ts", KIND_LONG },
	{ "tunnel", "tunnel", KIND_LONG }, { "SA for each", "granularity", KIND_TEXT },
	{ "rule", "rule", KIND_LONG },	   { NULL, NULL, KIND_TEXT },
};

static const struct shown flow_columns[] = {
	{ "protocol", "protocol", KIND_TEXT },
	{ "from", "source", KIND_END },
	{ "to", "destination", KIND_END },
	{ "action", "action", KIND_TEXT },
	{ "tunnel", "tunnel", KIND_LONG },
	{ "age", "age_s", KIND_SECONDS },
	{ NULL, NULL, KIND_TEXT },
};

static const struct shown epoch_columns[] = {
	{ "tunnel", "tunnel", KIND_LONG },
	{ "epoch", "epoch", KIND_NUMBER },
	{ "state", "state", KIND_STATE },
	{ "SPI in", "spi_in", KIND_TEXT },
	{ "SPI out", "spi_out", KIND_TEXT },
	{ "age", "age_s", KIND_SECONDS },
	{ "heard", "heard_ago_s", KIND_SECONDS },
	{ "pings out", "pings", KIND_NUMBER },
	{ "next in", "ping_in_s", KIND_SECONDS },
	{ "new in", "rekey_in_s", KIND_SECONDS },
	{ "ends in", "expires_in_s", KIND_SECONDS },
	{ "it is", NULL, KIND_MARKS },
	{ NULL, NULL, KIND_TEXT },
};

static const struct shown route_columns[] = {
	{ "", "there", KIND_THERE },
	{ "kind", "kind", KIND_TEXT },
	{ "what", "what", KIND_TEXT },
	{ NULL, NULL, KIND_TEXT },
};

static const struct shown held_columns[] = {
	{ "tunnel", "tunnel", KIND_LONG }, { "packets", "packets", KIND_NUMBER },
	{ "bytes", "bytes", KIND_BYTES },  { "for", "age_s", KIND_SECONDS },
	{ "first", "flows", KIND_FLOWS },  { NULL, NULL, KIND_TEXT },
};

/* ---- cells ---- */

static void cell_text(struct table *t, const json_t *value)
{
	const char *s = json_string_value(value);

	table_cell(t, TABLE_PLAIN, "%s", s ? s : "-");
}

static void cell_number(struct table *t, const json_t *value)
{
	if (json_is_integer(value))
		table_cell(t, TABLE_PLAIN, "%lld", (long long)json_integer_value(value));
	else
		table_cell(t, TABLE_PLAIN, "-");
}

static void cell_measure(struct table *t, const json_t *value,
			 const char *(*text)(long long n, char buf[32]))
{
	char buf[32];

	table_cell(t, TABLE_PLAIN, "%s",
		   json_is_integer(value) ? text((long long)json_integer_value(value), buf) : "-");
}

static void cell_state(struct table *t, const json_t *value)
{
	const char *s = json_string_value(value);
	enum table_colour colour = TABLE_DIM;

	if (s && strcmp(s, "current") == 0)
		colour = TABLE_GOOD;
	else if (s && (strcmp(s, "probing") == 0 || strcmp(s, "negotiating") == 0))
		colour = TABLE_WARN;
	table_cell(t, colour, "%s", s ? s : "-");
}

static void cell_marks(struct table *t, const json_t *row)
{
	static const char *const marks[] = { "used",	"next",	 "proved",  "answered", "trial",
					     "doubted", "spent", "renewed", "deleted" };
	char text[TABLE_CELL_MAX] = "";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (json_is_true(json_object_get(row, marks[i])))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "",
					      strcmp(marks[i], "trial") == 0 ? "on trial" :
									       marks[i]);
	table_cell(t, json_is_true(json_object_get(row, "doubted")) ? TABLE_WARN : TABLE_PLAIN,
		   "%s", text);
}

/* "10.0.0.1", "10.0.0.1:80", "[fd00::1]:80" */
static void end_text(const json_t *flow, const char *side, char *buf, size_t size)
{
	const char *addr = json_string_value(json_object_get(flow, side));
	char key[32];
	const json_t *port;

	snprintf(key, sizeof(key), "%s_port", side);
	port = json_object_get(flow, key);
	if (!addr)
		snprintf(buf, size, "-");
	else if (!json_is_integer(port))
		snprintf(buf, size, "%s", addr);
	else
		snprintf(buf, size, strchr(addr, ':') ? "[%s]:%lld" : "%s:%lld", addr,
			 (long long)json_integer_value(port));
}

static void cell_end(struct table *t, const json_t *row, const char *side)
{
	char text[80];

	end_text(row, side, text, sizeof(text));
	table_cell(t, TABLE_PLAIN, "%s", text);
}

static void cell_flows(struct table *t, const json_t *flows)
{
	char text[TABLE_CELL_MAX] = "";
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(flows) && n < sizeof(text) - 1; i++) {
		const json_t *flow = json_array_get(flows, i);
		const char *proto = json_string_value(json_object_get(flow, "protocol"));
		char from[80], to[80];

		end_text(flow, "source", from, sizeof(from));
		end_text(flow, "destination", to, sizeof(to));
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s > %s", n ? ", " : "",
				      proto ? proto : "-", from, to);
	}
	table_cell(t, TABLE_PLAIN, "%s", text);
}

static void cell(struct table *t, const struct shown *s, const json_t *row)
{
	const json_t *value = s->key ? json_object_get(row, s->key) : NULL;

	switch (s->kind) {
	case KIND_TEXT:
	case KIND_LONG:
		cell_text(t, value);
		break;
	case KIND_NUMBER:
		cell_number(t, value);
		break;
	case KIND_BYTES:
		cell_measure(t, value, table_bytes);
		break;
	case KIND_SECONDS:
		cell_measure(t, value, table_duration);
		break;
	case KIND_STATE:
		cell_state(t, value);
		break;
	case KIND_MARKS:
		cell_marks(t, row);
		break;
	case KIND_THERE:
		table_cell(t, json_is_true(value) ? TABLE_GOOD : TABLE_BAD,
			   json_is_true(value) ? "there" : "missing");
		break;
	case KIND_END:
		cell_end(t, row, s->key);
		break;
	case KIND_FLOWS:
		cell_flows(t, value);
		break;
	}
}

/* ---- tables ---- */

static bool is_right(enum kind kind)
{
	return kind == KIND_NUMBER || kind == KIND_BYTES || kind == KIND_SECONDS;
}

/* A table of the rows of this type (NULL: of all); nothing where there are none. How many. */
static size_t print_rows(const struct shown *shown, const json_t *rows, const char *type, FILE *out)
{
	struct table_column columns[SHOWN_MAX];
	unsigned n = 0;
	struct table *t;
	size_t nrows;

	for (; shown[n].head; n++)
		columns[n] = (struct table_column){
			shown[n].head, is_right(shown[n].kind) ? TABLE_RIGHT : TABLE_LEFT,
			shown[n].kind == KIND_LONG || shown[n].kind == KIND_FLOWS
		};
	t = table_new(columns, n);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *of = json_string_value(json_object_get(row, "type"));

		for (unsigned c = 0; (!type || (of && strcmp(of, type) == 0)) && c < n; c++)
			cell(t, &shown[c], row);
	}
	nrows = table_rows(t);
	if (nrows)
		table_print(t, out, table_look(out));
	table_free(t);
	return nrows;
}

static void print_sas(const json_t *rows, FILE *out)
{
	if (print_rows(ike_columns, rows, "ike", out))
		fprintf(out, "\n");
	if (!print_rows(esp_columns, rows, "esp", out))
		fprintf(out, "no ESP SA\n");
}

bool show_text(const json_t *answer, FILE *out)
{
	static const struct {
		const char *what;
		const struct shown *columns; /* NULL: several tables */
		const char *none;
	} all[] = {
		{ "sa", NULL, NULL },
		{ "policy", policy_columns, "no rule" },
		{ "flows", flow_columns, "no flow has been seen since the rules changed" },
		{ "epochs", epoch_columns, "no epoch" },
		{ "routes", route_columns, "nothing has been put into the kernel" },
		{ "held", held_columns, "nothing is held" },
	};
	const char *what = json_string_value(json_object_get(answer, "show"));
	const json_t *rows = json_object_get(answer, "rows");
	const json_t *total = json_object_get(answer, "total");

	for (size_t i = 0; what && json_is_array(rows) && i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(all[i].what, what) != 0)
			continue;
		if (!all[i].columns)
			print_sas(rows, out);
		else if (!print_rows(all[i].columns, rows, NULL, out))
			fprintf(out, "%s\n", all[i].none);
		if (json_integer_value(total) > (json_int_t)json_array_size(rows))
			fprintf(out, "the newest %zu of %lld\n", json_array_size(rows),
				(long long)json_integer_value(total));
		return true;
	}
	return false;
}

int run_show(const struct command_args *args)
{
	const char *name = args->word[1];
	json_t *request = json_pack("{s:s, s:s}", "cmd", "show", "what", args->word[0]);
	int code;
	json_t *answer = command_ask(name, request, CLIENT_ANSWER_MS, &code);

	if (!answer)
		return code;
	if (!(args->given[0] ? command_print_json(answer) : show_text(answer, stdout)))
		code = command_no_sense();
	json_decref(answer);
	return code;
}
