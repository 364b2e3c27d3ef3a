/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/cmd.h"
#include "cmd/watch.h"

#include <jansson.h>
#include <string.h>

#include "base/bytes.h"
#include "cmd/table.h"

#define LABEL 1 /* the column of what a row is about */
#define VALUE 11 /* and of what is said of it */
#define BAR 16
#define RATE 13 /* columns for "1023.9 MiB/s" and a blank */
#define LOOSE 22 /* rows from which on there are empty ones between */
#define ROAMS_SHOWN 3

/* Where the next row goes. */
struct pen {
	struct screen *s;
	const struct watch_view *v;
	unsigned row;
};

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

/* What makes no sense is nothing. */
static long long whole_of(const json_t *number)
{
	double d = json_number_value(number);

	return d >= 0 && d < 1e15 ? (long long)d : 0;
}

static long long number_of(const json_t *o, const char *key)
{
	return whole_of(json_object_get(o, key));
}

static const char *arrow(const struct screen *s)
{
	return s->utf8 ? "→" : "->";
}

static void label(const struct pen *p, const char *text)
{
	screen_put(p->s, p->row, LABEL, SCREEN_DIM, text);
}

#define say(p, column, colour, ...) screen_putf((p)->s, (p)->row, column, colour, __VA_ARGS__)

/* ---- parts of rows ---- */

/* How much of a whole is over. */
static unsigned draw_bar(const struct pen *p, unsigned column, long long part, long long whole)
{
	unsigned full = whole > 0 ? (unsigned)(part * BAR / whole) : 0;

	full = full < BAR ? full : BAR;
	for (unsigned i = 0; i < BAR; i++)
		screen_put(p->s, p->row, column + i,
			   i >= full		? SCREEN_DIM :
			   full > BAR - BAR / 8 ? SCREEN_WARN :
						  SCREEN_GOOD,
			   p->s->utf8 ? (i < full ? "█" : "░") : (i < full ? "#" : "."));
	return column + BAR + 1;
}

/* "12 min of 8 h" with its bar; without an end only the age. */
static unsigned draw_age(const struct pen *p, unsigned column, long long age, const json_t *left)
{
	long long whole = age + whole_of(left);
	char a[32], b[32];

	if (!json_is_number(left))
		return say(p, column + BAR + 1, SCREEN_PLAIN, "%s old", table_duration(age, a));
	column = draw_bar(p, column, age, whole);
	return say(p, column, SCREEN_PLAIN, "%s of %s", table_duration(age, a),
		   table_duration(whole, b));
}

static const char *rate_text(double rate, char buf[40])
{
	char bytes[32];

	snprintf(buf, 40, "%s/s", table_bytes((long long)rate, bytes));
	return buf;
}

static double rate_of(const struct watch_rate *r, bool in)
{
	return in ? r->in : r->out;
}

