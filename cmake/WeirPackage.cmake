# The Debian package, by `cpack -G DEB` (`./dev package`): the server with its manual page, service
# and default configuration; see docs/packaging.md. Its files form a component of their own with
# paths from the root, which `cmake --install` leaves out.

include(GNUInstallDirs)
find_program(WEIR_GZIP gzip REQUIRED)

set(weir_debian_dir "${CMAKE_SOURCE_DIR}/packaging/debian")
set(weir_staged_dir "${CMAKE_BINARY_DIR}/package_files")

set(WEIR_PACKAGE_MAINTAINER "the weir authors <weir@localhost>" CACHE STRING
    "Who answers for a Debian package of weir: a name and an address that works")
# With SOURCE_DATE_EPOCH in the environment, the date of the sources.
string(TIMESTAMP WEIR_PACKAGE_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file("${weir_debian_dir}/changelog.in" "${weir_staged_dir}/changelog.Debian" @ONLY)

# What the command prints, compressed without a time stamp.
function(weir_compressed output)
  add_custom_command(OUTPUT "${weir_staged_dir}/${output}"
      COMMAND ${ARGN} | "${WEIR_GZIP}" -9n > "${weir_staged_dir}/${output}"
      DEPENDS weir "${CMAKE_SOURCE_DIR}/CHANGELOG.md" "${weir_staged_dir}/changelog.Debian"
      VERBATIM)
endfunction()
weir_compressed(weir.1.gz $<TARGET_FILE:weir> docs man)
weir_compressed(changelog.gz cat "${CMAKE_SOURCE_DIR}/CHANGELOG.md")
weir_compressed(changelog.Debian.gz cat "${weir_staged_dir}/changelog.Debian")
add_custom_target(weir_package_files ALL
    DEPENDS "${weir_staged_dir}/weir.1.gz" "${weir_staged_dir}/changelog.gz"
            "${weir_staged_dir}/changelog.Debian.gz")

# The destination is a path from the root.
function(weir_package_install destination)
  install(FILES ${ARGN} DESTINATION "${destination}" COMPONENT debian EXCLUDE_FROM_ALL)
endfunction()
install(TARGETS weir RUNTIME DESTINATION usr/bin COMPONENT debian EXCLUDE_FROM_ALL)
weir_package_install(usr/share/man/man1 "${weir_staged_dir}/weir.1.gz")
weir_package_install(lib/systemd/system "${CMAKE_SOURCE_DIR}/packaging/weir.service")
weir_package_install(etc/weir "${CMAKE_SOURCE_DIR}/packaging/weir.toml")
weir_package_install(usr/share/doc/weir "${CMAKE_SOURCE_DIR}/docs/configuration.md"
                     "${weir_debian_dir}/copyright" "${weir_staged_dir}/changelog.gz"
                     "${weir_staged_dir}/changelog.Debian.gz")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME weir)
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/package")
set(CPACK_PACKAGING_INSTALL_PREFIX /)
set(CPACK_COMPONENTS_ALL debian)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${WEIR_PACKAGE_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_PREDEPENDS "init-system-helpers (>= 1.54~)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS redis-tools)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${weir_debian_dir}/conffiles"
    "${weir_debian_dir}/postinst" "${weir_debian_dir}/prerm" "${weir_debian_dir}/postrm")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"one fast, fair, durable Redis in front of a service's databases
weir speaks the protocol of Redis to any Redis client and keeps strings
durably in RocksDB: a write is acknowledged after the fsync that covers it.
Every request is admitted by a rate limiter, routed by consistent hashing and
answered from memory when it can be.")
include(CPack)
