# SPDX-License-Identifier: GPL-2.0-or-later
# Where everything goes. Programs and pages go below the prefix. Those who look in one place only find
# what is for them below /usr when that is the prefix, else below /etc. docs/packaging.md has the list.
if(NOT TARGET godwit)
	return()
endif()

install(TARGETS godwit RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
if(GODWIT_VPNC_LINKS)
	foreach(name vpnc vpnc-disconnect)
		file(CREATE_LINK godwit ${CMAKE_BINARY_DIR}/${name} SYMBOLIC)
		install(FILES ${CMAKE_BINARY_DIR}/${name} DESTINATION ${CMAKE_INSTALL_SBINDIR})
	endforeach()
endif()
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")
install(FILES vpn.conf.example gateway.conf.example dist/systemd/root.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# What is made of the tables.
add_executable(godwit-pages ${CMAKE_SOURCE_DIR}/dist/pages/pages.c
	${CMAKE_SOURCE_DIR}/dist/pages/man.c
	$<FILTER:$<TARGET_OBJECTS:cmd>,EXCLUDE,/main\\.c>)
target_link_libraries(godwit-pages PRIVATE godwit_objects godwit_flags)

function(godwit_page page section template)
	set(made ${CMAKE_BINARY_DIR}/pages/${page})
	add_custom_command(OUTPUT ${made}
		COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/pages
		COMMAND godwit-pages ${template} ${made}
		DEPENDS godwit-pages ${template} VERBATIM)
	set_property(GLOBAL APPEND PROPERTY GODWIT_PAGES ${made})
	install(FILES ${made} DESTINATION ${section} ${ARGN})
endfunction()

foreach(page godwit.1 vpn.conf.5 gateway.conf.5 godwit-gateway.8)
	string(REGEX MATCH "[0-9]$" section ${page})
	godwit_page(${page} ${CMAKE_INSTALL_MANDIR}/man${section}
		${CMAKE_SOURCE_DIR}/dist/man/${page}.in)
endforeach()
if(GODWIT_SYSTEM_FILES)
	foreach(file godwit.bash _godwit godwit.fish)
		configure_file(dist/completion/${file}.in ${CMAKE_BINARY_DIR}/pages/${file} @ONLY)
	endforeach()
	install(FILES ${CMAKE_BINARY_DIR}/pages/godwit.bash
		DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME godwit)
	# Debian's zsh looks into this one for what packages bring.
	set(zsh site-functions)
	if(CMAKE_INSTALL_PREFIX STREQUAL /usr)
		set(zsh vendor-completions)
	endif()
	install(FILES ${CMAKE_BINARY_DIR}/pages/_godwit DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${zsh})
	install(FILES ${CMAKE_BINARY_DIR}/pages/godwit.fish
		DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
get_property(pages GLOBAL PROPERTY GODWIT_PAGES)
add_custom_target(pages ALL DEPENDS ${pages})

if(GODWIT_SYSTEM_FILES)
	set(dispatcher /etc/NetworkManager/dispatcher.d)
	set(polkit /etc/polkit-1/rules.d)
	if(CMAKE_INSTALL_PREFIX STREQUAL /usr)
		set(dispatcher lib/NetworkManager/dispatcher.d)
		set(polkit ${CMAKE_INSTALL_DATADIR}/polkit-1/rules.d)
	endif()
	foreach(unit godwit@.service godwit-gateway.service)
		configure_file(dist/systemd/${unit}.in ${CMAKE_BINARY_DIR}/${unit} @ONLY)
		install(FILES ${CMAKE_BINARY_DIR}/${unit} DESTINATION ${GODWIT_UNIT_DIR})
	endforeach()
	install(FILES dist/sysusers.d/godwit.conf DESTINATION lib/sysusers.d)
	install(PROGRAMS dist/NetworkManager/dispatcher.d/50-godwit DESTINATION ${dispatcher})
	install(FILES dist/polkit/50-godwit.rules DESTINATION ${polkit})
	install(FILES dist/apparmor/godwit-units DESTINATION /etc/apparmor.d)
	install(DIRECTORY DESTINATION /etc/godwit
		DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endif()

add_custom_target(uninstall
	COMMAND ${CMAKE_COMMAND} -P ${CMAKE_SOURCE_DIR}/cmake/uninstall.cmake)
