/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/table.h"

#define LABEL "%-14s "
#define LABEL_WIDTH 15

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static long long number_of(const json_t *o, const char *key)
{
	return (long long)json_number_value(json_object_get(o, key));
}

const char *status_nat(const json_t *o)
{
	const char *nat = text_of(o, "nat");
	bool udp = strcmp(text_of(o, "encapsulation"), "udp") == 0;

	/* Before IKE has found out there is nothing to say of it. */
	if (!udp || strcmp(nat, "none") != 0 || json_is_null(json_object_get(o, "ike")))
		return nat;
	return "none (UDP forced)";
}

static void print_state(const json_t *o, struct table_look look, FILE *out)
{
	const char *state = text_of(o, "state");

	fprintf(out, LABEL, text_of(o, "name"));
	table_text(out, look, table_state_colour(state), state);
	fprintf(out, " since %s\n", text_of(o, "since"));
	if (!json_is_string(json_object_get(o, "why")))
		return;
	fprintf(out, LABEL, "");
	table_text(out, look, TABLE_WARN, text_of(o, "why"));
	fprintf(out, "\n");
}

static void print_list(const char *label, const json_t *list, FILE *out)
{
	size_t n = json_array_size(list);

	if (n == 0)
		return;
	fprintf(out, LABEL, label);
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		fprintf(out, "%s%s", i ? ", " : "", s ? s : "-");
	}
	fprintf(out, "\n");
}

static void print_dns(const json_t *servers, const json_t *resolver, FILE *out)
{
	const json_t *why = json_object_get(resolver, "why");

	print_list("DNS", servers, out);
	print_list("  for", json_object_get(resolver, "domains"), out);
	if (json_array_size(servers))
		fprintf(out, LABEL "%s: %s\n", "  by", text_of(resolver, "by"),
			text_of(resolver, "state"));
	if (json_is_string(why))
		fprintf(out, LABEL "%s\n", "", json_string_value(why));
}

/* "a password", "a user name and a password" */
static const char *asked_text(const json_t *fields, char buf[160])
{
	static const struct {
		const char *field;
		const char *text;
	} words[] = {
		{ "username", "a user name" },	   { "password", "a password" },
		{ "passcode", "a one-time code" }, { "answer", "an answer" },
		{ "next-pin", "a new PIN" },	   { "domain", "a domain" },
	};
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const char *field = json_string_value(json_array_get(fields, i));

		for (size_t k = 0; field && k < sizeof(words) / sizeof(words[0]); k++)
			if (strcmp(words[k].field, field) == 0 && used < 160)
				used += (size_t)snprintf(buf + used, 160 - used, "%s%s",
							 used ? " and " : "", words[k].text);
	}
	return buf;
}

/* When the first tunnel ends if nothing renews it; -1: none does. */
static long long first_end(const json_t *tunnels)
{
	long long first = -1;

	for (size_t i = 0; i < json_array_size(tunnels); i++) {
		const json_t *ends = json_object_get(json_array_get(tunnels, i), "ends_in_s");

		if (json_is_number(ends) && (first < 0 || json_number_value(ends) < (double)first))
			first = (long long)json_number_value(ends);
	}
	return first;
}

static void print_asks(const json_t *o, FILE *out)
{
	const json_t *asks = json_object_get(o, "asks");
	long long ends = first_end(json_object_get(o, "tunnels"));
	char words[160], left[32];

	if (!json_is_object(asks))
		return;
	fprintf(out, LABEL "waiting for %s: godwit answer %s", "",
		asked_text(json_object_get(asks, "fields"), words), text_of(o, "name"));
	if (ends >= 0)
		fprintf(out, " (the tunnel ends in %s)", table_duration(ends, left));
	fprintf(out, "\n");
	if (text_of(asks, "message")[0] && strcmp(text_of(asks, "message"), "-") != 0)
		fprintf(out, LABEL "the gateway says: %s\n", "", text_of(asks, "message"));
}

