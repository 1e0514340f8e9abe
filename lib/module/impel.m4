# SPDX-License-Identifier: Apache-2.0
# impel.m4 - a module for impeld by autoconf, automake and libtool.
#
# IMPEL_MODULE_INIT([MAJOR], [MINOR])
# -----------------------------------
# Looks for the installed kit (impel-module.pc), which must provide the module
# ABI of that major, and of that minor at least.  LT_INIT and PKG_CONFIG come
# first.  Sets, for Makefile.am:
#
#   IMPEL_CFLAGS          where impel/module.h is, and all symbols hidden but
#                         the one that the header exports
#   IMPEL_MODULE_LDFLAGS  for NAME_la_LDFLAGS: a shared object without a version,
#                         with nothing left undefined
#   IMPEL_MODTEST         the conformance kit: $(IMPEL_MODTEST) FILE.so *.kit
#   impelmoduledir        where modules are installed: for
#                         impelmodule_LTLIBRARIES
#
# impelmoduledir is below the libdir that this package is configured with, not
# below that of the kit, so that a build without root installs where its --prefix
# says; --with-impel-moduledir=DIR says otherwise.
AC_DEFUN([IMPEL_MODULE_INIT], [
AC_REQUIRE([LT_INIT])
AC_REQUIRE([PKG_PROG_PKG_CONFIG])
PKG_CHECK_MODULES([IMPEL], [impel-module])
AC_MSG_CHECKING([for the module ABI $1.$2 of impel])
impel_abi=`$PKG_CONFIG --variable=abi impel-module`
AS_CASE([$impel_abi],
    [$1.*], [AS_IF([test "${impel_abi#*.}" -lt "$2"],
        [AC_MSG_RESULT([$impel_abi])
        AC_MSG_ERROR([the installed impel provides module ABI $impel_abi, which is older than $1.$2])])],
    [AC_MSG_RESULT([${impel_abi:-none}])
    AC_MSG_ERROR([the installed impel provides module ABI ${impel_abi:-none}, this module wants $1.$2])])
AC_MSG_RESULT([$impel_abi])

AC_ARG_WITH([impel-moduledir],
    [AS_HELP_STRING([--with-impel-moduledir=DIR],
        [where the module is installed @<:@LIBDIR/impel/modules@:>@])],
    [impelmoduledir=$withval],
    [impelmoduledir=`$PKG_CONFIG --define-variable=libdir='${libdir}' \
        --variable=moduledir impel-module`])
AC_SUBST([impelmoduledir])

AC_ARG_VAR([IMPEL_MODTEST], [the conformance kit impel-modtest])
AS_IF([test -z "$IMPEL_MODTEST"],
    [IMPEL_MODTEST=`$PKG_CONFIG --variable=modtest impel-module`])

impel_save_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS -fvisibility=hidden"
AC_CACHE_CHECK([whether $CC knows -fvisibility=hidden],
    [impel_cv_hidden],
    [AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
        [impel_cv_hidden=yes], [impel_cv_hidden=no])])
CFLAGS=$impel_save_CFLAGS
AS_IF([test "$impel_cv_hidden" = yes],
    [IMPEL_CFLAGS="$IMPEL_CFLAGS -fvisibility=hidden"])

# A sanitizer's functions are in the program, so something stays undefined then.
IMPEL_MODULE_LDFLAGS='-module -avoid-version -shared -no-undefined'
impel_save_LDFLAGS=$LDFLAGS
for impel_flag in -Wl,-z,defs -Wl,-z,now; do
    AS_CASE([" $CFLAGS $LDFLAGS $impel_flag"],
        [*-fsanitize=*-Wl,-z,defs], [continue])
    AS_VAR_PUSHDEF([impel_cv_flag],
        [impel_cv_link_[]AS_TR_SH([$impel_flag])])
    AC_CACHE_CHECK([whether the linker knows $impel_flag], [impel_cv_flag],
        [LDFLAGS="$impel_save_LDFLAGS $impel_flag"
        AC_LINK_IFELSE([AC_LANG_PROGRAM()],
            [AS_VAR_SET([impel_cv_flag], [yes])],
            [AS_VAR_SET([impel_cv_flag], [no])])])
    AS_VAR_IF([impel_cv_flag], [yes],
        [IMPEL_MODULE_LDFLAGS="$IMPEL_MODULE_LDFLAGS $impel_flag"])
    AS_VAR_POPDEF([impel_cv_flag])
done
LDFLAGS=$impel_save_LDFLAGS
AC_SUBST([IMPEL_MODULE_LDFLAGS])
])
