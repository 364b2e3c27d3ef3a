/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/shell.h"

#include <histedit.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/complete.h"
#include "cmd/line.h"

#define CHOICE_WIDTH 18 /* of a choice that is shown with what it is for */
#define CHOICES_MAX 32 /* more of them are shown without */

/* A prompt on a terminal. */
struct prompt {
	struct shell *shell;
	EditLine *edit;
	History *history;
	char file[PATH_MAX]; /* of the history; "": none */
	char last[LINE_SIZE_MAX + 1]; /* the newest line of it */
	char text[SHELL_NAME_MAX + 16];
};

static struct prompt *prompt_of(EditLine *edit)
{
	void *p = NULL;

	el_get(edit, EL_CLIENTDATA, &p);
	return p;
}

static char *prompt_text(EditLine *edit)
{
	struct prompt *p = prompt_of(edit);

	snprintf(p->text, sizeof(p->text), "godwit%s%s> ", p->shell->used[0] ? " " : "",
		 p->shell->used);
	return p->text;
}

/* ---- completion ---- */

static unsigned columns_of(FILE *out)
{
	struct winsize size = { 0 };

	ioctl(fileno(out), TIOCGWINSZ, &size);
	return size.ws_col ? size.ws_col : 80;
}

/* In columns, without what they are for; nor the directories that have been typed already. */
static void show_names(const struct completions *c, const char *word, FILE *out)
{
	const char *slash = strrchr(word, '/');
	size_t typed = slash ? (size_t)(slash - word) + 1 : 0, widest = 0, columns;

	for (size_t i = 0; i < c->n; i++)
		widest = strlen(c->items[i].word) > widest ? strlen(c->items[i].word) : widest;
	widest += 2 - typed;
	columns = columns_of(out) / widest;
	columns = columns ? columns : 1;
	for (size_t i = 0; i < c->n; i++)
		fprintf(out, "%-*s%s", (int)widest, c->items[i].word + typed,
			(i + 1) % columns == 0 || i + 1 == c->n ? "\n" : "");
}

/* With what they are for, if all of them have that and there are not too many. */
static void show_choices(const struct completions *c, const char *word, FILE *out)
{
	int room = (int)columns_of(out) - 2 - CHOICE_WIDTH - 1;
	bool helped = c->n <= CHOICES_MAX && room > 0;

	for (size_t i = 0; i < c->n; i++)
		helped = helped && c->items[i].help;
	fputs("\n", out);
	if (!helped) {
		show_names(c, word, out);
		return;
	}
	for (size_t i = 0; i < c->n; i++)
		fprintf(out, "  %-*s %.*s\n", CHOICE_WIDTH, c->items[i].word, room,
			c->items[i].help);
}

/* Types what all choices begin with behind what is there. */
static bool type_common(EditLine *edit, const struct completions *c, size_t typed, char quote)
{
	char rest[LINE_SIZE_MAX], text[LINE_SIZE_MAX + 2];
	size_t n = completions_common(c);
	const char end[] = { quote ? quote : ' ', quote ? ' ' : '\0', '\0' };

	if (n - typed >= sizeof(rest))
		return false;
	memcpy(rest, c->items[0].word + typed, n - typed);
	rest[n - typed] = '\0';
	if (!line_quote(rest, quote, text, LINE_SIZE_MAX))
		return false;
	if (c->n == 1 && !c->items[0].goes_on)
		strcat(text, end);
	return text[0] && el_insertstr(edit, text) == 0;
}

static unsigned char on_tab(EditLine *edit, int key)
{
	const LineInfo *info = el_line(edit);
	struct prompt *p = prompt_of(edit);
	const struct complete_names names =
		complete_system(p->shell->used[0] ? p->shell->used : NULL);
	struct line *line = xcalloc(1, sizeof(*line));
	struct completions c = { 0 };
	unsigned char result = CC_REFRESH_BEEP;
	enum line_state state =
		line_split(info->buffer, (size_t)(info->cursor - info->buffer), line);
	unsigned n = line->n - (line->n && line->inside);
	const char *word = line->n && line->inside ? line->words[n] : "";

	(void)key;
	if ((state == LINE_GOOD || state == LINE_OPEN) && line->quote != '\\')
		complete(&names, COMMAND_SHELL, n, line->words, word, &c);
	if (c.n && type_common(edit, &c, strlen(word), line->quote)) {
		result = CC_REFRESH;
	} else if (c.n) {
		show_choices(&c, word, stdout);
		fflush(stdout);
		result = CC_REDISPLAY;
	}
	completions_free(&c);
	free(line);
	return result;
}