static void print_ike(const json_t *ike, FILE *out)
{
	char age[32], left[32];

	if (!json_is_object(ike))
		return;
	fprintf(out, LABEL "%s, %s, %s old", "IKE", text_of(ike, "version"), text_of(ike, "suite"),
		table_duration(number_of(ike, "age_s"), age));
	if (json_is_number(json_object_get(ike, "rekey_in_s")))
		fprintf(out, ", renewed in %s", table_duration(number_of(ike, "rekey_in_s"), left));
	if (json_is_string(json_object_get(ike, "user")))
		fprintf(out, ", user %s", text_of(ike, "user"));
	fprintf(out, "\n");
}

static void print_epoch(const json_t *e, FILE *out)
{
	char age[32], in[32], sent[32];

	fprintf(out, LABEL "%s, %s, %s old, SPI %s in, %s out\n", "", text_of(e, "state"),
		text_of(e, "suite"), table_duration(number_of(e, "age_s"), age),
		text_of(e, "spi_in"), text_of(e, "spi_out"));
	fprintf(out, LABEL "%s in %lld packets received, %s in %lld sent\n", "",
		table_bytes(number_of(e, "bytes_in"), in), number_of(e, "packets_in"),
		table_bytes(number_of(e, "bytes_out"), sent), number_of(e, "packets_out"));
	if (number_of(e, "replays") || number_of(e, "auth_failures"))
		fprintf(out, LABEL "%lld replayed, %lld not authentic\n", "",
			number_of(e, "replays"), number_of(e, "auth_failures"));
}

/* What a tunnel without an SA waits for. */
static const char *idle_text(const json_t *t)
{
	const char *granularity = text_of(t, "granularity");

	if (strcmp(granularity, "host") == 0)
		return "   (an SA for each host, on demand)";
	if (strcmp(granularity, "flow") == 0)
		return "   (an SA for each flow, on demand)";
	return json_is_true(json_object_get(t, "on_demand")) ? "   (no SA yet: on demand)" :
							       "   (no SA)";
}

static void print_waiting(const json_t *t, FILE *out)
{
	const json_t *held = json_object_get(t, "held"), *refused = json_object_get(t, "refused");
	char size[32], left[32];

	if (number_of(held, "packets"))
		fprintf(out, LABEL "%lld packet%s held (%s) since %s\n", "",
			number_of(held, "packets"), number_of(held, "packets") == 1 ? "" : "s",
			table_bytes(number_of(held, "bytes"), size), text_of(held, "since"));
	if (json_is_object(refused))
		fprintf(out, LABEL "refused: %s; tried again in %s\n", "", text_of(refused, "why"),
			table_duration(number_of(refused, "again_in_s"), left));
	if (json_is_true(json_object_get(t, "widened")))
		fprintf(out, LABEL "the gateway takes no finer SAs than these\n", "");
}

static void print_tunnel(const json_t *t, FILE *out)
{
	const json_t *epochs = json_object_get(t, "epochs");

	fprintf(out, LABEL "%s <-> %s%s\n", text_of(t, "name"), text_of(t, "local_ts"),
		text_of(t, "remote_ts"), json_array_size(epochs) ? "" : idle_text(t));
	print_waiting(t, out);
	for (size_t i = 0; i < json_array_size(epochs); i++)
		print_epoch(json_array_get(epochs, i), out);
}

/* What has been held so far, and what became of it. */
static void print_held(const json_t *held, FILE *out)
{
	static const char *const ends[] = { "released", "replaced", "expired", "dropped" };

	if (!number_of(held, "in"))
		return;
	fprintf(out, LABEL "%lld in all", "held", number_of(held, "in"));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (number_of(held, ends[i]))
			fprintf(out, ", %lld %s", number_of(held, ends[i]), ends[i]);
	if (number_of(held, "packets"))
		fprintf(out, ", %lld now", number_of(held, "packets"));
	fprintf(out, "\n");
}

static void print_pings(const json_t *ping, FILE *out)
{
	const json_t *target = json_object_get(ping, "target");

	if (!json_is_object(ping))
		return;
	if (json_is_string(target))
		fprintf(out, LABEL "%s (%s)", "pinged", json_string_value(target),
			text_of(ping, "why"));
	else
		fprintf(out, LABEL "%s", "pinged",
			strcmp(text_of(ping, "why"), "asking") == 0 ?
				"all who may answer, until one does" :
				text_of(ping, "why"));
	fprintf(out, "; %lld sent, %lld answered\n", number_of(ping, "sent"),
		number_of(ping, "answered"));
}

