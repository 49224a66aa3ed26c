// Runs a program and makes one of its system calls on files in a directory fail.
//
//     fail_nth_call DIRECTORY LOG FAULT N PROGRAM [ARGUMENT]...
//
// FAULT is EIO, ENOSPC, EINTR, short (half of the bytes are read or written), or a signal before the call: kill
// (SIGKILL) or interrupt (SIGINT). The calls in which FAULT is possible are numbered from 1, and it happens in number
// N; 0 is none. For each of these calls, a line is written to LOG: its number, its name and its path. The exit status
// is that of the program, 137 if it was killed, and 125 if the system does not allow tracing.
//
// The program is traced with ptrace, and seccomp stops it only at the calls in the table below. A preloaded library would
// miss calls that do not use the C library.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_ALLOWED = 125 };

#define LENGTH(array) (sizeof(array) / sizeof *(array))

// The faults that are possible in a call. ENOSPC is possible in an open only if it creates a file. Linux documents EINTR
// for the calls that have it here. close is not here: nothing can be done about its result after a successful fsync.
enum { HAS_EIO = 1, HAS_ENOSPC = 2, HAS_EINTR = 4, HAS_SHORT = 8 };
enum { DATA = HAS_EIO | HAS_EINTR | HAS_SHORT, LISTS = HAS_EIO | HAS_EINTR, TAKES_SPACE = LISTS | HAS_ENOSPC };

// The arguments of a call that identify its file: the path, or -1; and the descriptor of a file or directory, or -1.
struct call {
    long number;
    const char *name;
    int faults, path, file;
};

static const struct call CALLS[] = {
#ifdef SYS_open
    {SYS_open, "open", TAKES_SPACE, 0, -1},
    {SYS_rename, "rename", HAS_EIO | HAS_ENOSPC, 1, -1},
    {SYS_link, "link", HAS_EIO | HAS_ENOSPC, 1, -1},
    {SYS_unlink, "unlink", HAS_EIO, 0, -1},
    {SYS_stat, "stat", HAS_EIO, 0, -1},
    {SYS_lstat, "lstat", HAS_EIO, 0, -1},
    {SYS_readlink, "readlink", HAS_EIO, 0, -1},
#endif
#ifdef SYS_renameat
    {SYS_renameat, "rename", HAS_EIO | HAS_ENOSPC, 3, 2},
#endif
    {SYS_openat, "open", TAKES_SPACE, 1, 0},
    {SYS_renameat2, "rename", HAS_EIO | HAS_ENOSPC, 3, 2},
    {SYS_linkat, "link", HAS_EIO | HAS_ENOSPC, 3, 2},
    {SYS_unlinkat, "unlink", HAS_EIO, 1, 0},
    {SYS_newfstatat, "stat", HAS_EIO, 1, 0},
    {SYS_statx, "stat", HAS_EIO, 1, 0},
    {SYS_fstat, "stat", HAS_EIO, -1, 0},
    {SYS_readlinkat, "readlink", HAS_EIO, 1, 0},
    {SYS_getdents64, "list", HAS_EIO, -1, 0},
    {SYS_lseek, "seek", HAS_EIO, -1, 0},
    {SYS_flock, "lock", LISTS, -1, 0},
    {SYS_mmap, "map", HAS_EIO, -1, 4},
    {SYS_read, "read", DATA, -1, 0},
    {SYS_pread64, "read", DATA, -1, 0},
    {SYS_readv, "read", LISTS, -1, 0},
    {SYS_preadv, "read", LISTS, -1, 0},
    {SYS_write, "write", DATA | HAS_ENOSPC, -1, 0},
    {SYS_pwrite64, "write", DATA | HAS_ENOSPC, -1, 0},
    {SYS_writev, "write", TAKES_SPACE, -1, 0},
    {SYS_pwritev, "write", TAKES_SPACE, -1, 0},
    {SYS_copy_file_range, "copy", HAS_EIO | HAS_ENOSPC, -1, 2},
    {SYS_sendfile, "copy", TAKES_SPACE, -1, 0},
    {SYS_fsync, "sync", TAKES_SPACE, -1, 0},
    {SYS_fdatasync, "sync", TAKES_SPACE, -1, 0},
    {SYS_sync_file_range, "sync", HAS_EIO | HAS_ENOSPC, -1, 0},
    {SYS_ftruncate, "truncate", LISTS, -1, 0},
    {SYS_fallocate, "allocate", TAKES_SPACE, -1, 0},
};

// To skip a call, its number becomes -1 and its result is set.
typedef struct user_regs_struct registers;

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
static long number(const registers *r) { return r->orig_rax; }
static unsigned long argument(const registers *r, int i) {
    const unsigned long all[] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8};
    return all[i];
}
static void set_length(registers *r, unsigned long length) { r->rdx = length; }
static void set_result(registers *r, long result) { r->rax = result; }
static void skip(pid_t thread, registers *r) {
    (void)thread;
    r->orig_rax = -1;
}
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
static long number(const registers *r) { return r->regs[8]; }
static unsigned long argument(const registers *r, int i) { return r->regs[i]; }
static void set_length(registers *r, unsigned long length) { r->regs[2] = length; }
static void set_result(registers *r, long result) { r->regs[0] = result; }
static void skip(pid_t thread, registers *r) {
    (void)r;
    int none = -1;
    struct iovec in = {&none, sizeof none};
    ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &in);
}
#endif

static void stop(const char *what, int status) {
    fprintf(stderr, "fail_nth_call: %s: %s\n", what, strerror(errno));
    exit(status);
}