/* The last minute, newest at the right; the highest is as high as it goes. */
static void draw_spark(const struct pen *p, bool in)
{
	static const char *const utf8[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { "_", ".", ":", "-", "=", "+", "*", "#" };
	const struct watch_history *h = p->v->history;
	unsigned room = p->s->columns > 6 + RATE + 10 ? p->s->columns - 6 - RATE : 10;
	unsigned width = room < WATCH_SAMPLES ? room : WATCH_SAMPLES;
	unsigned n = h->nrates < width ? h->nrates : width;
	const struct watch_rate *shown = h->rates + (h->nrates - n);
	double most = 0;
	char text[40];

	label(p, in ? "in" : "out");
	for (unsigned i = 0; i < n; i++)
		most = rate_of(&shown[i], in) > most ? rate_of(&shown[i], in) : most;
	for (unsigned i = 0; i < n; i++) {
		double rate = rate_of(&shown[i], in);
		unsigned level = rate > 0 ? 1 + (unsigned)(rate / most * 6.999) : 0;

		level = level < ARRAY_SIZE(utf8) ? level : ARRAY_SIZE(utf8) - 1;
		screen_put(p->s, p->row, 6 + width - n + i, level ? SCREEN_GOOD : SCREEN_DIM,
			   p->s->utf8 ? utf8[level] : ascii[level]);
	}
	if (n)
		say(p, 6 + width + 1, SCREEN_PLAIN, "%s",
		    rate_text(rate_of(&shown[n - 1], in), text));
}

/* ---- the head and the foot ---- */

static void draw_head(struct pen *p)
{
	const struct watch_view *v = p->v;
	unsigned width = screen_width(v->clock), column = 1;

	for (unsigned i = 0; i < v->nnames; i++) {
		bool shown = i == v->shown;

		column = say(p, column, shown ? SCREEN_REVERSE : SCREEN_PLAIN,
			     shown ? "[%s]" : " %s ", v->names[i]);
		column++;
	}
	if (p->s->columns > width + 1) {
		unsigned at = p->s->columns - width - 1;

		if (v->paused)
			say(p, at > 7 ? at - 7 : 0, SCREEN_WARN, "paused ");
		say(p, at, SCREEN_DIM, "%s", v->clock);
	}
	p->row++;
}

static void draw_foot(const struct pen *p)
{
	if (p->v->keys && p->s->rows)
		screen_putf(p->s, p->s->rows - 1, LABEL, SCREEN_DIM, "q quit   p %s%s",
			    p->v->paused ? "go on" : "pause",
			    p->v->nnames > 1 ? "   tab next connection" : "");
}

/* ---- state and path ---- */

static enum screen_colour state_colour(const char *state)
{
	return strcmp(state, "up") == 0	  ? SCREEN_GOOD :
	       strcmp(state, "down") == 0 ? SCREEN_BAD :
					    SCREEN_WARN;
}

static void draw_state(struct pen *p)
{
	const json_t *o = p->v->status, *recovery = json_object_get(o, "recovery");
	const char *state = text_of(o, "state");
	time_t since = watch_time(text_of(o, "since"));
	unsigned column;
	char age[32];

	label(p, "state");
	column = say(p, VALUE, state_colour(state), "%s", state);
	if (since && p->v->now >= since)
		column = say(p, column, SCREEN_PLAIN, " for %s",
			     table_duration(p->v->now - since, age));
	if (json_is_string(json_object_get(recovery, "rung")) &&
	    strcmp(text_of(recovery, "rung"), "rest") != 0)
		column = say(p, column, SCREEN_WARN, ", recovery: %s", text_of(recovery, "rung"));
	if (json_is_string(json_object_get(o, "why")))
		say(p, column, SCREEN_WARN, ": %s", text_of(o, "why"));
	p->row++;
	if (json_is_object(json_object_get(o, "asks"))) {
		say(p, VALUE, SCREEN_WARN, "the gateway asks: godwit answer %s",
		    text_of(o, "name"));
		p->row++;
	}
}

static void draw_path(struct pen *p)
{
	const json_t *o = p->v->status;

	label(p, "path");
	say(p, VALUE, SCREEN_PLAIN, "%s %s %s, %s, NAT: %s, %s", text_of(o, "local"), arrow(p->s),
	    text_of(o, "peer"), text_of(o, "encapsulation"), status_nat(o), text_of(o, "gateway"));
	p->row++;
}

/* A list with ", " between. */
static unsigned draw_list(const struct pen *p, unsigned column, const char *before,
			  const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		column = say(p, column, SCREEN_PLAIN, "%s%s", i ? ", " : before, text ? text : "-");
	}
	return column;
}

static void draw_inside(struct pen *p)
{
	const json_t *o = p->v->status;
	unsigned column;

	label(p, "inside");
	column = draw_list(p, VALUE, "", json_object_get(o, "addresses"));
	column = say(p, column, SCREEN_PLAIN, "%s%s", column > VALUE ? " on " : "",
		     text_of(o, "device"));
	if (number_of(o, "mtu") > 0)
		column = say(p, column, SCREEN_PLAIN, ", MTU %lld", number_of(o, "mtu"));
	draw_list(p, column, ", DNS ", json_object_get(o, "dns"));
	p->row++;
}