/* What is being tried, while something is. */
static void print_recovery(const json_t *recovery, FILE *out)
{
	static const struct {
		const char *rung;
		const char *text;
	} words[] = {
		{ "ping", "nothing has come for a while: the tunnel is asked whether it carries" },
		{ "rekey", "the tunnel does not carry: new keys are negotiated" },
		{ "new-ike", "the tunnel does not carry: all is negotiated anew" },
		{ "next-address",
		  "the tunnel does not carry: the gateway's next address is tried" },
		{ "next-gateway", "the tunnel does not carry: the next gateway is tried" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].rung, text_of(recovery, "rung")) == 0)
			fprintf(out, LABEL "%s\n", "recovery", words[i].text);
	if (number_of(recovery, "nepoch"))
		fprintf(out, LABEL "%lld negotiation%s in a row came to nothing\n", "",
			number_of(recovery, "nepoch"),
			number_of(recovery, "nepoch") == 1 ? "" : "s");
}

/* How it went along with changes of the network. */
static void print_mobility(const json_t *m, FILE *out)
{
	static const struct {
		const char *method;
		const char *text;
	} words[] = {
		{ "ipaddress_update", "the gateway was told of the last move" },
		{ "follow", "the gateway followed the last move" },
		{ "renegotiate", "all was negotiated anew after the last move" },
	};
	const json_t *outage = json_object_get(m, "last_outage_ms");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].method, text_of(m, "method")) != 0)
			continue;
		fprintf(out, LABEL "%s", "mobility", words[i].text);
		if (json_is_number(outage))
			fprintf(out, ", which took %lld ms", number_of(m, "last_outage_ms"));
		fprintf(out, "\n");
	}
}

static void print_drops(json_t *drops, FILE *out)
{
	const char *key;
	json_t *n;
	bool first = true;

	json_object_foreach(drops, key, n)
	{
		/* What is ours alone is no loss. */
		if (strcmp(key, "probe_reply") == 0 || strcmp(key, "dummy") == 0)
			continue;
		if (first)
			fprintf(out, LABEL, "dropped");
		fprintf(out, "%s%s %lld", first ? "" : ", ", key, (long long)json_integer_value(n));
		first = false;
	}
	if (!first)
		fprintf(out, "\n");
}

/* ---- a gateway's ---- */

static void print_client(const json_t *c, FILE *out)
{
	const json_t *tunnels = json_object_get(c, "tunnels");
	char age[32], in[32], outward[32];

	fprintf(out, LABEL "%s%s%s (%s), at %s, %s, NAT: %s\n", "client", text_of(c, "identity"),
		text_of(c, "user")[0] ? ", " : "", text_of(c, "user"), text_of(c, "entry"),
		text_of(c, "peer"), text_of(c, "encapsulation"), status_nat(c));
	print_list("  addresses", json_object_get(c, "addresses"), out);
	fprintf(out, LABEL "%s, in %s, out %s\n", "  for",
		table_duration(number_of(c, "age_s"), age),
		table_bytes(number_of(c, "bytes_in"), in),
		table_bytes(number_of(c, "bytes_out"), outward));
	for (size_t i = 0; i < json_array_size(tunnels); i++) {
		const json_t *t = json_array_get(tunnels, i);

		size_t n = json_array_size(json_object_get(t, "epochs"));

		fprintf(out, LABEL "%s <-> %s, %zu epoch%s\n", "  tunnel", text_of(t, "local_ts"),
			text_of(t, "remote_ts"), n, n == 1 ? "" : "s");
	}
}

static void print_server(const json_t *s, FILE *out)
{
	bool there = json_is_true(json_object_get(s, "there"));
	char bytes[32];

	fprintf(out, LABEL "%s, %s at %s, %s\n", "server", text_of(s, "name"),
		text_of(s, "service"), text_of(s, "address"), there ? "there" : "away");
	fprintf(out, LABEL "%lld, %lld of them alive, %lld packets, %s\n", "  flows",
		number_of(s, "flows"), number_of(s, "live"), number_of(s, "packets"),
		table_bytes(number_of(s, "bytes"), bytes));
}

