/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/manager.h"
#include "base/banned.h"

static int starter = -1; /* the pipe to the waiting parent */

static void
wait_for_child(int fd)
{
    char ok = 0;
    ssize_t n;
    while ((n = read(fd, &ok, 1)) < 0 && errno == EINTR)
        continue;
    _exit(n == 1 && ok == '1' ? 0 : 1);
}

int
background_enter(struct err *e)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) < 0)
        return err_errno(e, ERR_IO, errno, "pipe");
    pid_t pid = fork();
    if (pid < 0)
        return err_errno(e, ERR_IO, errno, "fork");
    if (pid > 0) {
        close(fd[1]);
        wait_for_child(fd[0]);
    }
    close(fd[0]);
    starter = fd[1];
    (void)setsid(); /* fails only for a group leader, which a child is not */
    if (chdir("/") < 0)
        return err_errno(e, ERR_IO, errno, "chdir /");
    return 0;
}

static void
leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    for (int fd = 0; fd < 3; fd++)
        (void)dup2(null, fd);
    if (null > 2)
        close(null);
}

void
background_ready(void)
{
    manager_tell("READY=1");
    if (starter < 0)
        return;
    leave_terminal();
    (void)!write(starter, "1", 1);
    close(starter);
    starter = -1;
}

void
background_failed(void)
{
    if (starter >= 0)
        (void)!write(starter, "0", 1);
}
