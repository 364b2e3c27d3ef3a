/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * esp/ carries packets: ESP in tunnel mode (RFC 4303), its SAs, the tables that say which SA a
 * packet belongs to, and the two data engines, outbound and inbound.
 *
 *	sa.c          one direction's SA: sequence numbers, seal and open     RFC 4303, 4106, 3602
 *	window.c      the replay window, 4096 wide                            RFC 6479
 *	ahead.c       asks the memory for what the next packets of a batch need
 *	limit.c       what may go to a path that is not proved
 *	classifier.c  rules, slots (tunnel -> epochs), SPI index (SPI -> SA), offered SPIs
 *	offers.c      the offered SPIs
 *	early.c       packets of an offered SPI that wait for its SA
 *	events.c      what the engines have to tell control
 *	spd.c         the rules, and how the first that matches is found       RFC 4301 4.4.1
 *	flow.c        the SPD's decision about a flow, remembered              RFC 4301 4.4.2
 *	hold.c        packets that wait for an SA; hold_cells.c: their bytes
 *	outbound.c    inner packets -> SPD -> MTU -> seal -> datagrams          RFC 4301 5.1, 8, 6040
 *	              probes, on an SA that control names -> seal -> datagrams
 *	              what it remembers and holds, for control to show (look.h)
 *	cut.c         inner packets that are too large become fragments      RFC 4301 8.2.1
 *	inbound.c     datagrams -> keepalive | IKE | ESP -> open -> selectors   RFC 4301 5.2, 3948
 *	              -> replies to our probes | packets for the host
 *	              SPI offered, no SA yet -> early.c -> once more
 *	servers.c     behind a gateway: which of several servers gets a packet (servers.h)
 *
 * The engines are called with batches and hold no socket, no clock and no lock. One thread runs
 * outbound, one runs inbound, and control publishes to them through the classifier:
 *
 *	control:  rules (immutable, numbered), slots and SPI index (single writer, atomic entries),
 *	          once the key that tells replies to probes
 *	outbound: the sequence counter of every outbound SA
 *	inbound:  the window of every inbound SA; a slot's next_proved
 *
 * Each publication has a number. What control takes out of the classifier it gives back to be
 * freed (classifier_retire_*): that happens once every data thread has passed, between two batches,
 * the number of the publication that took it out. With the engines run inline, and no data thread
 * registered, it happens at once.
 *
 *	               slot of a tunnel
 *	current ──► SA of the epoch that data goes out on
 *	next    ──► SA of a newer epoch, used from the moment next_proved is set: inbound sets it
 *	            (release) at the first authentic packet of that epoch, outbound reads it (acquire)
 *	            for each packet
 *
 * A packet that a PROTECT rule takes, outbound:
 *
 *	flow ──► slot ──► usable SA ─────────────────────────────────────► sealed
 *	           │         ▲ (nothing older is held)                        ▲
 *	           │         └───── no: held behind it ───────┐               │ in order
 *	           ├──► no SA, or none with a number left ──► held, NEED_SA ──┤
 *	           └──► no SA, refused ──► ICMP error ◄───────────────────────┘
 *
 * Not here yet: extended sequence numbers, segmentation, workers.
 */
#ifndef GODWIT_ESP_ESP_H
#define GODWIT_ESP_ESP_H

#include <stdatomic.h>

#include "base/addr.h"
#include "base/drop.h"
#include "base/err.h"
#include "base/pkt.h"
#include "base/policy.h"
#include "base/rng.h"
#include "base/vtime.h"
#include "crypto/crypto.h"

#define ESP_HEADER 8 /* SPI and sequence number */
#define ESP_WINDOW 4096
#define ESP_PROTOCOL 50
#define ESP_PORT_BARE 0 /* inbound: nothing but ESP comes there, and without a marker */
/* What outbound needs around an inner packet: header and IV in front; padding, trailer, ICV behind. */
#define ESP_HEADROOM 64
#define ESP_TAILROOM 64

/*
 * What every IPv6 link must carry (RFC 8200 section 5); and for IPv4 what every host must accept
 * (RFC 791 section 3.1): whoever forges ICMP errors cannot make packets smaller than that.
 */
#define ESP_MTU_MIN6 1280
#define ESP_MTU_MIN4 576

/*
 * As many as a gateway for ten thousand clients needs; 64 divides the former. Memory is taken, or
 * touched, for those that are in use.
 */
