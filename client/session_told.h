/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the event log is told of epochs, pings and held packets (docs/events.md). Private to the session. */
#ifndef GODWIT_CLIENT_SESSION_TOLD_H
#define GODWIT_CLIENT_SESSION_TOLD_H

#include "esp/esp.h"
#include "mobility/target.h"

struct session;

/* What had been released and refused when the log was told last. */
struct session_unheld {
	uint64_t released;
	uint64_t refused;
};

/* The log hears of each epoch of the slot that is in another state than it was told. */
void session_tell_epochs(struct session *s, unsigned slot);
/* A ping is due on an epoch, and the one before it was not answered, if there was one. */
void session_tell_lost(struct session *s, unsigned slot, uint32_t id);
void session_tell_ping(struct session *s, unsigned slot, uint32_t id, const struct addr *target,
		       uint16_t sequence);
void session_tell_pong(struct session *s, const struct target_probe *p);
/* Nothing is held for a slot any more. */
void session_unheld(struct session *s, const struct data_event *ev);

#endif
