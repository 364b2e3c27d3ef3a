/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runtime: what stands between the session, which only thinks, and the kernel, which only does.
 * Private to client/.
 *
 *	connect.c   client_connect: background, order of set-up, order of the end
 *	manner.c    what is different when vpnc was called
 *	loop*.c     libuv: deadlines, sockets, signals; carries the session's effects out
 *	carry_out.c those effects that take sockets and data threads alone
 *	threads.c   the two data threads, and what passes between them and the loop
 *	data.c      what they do: the data engines between TUN and UDP sockets
 *	control.c   the control socket, and what is asked there
 *	status.c    the answer to `status`; show.c, metrics.c: to others; control_json.c: their parts
 *	control_stream.c the event log on that socket
 *	event_*.c   the event log, and where it goes (event_log.h)
 *	request.c   the other end of that socket, for `status` and `disconnect`
 *	rundir.c    the directory of a running connection
 *	host_filter.c what the kernel refuses of what comes in in the clear
 *	host_undo.c what a crash has left is put right
 *	journal.c   what was changed in the kernel, so that a crash can be put right
 *	dns*.c      servers and domains are handed to who manages names here (dns.h)
 *	priv.c      privileges
 *	keylog.c    Wireshark's decryption tables, only when asked for
 *	host_watch.c puts back what others remove of ours; tells when the host's network changes
 *	names.c     looks names up: the gateway's, and those of rules again and again
 *	setup.c     device, routes and script, one after the other
 *	progress.c  the steps of `connect` on the terminal
 *	ask.c       questions to a person (ask.h)
 *	service.c   the service manager that has started us, if one has (service.h)
 *	hooks*.c    script and password command, run by an attendant that stays root (hooks.h)
 *	run.c       one run of a command
 *	bus.c       a connection to the system's D-Bus
 *
 * A life, in order; whatever fails on the way takes back what was done before it:
 *
 *	configuration ─ attendant forked, script: pre-init ─ directory, lock, leftovers of a crash ─
 *	TUN, netlink, UDP sockets, control socket, key log ─ PRIVILEGES GO ─ data threads start ─ loop
 *	(script: connect) ─ data threads end ─ script: disconnect, attendant ends ─ host state undone ─
 *	directory emptied ─ answers
 *
 * From SIGTERM to the end it takes 2 s at most, whatever the script does: NetworkManager has no
 * more patience.
 *
 * Capabilities belong to a thread and are inherited by those it starts: so no thread is started
 * before they are gone.
 *
 * After the privileges are gone the process is another user's and holds CAP_NET_ADMIN alone, so
 * nothing is opened again and nothing of root's can be written:
 *
 *	RUNDIR/NAME/          that user's, mode 0700, so that it may remove what is inside
 *	RUNDIR/NAME/journal   root's; kept open, and locked as long as the connection lives
 *	RUNDIR/NAME/control   the socket
 *
 * The empty directory stays behind where no root process is around to remove it: until the tunnel is up
 * the first process of `connect` is one, afterwards whoever asks for something. A journal is believed only
 * when root (or the caller) owns it, so that user cannot make one up.
 */
#ifndef GODWIT_CLIENT_RUNTIME_H
#define GODWIT_CLIENT_RUNTIME_H

#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "base/drop.h"
#include "client/client.h"
#include "client/ask.h"
#include "client/config.h"
#include "client/dns.h"
#include "client/event_log.h"
#include "client/hooks.h"
#include "client/session.h"
#include "net/net.h"
#include "tun/filter.h"
#include "tun/tun.h"

static inline vtime runtime_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (vtime)t.tv_sec * VTIME_S + (vtime)t.tv_nsec;
}

/* The time of day, since 1970. */
static inline vtime runtime_wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (vtime)t.tv_sec * VTIME_S + (vtime)t.tv_nsec;
}

/* How long the host has been asleep since it was started. */
static inline vtime runtime_asleep(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return runtime_now() - ((vtime)t.tv_sec * VTIME_S + (vtime)t.tv_nsec);
}

/* ---- priv.c ---- */

