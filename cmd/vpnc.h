/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vpnc's front: who is called vpnc takes vpnc's options and files, asks as vpnc asks, and turns the
 * settings into the text of a vpn.conf that the client reads from memory. `import` goes the same
 * way to a file.
 *
 *	vpnc_options.c     the table of options and keywords; help, --print-config
 *	vpnc_read.c        command line and files into struct vpnc_settings
 *	vpnc_ask.c         what is missing is asked for, on the terminal or from standard input
 *	vpnc_map.c         settings into a vpn.conf
 *	conf_text.c        the writer of a vpn.conf
 *	vpnc.c             the command
 *	vpnc_disconnect.c  its end
 *	import.c           the command `import`
 *	import_pcf.c       Cisco's .pcf into struct vpnc_settings
 *
 * The first setting wins: the command line, then the files in their order.
 */
#ifndef GODWIT_CMD_VPNC_H
#define GODWIT_CMD_VPNC_H

#include <stdbool.h>
#include <stdio.h>

#define VPNC_VERSION "0.5.4" /* whose interface this is; NetworkManager looks at it */
#define VPNC_PID_FILE "/run/vpnc.pid"
#define VPNC_LINE_MAX 4096 /* bytes of a line of a file */

/* In the order in which --print-config prints and --long-help explains. */
enum vpnc_setting {
	VPNC_GATEWAY,
	VPNC_ID,
	VPNC_SECRET,
	VPNC_HIDDEN_SECRET,
	VPNC_USERNAME,
	VPNC_PASSWORD,
	VPNC_HIDDEN_PASSWORD,
	VPNC_DOMAIN,
	VPNC_XAUTH_INTERACTIVE,
	VPNC_VENDOR,
	VPNC_NATT_MODE,
	VPNC_SCRIPT,
	VPNC_DH,
	VPNC_PFS,
	VPNC_SINGLE_DES,
	VPNC_WEAK_ENCRYPTION,
	VPNC_NO_ENCRYPTION,
	VPNC_WEAK_AUTHENTICATION,
	VPNC_APPLICATION_VERSION,
	VPNC_IFNAME,
	VPNC_IFMODE,
	VPNC_IFMTU,
	VPNC_DEBUG,
	VPNC_NO_DETACH,
	VPNC_PIDFILE,
	VPNC_LOCAL_ADDR,
	VPNC_LOCAL_PORT,
	VPNC_UDP_PORT,
	VPNC_DPD_IDLE,
	VPNC_NONINTERACTIVE,
	VPNC_AUTH_MODE,
	VPNC_CA_FILE,
	VPNC_CA_DIR,
	VPNC_TARGET_NETWORK,
	VPNC_PASSWORD_HELPER,
	VPNC_SETTINGS,
};

struct vpnc_option {
	const char *option; /* "--gateway"; NULL: in files only */
	const char *keyword; /* "IPSec gateway" */
	const char *value; /* what its value is called; NULL: it has none */
	const char *help; /* lines */
	const char *preset; /* NULL: none */
	bool advanced; /* --long-help alone shows it */
	bool secret; /* its value is wiped from the command line, and never shown but by print */
};

extern const struct vpnc_option vpnc_options[VPNC_SETTINGS];

struct vpnc_settings {
	char *value[VPNC_SETTINGS]; /* NULL: not set; of one without a value: "" */
	const char *program; /* what complaints begin with */
	bool print_config;
	bool had_file; /* the command line named one */
};

/* ---- vpnc_options.c ---- */

/* The value, or the preset; NULL when there is neither. */
const char *vpnc_value(const struct vpnc_settings *s, enum vpnc_setting which);
bool vpnc_is_set(const struct vpnc_settings *s, enum vpnc_setting which);
/* Takes a copy of n bytes. What was there before is wiped. */
void vpnc_set(struct vpnc_settings *s, enum vpnc_setting which, const char *value, size_t n);
void vpnc_unset(struct vpnc_settings *s, enum vpnc_setting which);
/* Wipes everything; the program's name stays. */
void vpnc_settings_free(struct vpnc_settings *s);
/* "--help", or with `all` "--long-help". */
void vpnc_help(bool all, FILE *out);
void vpnc_version(FILE *out);
/* What is set, as a file that gives the same settings when it is read. */
void vpnc_print_config(const struct vpnc_settings *s, FILE *out);
/* The keyword that a line of a file may have been meant to begin with; NULL: none is near. */
const char *vpnc_nearest_keyword(const char *line);

