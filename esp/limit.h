/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much may be sent to where a peer says that it has moved, before it is proved: some times what
 * has come from there. All SAs of the peer share one; any thread may use it.
 */
#ifndef GODWIT_ESP_LIMIT_H
#define GODWIT_ESP_LIMIT_H

#include "esp/esp.h"

#define ESP_LIMIT_RESERVE 200 /* bytes that data leaves to IKE: what asks for a proof, once more */

/* Nothing yet: it grows by factor times what is received. */
struct esp_limit *esp_limit_new(const struct endpoint *from, unsigned factor);
/* When no SA has it. NULL is harmless. */
void esp_limit_free(struct esp_limit *l);
/* An authentic datagram; one from elsewhere does not count. */
void esp_limit_received(struct esp_limit *l, const struct endpoint *from, size_t bytes);
/* What must go goes: the rest waits for longer then. */
void esp_limit_sent(struct esp_limit *l, size_t bytes);
bool esp_limit_allows(const struct esp_limit *l, size_t bytes);

#endif