/* Who we are once the privileges are gone. */
struct priv_user {
	uid_t uid;
	gid_t gid;
	bool own; /* nobody but connections is this user */
};

/* The user "godwit" if there is one, else "nobody"; without root the caller stays who they are. */
struct priv_user priv_user(void);
/* True when CAP_NET_ADMIN is there. */
bool priv_may_connect(void);
/*
 * No core dumps, not to be looked into by others, and as much locked memory as keys may need.
 * Before the first secret is read.
 */
void priv_prepare(void);
/*
 * Leaves CAP_NET_ADMIN alone in every set there is (bounding, inheritable and ambient are empty),
 * becomes `user` with no supplementary groups, and bars any way back (no_new_privs). One thread
 * only: call it before others start. 0 or ERR_PERMISSION; then the process must end.
 */
int priv_drop(const struct priv_user *user);

/* ---- connect.c ---- */

/* Said when somebody has ended `connect` before it was done; it exits with SESSION_EXIT_LOST then. */
#define CONNECT_INTERRUPTED "godwit: interrupted before the tunnel was up\n"

/* ---- rundir.c ---- */

#define RUNDIR_PATH_MAX 108 /* sun_path */
#define RUNDIR_LIST_MAX 32
#define RUNDIR_JOURNAL "journal"
#define RUNDIR_CONTROL "control"

struct rundir_list {
	unsigned n;
	char names[RUNDIR_LIST_MAX][CONFIG_NAME_MAX + 1];
};

/* $GODWIT_RUNDIR, or /run/godwit. */
const char *rundir_path(void);
/* True for what can be a connection's name: it never leaves the directory. */
bool rundir_name_ok(const char *name);
/* RUNDIR/NAME/FILE; false when that is longer than a socket's path may be. */
bool rundir_file(const char *name, const char *file, char buf[RUNDIR_PATH_MAX]);
/*
 * Makes the directory of a connection for this user and opens it. A descriptor, or a negative enum
 * err after one line on `err`.
 */
int rundir_make(const char *name, const struct priv_user *user, FILE *err);
/* The same, but it must be there: a descriptor, or ERR_SYSTEM with errno set. */
int rundir_open(const char *name);
/* Removes the directory if it is empty and we may. */
void rundir_remove(const char *name);
/* Every connection that has a directory, in the order of their names. */
void rundir_list(struct rundir_list *out);

/* ---- request.c ---- */

/* True when a process answers for this connection within half a second. */
bool request_is_answered(const char *name);

/* ---- journal.c ---- */

#define JOURNAL_LINES_MAX 4608 /* some times what one tunnel needs */
#define JOURNAL_LINE_MAX TUN_STATE_TEXT_MAX
#define JOURNAL_SIZE_MAX (JOURNAL_LINES_MAX * JOURNAL_LINE_MAX)

struct journal {
	int dir; /* borrowed */
	int fd; /* -1: none */
	bool begun; /* there is something in it */
	unsigned lines;
	char header[48]; /* its first line */
};

/* What is done with one line; false: it cannot be. */
typedef bool (*journal_line_fn)(void *ctx, const char *line);

/*
 * Opens the journal in this directory and locks it for the life of the process. create: make it
 * when there is none. 0; ERR_UNEXPECTED when another process holds it and does not let go within
 * half a second (the connection runs); ERR_PERMISSION when it belongs to somebody else or is no
 * plain file; ERR_SYSTEM with errno.
 */
int journal_open(int dir, bool create, struct journal *out);
/* Adds a line, before what it tells of is made. 0, ERR_NO_ROOM, ERR_SYSTEM. */
int journal_add(struct journal *j, const char *line);
/*
 * Hands every line to `undo`, the last one first, and empties the journal. How many lines there
 * were; ERR_MALFORMED, with nothing undone, when a line is not `valid`; ERR_UNEXPECTED, with nothing
 * undone, when it was written in another network namespace; ERR_SYSTEM when a line could not be
 * undone (the others were). The journal is kept in all these cases.
 */