/* ---- vpnc_read.c ---- */

enum vpnc_read {
	VPNC_READ_GOOD,
	VPNC_READ_DONE, /* the whole task was to print something */
	VPNC_READ_BAD, /* after one line on err */
};

/*
 * Options and the files that are named between them; secrets in argv are wiped. argv[0] is skipped.
 * Without files nothing more is read: see vpnc_read_defaults.
 */
enum vpnc_read vpnc_read_argv(struct vpnc_settings *s, int argc, char **argv, FILE *out, FILE *err);
/* The files that are read when none is named; each may be missing. */
bool vpnc_read_defaults(struct vpnc_settings *s, FILE *err);
/*
 * One file: "-" is standard input, a name without '/' one of /etc/vpnc, also without its .conf.
 * False after one line on err.
 */
bool vpnc_read_file(struct vpnc_settings *s, const char *name, FILE *err);
/*
 * To the end, or up to byte 0x04 at the beginning of a line; not a byte more is read. Warnings name
 * the file and the line.
 */
bool vpnc_read_fd(struct vpnc_settings *s, int fd, const char *name, FILE *err);
/*
 * The next line, without its end. Its length; -1 at the end, at byte 0x04 in front, or with an
 * error, which is then in errno (else 0; EMSGSIZE: longer than size - 1).
 */
long vpnc_read_line(int fd, char *line, size_t size);
/* Secrets hidden in Cisco's manner take the place of clear ones that are not set. */
bool vpnc_reveal(struct vpnc_settings *s, FILE *err);

/* ---- vpnc_ask.c ---- */

/*
 * Asks on `out` for what is missing and reads the answers from fd; a terminal does not show secrets.
 * Asks nothing when told so (Noninteractive). False after one line on err when something is
 * missing still.
 */
bool vpnc_ask(struct vpnc_settings *s, int fd, FILE *out, FILE *err);

/* ---- conf_text.c ---- */

/* The text of a vpn.conf while it is written; zeroed before its first use. */
struct conf_text {
	char *p; /* n bytes, and one byte of room behind them */
	size_t n;
	size_t room;
	const char *section; /* of the last key */
	const char *unfit; /* the first key whose value cannot be written, NULL: none */
};

/* One key, behind its section's header where that is another than before. */
void conf_set(struct conf_text *t, const char *section, const char *key, const char *value);
__attribute__((format(printf, 4, 5))) void conf_setf(struct conf_text *t, const char *section,
						     const char *key, const char *format, ...);
/* "; text" on a line of its own. Bytes that are not printable become '?'. */
void conf_comment(struct conf_text *t, const char *text);
/* Wipes. */
void conf_free(struct conf_text *t);

/* ---- vpnc_map.c ---- */

/* For whom a vpn.conf is made. */
enum vpnc_map_for {
	VPNC_MAP_RUN, /* vpnc's defaults, routes by the script */
	VPNC_MAP_IMPORT, /* godwit's defaults where nothing is set */
};

/*
 * The settings as a vpn.conf. False after one line on err for what cannot be done. With IMPORT
 * secrets and the user's name may be missing, and what is of no use in a file is named on err.
 */
bool vpnc_map(const struct vpnc_settings *s, enum vpnc_map_for purpose, struct conf_text *out,
	      FILE *err);
/* What the connection is called: "vpnc", or after a pid file of one's own. */
void vpnc_connection_name(const char *pid_file, char *out, size_t size);

/* ---- import_pcf.c ---- */

/* True when it looks like Cisco's .pcf: a [main] section, or KEY=VALUE in its first line. */
bool pcf_is(const char *text);
/*
 * Takes the keys of a .pcf. What a vpn.conf cannot express is named on err in one line each. False
 * when a value makes no sense. backup: more gateways, behind a comma, at most `size` bytes.
 */
bool pcf_read(struct vpnc_settings *s, char *text, char *backup, size_t size, FILE *err);

#endif
