/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/cmd.h"
#include "cmd/watch.h"

#include <jansson.h>
#include <string.h>

#include "base/utf8.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

/* "c0ffee01 current" for each SA. */
static void print_epochs(FILE *out, const json_t *tunnels)
{
	for (size_t i = 0; i < json_array_size(tunnels); i++) {
		const json_t *t = json_array_get(tunnels, i),
			     *epochs = json_object_get(t, "epochs");

		fprintf(out, "; %s:", text_of(t, "name"));
		if (json_array_size(epochs) == 0)
			fprintf(out, " no SA");
		for (size_t k = 0; k < json_array_size(epochs); k++) {
			const json_t *e = json_array_get(epochs, k);

			fprintf(out, "%s %s %s", k ? "," : "", text_of(e, "spi_in"),
				text_of(e, "state"));
		}
	}
}

static void print_connection(FILE *out, const json_t *o)
{
	const json_t *held = json_object_get(json_object_get(o, "held"), "packets");

	fprintf(out, ", %s -> %s, %s, NAT: %s", text_of(o, "local"), text_of(o, "peer"),
		text_of(o, "encapsulation"), status_nat(o));
	print_epochs(out, json_object_get(o, "tunnels"));
	if (json_integer_value(held))
		fprintf(out, "; %lld held", (long long)json_integer_value(held));
}

static void print_gateway(FILE *out, const json_t *o)
{
	fprintf(out, ", %zu clients, %lld tunnels", json_array_size(json_object_get(o, "clients")),
		(long long)json_integer_value(json_object_get(o, "tunnels")));
}

void watch_line(const struct watch_view *v, char *buf, size_t size)
{
	const json_t *o = v->status;
	FILE *out = fmemopen(buf, size, "w");

	if (!out) {
		buf[0] = '\0';
		return;
	}
	fprintf(out, "%s: %s", v->names[v->shown], o ? text_of(o, "state") : "not running");
	if (o && json_is_array(json_object_get(o, "clients")))
		print_gateway(out, o);
	else if (o)
		print_connection(out, o);
	fclose(out);
	buf[size - 1] = '\0';
	utf8_tame(buf);
}