int journal_undo(struct journal *j, journal_line_fn valid, journal_line_fn undo, void *ctx);
/* Removes the file unless there is something in it, and lets go of the lock. */
void journal_close(struct journal *j);

/* ---- keylog.c ---- */

struct keylog {
	int ike; /* -1: not asked for */
	int esp;
};

/* Opens ikev1_decryption_table and esp_sa in dir, mode 0600. dir NULL: none. One line on `err`. */
int keylog_open(struct keylog *k, const char *dir, FILE *err);
void keylog_close(struct keylog *k);
/* The line of a cookie and a cipher key. */
void keylog_ike(const struct keylog *k, const uint8_t cookie[IKE_COOKIE_SIZE], struct slice key);
/* Two lines: one for each direction of the child. */
void keylog_child(const struct keylog *k, const struct ike_child *child, const struct path *path);

/* ---- manner.c ---- */

/*
 * Where complaints go: stderr, but that lines which begin with "godwit: " begin with "vpnc: " in
 * its manner. Closed with manner_err_close.
 */
FILE *manner_err(enum client_manner manner);
void manner_err_close(FILE *err);
/* vpnc's exit code: 0 once it was up, 2 when authentication failed, else 1; or ours as it is. */
int manner_exit(enum client_manner manner, int code, bool was_up);

/* ---- progress.c ---- */

/* How wide the screen is that this is shown on; 0: it is none. */
unsigned progress_width(FILE *out);

struct progress {
	FILE *out; /* NULL: say nothing more */
	unsigned width; /* of a terminal: a step that runs is shown, too, and overwritten when it ends */
	bool held; /* a question stands on the terminal: say nothing meanwhile */
};

void progress_step(const struct progress *p, const char *step, bool done, vtime took,
		   const char *text);
/* What the gateway greets with; it may have several lines, and is nothing when it is "". */
void progress_banner(const struct progress *p, const char *banner);
/* The moment the step at hand failed: ends a line that was to be overwritten. */
void progress_break(const struct progress *p);

/* ---- control.c ---- */

#define CONTROL_LINE_MAX 4096
#define CONTROL_CLIENTS_MAX 8
#define CONTROL_INTERFACE_MAX 64

enum control_verb {
	CONTROL_STATUS,
	CONTROL_DISCONNECT,
	CONTROL_ANSWER, /* to the question that `status` shows */
	CONTROL_ROAM, /* the network may have changed */
	CONTROL_LOG, /* the events so far, and those to come */
	CONTROL_SET, /* the level of the log */
	CONTROL_SHOW,
	CONTROL_REKEY,
	CONTROL_PING,
	CONTROL_METRICS,
	CONTROL_BAD,
};

enum control_show {
	SHOW_SA,
	SHOW_POLICY,
	SHOW_FLOWS,
	SHOW_EPOCHS,
	SHOW_ROUTES,
	SHOW_HELD,
	SHOW_COUNT,
};

/* Names who asked, for an answer that comes later; never 0, never used twice. */
typedef uint64_t control_ticket;

struct control_request {
	enum control_verb verb;
	uint32_t id; /* ANSWER: of the question */
	struct secret value[XAUTH_FIELDS]; /* ANSWER; empty: not given */
	char interface[CONTROL_INTERFACE_MAX]; /* ROAM: where it has; "": not told */
	uint64_t since; /* LOG: events with this number and later ones */
	bool follow; /* LOG: and those to come */
	bool has_level; /* LOG: not the level that the log has */
	enum log_level level; /* LOG, SET */
	enum control_show show; /* SHOW */
	struct session_wish wish; /* REKEY, PING; its id is the ticket */
	control_ticket ticket;
};

/* Of control, IKE and each data thread, and of two for each worker. */
#define CONTROL_DROPS_MAX (7 + 2 * DISPATCH_WORKERS_MAX)

