/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "cmd/timeline.h"

#define SECOND 1000000
#define TOP 64
#define ROW 19 /* from one row to the next, at least */
#define PER_SECOND 6 /* and for the time between them */
#define QUIET (10 * (int64_t)SECOND) /* what is longer has a break */
#define BREAK 44
#define BOTTOM 46

#define X_TIME 92 /* where the times end */
#define X_CLIENT 108
#define X_GATEWAY 288
#define X_LANES 322 /* the first epoch's bar */
#define LANE 16
#define BAR 9
#define NOTES 530 /* as wide as what stands beside it all */
#define LANES_MAX 24 /* whoever has more at a time finds them on one another */

struct drawing {
	const struct timeline *t;
	FILE *out;
	double *y; /* of each row */
	unsigned *lane; /* of each epoch */
	unsigned nlanes;
	double x_held, x_pings, x_notes, width, height;
};

/* ---- text ---- */

/* Bytes of the two characters that are UTF-8, but no XML. */
static bool is_no_character(const unsigned char *c)
{
	return c[0] == 0xef && c[1] == 0xbf && (c[2] == 0xbe || c[2] == 0xbf);
}

static void put_text(FILE *out, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '&')
			fputs("&amp;", out);
		else if (*c == '<')
			fputs("&lt;", out);
		else if (*c == '>')
			fputs("&gt;", out);
		else if (*c == '"')
			fputs("&quot;", out);
		else if (is_no_character(c))
			fputc('?', out), c += 2;
		else
			fputc(*c < 0x20 || *c == 0x7f ? '?' : *c, out);
	}
}

/* As the clock on the wall has it here. */
static void put_time(FILE *out, int64_t wall, bool date)
{
	time_t t = (time_t)(wall / SECOND);
	char text[60] = "";
	struct tm tm;

	if (!localtime_r(&t, &tm))
		return;
	if (date)
		strftime(text, sizeof(text), "%F %T %Z", &tm);
	else
		strftime(text, sizeof(text), "%T", &tm);
	fputs(text, out);
}