// In the child: asks to be traced at the calls of the table, and runs the program.
static void run(char **arguments) {
    struct sock_filter filter[3 + 2 * LENGTH(CALLS) + 1];
    size_t length = 0;
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, 2 * LENGTH(CALLS) + 1);
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < LENGTH(CALLS); i++) {
        filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)CALLS[i].number, 0, 1);
        filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {length, filter};
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        stop("tracing is not allowed", NOT_ALLOWED);
    }
    execv(arguments[0], arguments);
    stop(arguments[0], NOT_ALLOWED);
}

static void read_link(char *path, size_t size, pid_t thread, const char *what, long file) {
    char link[64];
    snprintf(link, sizeof link, file < 0 ? "/proc/%d/%s" : "/proc/%d/%s/%ld", thread, what, file);
    ssize_t length = readlink(link, path, size - 1);
    path[length < 0 ? 0 : length] = 0;
}

// Reads a string of the program. The page after it may not be readable, so each call reads from one page only.
static void read_text(char *text, size_t size, pid_t thread, unsigned long address) {
    size_t length = 0, page = 4096;
    text[0] = 0;
    while (length + 1 < size && !memchr(text, 0, length)) {
        size_t part = page - (address + length) % page, rest = size - 1 - length;
        struct iovec to = {text + length, part < rest ? part : rest}, from = {(void *)(address + length), to.iov_len};
        ssize_t got = process_vm_readv(thread, &to, 1, &from, 1, 0);
        if (got <= 0) {
            break;
        }
        length += got;
    }
    text[length] = 0;
}

// The absolute path of the file of a call.
static void find_path(char *path, size_t size, pid_t thread, const struct call *call, const registers *r) {
    char text[4096] = "";
    if (call->path >= 0) {
        read_text(text, sizeof text, thread, argument(r, call->path));
    }
    int file = call->file >= 0 ? (int)argument(r, call->file) : AT_FDCWD;
    if (text[0] == '/') {
        snprintf(path, size, "%s", text);
    } else {
        read_link(path, size, thread, file == AT_FDCWD ? "cwd" : "fd", file == AT_FDCWD ? -1 : file);
        size_t length = strlen(path);
        snprintf(path + length, size - length, "%s%s", text[0] ? "/" : "", text);
    }
}

static int is_below(const char *path, const char *directory) {
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int is_possible(int fault, const struct call *call, const registers *r) {
    int creates = call->path >= 0 && argument(r, call->path + 1) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY));
    if (fault == HAS_ENOSPC && strcmp(call->name, "open") == 0 && !creates) {
        return 0;
    }
    // As for close, nothing can be done about the result.
    if (call->number == SYS_flock && argument(r, 1) == LOCK_UN) {
        return 0;
    }
    if (fault == HAS_SHORT && argument(r, 2) < 2) {
        return 0;
    }
    return call->faults & fault;
}

int main(int count, char **arguments) {
    if (count < 6) {
        fputs("fail_nth_call DIRECTORY LOG FAULT N PROGRAM [ARGUMENT]...\n", stderr);
        return 2;
    }
    const char *directory = arguments[1], *name = arguments[3];
    static const struct {
        const char *name;
        int calls, error, signal;
    } FAULTS[] = {
        {"EIO", HAS_EIO, EIO, 0},   {"ENOSPC", HAS_ENOSPC, ENOSPC, 0}, {"EINTR", HAS_EINTR, EINTR, 0},
        {"short", HAS_SHORT, 0, 0}, {"kill", HAS_EIO, 0, SIGKILL},     {"interrupt", HAS_EIO, 0, SIGINT},
    };
    int calls = 0, error = 0, sent = 0;
    for (size_t i = 0; i < LENGTH(FAULTS); i++) {
        if (strcmp(name, FAULTS[i].name) == 0) {
            calls = FAULTS[i].calls;
            error = FAULTS[i].error;
            sent = FAULTS[i].signal;
        }
    }
    long chosen = atol(arguments[4]), seen = 0;
    FILE *log = fopen(arguments[2], "we");
    if (!calls || !log) {
        stop(calls ? arguments[2] : name, 2);
    }

    pid_t child = fork();
    if (child == 0) {
        run(arguments + 5);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        stop("fork", 2);
    }
    if (!WIFSTOPPED(status)) {
        return NOT_ALLOWED;
    }
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, child, 0, options) || ptrace(PTRACE_CONT, child, 0, 0)) {
        stop("tracing is not allowed", NOT_ALLOWED);
    }
    for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status)) {
            if (thread == child) {
                fclose(log);
                return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
            }
            continue;
        }
        int signal = WSTOPSIG(status), event = status >> 16;
        // The stops of tracing itself, and the first stop of each thread, are not signals for the program.
        long pass = event || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
        registers r;
        struct iovec all = {&r, sizeof r};
        if (event == PTRACE_EVENT_SECCOMP && ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &all) == 0) {
            const struct call *call = CALLS;
            while (call->number != number(&r)) {
                call++;
            }
            char path[8192];
            find_path(path, sizeof path, thread, call, &r);
            if (is_below(path, directory) && is_possible(calls, call, &r)) {
                fprintf(log, "%ld %s %s\n", ++seen, call->name, path);
                if (seen == chosen && sent) {
                    kill(child, sent);
                } else if (seen == chosen && error) {
                    skip(thread, &r);
                    set_result(&r, -error);
                    ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &all);
                } else if (seen == chosen) {
                    set_length(&r, argument(&r, 2) / 2);
                    ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &all);
                }
            }
        }
        ptrace(PTRACE_CONT, thread, 0, pass);
    }
    return 2;
}
