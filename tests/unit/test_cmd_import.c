/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "client/config.h"
#include "cmd/cmd.h"

#define HIDDEN                                                                                     \
	"7F407242A6A26402FFAB80AE33EFB61988873B7DA8C930FE599AC158E5CE9B50653D081216BFFB587C38C29E" \
	"02684BF5039E80D9807CC1D6"

static char directory[] = "/tmp/godwit-import-XXXXXX";
static char in_file[80], out_file[80], err_file[80];
static char said[4096];
static struct config *config;

static int set_up(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	snprintf(in_file, sizeof(in_file), "%s/in", directory);
	snprintf(out_file, sizeof(out_file), "%s/out.conf", directory);
	snprintf(err_file, sizeof(err_file), "%s/err", directory);
	return 0;
}

static int tear_down(void **state)
{
	unlink(in_file);
	unlink(err_file);
	return rmdir(directory);
}

static int drop(void **state)
{
	config_free(config);
	config = NULL;
	unlink(out_file);
	return 0;
}

/* With what it says on stderr in `said`. */
static int import(const char *bytes, size_t n)
{
	const struct command_args args = { .word = { in_file }, .values = { out_file } };
	FILE *f = fopen(in_file, "w");
	int kept = dup(STDERR_FILENO), fd = open(err_file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t got;
	int code;

	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
	dup2(fd, STDERR_FILENO);
	code = run_import(&args);
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	got = pread(fd, said, sizeof(said) - 1, 0);
	close(fd);
	said[got > 0 ? got : 0] = '\0';
	return code;
}

/* The text is imported, and what comes of it is a good configuration. */
static const struct session_config *imported(const char *text)
{
	char *complaints;
	size_t n;
	FILE *err = open_memstream(&complaints, &n);

	if (import(text, strlen(text)) != 0)
		fail_msg("%s", said);
	if (config_read(out_file, &config, err) != 0) {
		fclose(err);
		fail_msg("%s", complaints);
	}
	fclose(err);
	free(complaints);
	return &config->session;
}

static void expect_psk(const struct session_config *c, const char *psk)
{
	assert_int_equal(c->ike.psk.n, strlen(psk));
	assert_memory_equal(c->ike.psk.p, psk, strlen(psk));
}

static void expect_password(const struct session_config *c, const char *password)
{
	assert_int_equal(c->password.n, strlen(password));
	if (password[0])
		assert_memory_equal(c->password.p, password, strlen(password));
}

/* As Cisco's client writes it. */
static void a_pcf(void **state)
{
	const struct session_config *c = imported(
		"[main]\r\nDescription=The Office\r\n!Host=vpn.example.com\r\nAuthType=1\r\n"
		"GroupName=Staff Group\r\nGroupPwd=\r\nenc_GroupPwd=" HIDDEN "\r\n"
		"EnableISPConnect=0\r\nISPConnectType=0\r\nISPConnect=\r\nISPPhonebook=\r\n"
		"ISPCommand=\r\nUsername=alice\r\nSaveUserPassword=1\r\n"
		"UserPassword=old\r\nenc_UserPassword=" HIDDEN "\r\n"
		"NTDomain=CORP\r\nEnableBackup=1\r\nBackupServer=b1.example.com, b2.example.com\r\n"
		"EnableMSLogon=1\r\nMSLogonType=0\r\nEnableNat=1\r\nTunnelingMode=0\r\n"
		"TcpTunnelingPort=10000\r\nCertStore=0\r\nCertName=\r\nCertPath=\r\n"
		"CertSubjectName=\r\nCertSerialHash=00000000000000000000000000000000\r\n"
		"SendCertChain=0\r\nPeerTimeout=90\r\nEnableLocalLAN=0\r\nDHGroup=2\r\n"
		"ForceKeepAlives=0\r\n");

	assert_string_equal(said, "");
	assert_int_equal(c->ngateways, 3);
	assert_string_equal(c->gateways[0], "vpn.example.com");
	assert_string_equal(c->gateways[1], "b1.example.com");
	assert_string_equal(c->gateways[2], "b2.example.com");
	assert_int_equal(c->ike.mode, IKE_MODE_AGGRESSIVE);
	assert_int_equal(c->ike.local.type, ID_KEY_ID);
	assert_memory_equal(c->ike.local.data, "Staff Group", 11);
	expect_psk(c, "mygroupsecret");
	assert_string_equal(c->username, "alice");
	expect_password(c, "mygroupsecret");
	assert_string_equal(c->user_domain, "CORP");
	assert_int_equal(c->dpd / VTIME_S, 90);
	assert_int_equal(c->ike.suites[0].group, DH_MODP_1024);
	assert_true(c->pfs_as_config);
	assert_int_equal(c->ike.transport, IKE_TRANSPORT_AUTO);
}

static void what_a_pcf_cannot_bring(void **state)
{
	const struct session_config *c = imported(
		"; exported\nHost=192.0.2.1\nGroupName=g\nGroupPwd=clear;#\"\nUsername=bob\n"
		"SaveUserPassword=0\nUserPassword=secret\nEnableBackup=0\nBackupServer=b1\n"
		"EnableNat=1\nTunnelingMode=1\nTcpTunnelingPort=10443\nEnableLocalLAN=1\n"
		"ForceKeepAlives=1\nSingleDES=1\nDHGroup=5\nX-NM-Routes=10.0.0.0/8\n");

	assert_string_equal(
		said,
		"godwit import: EnableLocalLAN: what the gateway leaves out of the tunnel stays "
		"out; for more write exclude = PREFIX in [tunnel]\n"
		"godwit import: ForceKeepAlives: not carried over\n"
		"godwit import: X-NM-Routes: not carried over\n"
		"godwit import: BackupServer: not carried over, since EnableBackup is off\n"
		"godwit import: TunnelingMode: IPsec over TCP (port 10443) is not supported; the "
		"tunnel goes over UDP\n"
		"godwit import: UserPassword: not carried over, since SaveUserPassword is off\n"
		"godwit import: Enable Single DES: single DES is broken and not offered; 3DES is, "
		"as by Enable weak encryption\n");
	expect_psk(c, "clear;#\"");
	expect_password(c, "");
	assert_int_equal(c->ngateways, 1);
	assert_int_equal(c->ike.suites[0].group, DH_MODP_1536);
	assert_int_equal(c->ike.transport, IKE_TRANSPORT_AUTO);
}

static void a_pcf_without_nat(void **state)
{
	assert_int_equal(
		imported("[Main]\nHOST=h.example.com\nGROUPNAME=g\ngrouppwd=p\nEnableNat=0\n"
			 "TunnelingMode=0\nUseLegacyIKEPort=0\n")
			->ike.transport,
		IKE_TRANSPORT_ESP);
	assert_int_equal(config->local_port, 0);
	assert_string_equal(said, "");
}

static void a_missing_group_password(void **state)
{
	static const char text[] = "[main]\nHost=h\nGroupName=g\nGroupPwd=\nUsername=\n";

	assert_int_equal(import(text, strlen(text)), 0);
	assert_string_equal(said,
			    "godwit import: the group's password is missing: put it in one line "
			    "into group.psk beside the file, mode 600\n");
}

static void a_hybrid_pcf(void **state)
{
	static const char text[] = "[main]\nHost=h\nAuthType=5\nGroupName=g\nGroupPwd=p\n";
	char made[4096] = "";
	FILE *f;

	assert_int_equal(import(text, strlen(text)), 0);
	f = fopen(out_file, "r");
	assert_int_not_equal(fread(made, 1, sizeof(made) - 1, f), 0);
	fclose(f);
	assert_non_null(strstr(made, "\nmethod = hybrid\n"));
	assert_non_null(strstr(made, "\nca = /etc/ssl/certs\n"));
	assert_non_null(strstr(made, "\npsk = p\n"));
}

static void a_file_for_vpnc(void **state)
{
	const struct session_config *c =
		imported("\xef\xbb\xbfIPSec gateway gw.example.com\n# a comment\nIPSec ID group\n"
			 "IPSec obfuscated secret " HIDDEN "\nXauth username alice\n"
			 "Xauth password a = b\nNAT Traversal Mode force-natt\nIKE DH Group dh14\n"
			 "Perfect Forward Secrecy dh14\nIPSEC target network 10.0.0.0/8\n"
			 "Script /bin/true 1 2\nNo Detach\nSome word\n");

	expect_psk(c, "mygroupsecret");
	expect_password(c, "a = b");
	assert_int_equal(c->ike.transport, IKE_TRANSPORT_UDP);
	assert_int_equal(c->ike.suites[0].group, DH_MODP_2048);
	assert_int_equal(c->child.pfs, DH_MODP_2048);
	assert_int_equal(c->nremotes, 1);
	assert_string_equal(config->script, "/bin/true 1 2");
	assert_non_null(
		strstr(said, "godwit import: warning: unknown configuration directive in "));
	assert_non_null(strstr(said, " at line 13\n"));
	assert_non_null(strstr(said, "godwit import: No Detach: not a matter of the file"));
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} rows[] = {
		{ "[gateway]\naddress = x\n", "this is a vpn.conf already\n" },
		{ "IPSec ID g\n", "godwit import: missing IPSec gateway address\n" },
		{ "[main]\nHost=h\nAuthType=7\n",
		  "godwit import: AuthType: must be 1 (group password), 3 (certificate) or 5 "
		  "(hybrid)\n" },
		{ "[main]\nHost=h\nenc_GroupPwd=00\n",
		  "'IPSec obfuscated secret' is not what a .pcf file holds\n" },
		{ "[main]\nHost=h\nGroupName=g\nGroupPwd=p\nDHGroup=1\n",
		  "IKE DH Group \"dh1\" unsupported" },
		{ "", "missing IPSec gateway address\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(import(rows[i].text, strlen(rows[i].text)), 1);
		if (!strstr(said, rows[i].why))
			fail_msg("'%s' is not in: %s", rows[i].why, said);
		assert_int_equal(access(out_file, F_OK), -1);
	}
	assert_int_equal(import("[main]\0\n", 8), 1);
	assert_non_null(strstr(said, "not a text: it has a zero byte in it\n"));
}

static void nothing_is_written_over(void **state)
{
	static const char text[] = "[main]\nHost=h\nGroupName=g\nGroupPwd=p\n";
	struct stat st;

	umask(0);
	assert_int_equal(import(text, strlen(text)), 0);
	umask(022);
	assert_int_equal(stat(out_file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(import(text, strlen(text)), 1);
	assert_non_null(strstr(said, "out.conf: it is there already, and not written over\n"));
}

#define TEST(function) cmocka_unit_test_teardown(function, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pcf),
		TEST(what_a_pcf_cannot_bring),
		TEST(a_pcf_without_nat),
		TEST(a_missing_group_password),
		TEST(a_hybrid_pcf),
		TEST(a_file_for_vpnc),
		TEST(what_is_refused),
		TEST(nothing_is_written_over),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