/* What `status` is made of. */
struct control_view {
	const char *name;
	const char *device;
	const struct addr *inner;
	unsigned ninner;
	const char *user; /* who has authenticated, NULL: nobody has */
	const struct session_info *session;
	const struct dns *dns; /* NULL: nothing is handed over */
	const struct drops *drops[CONTROL_DROPS_MAX]; /* NULL: none */
	uint64_t clear_refused; /* by the kernel, for us */
	const struct hold_counters *held; /* of all tunnels; NULL: nothing is ever held */
	const struct hold_counters *held_of[SESSION_SLOTS_MAX]; /* by slot; the same */
	vtime now;
	vtime wall; /* the time of day, since 1970 */
};

struct control_ops {
	void *ctx;
	/* The answer to "status", in one line without its end; free(). */
	char *(*status)(void *ctx);
	void (*disconnect)(void *ctx);
	/* NULL, or why that is no answer. The values are wiped afterwards. */
	const char *(*answer)(void *ctx, const struct control_request *request);
	void (*roam)(void *ctx, const struct control_request *request);
	struct event_log *events; /* borrowed; NULL: there is no log */
	/*
	 * SHOW, REKEY, PING, METRICS: the answer, in one line without its end, free(); or NULL and why it
	 * is refused; or NULL and no reason: control_answer follows.
	 */
	char *(*ask)(void *ctx, const struct control_request *request, const char **why);
	/* Who has this ticket is gone. */
	void (*forget)(void *ctx, control_ticket ticket);
};

/* A request in one line. CONTROL_BAD: *why says what is wrong with it. */
enum control_verb control_parse(struct slice line, struct control_request *out, const char **why);
void control_request_free(struct control_request *r);
/* What "cmd" may be, one after the other; NULL past the last. Each is a command, too. */
const char *control_verb_name(unsigned i);
struct json_t;
/* The documented states: what is on its way down is down for those who ask. */
const char *control_state_text(enum session_state state);
/* What has been dropped for this reason: the sum of view->drops, and clear_refused. */
uint64_t control_dropped(const struct control_view *view, enum drop why);
/* The same of `status`: all that is not 0. A new reference. */
struct json_t *control_drops(const struct control_view *view);
/* The object of `status`, in one line without its end; free(). */
char *control_status(const struct control_view *view);
/* The same moment by view->wall, in UTC. A new reference. */
struct json_t *control_since(const struct control_view *view, vtime since);
struct host;
struct data;
/*
 * Fills the view with things as they are; info is what view->session will be, and good as long. user: who
 * has authenticated, or "".
 */
void control_view_now(struct control_view *view, struct session_info *info, struct host *host,
		      const struct session *session, const struct data *data, const char *user);

/* "sa", "policy", "flows", "epochs", "routes", "held" */
const char *control_show_name(enum control_show show);

/* ---- show.c ---- */

#define SHOW_FLOWS_MAX 1000 /* the newest */

struct outbound_look;

/* Each is the answer to "show", in one line without its end; free(). */
char *show_sa(const struct control_view *v, const struct session_ike_info *ikes, unsigned nikes);
char *show_policy(const struct control_view *v, const struct session *s);
char *show_epochs(const struct control_view *v);
/* there: which of host->applied the kernel has. */
char *show_routes(const struct host *h, const bool *there);
/* What tx has seen. v->session may be NULL: slots are told by their numbers. */
char *show_flows(const struct control_view *v, const struct outbound_look *seen);
char *show_held(const struct control_view *v, const struct outbound_look *seen);

/* ---- metrics.c ---- */

struct openmetrics;

/* The answer to "metrics": {"metrics": OpenMetrics text}; free(). */
char *metrics(const struct control_view *v);
/* Parts of it: what is held of all tunnels, drops; the object around the text, which is freed. */
void metrics_held(struct openmetrics *m, const struct control_view *v);
void metrics_drops(struct openmetrics *m, const struct control_view *v);
char *metrics_answer(char *text);

/* ---- control.c ---- */

struct control;
struct uv_loop_s;

/*
 * Listens on this path (mode 0600). NULL with errno set when it cannot. ops is borrowed. Callers
 * other than root and whoever we are now are turned away; more than CONTROL_CLIENTS_MAX at a time, too.
 */
struct control *control_new(struct uv_loop_s *loop, const char *path,
			    const struct control_ops *ops);
