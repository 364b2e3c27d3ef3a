/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "client/runtime.h"

#define MARKER_SIZE 4 /* RFC 3948 section 2.2 */

/* The address that it is to come from. */
static const struct addr *source_of(const struct host *h, const struct session_effect *fx)
{
	const struct addr *from = &fx->send.from.addr;

	return from->family == FAMILY_NONE ? &h->config->local_address : from;
}

static void send_ike(struct host *h, struct log *log, const struct session_effect *fx)
{
	bool natt = fx->send.from.port == IKE_NATT_PORT;
	uint8_t buf[MARKER_SIZE + IKE_MESSAGE_MAX] = { 0 };
	size_t marker = natt ? MARKER_SIZE : 0;

	if (fx->send.bytes.n > IKE_MESSAGE_MAX)
		return;
	memcpy(buf + marker, fx->send.bytes.p, fx->send.bytes.n);
	/* What is lost here is sent again like what is lost on the way. */
	if (net_socket_send(natt ? &h->natt : &h->ike, source_of(h, fx), &fx->send.to,
			    slice(buf, marker + fx->send.bytes.n)) != 0)
		log_ev(log, LOG_WARN, "cannot send", log_endpoint("to", &fx->send.to),
		       log_str("why", strerror(errno)));
}

/* Who has an SA for raw ESP listens to it. */
static void publish_spi(struct data *d, struct host *h, struct log *log, struct esp_in *in)
{
	if (data_add_spi(d, in) != 0)
		log_ev(log, LOG_ERROR, "no room for an SPI");
	if (esp_in_config(in)->path.encapsulation == ENCAPSULATION_ESP)
		net_esp_listen(&h->esp);
}

/* What comes before the SA is heard, too. */
static void offer_spi(struct data *d, struct host *h, const struct session_effect *fx)
{
	classifier_offer_spi(data_classifier(d), fx->offer.spi);
	if (fx->offer.encapsulation == ENCAPSULATION_ESP)
		net_esp_listen(&h->esp);
}

bool data_carry_out(struct data *d, struct host *h, struct log *log,
		    const struct session_effect *fx)
{
	switch (fx->type) {
	case SESSION_EFFECT_SEND:
		send_ike(h, log, fx);
		return true;
	case SESSION_EFFECT_KEEPALIVE:
		net_socket_send(&h->natt, source_of(h, fx), &fx->send.to, SLICE_STR("\xff"));
		return true;
	case SESSION_EFFECT_PUBLISH_RULES:
		data_publish_view(d, &fx->rules);
		return true;
	case SESSION_EFFECT_PUBLISH_SLOT:
		data_publish_slot(d, fx->slot.slot, fx->slot.out, fx->slot.next);
		return true;
	case SESSION_EFFECT_PUBLISH_SPI:
		publish_spi(d, h, log, fx->in);
		return true;
	case SESSION_EFFECT_OFFER_SPI:
		offer_spi(d, h, fx);
		return true;
	case SESSION_EFFECT_WITHDRAW_SPI:
		classifier_withdraw_spi(data_classifier(d), fx->offer.spi);
		return true;
	case SESSION_EFFECT_REFUSE_SLOT:
		data_refuse_slot(d, fx->refuse.slot, fx->refuse.until);
		return true;
	case SESSION_EFFECT_PROBE:
		data_probe(d, fx->probe.out, fx->probe.bytes, fx->probe.n);
		return true;
	case SESSION_EFFECT_PROBE_KEY:
		classifier_set_probe_key(data_classifier(d), &fx->probe_key);
		return true;
	case SESSION_EFFECT_RETIRE:
		data_retire(d, fx->retire.in, fx->retire.out);
		return true;
	case SESSION_EFFECT_RETIRE_PATH:
		data_retire_path(d, fx->old_path);
		return true;
	case SESSION_EFFECT_RETIRE_LIMIT:
		data_retire_limit(d, fx->old_limit);
		return true;
	case SESSION_EFFECT_STATE:
	case SESSION_EFFECT_RESOLVE:
	case SESSION_EFFECT_FIND_PATH:
	case SESSION_EFFECT_FIND_MTU:
	case SESSION_EFFECT_LOOK:
	case SESSION_EFFECT_TUN:
	case SESSION_EFFECT_TUN_MTU:
	case SESSION_EFFECT_ASK:
	case SESSION_EFFECT_ASK_END:
	case SESSION_EFFECT_GRANTED:
	case SESSION_EFFECT_KEYS:
	case SESSION_EFFECT_DONE:
		break;
	}
	return false;
}