#define CLASSIFIER_SLOTS 16384
#define CLASSIFIER_SPIS 65536

/* ---- SAs: the data half of an epoch ---- */

/* How much; 0: no limit. */
struct esp_quota {
	uint64_t packets;
	uint64_t bytes;
};

struct esp_sa_config {
	/* What packets need comes first: an SA begins with it. */
	struct ts_pair ts; /* inbound: what may come out of it */
	uint32_t spi;
	unsigned slot; /* the tunnel it belongs to */
	uint32_t epoch; /* control's name for the epoch; comes back in events */
	uint32_t first_sequence; /* outbound: 1 (0 means 1), or what a test wants */
	/* Outbound: the end of its life, from which on it is used up as one without a number; 0: none. */
	vtime ends;
	struct esp_suite suite;
	struct slice keymat; /* esp_suite_keymat() bytes, copied */
	/*
	 * Outbound: where it goes. Inbound: its remote endpoint is where packets are expected from;
	 * without one the first authentic packet tells.
	 */
	struct path path;
	/* The largest inner packet whose sealed form the outer path carries whole; 0: no limit. */
	uint32_t mtu;
	/*
	 * Outbound: what may go out on it, and of that what may go out before control is told
	 * (NEARLY_USED). Of numbers there are never more than 2^32 - 1; bytes are inner ones.
	 */
	struct esp_quota near, most;
};

struct esp_counters {
	_Atomic uint64_t packets;
	_Atomic uint64_t bytes; /* of inner packets and what TFC padding follows them */
	_Atomic uint64_t
		data_at; /* vtime of the last packet of the host's, or for it; 0: none yet */
	_Atomic uint64_t heard_at; /* inbound: vtime of the last authentic packet; 0: none yet */
	/* Of `packets`: probes and dummies that went out, their replies and dummies that came. */
	_Atomic uint64_t own;
	_Atomic uint64_t replays;
	_Atomic uint64_t auth_failures;
};

struct esp_out; /* outbound: sealed by one thread */
struct esp_in; /* inbound: opened by one thread */

/* NULL when suite, keymat, slot or SPI (0 … 255) are not valid. rng: as aead_new. */
struct esp_out *esp_out_new(const struct esp_sa_config *config, struct rng *rng);
struct esp_in *esp_in_new(const struct esp_sa_config *config, struct rng *rng);
void esp_out_free(struct esp_out *sa);
void esp_in_free(struct esp_in *sa);
const struct esp_sa_config *esp_out_config(const struct esp_out *sa); /* keymat is empty */
const struct esp_sa_config *esp_in_config(const struct esp_in *sa);
const struct esp_counters *esp_out_counters(const struct esp_out *sa);
const struct esp_counters *esp_in_counters(const struct esp_in *sa);
/*
 * Control thread, at any time. The highest number that was authentic, 0: none yet; the worker that
 * has it, -1: none.
 */
uint32_t esp_in_sequence(const struct esp_in *sa);
int esp_in_owner(const struct esp_in *sa);
/* Of the packets those that are not our own. Any thread. */
uint64_t esp_counters_data(const struct esp_counters *c);
/*
 * Control thread, at any time: what esp_sa_config.mtu is from now on. Both directions have it,
 * because a SYN that comes in tells the host how much it may send out.
 */
void esp_out_set_mtu(struct esp_out *sa, uint32_t mtu);
void esp_in_set_mtu(struct esp_in *sa, uint32_t mtu);
/*
 * Control thread, at any time: packets that are sealed from now on go along this path; number and
 * keys stay. What comes in needs no word: an inbound SA follows what is authentic. Returns the path
 * before, for classifier_retire_path, or NULL: it lies in the SA.
 */
struct path *esp_out_move(struct esp_out *sa, const struct path *path);
/* Control thread: where it goes now. */
const struct path *esp_out_path(const struct esp_out *sa);
/*
 * Control thread, at any time: the next authentic packet is told of (HEARD), once. One that comes at
 * the same moment may not be: who must know looks at the counters a while later.
 */
void esp_in_await(struct esp_in *sa);
/*
 * Control thread, at any time; NULL: no limit. Packets that outbound may not send by it wait, and
 * go when they may or when it is taken away: see limit.h. It is borrowed, and given back with
 * classifier_retire_limit when no SA has it any more.
 */
struct esp_limit;
void esp_out_set_limit(struct esp_out *sa, struct esp_limit *l);
void esp_in_set_limit(struct esp_in *sa, struct esp_limit *l);