static void print_gateway(const json_t *o, struct table_look look, FILE *out)
{
	const json_t *servers = json_object_get(o, "servers");
	const json_t *clients = json_object_get(o, "clients");

	print_state(o, look, out);
	fprintf(out, LABEL "%zu, %lld tunnel%s, %lld connection%s half open\n", "clients",
		json_array_size(clients), number_of(o, "tunnels"),
		number_of(o, "tunnels") == 1 ? "" : "s", number_of(o, "half_open"),
		number_of(o, "half_open") == 1 ? "" : "s");
	for (size_t i = 0; i < json_array_size(clients); i++)
		print_client(json_array_get(clients, i), out);
	for (size_t i = 0; i < json_array_size(servers); i++)
		print_server(json_array_get(servers, i), out);
	print_drops(json_object_get(o, "drops"), out);
}

/* ---- a connection's ---- */

static void print_connection(const json_t *o, struct table_look look, FILE *out)
{
	const json_t *tunnels = json_object_get(o, "tunnels");

	print_state(o, look, out);
	print_asks(o, out);
	fprintf(out, LABEL "%s, at %s\n", "gateway", text_of(o, "gateway"), text_of(o, "peer"));
	fprintf(out, LABEL "%s, %s, NAT: %s\n", "from", text_of(o, "local"),
		text_of(o, "encapsulation"), status_nat(o));
	print_ike(json_object_get(o, "ike"), out);
	if (number_of(o, "mtu") > 0) /* there is none yet */
		fprintf(out, LABEL "%s, MTU %lld\n", "device", text_of(o, "device"),
			number_of(o, "mtu"));
	print_list("addresses", json_object_get(o, "addresses"), out);
	print_dns(json_object_get(o, "dns"), json_object_get(o, "resolver"), out);
	for (size_t i = 0; i < json_array_size(tunnels); i++)
		print_tunnel(json_array_get(tunnels, i), out);
	print_pings(json_object_get(o, "ping"), out);
	print_recovery(json_object_get(o, "recovery"), out);
	print_mobility(json_object_get(o, "mobility"), out);
	print_held(json_object_get(o, "held"), out);
	print_drops(json_object_get(o, "drops"), out);
}

static void print_any(const json_t *o, struct table_look look, FILE *out)
{
	if (json_is_array(json_object_get(o, "clients")))
		print_gateway(o, look, out);
	else
		print_connection(o, look, out);
}

/* The blank where a line of so many bytes ends best: behind a comma, else behind a word; 0: there is none. */
static size_t break_of(const char *line, size_t from, size_t room)
{
	size_t word = 0, comma = 0;

	for (size_t i = from + 1; i <= room && line[i]; i++) {
		if (line[i] != ' ')
			continue;
		word = i;
		if (line[i - 1] == ',')
			comma = i;
	}
	return comma ? comma : word;
}

/* A line that is too wide goes on below where its text begins. */
static void print_line(const char *line, size_t width, FILE *out)
{
	size_t room = width, from = LABEL_WIDTH, end;

	while (strlen(line) > room && (end = break_of(line, from, room)) > 0) {
		fprintf(out, "%.*s\n%*s", (int)end, line, LABEL_WIDTH, "");
		line += end + 1;
		room = width > LABEL_WIDTH ? width - LABEL_WIDTH : 0;
		from = 0;
	}
	fprintf(out, "%s\n", line);
}

static void print_lines(const json_t *o, struct table_look look, FILE *out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *whole = open_memstream(&text, &size);

	if (!whole)
		return;
	print_any(o, look, whole);
	fclose(whole);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		print_line(line, look.width, out);
	}
	free(text);
}

bool status_text(const char *json, FILE *out)
{
	struct table_look look = table_look(out);
	json_t *o = json_loads(json, 0, NULL);
	bool is_status = json_is_string(json_object_get(o, "state"));

	if (is_status && look.width)
		print_lines(o, look, out);
	else if (is_status)
		print_any(o, look, out);
	json_decref(o);
	return is_status;
}

bool status_is_up(const char *json)
{
	json_t *o = json_loads(json, 0, NULL);
	bool up = strcmp(text_of(o, "state"), "up") == 0;

	json_decref(o);
	return up;
}