static void draw_ike(struct pen *p)
{
	const json_t *ike = json_object_get(p->v->status, "ike");
	unsigned column;

	if (!json_is_object(ike))
		return;
	label(p, "IKE");
	column = draw_age(p, VALUE, number_of(ike, "age_s"), json_object_get(ike, "rekey_in_s"));
	column = say(p, column, SCREEN_PLAIN, ", %s", text_of(ike, "version"));
	if (json_is_string(json_object_get(ike, "user")))
		column = say(p, column, SCREEN_PLAIN, ", user %s", text_of(ike, "user"));
	say(p, column, SCREEN_PLAIN, ", %s", text_of(ike, "suite"));
	p->row++;
}

/* ---- tunnels ---- */

/* Draws into what has room, and counts what has none. */
struct rows {
	struct pen *pen;
	unsigned left, missing;
};

static bool row_taken(struct rows *r)
{
	if (r->left == 0) {
		r->missing++;
		return false;
	}
	r->left--;
	return true;
}

static void draw_epoch(struct rows *r, const json_t *t, const json_t *e)
{
	const char *state = text_of(e, "state");
	bool current = strcmp(state, "current") == 0;
	struct pen *p = r->pen;
	unsigned column;

	if (!row_taken(r))
		return;
	say(p, 2, current ? SCREEN_GOOD : SCREEN_WARN, "%s", state);
	/* The end that is told of a tunnel is that of the SA which it uses. */
	column = draw_age(p, VALUE, number_of(e, "age_s"),
			  current ? json_object_get(t, "ends_in_s") : NULL);
	say(p, column, SCREEN_PLAIN, ", %s, SPI %s/%s", text_of(e, "suite"), text_of(e, "spi_in"),
	    text_of(e, "spi_out"));
	p->row++;
}

static void draw_tunnel(struct rows *r, const json_t *t)
{
	const json_t *epochs = json_object_get(t, "epochs"), *held = json_object_get(t, "held");
	struct pen *p = r->pen;
	unsigned column;

	if (row_taken(r)) {
		column = say(p, LABEL, SCREEN_BOLD, "%s", text_of(t, "name"));
		column = say(p, column < VALUE ? VALUE : column + 1, SCREEN_PLAIN, "%s %s %s",
			     text_of(t, "local_ts"), p->s->utf8 ? "↔" : "<->",
			     text_of(t, "remote_ts"));
		if (number_of(held, "packets"))
			column = say(p, column, SCREEN_WARN, ", %lld held",
				     number_of(held, "packets"));
		if (json_array_size(epochs) == 0)
			say(p, column, SCREEN_DIM, ", no SA");
		p->row++;
	}
	for (size_t i = 0; i < json_array_size(epochs); i++)
		draw_epoch(r, t, json_array_get(epochs, i));
}

/* One of a gateway's clients. */
static void draw_client(struct rows *r, const json_t *c)
{
	const json_t *addresses = json_object_get(c, "addresses");
	const char *user = json_string_value(json_object_get(c, "user"));
	const char *inner = json_string_value(json_array_get(addresses, 0));
	struct pen *p = r->pen;
	char age[32], in[32], out[32];

	if (!row_taken(r))
		return;
	say(p, LABEL, SCREEN_BOLD, "%s", user && user[0] ? user : text_of(c, "identity"));
	/* A long name is cut where the next column begins. */
	say(p, 19, SCREEN_PLAIN, " %-15s %9s %10s in %10s out  %s", inner ? inner : "-",
	    table_duration(number_of(c, "age_s"), age), table_bytes(number_of(c, "bytes_in"), in),
	    table_bytes(number_of(c, "bytes_out"), out), text_of(c, "peer"));
	p->row++;
}