/*
 * Seals the inner packet in place: the packet becomes the ESP packet and p->path is set. Needs
 * ESP_HEADROOM and ESP_TAILROOM. next_header: 4, 41, or 59 for a dummy. ERR_EXHAUSTED once the
 * sequence number 2^32 - 1 was used: never wraps, never seals twice with one number.
 */
int esp_seal(struct esp_out *sa, struct pkt *p, uint8_t next_header);
/*
 * Opens in place: replay test, ICV, then the window moves; padding. The packet becomes the inner
 * packet with what TFC padding may follow it; *next_header tells what it is. On failure a negative
 * enum err, the reason in *why, and the packet's content is undefined.
 */
int esp_open(struct esp_in *sa, struct pkt *p, uint8_t *next_header, enum drop *why);

/* ---- the replay window (RFC 6479) ---- */

struct window {
	uint64_t bits[ESP_WINDOW / 64 + 1];
	/* highest sequence number accepted; 0: none yet. Control reads it, too */
	_Atomic uint32_t top;
};

/* Relaxed: one writer, and nothing is published with it. Any thread. */
static inline uint32_t window_top(const struct window *w)
{
	return atomic_load_explicit(&w->top, memory_order_relaxed);
}

/* True when `sequence` is neither 0, nor too old, nor seen. Changes nothing. */
bool window_check(const struct window *w, uint32_t sequence);
/* Marks as seen; only after the packet was authenticated. */
void window_accept(struct window *w, uint32_t sequence);
/* Where this number is marked. */
const uint64_t *window_word(const struct window *w, uint32_t sequence);

/* ---- the classifier ---- */

struct classifier;

struct classifier *classifier_new(void);
/* Frees tables, rules and what was retired; SAs still in it are not freed. After the data threads. */
void classifier_free(struct classifier *c);

/*
 * Control thread. Publishes a copy of the policy as the rules in force, with the next number.
 * Returns the rules that were in force before, for classifier_retire_rules, or for
 * classifier_rules_free when nobody reads them.
 */
struct classifier_rules;
struct classifier_rules *classifier_publish_rules(struct classifier *c, const struct policy *p);
/* The same; the rules may be more than a policy has room for. */
struct classifier_rules *classifier_publish_view(struct classifier *c, const struct policy_view *p);
void classifier_rules_free(struct classifier_rules *r);
/* The number of the rules in force; grows with each publication, starts at 0 for "none". */
uint64_t classifier_rules_number(const struct classifier *c);

/*
 * Control thread. Sets what a slot sends on; NULL for none. Clears next and next_proved. After this
 * and after classifier_set_next, NEED_SA is asked anew if there is still nothing to send on.
 */
void classifier_set_current(struct classifier *c, unsigned slot, struct esp_out *sa);
/* Control thread. The newer epoch of a slot, used once inbound has proved it. */
void classifier_set_next(struct classifier *c, unsigned slot, struct esp_out *sa);
bool classifier_next_proved(const struct classifier *c, unsigned slot);
/*
 * Control thread. Nothing is to be had for this slot before `until` (0: that is over): what is held
 * for it is refused, and so is what comes, with an error that the application sees. As long as the
 * slot has an SA it is used nevertheless.
 */
void classifier_set_refused(struct classifier *c, unsigned slot, vtime until);
/* Control thread. ERR_NO_ROOM when the index is full or the SPI taken. */
int classifier_add_spi(struct classifier *c, struct esp_in *sa);
void classifier_remove_spi(struct classifier *c, uint32_t spi);
/*
 * Control thread. Packets with this SPI may come before its SA, and wait for it (early.h). It is so
 * until it is withdrawn: when the SA is there, or is not to be. Where a thousand are offered, one more
 * may be left out. Again, and of one that is not offered, without effect.
 */
void classifier_offer_spi(struct classifier *c, uint32_t spi);
void classifier_withdraw_spi(struct classifier *c, uint32_t spi);

#define CLASSIFIER_NO_WORKER UINT32_MAX

/*
 * Control thread, where there are several workers. The classification parameter of an SPI that was
 * added: its packets go straight to this worker, or to the one that has had one of them before.
 * Returns which; CLASSIFIER_NO_WORKER: there is no such SPI.
 */
unsigned classifier_set_worker(struct classifier *c, uint32_t spi, unsigned worker);

