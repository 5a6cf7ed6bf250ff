# `cmake --install` gives other projects the mechanisms as the package `weir`:
#
#   find_package(weir REQUIRED)
#   target_link_libraries(app PRIVATE weir::ring weir::cache)
#
# Only what is pure is exported: the server is a program, not a library.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(weir_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/weir")
foreach(name IN ITEMS base ring shard cache limit resp)
  if(TARGET weir_${name})
    target_compile_features(weir_${name} INTERFACE cxx_std_20)
    install(TARGETS weir_${name} EXPORT weirTargets
            ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
            FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  endif()
endforeach()
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION "${weir_package_dir}")

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/weirConfig.cmake.in"
    "${CMAKE_BINARY_DIR}/weirConfig.cmake" INSTALL_DESTINATION "${weir_package_dir}")
# Below 1.0 a minor version may change what a header promises.
write_basic_package_version_file("${CMAKE_BINARY_DIR}/weirConfigVersion.cmake"
    VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/weirConfig.cmake" "${CMAKE_BINARY_DIR}/weirConfigVersion.cmake"
        DESTINATION "${weir_package_dir}")
