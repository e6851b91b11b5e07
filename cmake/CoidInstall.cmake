# What `cmake --install` puts where.
if(TARGET coid AND TARGET coidctl)
  install(TARGETS coid RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
  install(TARGETS coidctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