/*
 * Data threads. What outbound uses now: next if proved, else current, else NULL. Good until the
 * thread's next classifier_pass.
 */
struct esp_out *classifier_slot_sa(struct classifier *c, unsigned slot);
struct esp_in *classifier_find_spi(struct classifier *c, uint32_t spi);
/* Data threads, and control: whether it is offered. */
bool classifier_spi_offered(const struct classifier *c, uint32_t spi);

/* ---- probes ---- */

#define ESP_PROBE_TOKEN 16 /* the first bytes of a probe's payload: ours, and nobody else's */
#define ESP_PROBE_MAX 128 /* bytes of a probe */

/*
 * What tells replies to our probes from the host's own pings: the ICMP identifier and the token.
 * Inbound consumes such replies, whichever SA they come on: they are PKT_GONE (DROP_PROBE_REPLY),
 * and a PROBE_REPLY is told. A reply that is not whole, or of a wrong checksum, is none of ours, and
 * left to the host.
 */
struct esp_probe_key {
	uint16_t identifier;
	uint8_t token[ESP_PROBE_TOKEN];
};

/* Control thread, once, before the first probe goes out; a second call aborts. */
void classifier_set_probe_key(struct classifier *c, const struct esp_probe_key *key);

/* ---- reclamation ---- */

#define DISPATCH_WORKERS_MAX 16
#define CLASSIFIER_READERS (2 + DISPATCH_WORKERS_MAX)

struct classifier_reader; /* one data thread, as reclamation sees it */

/* Control thread, before the data thread starts. NULL when there are CLASSIFIER_READERS. */
struct classifier_reader *classifier_reader_add(struct classifier *c);
/* Control thread, after the data thread has ended. NULL is allowed. */
void classifier_reader_remove(struct classifier *c, struct classifier_reader *r);
/*
 * Data thread, before each batch and when it is woken for it: it holds no SA, no rules and no
 * sealed packet (whose path lies in its SA) of an earlier batch.
 */
void classifier_pass(const struct classifier *c, struct classifier_reader *r);
/*
 * The same in two steps, for a data thread to which control hands SAs in a ring, too: it sees which
 * publication is the newest, is done with all that is in the ring then, and says that it has passed
 * that publication. So nothing is freed that is still in the ring: retiring is a publication of its
 * own, behind what was put there before.
 */
uint64_t classifier_newest(const struct classifier *c);
void classifier_pass_to(struct classifier_reader *r, uint64_t publication);
/*
 * Control thread. Takes what is in no table any more, nor will be put into a ring, and frees it when
 * every data thread has passed. NULL is allowed.
 */
void classifier_retire_out(struct classifier *c, struct esp_out *sa);
void classifier_retire_in(struct classifier *c, struct esp_in *sa);
void classifier_retire_rules(struct classifier *c, struct classifier_rules *r);
void classifier_retire_path(struct classifier *c, struct path *p);
void classifier_retire_limit(struct classifier *c, struct esp_limit *l);
/* Control thread. Frees what can be freed by now; how many objects still wait. */
unsigned classifier_reclaim(struct classifier *c);

/* ---- the data engines ---- */

/* What inbound and outbound make of each packet of a batch: pkt.kind (base/pkt.h). */

enum data_event_type {
	/*
	 * outbound: PROTECT without a usable SA; once for each slot until control changes the slot,
	 * and for each host or flow of a slot whose rule asks for that, while one of its packets is held
	 */
	DATA_NEED_SA,
	DATA_FIRST_PACKET, /* inbound: first authentic packet of an SA */
	/* inbound: the newest authentic packet of an SA came from another outer endpoint */
	DATA_NEW_SOURCE,
	/* inbound: counted and dropped; a hint: one for each SPI waits, and a few in each second */
	DATA_UNKNOWN_SPI,
	DATA_EXHAUSTED, /* outbound: an SA is used up: its numbers, bytes, or time */
	DATA_NEARLY_USED, /* outbound: so much has gone out on an SA as control wanted to be told of */
	DATA_HEARD, /* inbound: an authentic packet came on an SA that control awaits one on */
	/* outbound: the kernel knows that the path carries less than what was sent; one waits */
	DATA_PATH_MTU,
	/* outbound: nothing is held for the slot any more: it was released, or refused */
	DATA_UNHELD,
	DATA_PROBE_REPLY, /* inbound: the reply to a probe of ours came on this epoch; consumed */
};