static size_t tunnel_rows(const json_t *tunnels)
{
	size_t n = json_array_size(tunnels);

	for (size_t i = 0; i < json_array_size(tunnels); i++)
		n += json_array_size(json_object_get(json_array_get(tunnels, i), "epochs"));
	return n;
}

/* So many rows of tunnels, or of a gateway's clients. */
static void draw_middle(struct pen *p, unsigned room)
{
	const json_t *tunnels = json_object_get(p->v->status, "tunnels");
	const json_t *clients = json_object_get(p->v->status, "clients");
	size_t wanted = tunnel_rows(tunnels) + json_array_size(clients);
	struct rows r = { .pen = p, .left = wanted > room && room ? room - 1 : room };

	for (size_t i = 0; i < json_array_size(tunnels); i++)
		draw_tunnel(&r, json_array_get(tunnels, i));
	for (size_t i = 0; i < json_array_size(clients); i++)
		draw_client(&r, json_array_get(clients, i));
	if (r.missing && room) {
		say(p, LABEL, SCREEN_DIM, "and %u more", r.missing);
		p->row++;
	}
}

/* ---- what has happened ---- */

static void draw_held(struct pen *p)
{
	static const char *const ends[] = { "released", "replaced", "expired", "dropped" };
	const json_t *held = json_object_get(p->v->status, "held");
	long long now = number_of(held, "packets");
	unsigned column;
	char size[32];

	if (number_of(held, "in") == 0)
		return;
	label(p, "held");
	column = VALUE;
	if (now)
		column = say(p, column, SCREEN_WARN, "%lld packet%s now (%s), ", now,
			     now == 1 ? "" : "s", table_bytes(number_of(held, "bytes"), size));
	column = say(p, column, SCREEN_PLAIN, "%lld in all", number_of(held, "in"));
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++)
		if (number_of(held, ends[i]))
			column = say(p, column, SCREEN_PLAIN, ", %lld %s", number_of(held, ends[i]),
				     ends[i]);
	p->row++;
}

static void draw_pings(struct pen *p)
{
	const json_t *ping = json_object_get(p->v->status, "ping");

	if (number_of(ping, "sent") == 0)
		return;
	label(p, "pings");
	say(p, VALUE, SCREEN_PLAIN, "%lld sent, %lld answered%s%s", number_of(ping, "sent"),
	    number_of(ping, "answered"),
	    json_is_string(json_object_get(ping, "target")) ? " by " : "",
	    json_is_string(json_object_get(ping, "target")) ? text_of(ping, "target") : "");
	p->row++;
}

static void draw_roam(const struct pen *p, const struct watch_roam *r)
{
	static const struct {
		const char *method, *text;
	} words[] = {
		{ "ipaddress_update", "the gateway was told" },
		{ "mobike", "the gateway was told" },
		{ "follow", "the gateway followed" },
		{ "renegotiate", "all negotiated anew" },
	};
	unsigned column;
	char age[32];

	column = say(p, VALUE, SCREEN_PLAIN, "%s ago: %s %s %s",
		     table_duration(p->v->now > r->at ? p->v->now - r->at : 0, age), r->from,
		     arrow(p->s), r->to);
	if (r->outage_ms >= 0)
		column = say(p, column, SCREEN_PLAIN, ", %lld ms", r->outage_ms);
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].method, r->method) == 0)
			say(p, column, SCREEN_PLAIN, ", %s", words[i].text);
}

static void draw_roams(struct pen *p, unsigned most)
{
	const struct watch_history *h = p->v->history;

	for (unsigned i = 0; i < h->nroams && i < most; i++, p->row++) {
		if (i == 0)
			label(p, "moves");
		draw_roam(p, &h->roams[h->nroams - 1 - i]);
	}
}

/* What is ours alone is no loss. */
static bool is_loss(const char *drop)
{
	return strcmp(drop, "probe_reply") != 0 && strcmp(drop, "dummy") != 0;
}

static bool has_losses(const json_t *status)
{
	json_t *drops = json_object_get(status, "drops"), *n;
	const char *key;

	json_object_foreach(drops, key, n)
	{
		if (is_loss(key))
			return true;
	}
	return false;
}

