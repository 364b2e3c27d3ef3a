/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/field.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "ike/codec.h"

/*
 * A lane for each host, from left to right: clients, NATs, the server. A datagram is one line, drawn
 * when it is at its NAT:
 *
 *	    C1        C2        NAT        S
 *	     ├─────────│─────────┼────────►│   C1 epoch 2: ESP 1, ping
 */
#define LANE 9
#define LANES_MAX 8 /* of clients that are drawn; with more of them there are words only */
#define CELLS_MAX ((LANES_MAX + FIELD_NATS_MAX + 1) * LANE)

struct canvas {
	const char *cell[CELLS_MAX];
	unsigned n;
};

static unsigned lane_of_client(unsigned number)
{
	return number * LANE + LANE / 2;
}

static unsigned lane_of_nat(const struct field *f, unsigned nat)
{
	return lane_of_client(f->nclients + nat);
}

static unsigned lane_of_server(const struct field *f)
{
	return lane_of_nat(f, f->nnats);
}

static bool is_drawn(const struct field *f)
{
	return f->nclients <= LANES_MAX;
}

static void canvas_init(const struct field *f, struct canvas *c)
{
	c->n = is_drawn(f) ? lane_of_server(f) + 2 : 0;
	for (unsigned i = 0; i < c->n; i++)
		c->cell[i] = i % LANE == LANE / 2 ? "│" : " ";
}

static void canvas_line(struct canvas *c, unsigned from, unsigned to)
{
	unsigned lo = from < to ? from : to, hi = from < to ? to : from;

	for (unsigned i = lo + 1; i < hi; i++)
		c->cell[i] = i % LANE == LANE / 2 ? "┼" : "─";
}

static void canvas_print(struct field *f, const struct canvas *c, const char *text)
{
	char line[3 * CELLS_MAX + 1] = "";
	size_t n = 0;

	for (unsigned i = 0; i < c->n; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s", c->cell[i]);
	trace_lane(&f->trace, f->now, "%s %s", line, text);
}

void field_ladder_head(struct field *f)
{
	char line[200] = "";
	size_t n = 0;

	if (!f->trace.show)
		return;
	trace_lane(&f->trace, 0, "%s, seed %" PRIu64 ", %u clients, %s the prober",
		   f->scenario->name, f->seed, f->nclients, f->probes ? "with" : "without");
	for (unsigned i = 0; is_drawn(f) && i < f->nclients + f->nnats + 1; i++) {
		char name[LANE + 1] = "S";

		if (i < f->nclients)
			snprintf(name, sizeof(name), "%s", f->clients[i]->name);
		else if (i < f->nclients + f->nnats)
			snprintf(name, sizeof(name), f->nnats > 1 ? "NAT %u" : "NAT",
				 i - f->nclients + 1);
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%*s%-*s",
				      LANE / 2 - (int)strlen(name) / 2, "",
				      LANE - LANE / 2 + (int)strlen(name) / 2, name);
	}
	trace_lane(&f->trace, 0, "%s", line);
}

/* ---- what a datagram is called ---- */

static const char *ike_name(struct slice bytes, char text[80])
{
	bool marked = bytes.n > 4 && get_be32(bytes.p) == 0;
	struct ike_msg m;

	if (marked)
		bytes = slice(bytes.p + 4, bytes.n - 4);
	if (bytes.n < 5 || ike_msg_parse(bytes, &m) != 0)
		return "a keepalive";
	switch (m.h.exchange) {
	case ISAKMP_MAIN:
		return "IKE main mode";
	case ISAKMP_QUICK:
		snprintf(text, 80, "IKE quick mode %08x", m.h.id);
		return text;
	case ISAKMP_INFORMATIONAL:
		return "IKE informational";
	default:
		return "IKE";
	}
}

static const char *esp_name(const struct field_client *c, bool inbound, struct slice bytes,
			    const char *what, char text[80])
{
	uint32_t spi = get_be32(bytes.p), sequence = get_be32(bytes.p + 4);
	const struct field_epoch *e = c ? field_epoch_of_spi(c, inbound, spi) : NULL;

	if (e)
		snprintf(text, 80, "%s epoch %u: ESP %u%s", c->name, e->number, sequence, what);
	else
		snprintf(text, 80, "ESP %08x %u%s", spi, sequence, what);
	return text;
}

/* Whose inbound SPI it is; of several the first. */
static const struct field_client *meant_for(struct field *f, uint32_t spi)
{
	for (unsigned i = 0; i < f->nclients; i++)
		if (field_epoch_of_spi(f->clients[i], true, spi))
			return f->clients[i];
	return NULL;
}

void field_ladder_out(struct field_client *c, const char *esp, struct slice bytes,
		      const char *wrong)
{
	struct field *f = c->field;
	char name[80], text[240];
	struct canvas canvas;
	unsigned to = wrong ? lane_of_nat(f, c->route) : lane_of_server(f);

	if (!f->trace.show)
		return;
	canvas_init(f, &canvas);
	if (canvas.n) {
		canvas_line(&canvas, lane_of_client(c->number), to);
		canvas.cell[lane_of_client(c->number)] = "├";
		canvas.cell[wrong ? to : to - 1] = wrong ? "╳" : "►";
	}
	snprintf(text, sizeof(text), "%s ►  %s%s%s%s", c->name,
		 esp ? esp_name(c, false, bytes, esp, name) : ike_name(bytes, name),
		 wrong ? " (" : "", wrong ? wrong : "", wrong ? ")" : "");
	canvas_print(f, &canvas, text);
}

static unsigned number_of(const struct field *f, const struct addr *client)
{
	return (unsigned)(client->b[3] - f->clients[0]->addr.b[3]) % FIELD_CLIENTS_MAX;
}

static void draw_in(struct field *f, struct canvas *canvas, const struct addr *to, unsigned n,
		    unsigned nat)
{
	canvas_line(canvas, lane_of_server(f), lane_of_nat(f, nat));
	canvas->cell[lane_of_server(f)] = "┤";
	canvas->cell[lane_of_nat(f, nat)] = n ? "┼" : "╳";
	for (unsigned i = 0; i < n; i++)
		canvas_line(canvas, lane_of_client(number_of(f, &to[i])), lane_of_nat(f, nat));
	for (unsigned i = 0; i < n; i++)
		canvas->cell[lane_of_client(number_of(f, &to[i])) + 1] = "◄";
}

void field_ladder_in(struct field *f, const struct addr *to, unsigned n, unsigned nat,
		     const char *esp, struct slice bytes, const char *fate)
{
	char name[80], text[240], who[60] = "nobody";
	struct canvas canvas;
	size_t at = 0;

	if (!f->trace.show)
		return;
	canvas_init(f, &canvas);
	if (canvas.n)
		draw_in(f, &canvas, to, n, nat);
	for (unsigned i = 0; i < n && at < sizeof(who) - 8; i++)
		at += (size_t)snprintf(who + at, sizeof(who) - at, "%sC%u", i ? ", " : "",
				       number_of(f, &to[i]) + 1);
	snprintf(text, sizeof(text), "%s ◄  %s%s%s%s", who,
		 esp ? esp_name(meant_for(f, get_be32(bytes.p)), true, bytes, esp, name) :
		       ike_name(bytes, name),
		 fate ? " (" : "", fate ? fate : "", fate ? ")" : "");
	canvas_print(f, &canvas, text);
}

void field_ladder_note(struct field *f, int client, const char *fmt, ...)
{
	char text[160];
	va_list args;

	if (!f->trace.show)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	trace_lane(&f->trace, f->now, "  %s: %s", client < 0 ? "all" : f->clients[client]->name,
		   text);
}