/* The answer, in one line without its end, to who has this ticket and waits; nobody: nothing. */
void control_answer(struct control *c, control_ticket ticket, const char *text);
/* Stops listening and removes the socket. Those who asked for the end still wait. */
void control_shut(struct control *c);
/* Answers those who wait for the end, and closes all. The loop must run once more. */
void control_end(struct control *c);
/* After the loop has run dry. */
void control_free(struct control *c);

/* ---- host_watch.c ---- */

#define WATCH_PACE_TIMES 10
#define WATCH_PACE_WINDOW (60 * VTIME_S)
#define WATCH_PACE_SLOW (10 * VTIME_S)
#define WATCH_PACE_SAME (250 * VTIME_MS)

/*
 * When things were put back: as a ring; all of it is forgotten after a window without any. What
 * comes within WATCH_PACE_SAME of the last entry is part of that.
 */
struct watch_pace {
	unsigned n;
	vtime times[WATCH_PACE_TIMES];
	bool slow;
};

/*
 * When things may be put back again: now, or, once that was WATCH_PACE_TIMES times within a window,
 * WATCH_PACE_SLOW after the last time.
 */
vtime watch_pace_next(const struct watch_pace *p, vtime now);
/* They have been. True when it is from now on that the next time must wait. */
bool watch_pace_done(struct watch_pace *p, vtime now);

/*
 * Watches over what host_apply has made, which networkd, NetworkManager or a person may remove, and
 * over the host's own addresses and routes.
 */
struct host_watch {
	struct tun_watch tun;
	int epoll; /* readable when there is something to do; -1: not open */
	int timer;
	bool due; /* something may be missing */
	struct watch_pace pace;
};

#define HOST_WATCH_NONE ((struct host_watch){ .epoll = -1, .timer = -1 })

/* As tun_watch_open. */
int host_watch_open(struct host_watch *w, unsigned ifindex, const struct tun_netlink *own);
void host_watch_close(struct host_watch *w);
/* What others do to the filter is told, too. It must be closed later. */
void host_watch_filter(struct host_watch *w, const struct tun_filter *f);

/*
 * To be called when host.watch.epoll is readable: puts back what is missing, at a bearable pace.
 * True when the host's own addresses or routes are not what they were.
 */
bool host_watch_run(struct host *h, struct log *log);

/* ---- host.c ---- */

/* Everything of the host's that a connection holds; opened while there are privileges. */
struct host {
	const struct config *config;
	struct priv_user user;
	int dir; /* RUNDIR/NAME */
	struct journal journal;
	struct tun tun;
	struct tun_netlink netlink;
	uint32_t mark; /* of our sockets, and the number of our routing table */
	int band; /* of the preferences of our rules; -1: none yet */
	struct net_socket ike; /* port 500, or another if that is taken or not wanted */
	struct net_socket natt; /* port 4500, the same */
	/* Open if the configuration's transport can come to need them. */
	struct net_socket esp; /* raw */
	struct net_socket cisco; /* of Cisco's UDP encapsulation: ESP alone */
	struct net_router router;
	struct net_unreach unreach; /* while it connects, if it may */
	struct keylog keylog;
	/* What host_apply has made, as the journal's lines. */
	char (*applied)[TUN_STATE_TEXT_MAX];
	bool *stands; /* each of them does */
	unsigned napplied;
	unsigned nfirm; /* of them; the others may be missing while they cannot be made */
	struct host_watch watch;
	struct tun_filter filter; /* not open where the kernel has none */
	bool filter_noted; /* it stands in the journal */
	struct dns *dns; /* what is handed over; borrowed; NULL: nothing is */
	bool dns_noted; /* it stands in the journal */
};

/*
 * Takes the connection's directory and lock, undoes what a crash left, opens device, sockets and
 * key log. 0 or an exit code after one line on `err`; nothing is held then. notes (may be NULL)
 * gets a line for each thing that is not as usual. keylog: a directory or NULL.
 */
int host_open(struct host *h, const struct config *config, const char *keylog, FILE *notes,
	      FILE *err);