struct data_event {
	enum data_event_type type;
	unsigned slot;
	uint32_t epoch;
	uint32_t spi;
	struct tuple tuple; /* NEED_SA: of the packet that asked */
	uint16_t sequence; /* PROBE_REPLY: the request's; tuple.src: who answers */
	struct endpoint from; /* NEW_SOURCE, UNKNOWN_SPI */
	/* UNHELD: of the slot, since the beginning */
	uint64_t released;
	uint64_t refused; /* expired ones, too */
};

struct outbound;
struct inbound;
struct early;

/* What is held for one slot, or (the counters) has been. Any thread may read it. */
struct hold_counters {
	_Atomic uint64_t packets; /* now */
	_Atomic uint64_t bytes;
	_Atomic uint64_t since; /* vtime of the oldest one; 0: nothing is held */
	/*
	 * in = released + replaced + expired + dropped + packets, at any time between two calls. What
	 * other rules put in another slot counts as if it had come in there.
	 */
	_Atomic uint64_t in;
	_Atomic uint64_t released;
	_Atomic uint64_t replaced; /* by its own retransmission, or an equal datagram */
	_Atomic uint64_t expired;
	_Atomic uint64_t dropped; /* for room, refused, reset, or its rule is gone */
};

struct outbound_config {
	/* Memory for packets and what finds them; 0: nothing is held. It is touched when it is used. */
	size_t hold_bytes;
	vtime hold_age; /* the longest */
};

/*
 * Events wait in a queue of fixed size. What finds it full is told with a later packet; only the
 * hints of unknown SPIs, and replies to probes, are lost then.
 */

/* The classifier is borrowed, and all memory taken: nothing is allocated later. */
struct outbound *outbound_new(struct classifier *c, const struct outbound_config *config);
void outbound_free(struct outbound *o);
/*
 * Inner packets in (as read from the TUN, with head and tail room), sealed packets out: each
 * packet of `b` becomes PKT_SEALED (send it to its path) or PKT_GONE (dropped and counted). What
 * the application must be told (ICMP errors) is appended to `replies` as PKT_INNER, to be written
 * to the TUN; when that batch is full the drop is still counted. A packet that follows another one
 * (pkt.follows) is judged as that one was.
 *
 * A packet larger than its SA's mtu is never sealed whole (RFC 4301 section 8.2.1): IPv6, and IPv4
 * with DF, is dropped and the application told the size that fits; other IPv4 is cut, and what
 * follows the first fragment is appended to `b`, or the packet dropped when `b` has no room. No
 * smaller size than ESP_MTU_MIN4 or ESP_MTU_MIN6 is asked of anybody: packets up to that pass, with
 * may_fragment set where the path is narrower. It is not cut either where the fragments, without
 * ports, would be another rule's. TCP SYNs leave with an MSS that fits.
 *
 * A packet whose slot has nothing to send on is copied and held (PKT_GONE, but no drop); so is one
 * of whose flow something older is held still, or of whose slot, unless that is very much.
 */
void outbound_run(struct outbound *o, vtime now, struct batch *b, struct batch *replies);
/*
 * Of what is held: seals what has an SA by now and appends it to `b`, in order for each flow and as
 * far as there is room; refuses what is refused (into `replies`) and drops what is too old. To be
 * called before outbound_run has newer packets, when control has published something, and at
 * outbound_deadline. True: call again, with empty batches.
 */
bool outbound_release(struct outbound *o, vtime now, struct batch *b, struct batch *replies);
/* When the oldest held packet expires; VTIME_NEVER: nothing is held. */
vtime outbound_deadline(const struct outbound *o);
/*
 * Seals one packet of our own (n bytes, an IP packet; 0: a dummy, next header 59) on this SA, whatever
 * the SPD says, and appends it to `b` as PKT_SEALED. It is not cut, nor held. False, counted: there is
 * no room (DROP_PROBE_LOST), or the SA is used up. Data thread; `sa` must be alive.
 */
bool outbound_probe(struct outbound *o, struct esp_out *sa, const void *ip, size_t n,
		    struct batch *b);
/* Of all slots together, and of one. */
const struct hold_counters *outbound_held(const struct outbound *o);
const struct hold_counters *outbound_held_of(const struct outbound *o, unsigned slot);
/* Sending a sealed packet failed because its path is too narrow: control is to find out. */
void outbound_path_mtu(struct outbound *o);
bool outbound_output(struct outbound *o, struct data_event *out);
const struct drops *outbound_drops(const struct outbound *o);

