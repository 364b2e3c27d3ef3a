/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 700

/*
 * Keys go to nobody who has put a file of his own there, or another name of one of ours; but who has
 * the directory may have begun the file.
 */
static bool keylog_is_ours(const char *dir, int fd)
{
	struct stat st, top;

	return fstat(fd, &st) == 0 && stat(dir, &top) == 0 && S_ISREG(st.st_mode) &&
	       st.st_nlink == 1 && (st.st_uid == geteuid() || st.st_uid == top.st_uid);
}

static int keylog_open_file(const char *dir, const char *name, FILE *err)
{
	/* Without O_NONBLOCK a named pipe would let us wait for its reader. */
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = -1;

	errno = ENAMETOOLONG;
	if (n > 0 && (size_t)n < sizeof(path))
		fd = open(path, flags, 0600);
	if (fd >= 0 && !keylog_is_ours(dir, fd)) {
		close(fd);
		fd = -1;
		errno = EPERM;
	}
	if (fd < 0)
		fprintf(err, "godwit: cannot write the key log %s/%s: %s%s\n", dir, name,
			strerror(errno), errno == ENOENT ? "; make the directory first" : "");
	else
		fchmod(fd, 0600);
	return fd;
}

int keylog_open(struct keylog *k, const char *dir, FILE *err)
{
	*k = (struct keylog){ -1, -1 };
	if (!dir)
		return 0;
	k->ike = keylog_open_file(dir, "ikev1_decryption_table", err);
	if (k->ike >= 0)
		k->esp = keylog_open_file(dir, "esp_sa", err);
	if (k->esp >= 0)
		return 0;
	keylog_close(k);
	return ERR_SYSTEM;
}

void keylog_close(struct keylog *k)
{
	if (k->ike >= 0)
		close(k->ike);
	if (k->esp >= 0)
		close(k->esp);
	*k = (struct keylog){ -1, -1 };
}

/* Text with secrets in it: of fixed size, wiped by whoever made it. */
struct line {
	char text[LINE_MAX_BYTES];
	size_t n;
};

static void line_put(struct line *l, const char *s)
{
	size_t n = strnlen(s, sizeof(l->text) - l->n);

	memcpy(l->text + l->n, s, n);
	l->n += n;
}

static void line_put_hex(struct line *l, struct slice bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.n && l->n + 2 <= sizeof(l->text); i++) {
		l->text[l->n++] = digits[bytes.p[i] >> 4];
		l->text[l->n++] = digits[bytes.p[i] & 15];
	}
}

static void line_write(struct line *l, int fd)
{
	line_put(l, "\n");
	/* A key log is a convenience: the tunnel does not fail for a full disk. */
	if (write(fd, l->text, l->n) < 0)
		errno = 0;
	wipe(l, sizeof(*l));
}

void keylog_ike(const struct keylog *k, const uint8_t cookie[IKE_COOKIE_SIZE], struct slice key)
{
	struct line l = { .n = 0 };

	if (k->ike < 0)
		return;
	line_put_hex(&l, slice(cookie, IKE_COOKIE_SIZE));
	line_put(&l, ",");
	line_put_hex(&l, key);
	line_write(&l, k->ike);
}

static const char *keylog_cipher(enum esp_cipher cipher)
{
	switch (cipher) {
	case ESP_CIPHER_AES_CBC:
		return "AES-CBC [RFC3602]";
	case ESP_CIPHER_AES_GCM_16:
		return "AES-GCM with 16 octet ICV [RFC4106]";
	case ESP_CIPHER_AES_GCM_12:
		return "AES-GCM with 12 octet ICV [RFC4106]";
	case ESP_CIPHER_AES_GCM_8:
		return "AES-GCM with 8 octet ICV [RFC4106]";
	case ESP_CIPHER_AES_CTR:
		return "AES-CTR [RFC3686]";
	case ESP_CIPHER_3DES_CBC:
		return "TripleDES-CBC [RFC2451]";
	case ESP_CIPHER_NULL:
		break;
	}
	return "NULL";
}

static const char *keylog_integ(enum esp_integ integ)
{
	switch (integ) {
	case ESP_INTEG_NONE:
		return "NULL";
	case ESP_INTEG_HMAC_SHA1_96:
		return "HMAC-SHA-1-96 [RFC2404]";
	case ESP_INTEG_HMAC_SHA2_256_128:
		return "HMAC-SHA-256-128 [RFC4868]";
	case ESP_INTEG_HMAC_SHA2_384_192:
		return "HMAC-SHA-384-192 [RFC4868]";
	case ESP_INTEG_HMAC_SHA2_512_256:
		return "HMAC-SHA-512-256 [RFC4868]";
	case ESP_INTEG_HMAC_MD5_96:
		return "HMAC-MD5-96 [RFC2403]";
	}
	return "NULL";
}

static void line_put_addr(struct line *l, const struct addr *a)
{
	char buf[ADDR_TEXT_MAX];

	line_put(l, "\"");
	/* "*" is any address. */
	line_put(l, addr_is_unspecified(a) ? "*" : addr_text(a, buf));
	line_put(l, "\",");
}

static void keylog_sa(int fd, const struct esp_suite *suite, uint32_t spi, struct slice keymat,
		      const struct addr *src, const struct addr *dst)
{
	struct line l = { .n = 0 };
	struct esp_sizes sizes;
	size_t cipher_key;
	uint8_t be[4];

	if (!esp_suite_sizes(suite, &sizes) || keymat.n != esp_suite_keymat(suite))
		return;
	cipher_key = (size_t)sizes.key + sizes.salt;
	put_be32(be, spi);
	line_put(&l, dst->family == FAMILY_IP6 ? "\"IPv6\"," : "\"IPv4\",");
	line_put_addr(&l, src);
	line_put_addr(&l, dst);
	line_put(&l, "\"0x");
	line_put_hex(&l, SLICE_OF(be));
	line_put(&l, "\",\"");
	line_put(&l, keylog_cipher(suite->cipher));
	line_put(&l, cipher_key ? "\",\"0x" : "\",\"");
	line_put_hex(&l, slice(keymat.p, cipher_key));
	line_put(&l, "\",\"");
	line_put(&l, keylog_integ(suite->integ));
	line_put(&l, sizes.integ_key ? "\",\"0x" : "\",\"");
	line_put_hex(&l, slice(keymat.p + cipher_key, sizes.integ_key));
	line_put(&l, "\"");
	line_write(&l, fd);
}

void keylog_child(const struct keylog *k, const struct ike_child *child, const struct path *path)
{
	const struct addr *local = &path->local.addr, *remote = &path->remote.addr;

	if (k->esp < 0)
		return;
	keylog_sa(k->esp, &child->suite, child->spi_in, secret_slice(&child->keymat_in), remote,
		  local);
	keylog_sa(k->esp, &child->suite, child->spi_out, secret_slice(&child->keymat_out), local,
		  remote);
}