/* Opens a device as tun_open does. 0 or an exit code after one line on `err`. */
int host_open_tun(const char *device, bool offload, struct tun *out, FILE *err);
/* Its number is no other device's while it lives: of the firewall mark and the routing table. */
uint32_t host_mark_of(const struct tun *t);
/*
 * Gives the device its addresses, routes and rules, each journalled first; what an earlier call has
 * made and this one does not need goes. Where routes are the script's, the device only comes up.
 * 0, or a negative enum err and in *why what was refused.
 */
int host_apply(struct host *h, const struct session_effect *fx, char why[200]);
/*
 * The same with things that the caller has thought of, on a device that is up. Those behind the first
 * `firm` may be refused: h->stands tells, and they are tried again whenever the host's network changes.
 */
int host_apply_states(struct host *h, const struct tun_state *states, unsigned n, unsigned firm,
		      char why[200]);
/*
 * Makes again what host_apply has made and is not there any more, counted in *made. 0, or a negative
 * enum err and in *why what was refused first; the rest is made all the same.
 */
int host_restore(struct host *h, unsigned *made, char why[200]);
/* Journals what h->dns is about to hand over, where a crash would leave it. 0, or an error and why. */
int host_note_dns(struct host *h, char why[200]);
/* What the kernel knows of ways to the gateway. */
struct host_facts {
	struct net_facts net;
	struct paths_link links[NET_LINKS_MAX];
	struct paths_addr addrs[NET_ADDRS_MAX];
	struct paths_route routes[NET_WAYS_MAX];
	struct paths_facts paths; /* of these */
};

/*
 * As it is now, with the routes to these n addresses. 0 or ERR_SYSTEM; ERR_UNSUPPORTED where the
 * configuration says which address is to be ours.
 */
int host_look(struct host *h, const struct addr *remotes, unsigned n, struct host_facts *out);
/* The device's MTU is another from now on. 0 or a negative enum err, with errno. */
int host_set_mtu(struct host *h, unsigned mtu);
/*
 * Takes it all back, closes everything and removes the directory where we may. A complaint on
 * `err` when something could not be taken back.
 */
void host_close(struct host *h, FILE *err);

/* ---- host_undo.c ---- */

/* By whom lines of a journal are undone. */
struct host_undo {
	struct tun_netlink *netlink;
	bool running; /* what resolvconf has is the attendant's business, */
	bool record_done; /* which it has seen to */
};

/* As journal_undo. */
int host_undo_lines(struct journal *j, struct host_undo *u);
/* The same, and one line on `err` where it does not go well. */
int host_undo_journal(struct journal *j, struct host_undo *u, const char *name, FILE *err);
/*
 * Undoes what other connections have left that crashed: their rules may lead our packets into a dead
 * table. Asks whether they run, if there is any doubt.
 */
void host_repair_others(struct host *h, FILE *notes, FILE *err);

/* ---- host_filter.c ---- */

/*
 * Makes the filter for packets in the clear, which refuses nothing yet. Where the kernel has none there
 * is one line on `err`, and the connection goes on without. 0 or an exit code.
 */
int host_filter_open(struct host *h, FILE *err);
/* What it refuses from now on; the ports are filled in. 0 (also without one), or ERR_SYSTEM and why. */
int host_filter_apply(struct host *h, struct tun_filter_setup *setup, char why[200]);
/* Takes it out of the kernel until host_filter_apply, so that the journal can be undone. */
void host_filter_clear(struct host *h);
/* How many packets it has refused. */
uint64_t host_filter_refused(struct host *h);

/* ---- setup.c ---- */

/* Carries the effect TUN out: the kernel's part and the script's, one after the other. */
struct setup;

enum setup_state {
	SETUP_WAITS, /* for a script; setup_script_ended goes on */
	SETUP_READY,
	SETUP_FAILED,
	SETUP_PATH, /* nothing stands before looking for the path any more */
};

struct setup *setup_new(struct host *host, struct hooks *hooks);
void setup_free(struct setup *s);
/*
 * READY, or WAITS for DNS or a script, or FAILED and why. A second effect takes back what the first one
 * made: the script is told `disconnect` before it is told `connect` again. With tun.again the
 * kernel alone follows, at once.
 */