struct inbound *inbound_new(struct classifier *c);
void inbound_free(struct inbound *i);
/* This is one of several workers: it opens no packet of an SA that another one has. */
void inbound_set_worker(struct inbound *i, unsigned worker);
/*
 * Outer payloads in (from, to and ecn set): each becomes PKT_INNER (write it to the TUN),
 * PKT_IKE (an IKE message, non-ESP marker stripped) or PKT_GONE. On port 500 everything is IKE; on
 * any other port RFC 3948 section 2 decides: one byte 0xff is a keepalive, four zero bytes an IKE
 * message, else ESP. What came as protocol 50, or in Cisco's UDP encapsulation, is said to have
 * come to ESP_PORT_BARE: there is no IKE there. TCP SYNs come out with an MSS that fits the way
 * back.
 */
void inbound_run(struct inbound *i, vtime now, struct batch *b);
/*
 * Packets of an SPI that is offered wait in `e` for their SA from now on, a few and for a second
 * (early.h). It is borrowed, and the thread's; NULL, as at the beginning: they do not, or where packets
 * are spread over several engines they do so before that.
 */
void inbound_set_early(struct inbound *i, struct early *e);
/*
 * Of what waits: puts into `b`, which is empty, what has an SA by now, as inbound_run would leave it, in
 * order for each SPI, and drops what is too old. To be called before inbound_run has newer packets, when
 * control has added an SA, and at inbound_deadline. The packets are good until the next of these
 * calls, and lie in no arena of the caller's. True: call again.
 */
bool inbound_release(struct inbound *i, vtime now, struct batch *b);
/* When the oldest packet that waits is too old; VTIME_NEVER: nothing waits. */
vtime inbound_deadline(const struct inbound *i);
bool inbound_output(struct inbound *i, struct data_event *out);
const struct drops *inbound_drops(const struct inbound *i);

/* ---- several workers ---- */

/* How a worker is chosen for what has no classification parameter. */
enum dispatch_select {
	DISPATCH_ROUND_ROBIN, /* one after the other */
	/*
	 * the one for which the fewest packets wait; of several, the one with the fewest SAs; of
	 * several, the first
	 */
	DISPATCH_LEAST_LOAD,
};

/*
 * Classifies what arrives, and hands ESP packets over to workers, each of which has its own struct
 * inbound: all packets of an SA to the same one, in order, through a lane of fixed size (esp/lane.h).
 */
struct dispatch;

/* workers: at most DISPATCH_WORKERS_MAX. The classifier is borrowed, and all memory taken. */
struct dispatch *dispatch_new(struct classifier *c, unsigned workers, enum dispatch_select select);
/* When no thread uses it any more. NULL is allowed. */
void dispatch_free(struct dispatch *d);

/*
 * The classifying thread. Outer payloads in, as for inbound_run: each becomes PKT_IKE, PKT_PASSED
 * (copied; its worker sees it after dispatch_flush) or PKT_GONE. No SA is looked at.
 */
void dispatch_run(struct dispatch *d, vtime now, struct batch *b);
/*
 * Before the threads start. Packets of an SPI that is offered wait in `e`, which is borrowed, until
 * their SA has a worker (early.h): in place of inbound_set_early.
 */
void dispatch_set_early(struct dispatch *d, struct early *e);
/* As inbound_release, by early_deadline: each becomes PKT_PASSED or PKT_GONE. */
bool dispatch_release(struct dispatch *d, vtime now, struct batch *b);
/* Lets the workers see what was passed to them; a bit for each that has something new. */
uint32_t dispatch_flush(struct dispatch *d);
const struct drops *dispatch_drops(const struct dispatch *d);

/*
 * A worker's thread. The oldest packets for this worker, for inbound_run, in place of what is in the
 * batch; how many. They are good until dispatch_done.
 */
unsigned dispatch_take(struct dispatch *d, unsigned worker, struct batch *b);
void dispatch_done(struct dispatch *d, unsigned worker);

/*
 * Control thread. The SPI, which is in the index, gets a worker; which. To be undone, once it has
 * one, by dispatch_forget before it leaves the index.
 */
unsigned dispatch_assign(struct dispatch *d, uint32_t spi);
void dispatch_forget(struct dispatch *d, uint32_t spi);

#endif
