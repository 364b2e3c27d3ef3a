# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two programs that are called vpnc: Debian's, and godwit by a link of that name. Source lib.sh and
# world.sh first.

LAB_VPNC=${LAB_VPNC:-/usr/sbin/vpnc}

# vpnc_begin: the link, and the script that both run. It sets what is needed and keeps what it was
# told in a file for each reason, in the directory that the link `told` leads to.
vpnc_begin() {
	[ -x "$LAB_VPNC" ] || skip "vpnc is not installed"
	mkdir "$LAB_TMP/bin"
	ln -s "$GODWIT" "$LAB_TMP/bin/vpnc"
	ln -s "$GODWIT" "$LAB_TMP/bin/vpnc-disconnect"
	VPNC_OURS=$LAB_TMP/bin/vpnc VPNC_PID=$LAB_TMP/vpnc.pid VPNC_TOLD=$LAB_TMP/told
	cat >"$LAB_TMP/hook" <<-HOOK
		#!/bin/bash
		declare -x | sed 's/^declare -x //' | grep -E '^(reason|TUNDEV|VPN|INTERNAL|CISCO|IDLE|LOG)' \\
			| sort >"$VPNC_TOLD/\$reason"
		case \$reason in
		connect)
			ip link set "\$TUNDEV" up mtu 1400
			ip addr add "\$INTERNAL_IP4_ADDRESS/32" dev "\$TUNDEV"
			ip route replace 10.80.0.0/24 dev "\$TUNDEV" src "\$INTERNAL_IP4_ADDRESS"
			;;
		disconnect) ip link set "\$TUNDEV" down 2>/dev/null ;;
		esac
		exit 0
	HOOK
	chmod 755 "$LAB_TMP/hook"
}

# vpnc_told NAME: what the script is told from now on goes to this directory.
vpnc_told() {
	mkdir -p "$LAB_OUT/told-$1"
	ln -sfn "$LAB_OUT/told-$1" "$VPNC_TOLD"
}

# vpnc_conf NAME LINES...: writes NAME.vpnc.
vpnc_conf() {
	local name=$1
	shift
	(umask 077 && cat >"$LAB_OUT/$name.vpnc") <<-CONF
		IPSec gateway $GW_ADDR
		IPSec ID $LAB_GROUP
		IPSec secret $LAB_GROUP_SECRET
		Xauth username $LAB_USER
		Xauth password $LAB_USER_PASSWORD
		IKE Authmode psk
		NAT Traversal Mode natt
		IKE DH Group dh2
		Perfect Forward Secrecy nopfs
		Interface name labvpn
		Interface MTU 1400
		Pidfile $VPNC_PID
		Script $LAB_TMP/hook
		$(printf '%s\n' "$@")
	CONF
}

# vpnc_run NAME PROGRAM ARGUMENTS...: in the client's namespace; NAME.out, NAME.err; its status.
vpnc_run() {
	local name=$1
	shift
	in_client timeout --foreground 40 "$@" >"$LAB_OUT/$name.out" 2>"$LAB_OUT/$name.err" </dev/null
}

# What vpnc offers, and no more.
VPNC_IKE=aes128-sha1-modp1024
VPNC_ESP=aes128-sha1
