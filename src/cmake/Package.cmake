# Installing: manual pages, completions and schemas are printed by the program itself, out of its
# tables, and `cpack` (or `cmake --build B --target package`) makes a Debian package of it all.
if(NOT TARGET mlops)
  return()
endif()
set(doc_dir "${CMAKE_BINARY_DIR}/generated")

# One rule for all pages: which commands there are is known to the program, not to CMake.
add_custom_command(
  OUTPUT "${doc_dir}/stamp"
  COMMAND "${CMAKE_COMMAND}" -D "MLOPS=$<TARGET_FILE:mlops>" -D "OUT=${doc_dir}"
          -P "${CMAKE_SOURCE_DIR}/src/cmake/PrintDocs.cmake"
  COMMAND "${CMAKE_COMMAND}" -E touch "${doc_dir}/stamp"
  DEPENDS mlops "${CMAKE_SOURCE_DIR}/src/cmake/PrintDocs.cmake"
  COMMENT "Printing manual pages, completions and schemas"
  VERBATIM)
add_custom_target(printed_docs ALL DEPENDS "${doc_dir}/stamp")

install(DIRECTORY "${doc_dir}/man1" DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES "${doc_dir}/mlops.bash" RENAME mlops
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES "${doc_dir}/mlops.zsh" RENAME _mlops
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES "${doc_dir}/mlops.fish"
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY "${doc_dir}/schemas" DESTINATION ${CMAKE_INSTALL_DATADIR}/mlops)
foreach(file README.md LICENSE)
  if(EXISTS "${CMAKE_SOURCE_DIR}/${file}")
    install(FILES "${CMAKE_SOURCE_DIR}/${file}" DESTINATION ${CMAKE_INSTALL_DOCDIR})
  endif()
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mlops)
set(CPACK_PACKAGE_VENDOR "mlops")
set(CPACK_PACKAGE_CONTACT "mlops maintainers <mlops@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Opened at run time, so shlibdeps does not see them: without libcurl there are no remotes by HTTP and
# S3, without libgit2 runs do not record the commit.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libcurl4 (>= 7.85)")
string(REGEX REPLACE "libgit2\\.so\\." "libgit2-" GIT2_PACKAGE "${GIT2_SONAME}")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "${GIT2_PACKAGE}, git")
include(CPack)