enum setup_state setup_tun(struct setup *s, const struct session_effect *fx, char why[200]);
/* True when the script is told attempt-reconnect first: PATH follows. */
bool setup_find_path(struct setup *s, const struct addr *remote);
/* The tunnel is up again. */
void setup_reconnected(struct setup *s);
/* What the gateway greets with, where no script shows it. */
const char *setup_banner(const struct setup *s);
enum setup_state setup_script_ended(struct setup *s, const struct hooks_result *r, char why[200]);
/* READY where that was waited for. A failure is told, and nothing else comes of it. */
enum setup_state setup_dns_ended(struct setup *s, const struct hooks_result *r);
/* No run will end any more: FAILED or PATH where one was waited for. */
enum setup_state setup_script_lost(struct setup *s);

/* ---- threads.c ---- */

/* A batch of packets of a usual MTU, or fewer large ones. */
#define DATA_TUN_ARENA ((size_t)512 << 10)

enum data_way {
	DATA_TX, /* TUN to sockets */
	DATA_RX, /* sockets to TUN */
};

/* An IKE message without its marker; good during the call. */
struct data_ike {
	struct endpoint from;
	struct endpoint to;
	struct slice bytes;
};

/* What data has for control; called by data_take. */
struct data_ops {
	void *ctx;
	void (*ike)(void *ctx, const struct data_ike *ike);
	void (*event)(void *ctx, const struct data_event *ev);
	/* The device is gone; told once. */
	void (*tun_gone)(void *ctx);
};

/*
 * The two data threads, and the workers where the configuration wants several. They share with control
 * the classifier, one ring each on the way up and one down to tx; docs/threads.md lists every field. All calls are control's.
 */
struct data;

struct servers;

struct data_config {
	struct outbound_config hold;
	unsigned workers; /* less than 2: rx opens what it receives */
	enum dispatch_select select; /* of workers */
	/* What one of n servers is to get (servers_choose) is written to its own device. */
	struct servers *servers; /* NULL: there are none */
	const struct tun *server_tuns;
	unsigned nservers;
};

/*
 * host, ops, servers and devices are borrowed; the host's sockets and TUN must stay open until data_stop. NULL with
 * errno set. No thread runs yet.
 */
struct data *data_new(struct host *host, const struct data_config *config,
		      const struct data_ops *ops);
/*
 * Starts both threads, with all signals blocked. They have the capabilities of the calling thread:
 * after privileges are dropped. 0, or ERR_SYSTEM with errno; none runs then.
 */
int data_start(struct data *d);
/*
 * Ends both threads and frees what was retired. Takes no longer than their longest wait, a tenth of
 * a second. Nothing happens when none runs.
 */
void data_stop(struct data *d);
void data_free(struct data *d);
struct classifier *data_classifier(struct data *d);
/* Readable when there is something for data_take; the same descriptor for life. */
int data_fd(struct data *d, enum data_way way);
/* Hands what waits to the ops, a bounded number, and frees what all threads have passed. */
void data_take(struct data *d, enum data_way way);
/*
 * What a slot sends on, both may be NULL (classifier_set_current, classifier_set_next); what is held
 * for it goes out.
 */
void data_publish_slot(struct data *d, unsigned slot, struct esp_out *current,
		       struct esp_out *next);
/*
 * Sends n bytes, at most ESP_PROBE_MAX, or a dummy when there are none, on this SA (outbound_probe),
 * before what the TUN has. `out` is alive, and may be retired from then on; the bytes are copied.
 * Lost and counted where no thread runs, or more wait than there is room for.
 */
void data_probe(struct data *d, struct esp_out *out, const void *ip, size_t n);
/* As classifier_set_refused; what is held for the slot is answered. */
void data_refuse_slot(struct data *d, unsigned slot, vtime until);
/* What is held, in all and for a slot. */
const struct hold_counters *data_held(const struct data *d);
const struct hold_counters *data_held_of(const struct data *d, unsigned slot);
/* Publishes rules, and frees those before them when all threads have passed. */
void data_publish_view(struct data *d, const struct policy_view *p);
/*
 * Puts an inbound SA into the SPI index, and gives it a worker where there are several; what came
 * before it is opened. It is withdrawn (classifier_withdraw_spi) behind this. 0 or ERR_NO_ROOM.
 */
