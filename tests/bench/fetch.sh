# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's packages, fetched and unpacked without being installed. Sourced, with WHAT, the script's
# name. fetch_cached DIRECTORY PROGRAM ends the script when the directory below the cache has the
# program already; fetch SUITE PACKAGE... unpacks into $work/SUITE/root; fetch_keep puts a directory
# into its place.
set -euo pipefail

die() { echo "$WHAT: $*" >&2 && exit 1; }

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
cache=${GODWIT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/godwit}

fetch_cached() {
	dir=$cache/$1
	mkdir -p "$cache"
	exec 9>"$cache/$WHAT.lock"
	flock 9
	if [ -x "$dir/$2" ]; then
		echo "$dir"
		exit 0
	fi
	[ -r "$keyring" ] || die "there is no $keyring: install debian-archive-keyring"
	mirror=${GODWIT_MIRROR:-$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' \
		'Identifier: Packages' | awk '$1 == "bookworm" || $1 == "stable" { print $2; exit }')}
	[ -n "$mirror" ] || die "apt has no mirror; set GODWIT_MIRROR"
	work=$(mktemp -d "$cache/$WHAT-work.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
}

# fetch SUITE PACKAGE...: unpacked into a directory of the suite's name, with lists of its own.
fetch() {
	local suite=$1 at=$work/$1 deb
	shift
	mkdir -p "$at/lists/partial" "$at/archives/partial" "$at/debs" "$at/root"
	: >"$at/status"
	echo "deb [signed-by=$keyring] $mirror $suite main" >"$at/sources.list"
	cat >"$at/apt.conf" <<-CONF
		Dir::Etc::sourcelist "$at/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State "$at";
		Dir::State::lists "$at/lists";
		Dir::State::status "$at/status";
		Dir::Cache "$at";
		Dir::Cache::archives "$at/archives";
		Dir::Cache::pkgcache "";
		Dir::Cache::srcpkgcache "";
		Acquire::Languages "none";
		APT::Sandbox::User "root";
		APT::Update::Error-Mode "any";
		Debug::NoLocking "true";
	CONF
	(
		export APT_CONFIG=$at/apt.conf
		cd "$at/debs" && apt-get -qq update && apt-get -qq download "$@"
	) >"$at/log" 2>&1 || die "cannot fetch $* of $suite: $(grep -m 1 '^[EW]: ' "$at/log")"
	for deb in "$at"/debs/*.deb; do dpkg-deb -x "$deb" "$at/root"; done
}

# A rename, so that it is whole or not there.
fetch_keep() {
	rm -rf "$dir"
	mv "$1" "$dir"
	echo "$dir"
}
