# SPDX-License-Identifier: GPL-2.0-or-later
# Removes what the last `cmake --install` of this build directory has installed. Directories stay, and
# /etc/godwit with all that is in it. DESTDIR is honoured.
if(NOT EXISTS install_manifest.txt)
	message(FATAL_ERROR "there is no install_manifest.txt here: nothing has been installed from it")
endif()
file(STRINGS install_manifest.txt files)
foreach(file IN LISTS files)
	file(REMOVE "$ENV{DESTDIR}${file}")
endforeach()
list(LENGTH files n)
message(STATUS "removed ${n} files")
