# The files that `cmake --install` installs. The prefix may be given early or late: files with absolute paths are made when
# the prefix is known (InstallSystem.cmake). The configuration is /etc/coid.conf for every prefix: coid, coidctl and the unit
# know one place.
set(COID_CONFIG /etc/coid.conf CACHE STRING "the configuration that coid, coidctl and the service read")
set(COID_SYSTEMD_UNITDIR "" CACHE STRING "where systemd units go; empty: lib/systemd/system of the prefix if systemd looks there, else /etc/systemd/system")
target_compile_definitions(coid_conf PUBLIC COID_CONFIG="${COID_CONFIG}")

if(TARGET coid AND TARGET coidctl)
  install(TARGETS coid RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
  install(TARGETS coidctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
# The documents keep their places, so that their links lead somewhere (scripts/check-docs.py).
install(FILES README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
file(GLOB COID_DOCUMENTS CONFIGURE_DEPENDS docs/*.md)
install(FILES ${COID_DOCUMENTS} DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(FILES bench/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/bench)
install(FILES docs/coid.8 docs/coidctl.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES docs/coid.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES etc/fail2ban/jail.d/coid.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/fail2ban)
set(AT "@")
configure_file(${CMAKE_SOURCE_DIR}/cmake/InstallSystem.cmake.in ${CMAKE_BINARY_DIR}/InstallSystem.cmake @ONLY)
install(SCRIPT ${CMAKE_BINARY_DIR}/InstallSystem.cmake)
