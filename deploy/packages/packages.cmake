# SPDX-License-Identifier: Apache-2.0
# deb and rpm of shunt-agent, shunt-controller and shunt. deploy/packages/build makes them.
set(CPACK_COMPONENTS_ALL agent controller cli)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_RPM_COMPONENT_INSTALL ON)
set(CPACK_PACKAGE_NAME shunt)
set(CPACK_PACKAGE_VENDOR "Shunt")
set(CPACK_PACKAGE_CONTACT "Maintainers of Shunt <maintainers@shunt.example.com>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)

# The first line is the synopsis.
set(CPACK_COMPONENT_AGENT_DESCRIPTION "upgrades Bitbucket on a node: the agent of Shunt
Runs on every node of a Bitbucket Data Center cluster, and does what Shunt's
controllers ask: signed commands of a fixed set.")
set(CPACK_COMPONENT_CONTROLLER_DESCRIPTION "upgrades Bitbucket clusters node by node: the controller of Shunt
Drains a node at its load balancers, has it upgraded, proves it healthy, gives
it back its traffic and goes on; puts the old version back when it fails.")
set(CPACK_COMPONENT_CLI_DESCRIPTION "command line of Shunt, which upgrades Bitbucket clusters
Plans, starts, watches and ends upgrades of Bitbucket Data Center clusters.")

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_AGENT_PACKAGE_NAME shunt-agent)
set(CPACK_DEBIAN_CONTROLLER_PACKAGE_NAME shunt-controller)
set(CPACK_DEBIAN_CLI_PACKAGE_NAME shunt)
set(CPACK_DEBIAN_CONTROLLER_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_CONTROLLER_PACKAGE_RECOMMENDS "redis-server (>= 5:7), shunt")
set(CPACK_DEBIAN_AGENT_PACKAGE_RECOMMENDS git)
foreach(part AGENT CONTROLLER)
  string(TOLOWER ${part} folder)
  set(scripts ${CMAKE_CURRENT_SOURCE_DIR}/packages/${folder})
  set(CPACK_DEBIAN_${part}_PACKAGE_CONTROL_EXTRA ${scripts}/postinst ${scripts}/prerm
    ${scripts}/postrm)
endforeach()
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE "Apache-2.0")
set(CPACK_RPM_AGENT_PACKAGE_NAME shunt-agent)
set(CPACK_RPM_CONTROLLER_PACKAGE_NAME shunt-controller)
set(CPACK_RPM_CLI_PACKAGE_NAME shunt)
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /usr/bin /usr/sbin /usr/share/doc /usr/lib/systemd /usr/lib/systemd/system
  /usr/share/man /usr/share/man/man1 /usr/share/man/man5 /usr/share/man/man8
  /usr/share/bash-completion /usr/share/bash-completion/completions)
set(CPACK_RPM_CONTROLLER_PACKAGE_REQUIRES_POST "/usr/sbin/groupadd, /usr/sbin/useradd")
foreach(part AGENT CONTROLLER)
  string(TOLOWER ${part} folder)
  set(CPACK_RPM_${part}_PACKAGE_REQUIRES systemd)
  set(CPACK_RPM_${part}_POST_INSTALL_SCRIPT_FILE
    ${CMAKE_CURRENT_SOURCE_DIR}/packages/${folder}/rpm-post)
  set(CPACK_RPM_${part}_PRE_UNINSTALL_SCRIPT_FILE
    ${CMAKE_CURRENT_SOURCE_DIR}/packages/${folder}/rpm-preun)
  set(CPACK_RPM_${part}_POST_UNINSTALL_SCRIPT_FILE
    ${CMAKE_CURRENT_SOURCE_DIR}/packages/${folder}/rpm-postun)
endforeach()

# lintian wants a copyright file and a changelog in each package.
foreach(package shunt-agent shunt-controller shunt)
  string(REPLACE "shunt-" "" component ${package})
  if(component STREQUAL shunt)
    set(component cli)
  endif()
  install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/packages/copyright
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
  set(changelog ${CMAKE_CURRENT_BINARY_DIR}/${package}/changelog.gz)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${package})
  configure_file(packages/changelog.in ${CMAKE_CURRENT_BINARY_DIR}/${package}/changelog @ONLY)
  execute_process(COMMAND ${GZIP} -9n -c ${CMAKE_CURRENT_BINARY_DIR}/${package}/changelog
    OUTPUT_FILE ${changelog} COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${changelog} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package}
    COMPONENT ${component})
endforeach()

include(CPack)