static void draw_drops(struct pen *p)
{
	json_t *drops = json_object_get(p->v->status, "drops"), *n;
	unsigned column = VALUE;
	const char *key;

	if (!has_losses(p->v->status))
		return;
	label(p, "dropped");
	json_object_foreach(drops, key, n)
	{
		if (is_loss(key))
			column = say(p, column, SCREEN_PLAIN, "%s%s %lld",
				     column > VALUE ? ", " : "", key,
				     (long long)json_integer_value(n));
	}
	p->row++;
}

/* The newest at the bottom. */
static void draw_events(struct pen *p, unsigned room)
{
	const struct watch_history *h = p->v->history;
	unsigned n = h->nevents < room ? h->nevents : room;
	char age[32];

	for (unsigned i = 0; i < n; i++, p->row++) {
		const struct watch_event *e = &h->events[h->nevents - n + i];

		say(p, LABEL, SCREEN_DIM, "%s",
		    table_duration(p->v->now > e->at ? p->v->now - e->at : 0, age));
		say(p, VALUE + 1, e->bad ? SCREEN_WARN : SCREEN_PLAIN, "%s", e->text);
	}
}

/* ---- the whole ---- */

/* What rows there are for; what is fixed is counted by drawing it. */
struct shares {
	unsigned roams, middle, events;
};

static struct shares share(const struct pen *p, unsigned gaps)
{
	const json_t *o = p->v->status;
	const struct watch_history *h = p->v->history;
	unsigned fixed = p->row + 2 /* rates */ + gaps + p->v->keys;
	unsigned room, wanted = (unsigned)(tunnel_rows(json_object_get(o, "tunnels")) +
					   json_array_size(json_object_get(o, "clients")));
	struct shares shares;

	fixed += number_of(json_object_get(o, "held"), "in") != 0;
	fixed += number_of(json_object_get(o, "ping"), "sent") != 0;
	fixed += has_losses(o);
	room = p->s->rows > fixed ? p->s->rows - fixed : 0;
	shares.roams = h->nroams < ROAMS_SHOWN ? h->nroams : ROAMS_SHOWN;
	shares.roams = room > shares.roams + 2 ? shares.roams : room > 3;
	room -= shares.roams;
	shares.middle = wanted < room ? wanted : room;
	shares.events = room - shares.middle;
	return shares;
}

static void draw_client_head(struct pen *p)
{
	draw_state(p);
	draw_path(p);
	draw_inside(p);
	draw_ike(p);
}

static void draw_gateway_head(struct pen *p)
{
	const json_t *o = p->v->status;

	draw_state(p);
	label(p, "clients");
	say(p, VALUE, SCREEN_PLAIN, "%zu, %lld tunnels, %lld half open",
	    json_array_size(json_object_get(o, "clients")), number_of(o, "tunnels"),
	    number_of(o, "half_open"));
	p->row++;
}

void watch_draw(const struct watch_view *v, struct screen *s)
{
	struct pen p = { .s = s, .v = v };
	unsigned gap = s->rows >= LOOSE;
	struct shares shares;

	draw_head(&p);
	draw_foot(&p);
	if (!v->status) {
		p.row++;
		say(&p, LABEL, SCREEN_BAD, "%s does not run; when it does, it is here",
		    v->nnames ? v->names[v->shown] : "it");
		return;
	}
	p.row += gap;
	if (json_is_array(json_object_get(v->status, "clients")))
		draw_gateway_head(&p);
	else
		draw_client_head(&p);
	shares = share(&p, 3 * gap);
	p.row += gap;
	draw_middle(&p, shares.middle);
	p.row += shares.middle ? gap : 0;
	draw_spark(&p, true);
	p.row++;
	draw_spark(&p, false);
	p.row++;
	draw_held(&p);
	draw_pings(&p);
	draw_roams(&p, shares.roams);
	draw_drops(&p);
	p.row += gap;
	draw_events(&p, shares.events);
}