/* "12.3 ms", "4.2 s", "3 min 20 s", "2 h 5 min", "3 d 4 h" */
static const char *span_text(int64_t us, char buf[40])
{
	int64_t s = us / SECOND;

	if (us < SECOND)
		snprintf(buf, 40, "%.1f ms", (double)us / 1e3);
	else if (s < 60)
		snprintf(buf, 40, "%.1f s", (double)us / 1e6);
	else if (s < 3600)
		snprintf(buf, 40, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, 40, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(buf, 40, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
	return buf;
}

/* ---- the axis ---- */

static int64_t gap_before(const struct timeline *t, uint32_t row)
{
	return row ? t->rows[row].at - t->rows[row - 1].at : 0;
}

static void axis_make(struct drawing *d)
{
	double y = TOP;

	d->y = xcalloc(d->t->nrows + 1, sizeof(*d->y));
	for (uint32_t i = 0; i < d->t->nrows; i++) {
		int64_t gap = gap_before(d->t, i);

		y += gap > QUIET ? ROW + BREAK : ROW + PER_SECOND * (double)gap / SECOND;
		d->y[i] = y;
	}
	d->height = y + BOTTOM;
}

/* The first row later than that. */
static uint32_t row_behind(const struct timeline *t, int64_t at)
{
	uint32_t lo = 0, hi = t->nrows;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->rows[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static double end_of(const struct drawing *d)
{
	return d->height - BOTTOM + ROW / 2.0;
}

static double y_of(const struct drawing *d, int64_t at)
{
	uint32_t next = row_behind(d->t, at);
	const struct timeline_row *r = d->t->rows;

	if (next == 0)
		return TOP;
	if (next == d->t->nrows)
		return end_of(d);
	return d->y[next - 1] + (d->y[next] - d->y[next - 1]) * (double)(at - r[next - 1].at) /
					(double)(r[next].at - r[next - 1].at);
}

/* ---- lanes ---- */

static double epoch_top(const struct drawing *d, const struct timeline_epoch *e)
{
	for (unsigned s = 0; s < TIMELINE_STATES; s++)
		if (e->row[s] != TIMELINE_NONE)
			return d->y[e->row[s]];
	return TOP;
}

static double epoch_bottom(const struct drawing *d, const struct timeline_epoch *e)
{
	return e->row[TIMELINE_GONE] == TIMELINE_NONE ? end_of(d) : d->y[e->row[TIMELINE_GONE]];
}

/* Each in the first lane that is free then. */
static void lanes_make(struct drawing *d)
{
	double free_at[LANES_MAX] = { 0 };

	d->lane = xcalloc(d->t->nepochs + 1, sizeof(*d->lane));
	d->nlanes = 1;
	for (uint32_t i = 0; i < d->t->nepochs; i++) {
		const struct timeline_epoch *e = &d->t->epochs[i];
		unsigned lane = 0;

		while (lane < LANES_MAX - 1 && free_at[lane] > epoch_top(d, e))
			lane++;
		free_at[lane] = epoch_bottom(d, e) + ROW;
		d->lane[i] = lane;
		d->nlanes = lane + 1 > d->nlanes ? lane + 1 : d->nlanes;
	}
	d->x_held = X_LANES + (d->nlanes < 3 ? 3 : d->nlanes) * LANE + 10;
	d->x_pings = d->x_held + 40;
	d->x_notes = d->x_pings + 32;
	d->width = d->x_notes + NOTES;
}

/* ---- what is drawn ---- */

static const char style[] =
	"text{fill:#737b87}.h{font-weight:bold}.e{text-anchor:end}.m{text-anchor:middle}"
	".life,.break{stroke:#9ca3af;fill:none}.life{stroke-dasharray:1 3}"
	".x{stroke:#3b82c4;stroke-width:1.5;fill:none}.xd{stroke:#3b82c4;fill:none;stroke-dasharray:4 3}"
	".bad{stroke:#d14343;stroke-width:1.6;fill:none}text.bad{stroke:none;fill:#d14343}"
	".head{fill:#3b82c4}"
	".probing{fill:#e0a030}.current{fill:#3f9f5f}.retiring{fill:#9ca3af}"
	".held{fill:#a066c8;fill-opacity:.7}.pong{fill:#3f9f5f}.ping{fill:#9ca3af}"
	".roam{fill:#3b82c4}.state{fill:#8b8f98}.trouble{fill:#d14343}.epoch{fill:#3f9f5f}"
	"@media(prefers-color-scheme:dark){text{fill:#b4bac4}}";

static void draw_head(const struct drawing *d, const char *name)
{
	const struct timeline *t = d->t;
	FILE *out = d->out;

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" font-size=\"11\">\n"
		"<style>%s</style>\n<text x=\"%d\" y=\"22\" class=\"h\" font-size=\"14\">",
		d->width, d->height, d->width, d->height, style, X_CLIENT);
	put_text(out, name);
	if (t->nrows && t->rows[0].wall) {
		fputs(", ", out);
		put_time(out, t->rows[0].wall, true);
	}
	fprintf(out,
		"</text>\n<text x=\"%d\" y=\"50\" class=\"m\">%s</text>"
		"<text x=\"%d\" y=\"50\" class=\"m\">%s</text>"
		"<text x=\"%d\" y=\"50\">epochs</text><text x=\"%.1f\" y=\"50\" "
		"class=\"m\">held</text><text x=\"%.1f\" y=\"50\" class=\"m\">pings</text>\n",
		X_CLIENT, t->of_gateway ? "gateway" : "client", X_GATEWAY,
		t->of_gateway ? "client" : "gateway", X_LANES, d->x_held + 6, d->x_pings);
}

static void draw_lives(const struct drawing *d)
{
	fprintf(d->out, "<path class=\"life\" d=\"M%d %dV%.1fM%d %dV%.1f\"/>\n", X_CLIENT, TOP - 6,
		end_of(d), X_GATEWAY, TOP - 6, end_of(d));
}

static void draw_bar(const struct drawing *d, const struct timeline_epoch *e, double x,
		     enum timeline_epoch_state state)
{
	static const char *const name[] = { "probing", "current", "retiring" };
	double from = d->y[e->row[state]], to = epoch_bottom(d, e);

	for (unsigned s = state + 1; s < TIMELINE_STATES; s++)
		if (e->row[s] != TIMELINE_NONE && d->y[e->row[s]] < to)
			to = d->y[e->row[s]];
	fprintf(d->out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>\n",
		name[state], x, from, BAR, to > from ? to - from : 1);
}

static void draw_epochs(const struct drawing *d)
{
	for (uint32_t i = 0; i < d->t->nepochs; i++) {
		const struct timeline_epoch *e = &d->t->epochs[i];
		double x = X_LANES + d->lane[i] * LANE;

		fprintf(d->out, "<g class=\"epochs\"><title>E%" PRIu32 " ", i + 1);
		put_text(d->out, e->spi);
		fprintf(d->out, ", tunnel %" PRId64 "</title>\n", e->tunnel);
		for (unsigned s = TIMELINE_PROBING; s < TIMELINE_GONE; s++)
			if (e->row[s] != TIMELINE_NONE)
				draw_bar(d, e, x, s);
		fprintf(d->out,
			"<text x=\"%.1f\" y=\"%.1f\" class=\"m\" font-size=\"9\">E%" PRIu32
			"</text></g>\n",
			x + BAR / 2.0, epoch_top(d, e) - 2, i + 1);
	}
}

static void draw_arrow(const struct drawing *d, const char *class, double y, bool right)
{
	int from = right ? X_CLIENT : X_GATEWAY, to = right ? X_GATEWAY : X_CLIENT;
	int back = right ? -7 : 7;

	fprintf(d->out,
		"<path class=\"%s\" d=\"M%d %.1fH%d\"/><path class=\"head\" d=\"M%d %.1fl%d -3.5v7z\"/>\n",
		class, from, y, to, to, y, back);
}

static void draw_failure(const struct drawing *d, double y)
{
	fprintf(d->out, "<path class=\"bad\" d=\"M%d %.1fl8 8m0 -8l-8 8\"/>\n",
		(X_CLIENT + X_GATEWAY) / 2 - 4, y - 4);
}

static void draw_ladder_text(const struct drawing *d, double y, const char *text, int64_t took)
{
	char span[40];

	fprintf(d->out, "<text x=\"%d\" y=\"%.1f\" class=\"m\">", (X_CLIENT + X_GATEWAY) / 2,
		y - 4);
	put_text(d->out, text);
	if (took >= 0)
		fprintf(d->out, ", %s", span_text(took, span));
	fputs("</text>\n", d->out);
}

static void draw_exchanges(const struct drawing *d)
{
	const struct timeline_row *rows = d->t->rows;

	for (uint32_t i = 0; i < d->t->nexchanges; i++) {
		const struct timeline_exchange *x = &d->t->exchanges[i];
		double end = x->ended == TIMELINE_NONE ? 0 : d->y[x->ended];
		int64_t took = end > 0 ? rows[x->ended].at - rows[x->begun].at : 0;

		fputs("<g class=\"exchange\"><title>", d->out);
		put_text(d->out, x->name);
		fprintf(d->out, " begun by %s</title>\n", x->ours ? "us" : "the peer");
		draw_arrow(d, "x", d->y[x->begun], x->ours);
		draw_ladder_text(d, d->y[x->begun], x->name, -1);
		if (end > 0 && x->failed) {
			draw_failure(d, end);
		} else if (end > 0) {
			draw_arrow(d, "xd", end, !x->ours);
			draw_ladder_text(d, end, "done", took);
		}
		fputs("</g>\n", d->out);
	}
}

static void draw_updates(const struct drawing *d)
{
	for (uint32_t i = 0; i < d->t->nrows; i++) {
		enum timeline_kind kind = d->t->rows[i].kind;

		if (kind != TIMELINE_UPDATE && kind != TIMELINE_ACK)
			continue;
		draw_arrow(d, kind == TIMELINE_ACK ? "xd" : "x", d->y[i], kind == TIMELINE_UPDATE);
		draw_ladder_text(d, d->y[i],
				 kind == TIMELINE_ACK ? "acknowledged" : "address update", -1);
	}
}

static void draw_holds(const struct drawing *d)
{
	for (uint32_t i = 0; i < d->t->nholds; i++) {
		const struct timeline_hold *h = &d->t->holds[i];
		double from = d->y[h->begun];
		double to = h->ended == TIMELINE_NONE ? end_of(d) : d->y[h->ended];

		fprintf(d->out,
			"<rect class=\"held\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>\n",
			d->x_held + 1, from, BAR, to > from ? to - from : 1);
	}
}

/* ---- pings, and where nothing else happens ---- */

/* In the break before this row. */
static bool is_quiet(const struct timeline *t, uint32_t row)
{
	return row > 0 && row < t->nrows && gap_before(t, row) > QUIET;
}

static void draw_ping(const struct drawing *d, const struct timeline_ping *p, double y)
{
	if (p->lost)
		fprintf(d->out,
			"<path class=\"bad\" d=\"M%.1f %.1fl6 6m0 -6l-6 6\"><title>ping lost"
			"</title></path>\n",
			d->x_pings - 3, y - 3);
	else
		fprintf(d->out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>\n",
			p->answered ? "pong" : "ping", d->x_pings, y);
}

/* Those in breaks are counted there. One mark is enough where many would stand on one another. */
static void draw_pings(const struct drawing *d)
{
	const struct timeline_ping *before = NULL;
	double last = 0;

	for (uint32_t i = 0; i < d->t->npings; i++) {
		const struct timeline_ping *p = &d->t->pings[i];
		double y = y_of(d, p->at);

		if (is_quiet(d->t, row_behind(d->t, p->at)))
			continue;
		if (before && y < last + 4 && before->answered == p->answered &&
		    before->lost == p->lost)
			continue;
		draw_ping(d, p, y);
		before = p;
		last = y;
	}
}

static void count_pings(const struct timeline *t, uint32_t row, unsigned *sent, unsigned *lost)
{
	*sent = *lost = 0;
	for (uint32_t i = 0; i < t->npings; i++) {
		if (t->pings[i].at < t->rows[row - 1].at || t->pings[i].at >= t->rows[row].at)
			continue;
		++*sent;
		*lost += t->pings[i].lost;
	}
}

static void draw_zigzag(const struct drawing *d, double x, double width, double y)
{
	fprintf(d->out, "<path class=\"break\" d=\"M%.1f %.1f", x, y);
	for (double at = 0; at + 8 <= width; at += 8)
		fputs("l4 -4l4 4", d->out);
	fputs("\"/>", d->out);
}

static void draw_breaks(const struct drawing *d)
{
	char span[40];
	unsigned sent, lost;

	for (uint32_t i = 1; i < d->t->nrows; i++) {
		double y = (d->y[i] + d->y[i - 1]) / 2;

		if (!is_quiet(d->t, i))
			continue;
		fputs("<g class=\"quiet\">", d->out);
		draw_zigzag(d, X_TIME - 40, d->x_pings + 12 - (X_TIME - 40), y - 11);
		draw_zigzag(d, X_TIME - 40, d->x_pings + 12 - (X_TIME - 40), y + 13);
		fprintf(d->out, "<text x=\"%d\" y=\"%.1f\" class=\"m\">%s</text>",
			(X_CLIENT + X_GATEWAY) / 2, y + 2.5, span_text(gap_before(d->t, i), span));
		count_pings(d->t, i, &sent, &lost);
		if (sent)
			fprintf(d->out, "<text x=\"%.1f\" y=\"%.1f\">%u pings, %u lost</text>",
				d->x_notes, y + 2.5, sent, lost);
		fputs("</g>\n", d->out);
	}
}

/* ---- rows ---- */

static const char *note_class(enum timeline_kind kind)
{
	switch (kind) {
	case TIMELINE_STATE:
		return "state";
	case TIMELINE_ROAM:
	case TIMELINE_UPDATE:
	case TIMELINE_ACK:
		return "roam";
	case TIMELINE_TROUBLE:
	case TIMELINE_FAILED:
		return "trouble";
	case TIMELINE_EPOCH:
		return "epoch";
	case TIMELINE_HELD:
		return "held";
	case TIMELINE_BEGUN:
	case TIMELINE_DONE:
		break;
	}
	return NULL;
}

/* As much as there is room for, at six pixels a letter. */
static void put_note(FILE *out, const char *text)
{
	char cut[TIMELINE_TEXT_MAX];
	size_t n = 0, letters = 0;

	for (; text[n] && letters < NOTES / 6; n++)
		letters += (text[n + 1] & 0xc0) != 0x80;
	memcpy(cut, text, n);
	cut[n] = '\0';
	put_text(out, cut);
	if (text[n])
		fputs("…", out);
}

static void draw_row_time(const struct drawing *d, const struct timeline_row *r, double y)
{
	fprintf(d->out, "<text x=\"%d\" y=\"%.1f\" class=\"e\">", X_TIME, y + 3.5);
	if (r->wall) {
		put_time(d->out, r->wall, false);
		fprintf(d->out, ".%03d", (int)(r->wall % SECOND / 1000));
	} else {
		fprintf(d->out, "%.3f", (double)(r->at - d->t->rows[0].at) / SECOND);
	}
	fputs("</text>\n", d->out);
}

static void draw_rows(const struct drawing *d)
{
	for (uint32_t i = 0; i < d->t->nrows; i++) {
		const struct timeline_row *r = &d->t->rows[i];
		const char *class = note_class(r->kind);

		draw_row_time(d, r, d->y[i]);
		if (!class)
			continue;
		fprintf(d->out,
			"<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/><text x=\"%.1f\" "
			"y=\"%.1f\">",
			class, d->x_notes, d->y[i], d->x_notes + 8, d->y[i] + 3.5);
		put_note(d->out, r->text);
		fputs("</text>\n", d->out);
	}
}

static void draw_legend(const struct drawing *d)
{
	static const char *const names[] = { "probing", "current", "retiring", "held" };
	double y = d->height - 14;
	int x = X_CLIENT;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++, x += 74)
		fprintf(d->out,
			"<rect class=\"%s\" x=\"%d\" y=\"%.1f\" width=\"9\" height=\"9\"/>"
			"<text x=\"%d\" y=\"%.1f\">%s</text>\n",
			names[i], x, y - 8, x + 13, y, names[i]);
	fprintf(d->out,
		"<circle class=\"pong\" cx=\"%d\" cy=\"%.1f\" r=\"2.5\"/><text x=\"%d\" y=\"%.1f\">"
		"ping answered</text><path class=\"bad\" d=\"M%d %.1fl6 6m0 -6l-6 6\"/>"
		"<text x=\"%d\" y=\"%.1f\">lost</text>\n",
		x + 4, y - 3.5, x + 13, y, x + 100, y - 7, x + 112, y);
}

void timeline_draw(const struct timeline *t, const char *name, FILE *out)
{
	struct drawing d = { .t = t, .out = out };

	axis_make(&d);
	lanes_make(&d);
	draw_head(&d, name);
	draw_lives(&d);
	draw_epochs(&d);
	draw_holds(&d);
	draw_exchanges(&d);
	draw_updates(&d);
	draw_pings(&d);
	draw_breaks(&d);
	draw_rows(&d);
	draw_legend(&d);
	fputs("</svg>\n", out);
	free(d.y);
	free(d.lane);
}