/* ---- keys ---- */

/* ^C: another line. */
static unsigned char on_interrupt(EditLine *edit, int key)
{
	const LineInfoW *info = el_wline(edit);

	(void)key;
	el_cursor(edit, (int)(info->lastchar - info->cursor));
	info = el_wline(edit);
	el_wdeletestr(edit, (int)(info->lastchar - info->buffer));
	fputs("^C\n", stdout);
	fflush(stdout);
	return CC_REDISPLAY;
}

/* ^Z: as it stops whatever else reads a terminal. */
static unsigned char on_stop(EditLine *edit, int key)
{
	(void)key;
	fputs("\n", stdout);
	fflush(stdout);
	el_set(edit, EL_PREP_TERM, 0);
	kill(0, SIGTSTP);
	el_set(edit, EL_PREP_TERM, 1);
	return CC_REDISPLAY;
}

static void bind_keys(EditLine *edit)
{
	el_set(edit, EL_EDITOR, "emacs");
	/* While a line is typed, these are keys like others. */
	el_set(edit, EL_SETTY, "-d", "-isig", NULL);
	el_set(edit, EL_ADDFN, "godwit-complete", "complete", on_tab);
	el_set(edit, EL_ADDFN, "godwit-interrupt", "begin another line", on_interrupt);
	el_set(edit, EL_ADDFN, "godwit-stop", "stop", on_stop);
	el_set(edit, EL_BIND, "^I", "godwit-complete", NULL);
	el_set(edit, EL_BIND, "^C", "godwit-interrupt", NULL);
	el_set(edit, EL_BIND, "^Z", "godwit-stop", NULL);
	el_set(edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
}

/* ---- history ---- */

static void remember(void *ctx, const char *line)
{
	struct prompt *p = ctx;
	HistEvent event;

	history(p->history, &event, H_ENTER, line);
	snprintf(p->last, sizeof(p->last), "%s", line);
}

static void history_begin(struct prompt *p)
{
	HistEvent event;

	p->history = history_init();
	if (!p->history)
		return;
	history(p->history, &event, H_SETSIZE, SHELL_HISTORY_MAX);
	el_set(p->edit, EL_HIST, history, p->history);
	if (shell_history_file(p->file, sizeof(p->file)))
		shell_history_load(p->file, remember, p);
	else
		p->file[0] = '\0';
}

static void history_line(struct prompt *p, const char *line)
{
	if (!p->history || !shell_history_wanted(line, p->last))
		return;
	remember(p, line);
	if (p->file[0])
		shell_history_add(p->file, line);
}

/* ---- the two ways to read ---- */

static int shell_interactive(struct shell *shell)
{
	struct prompt *p = xcalloc(1, sizeof(*p));
	const char *text;
	int n, rc = EXIT_CODE_OK;

	p->shell = shell;
	shell->interactive = true;
	signal(SIGINT, SIG_IGN);
	p->edit = el_init("godwit", stdin, stdout, stderr);
	if (!p->edit) {
		fprintf(stderr, "godwit: this terminal cannot be used\n");
		free(p);
		return EXIT_CODE_SYSTEM;
	}
	el_set(p->edit, EL_CLIENTDATA, p);
	el_set(p->edit, EL_PROMPT, prompt_text);
	el_set(p->edit, EL_SIGNAL, 1);
	bind_keys(p->edit);
	history_begin(p);
	printf("godwit %s; help tells of the commands, quit ends\n", GODWIT_VERSION);
	while (!shell->quit && (text = el_gets(p->edit, &n)) && n > 0) {
		char *line = xstrdup(text);

		/* A completed word has a blank behind it. */
		while (n > 0 && strchr("\n ", line[n - 1]))
			line[--n] = '\0';
		history_line(p, line);
		rc = shell_line(shell, line, (size_t)n);
		free(line);
	}
	if (!shell->quit)
		printf("\n");
	if (p->history)
		history_end(p->history);
	el_end(p->edit);
	free(p);
	return rc;
}

/* A byte at a time: what a command reads is what follows its line. */
static int shell_piped(struct shell *shell)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int first = EXIT_CODE_OK;

	setvbuf(stdin, NULL, _IONBF, 0);
	while (!shell->quit && (n = getline(&line, &room, stdin)) > 0) {
		int rc = shell_line(shell, line, (size_t)n);

		first = first ? first : rc;
	}
	free(line);
	return first;
}

int run_shell(const struct command_args *args)
{
	struct shell shell = { 0 };

	(void)args;
	setlocale(LC_CTYPE, "");
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? shell_interactive(&shell) :
							       shell_piped(&shell);
}
