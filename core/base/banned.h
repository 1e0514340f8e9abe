/* SPDX-License-Identifier: Apache-2.0
 *
 * banned.h - functions that are too easy to misuse.  Included last by every
 * .c file of the core, after the system's headers.
 */
#ifndef IMPEL_BANNED_H
#define IMPEL_BANNED_H

#define BANNED(f) sorry_##f##_is_banned
#undef strcpy
#define strcpy(a, b) BANNED(strcpy)
#undef strcat
#define strcat(a, b) BANNED(strcat)
#undef strncpy
#define strncpy(a, b, n) BANNED(strncpy)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef strtok
#define strtok(a, b) BANNED(strtok)
#undef atoi
#define atoi(a) BANNED(atoi)
#undef atol
#define atol(a) BANNED(atol)
#undef gets
#define gets(a) BANNED(gets)
#undef localtime
#define localtime(a) BANNED(localtime)
#undef gmtime
#define gmtime(a) BANNED(gmtime)
#undef rand
#define rand() BANNED(rand)
#undef srand
#define srand(a) BANNED(srand)

#endif
