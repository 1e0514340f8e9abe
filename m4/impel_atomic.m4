# SPDX-License-Identifier: Apache-2.0
# IMPEL_ATOMIC - atomic numbers of 64 bits, which some processors of 32 leave
# to libatomic: then it is added to LIBS.
AC_DEFUN([IMPEL_TRY_ATOMIC], [AC_LINK_IFELSE([AC_LANG_SOURCE([
#include <stdatomic.h>
#include <stdint.h>
_Atomic uint64_t number;
int main(void) { return (int)atomic_fetch_add(&number, 1); }
])], [$1], [$2])])
AC_DEFUN([IMPEL_ATOMIC], [
    AC_MSG_CHECKING([what atomic numbers of 64 bits need])
    IMPEL_TRY_ATOMIC([AC_MSG_RESULT([nothing])], [
        LIBS="-latomic $LIBS"
        IMPEL_TRY_ATOMIC([AC_MSG_RESULT([-latomic])],
            [AC_MSG_ERROR([there are none, nor in libatomic])])
    ])
])
