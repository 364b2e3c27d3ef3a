/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two directions of data, each of one thread or, inwards, of several, as data.c (what a thread does with what is ready)
 * and threads.c (threads, and control's side of them) share them. Who writes and reads each field
 * that two threads share is listed in docs/threads.md.
 */
#ifndef GODWIT_CLIENT_DATA_H
#define GODWIT_CLIENT_DATA_H

#include "base/ring.h"
#include "client/runtime.h"
#include "esp/early.h"
#include "esp/look.h"
#include "esp/servers.h"

/* How many notes may wait. */
#define DATA_TX_NOTES 64
#define DATA_RX_NOTES 256
#define DATA_WORKER_NOTES 64

/* How many commands may wait. */
#define DATA_COMMANDS 512

/* From control to tx: a probe of n bytes, or a dummy, on an SA; or something to be looked at. */
struct data_command {
	struct data_look *look; /* NULL: a probe */
	struct esp_out *out;
	size_t n;
	uint8_t bytes[ESP_PROBE_MAX];
};

/* From a data thread to control: one of two. */
enum data_note_type {
	DATA_NOTE_EVENT,
	DATA_NOTE_IKE,
	DATA_NOTE_LOOK, /* tx has looked, and touches it no more */
};

/* What tx looks at for control: control's, but from its command to its note. */
struct data_look {
	struct outbound_look look;
	bool more; /* it takes another command */
	data_look_fn done; /* control's; NULL: nothing is being looked at */
	void *ctx;
};

struct data_note {
	enum data_note_type type;
	struct data_event event; /* DATA_NOTE_EVENT */
	struct data_look *look; /* DATA_NOTE_LOOK */
	struct endpoint from, to; /* DATA_NOTE_IKE, and its bytes */
	size_t len;
	uint8_t bytes[]; /* IKE_MESSAGE_MAX of them if the thread receives IKE, else none */
};

/* The way up: notes, and an eventfd that wakes control. */
struct data_line {
	struct ring *ring;
	int fd;
	bool news; /* the thread's: put since control was last woken */
	_Atomic uint64_t full; /* how often something had to wait for room */
};

struct data_tx {
	struct classifier *classifier;
	struct classifier_reader *reader;
	struct outbound *engine;
	struct data_line up;
	struct ring *down; /* commands */
	struct tun *tun;
	struct tun_intake intake;
	struct net_socket natt, esp, cisco; /* the host's sockets, with counts of this thread */
	struct batch out; /* packets from the TUN, then sealed */
	struct batch replies; /* what outbound answers to the TUN */
	struct drops drops; /* what the system refused */
	_Atomic bool gone; /* the TUN is */
	bool more; /* something held can go at once */
	struct data_look *looked[2]; /* to be told: flows, held; NULL: nothing */
};

/* A way into the kernel: the TUN, or a server's own device. */
struct data_out {
	const struct tun *tun;
	struct coalesce joined; /* what goes there */
	unsigned takes; /* of tun->takes what is still true */
};

/* What makes inner packets of what has arrived, and writes them to the TUN: rx, or each worker. */
struct data_open {
	struct classifier *classifier;
	struct classifier_reader *reader;
	struct inbound *engine; /* NULL: of rx, where there are workers */
	struct data_line up;
	struct batch in; /* views of what has arrived */
	struct servers *servers; /* which of `outs`; NULL: there are none */
	struct data_out *outs; /* the TUN, and behind it one for each server */
	unsigned nouts;
	struct coalesce_write write;
	struct drops drops; /* what the system refused, and IKE that control had no room for */
};

struct data_rx {
	struct data_open open;
	struct net_socket ike, natt, esp, cisco; /* as in tx */
	struct net_intake intake;
	struct net_gather gather; /* of raw ESP */
	struct early *early; /* of the engine, or of what passes on to workers */
	struct dispatch *dispatch; /* NULL: rx opens all itself */
	int worker_kicks[DISPATCH_WORKERS_MAX];
};

/* One of several, which open what rx passes on. */
struct data_worker {
	struct data_open open;
	struct dispatch *dispatch;
	unsigned number;
};

/* ---- on the threads; they allocate nothing, and wait in no call but those that send ---- */

/*
 * Carries out what commands there are, then passes the publication that was the newest before. Holds
 * nothing of an earlier batch: t->out is emptied.
 */
void data_tx_pass(struct data_tx *t);

/*
 * Reads the TUN, seals and sends, for a bounded number of batches, each behind what is held. When the socket is full it waits
 * for it, a tenth of a second at most: what cannot be sent by then is dropped and counted. False
 * when the device is gone.
 */
bool data_tx_run(struct data_tx *t);
/*
 * Sends what is held and may go, and answers what is refused, for a bounded number of batches; what
 * is left, t->more says. To be called when control has published something and at data_tx_wait.
 */
void data_tx_release(struct data_tx *t);
/* How many milliseconds tx may sleep before data_tx_release is due; -1: for ever. */
int data_tx_wait(const struct data_tx *t);
/*
 * Opens, or passes on, what came before its SA and has one by now, and drops what is too old. To be
 * called when control has added an SA and at data_rx_wait.
 */
void data_rx_release(struct data_rx *r);
/* How many milliseconds rx may sleep before data_rx_release is due; -1: for ever. */
int data_rx_wait(const struct data_rx *r);
/*
 * Receives from one of rx's own sockets, by one family, for a bounded number of batches, each behind
 * what was released. Returns how long this socket may be left alone before it is looked at again: 0
 * but for raw ESP.
 */
vtime data_rx_run(struct data_rx *r, struct net_socket *s, enum family f);
/*
 * Opens what waits for the worker, as much as a batch takes; false: there was nothing. Not all that
 * waits, so that the thread can look after other things in between.
 */
bool data_worker_run(struct data_worker *w);
/* Hands up what events wait in the engine and there is room for. */
void data_tx_report(struct data_tx *t);
void data_open_report(struct data_open *o);
/* Wakes control if there is something new for it. */
void data_line_wake(struct data_line *l);

#endif