int data_add_spi(struct data *d, struct esp_in *in);
/*
 * Takes an SA pair, which no slot holds any more, out of the SPI index and frees it when all threads
 * have passed. Either may be NULL.
 */
void data_retire(struct data *d, struct esp_in *in, struct esp_out *out);
/* Frees a path that packets may still name when all threads have passed. */
void data_retire_path(struct data *d, struct path *p);
/* The same of a limit that no SA has any more: what waited for it goes. */
void data_retire_limit(struct data *d, struct esp_limit *l);

/* ---- carry_out.c ---- */

/*
 * Carries out what takes sockets and data threads alone, for a client and for a gateway. False: it
 * is none of that, and nothing was done.
 */
bool data_carry_out(struct data *d, struct host *h, struct log *log,
		    const struct session_effect *fx);
struct outbound_look;

/* Good during the call. */
typedef void (*data_look_fn)(void *ctx, const struct outbound_look *seen);

/*
 * Has tx look at the flows that it remembers, or at what it holds (esp/look.h); data_take calls `done`
 * with what was seen, unless the threads end before: once, also when it is asked again meanwhile. False:
 * it does not run.
 */
bool data_look(struct data *d, bool held, data_look_fn done, void *ctx);
/* Fills view->drops but its last, which is control's. */
void data_view(const struct data *d, struct control_view *view);

/* ---- names.c ---- */

struct lookup;

/* n == 0: `why` says why there is no address, else it is NULL. The look-up is over. */
typedef void (*lookup_fn)(void *ctx, const struct addr *addrs, unsigned n, const char *why);

/* Looks a name up, on a thread of its own: at most `max` addresses. It frees itself. */
struct lookup *lookup_begin(struct uv_loop_s *uv, const char *name, unsigned max, lookup_fn done,
			    void *ctx);
/* Nobody waits for it any more. NULL is nothing. */
void lookup_forget(struct lookup *k);

struct names_ops {
	void *ctx;
	bool (*wanted)(void *ctx); /* false: not now */
	/* This one of config->names, one after the other; n == 0: it has no address, or none came. */
	void (*answer)(void *ctx, unsigned index, const struct addr *addrs, unsigned n);
};

/* Looks the names of rules up every SESSION_NAMES_EVERY_S, one at a time. config is borrowed. */
struct names;

struct names *names_new(struct uv_loop_s *uv, const struct session_config *config,
			const struct names_ops *ops);
/* They may stand for something else now: looked up within a second, and once more if they are. */
void names_soon(struct names *n);
/* Nothing is asked or answered any more. The loop must run once more before names_free. */
void names_stop(struct names *n);
void names_free(struct names *n);

/* ---- loop.c ---- */

struct loop;

struct loop_options {
	struct host *host;
	struct rng *rng;
	struct log *log;
	struct event_log *events; /* of it */
	struct progress *progress;
	struct hooks *hooks;
	struct ask *ask;
	FILE *err;
	/* Called once, when the tunnel is up. */
	void (*up)(void *ctx);
	void *ctx;
	/* That of client_options. */
	bool (*advise)(const struct client_refusal *r, char *buf, size_t size);
};

/* Makes session, loop and control socket. NULL after one line on options->err. */
struct loop *loop_new(const struct loop_options *options);
/*
 * Starts the data threads, connects and runs until the session is over; returns its exit code,
 * after its one line if that is a complaint. After privileges are dropped. The threads have ended,
 * and the host's sockets may be closed.
 */
int loop_run(struct loop *l);
/*
 * Frees it, after the host's state is as before: those who asked for the end are told so. False
 * when a thread still looks up a name; then the process must leave by _exit.
 */
bool loop_free(struct loop *l);

#endif
