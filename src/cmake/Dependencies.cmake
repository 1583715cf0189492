# Third-party libraries; which module may include which is a table in docs/architecture.md.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(crypto REQUIRED IMPORTED_TARGET libcrypto)
# Linked statically where possible: one library less to load at every start.
find_library(ZSTD_LIBRARY NAMES libzstd.a zstd REQUIRED)
find_library(EXPAT_LIBRARY NAMES libexpat.a expat REQUIRED)
find_library(PCRE2_LIBRARY NAMES libpcre2-8.a pcre2-8 REQUIRED)
find_library(ZLIB_LIBRARY NAMES libz.a z REQUIRED)
# libgit2 is only opened at run time by the commands that need it (it would add 2 to 3 ms to every
# start), so only its headers and the name of its shared object are taken here.
pkg_check_modules(git2 REQUIRED libgit2)
find_library(GIT2_LIBRARY git2 REQUIRED)
file(REAL_PATH "${GIT2_LIBRARY}" GIT2_REAL)
get_filename_component(GIT2_FILE "${GIT2_REAL}" NAME)
string(REGEX REPLACE "(libgit2\\.so\\.[0-9]+\\.[0-9]+).*" "\\1" GIT2_SONAME "${GIT2_FILE}")
# So is libcurl, whose soname has not changed since 2006.
pkg_check_modules(curl REQUIRED libcurl)
set(CURL_SONAME "libcurl.so.4")
