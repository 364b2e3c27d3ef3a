/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The epochs of a session's tunnels: what data goes out on, and what becomes of it. Private to the session. */
#ifndef GODWIT_CLIENT_SESSION_EPOCHS_H
#define GODWIT_CLIENT_SESSION_EPOCHS_H

#include "esp/esp.h"
#include "ike/ike.h"
#include "mobility/epoch.h"

struct session;
struct session_epoch;
struct tunnel;

/* Publishes what data goes out on, and takes away what is dead. */
void session_epochs_follow(struct session *s, vtime now, unsigned slot);
/*
 * The same when the gateway has just been told that we have moved: what was held waits for a twentieth of
 * `settle`, because what it sends before it has acted on that goes to the address before.
 */
void session_epochs_release(struct session *s, vtime now, unsigned slot);
/* What has come since the last look is told to the epochs: true when something has. */
bool session_epochs_listen(struct session *s, vtime now, unsigned slot);
/* The same of all tunnels. */
bool session_epochs_hear(struct session *s, vtime now);
/* NULL: it is gone. */
const struct session_epoch *session_epoch_find(const struct tunnel *t, uint32_t id);
bool session_epoch_is_proved(const struct tunnel *t, uint32_t id);
/* Probes are under way for one that is not used yet. */
bool session_epochs_on_trial(const struct tunnel *t);
/* Nothing goes out before the proof of an epoch that is there, for which probes are under way. */
bool session_epochs_await(const struct tunnel *t);
/* Makes SAs of a child and publishes them; takes its secrets, and `in`, which may be there already. */
void session_epoch_install(struct session *s, vtime now, unsigned slot, struct ike_child *child,
			   struct esp_in *in);
/* Makes and publishes the inbound SA of a child alone. */
struct esp_in *session_inbound_new(struct session *s, unsigned slot, const struct ike_child *child);
/* Something happened to an epoch of this tunnel. */
void session_epoch_event(struct session *s, vtime now, unsigned slot, uint32_t id,
			 enum epoch_event event);
/* The peer deleted its inbound SA with this SPI. */
void session_child_deleted(struct session *s, vtime now, uint32_t spi_out);
/* What time brings to epochs, and when. */
void session_epochs_due(struct session *s, vtime now);
vtime session_epochs_due_at(const struct session *s);
/*
 * The next epoch of each tunnel is used at once; until then data goes out on those that there are, or,
 * with `lost`, is held unless something comes.
 */
void session_epochs_doubt(struct session *s, vtime now, bool lost);
/* True when there is one that carries nothing unless something comes on it. */
bool session_epochs_doubtful(const struct session *s);
/* True when any tunnel has an epoch that can be relied upon. */
bool session_epochs_usable(const struct session *s);
/* The data threads tell that something has come on an epoch that may have been in doubt. */
void session_epoch_heard(struct session *s, vtime now, const struct data_event *ev);
/* Takes all away. goodbye: the gateway is told. */
void session_epochs_retire(struct session *s, bool goodbye);
/* The same for one tunnel. */
void session_epochs_close(struct session *s, unsigned slot, bool goodbye);
/* Nothing is sent any more; what comes is received as long as it comes. */
void session_epochs_stop(struct session *s, vtime now, unsigned slot);
/* When a packet of the host's, or for it, last came or went on what epochs there are; 0: never. */
vtime session_epochs_active_at(const struct session *s, unsigned slot);
/* True when there is not even an epoch that is received on. */
bool session_epochs_none(const struct session *s, unsigned slot);
bool session_spi_taken(const struct session *s, uint32_t spi);
/* A Delete for our inbound SPI is sent when there is an ISAKMP SA for it. */
void session_goodbye(struct session *s, uint32_t spi);

#endif
