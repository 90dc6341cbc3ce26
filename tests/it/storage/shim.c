/* A disk that fails when it is told to, between the daemon and its files (LD_PRELOAD).
 *
 * It counts what changes files of the state database and of the output folder, fails chosen calls, and
 * keeps what is certainly on disk of the database when a create request is sent.
 *
 *   SHIM_DATABASE  the database; SHIM_OUTPUT  the output folder
 *   SHIM_FAIL      "FIRST COUNT ERRNO CALL CLASS": which of these calls fail, counted from 1; CALL and
 *                  CLASS may be "any"
 *   SHIM_CALLS     a file that gets a line a call: "CALL CLASS ok" or "CALL CLASS failed"
 *   SHIM_CREATES   a file that gets a line per create request: "DATABASE ID". DATABASE is a copy of what was
 *                  certainly on disk of the database when the request was sent, with its WAL beside it
 *   SHIM_LIES      if set, syncs are said to be done and are not
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

/* Tells our own renameat2 from the daemon's; the kernel does not look at a sixth argument. */
#define OURS 0x4C535964

static const char *database, *output;
static long fail_first, fail_count;
static int fail_errno, lies, calls_fd = -1, creates_fd = -1;
static char fail_call[16] = "any", fail_class[16] = "any";
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long matched;

/* What is certainly on disk: of the database, and of its log. */
static struct { char *bytes; size_t length; } on_disk[2];
/* What was sent of a create on a connection, until its id has been seen. */
#define CONNECTIONS 256
static struct { char *bytes; size_t length; } sent[CONNECTIONS];

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)

/* Returns what kind of file of ours `path` is, NULL for none. */
static const char *class_of(const char *path) {
    static const char *ends[][2] = {
        {"-wal", "wal"}, {"-shm", "shm"}, {"-journal", "journal"}, {".lock", "lock"}, {".part", "part"},
        {".note", "note"}, {".new", "note"}, {".json", "json"}, {".mp4", "mp4"},
    };
    size_t length = strlen(path), stem = strlen(database);
    const char *slash = strrchr(database, '/');
    if ((size_t)(slash - database) == length && !strncmp(path, database, length)) return "folder";
    if (!strcmp(path, database)) return "db";
    if (strncmp(path, database, stem) && strncmp(path, output, strlen(output))) return NULL;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t end = strlen(ends[i][0]);
        if (length > end && !strcmp(path + length - end, ends[i][0])) return ends[i][1];
    }
    return "folder";
}

static const char *path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return path;
}

/* Counts a call; returns the error that it shall fail with, 0 for none. */
static int counted(const char *call, const char *path) {
    int before = errno;
    const char *class = path && path[0] == '/' ? class_of(path) : NULL;
    if (!class) return 0;
    int match = (!strcmp(fail_call, "any") || !strcmp(fail_call, call))
        && (!strcmp(fail_class, "any") || !strcmp(fail_class, class));
    pthread_mutex_lock(&mutex);
    matched += match;
    int fails = match && fail_errno && matched >= fail_first && matched < fail_first + fail_count;
    pthread_mutex_unlock(&mutex);
    char line[64];
    int length = snprintf(line, sizeof line, "%s %s %s\n", call, class, fails ? "failed" : "ok");
    if (calls_fd >= 0) syscall(SYS_write, calls_fd, line, length);
    errno = before;
    return fails ? fail_errno : 0;
}

static int counted_fd(const char *call, int fd) {
    char path[PATH_MAX];
    int before = errno;
    const char *name = path_of(fd, path);
    errno = before;
    return counted(call, name);
}

#define FAIL_IF(error) \
    do { int it = (error); if (it) { errno = it; return -1; } } while (0)

/* Writing: a failed call may leave some of its bytes all the same. */
static void tear(int fd, const void *bytes, size_t count, off_t at) {
    if (at < 0) at = lseek(fd, 0, SEEK_CUR);
    if (count > 1 && at >= 0) syscall(SYS_pwrite64, fd, bytes, count / 2, at);
}

static void watch(int fd, const struct iovec *pieces, int count);

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(ssize_t, "write", int, const void *, size_t);
    struct iovec piece = {(void *)bytes, count};
    watch(fd, &piece, 1);
    int error = counted_fd("write", fd);
    if (error) tear(fd, bytes, count, -1);
    FAIL_IF(error);
    return real(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    watch(fd, pieces, count);
    FAIL_IF(counted_fd("write", fd));
    return real(fd, pieces, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    int error = counted_fd("write", fd);
    if (error) tear(fd, bytes, count, at);
    FAIL_IF(error);
    return real(fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    return pwrite64(fd, bytes, count, at);
}

int ftruncate64(int fd, off_t length) {
    REAL(int, "ftruncate64", int, off_t);
    FAIL_IF(counted_fd("truncate", fd));
    return real(fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* Syncing: what is in the file before it is on disk after it. */
static int sync_with(int (*real)(int), int fd) {
    char path[PATH_MAX];
    const char *name = path_of(fd, path);
    const char *class = name && name[0] == '/' ? class_of(name) : NULL;
    FAIL_IF(counted("sync", name));
    if (lies && class) return 0;
    int which = !class ? -1 : !strcmp(class, "db") ? 0 : !strcmp(class, "wal") ? 1 : -1;
    if (which < 0) return real(fd);
    struct stat facts;
    if (fstat(fd, &facts)) return -1;
    char *bytes = malloc(facts.st_size + 1);
    ssize_t length = pread(fd, bytes, facts.st_size, 0);
    int done = real(fd);
    if (done || length < 0) {
        free(bytes);
        return done;
    }
    pthread_mutex_lock(&mutex);
    free(on_disk[which].bytes);
    on_disk[which].bytes = bytes;
    on_disk[which].length = length;
    pthread_mutex_unlock(&mutex);
    return done;
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    return sync_with(real, fd);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return sync_with(real, fd);
}

/* Names. */
static int opens_to_write(int flags) { return flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC); }

#define MODE(flags) \
    mode_t mode = 0; \
    if (flags & O_CREAT) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open64(const char *path, int flags, ...) {
    REAL(int, "open64", const char *, int, ...);
    MODE(flags);
    if (opens_to_write(flags)) FAIL_IF(counted("open", path));
    return real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    MODE(flags);
    return open64(path, flags, mode);
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    FAIL_IF(counted("rename", to));
    return real(from, to);
}

int link(const char *from, const char *to) {
    REAL(int, "link", const char *, const char *);
    FAIL_IF(counted("link", to));
    return real(from, to);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    FAIL_IF(counted("link", to));
    return real(from_fd, from, to_fd, to, flags);
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    FAIL_IF(counted("unlink", path));
    return real(path);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    FAIL_IF(counted("mkdir", path));
    return real(path, mode);
}

/* Sending: before the first byte that could buy it leaves, what is certainly on disk is kept for the test. */
static void keep(int which, const char *path) {
    FILE *file = fopen(path, "we");
    if (!file) abort();
    if (on_disk[which].length && fwrite(on_disk[which].bytes, on_disk[which].length, 1, file) != 1) abort();
    if (fclose(file)) abort();
}

static void keep_disk(const char *id, size_t length) {
    static int number;
    char path[PATH_MAX], log[PATH_MAX + 8], line[PATH_MAX + 512];
    if (creates_fd < 0) return;
    pthread_mutex_lock(&mutex);
    snprintf(path, sizeof path, "%s.%d.%d", getenv("SHIM_CREATES"), getpid(), number++);
    snprintf(log, sizeof log, "%s-wal", path);
    keep(0, path);
    keep(1, log);
    pthread_mutex_unlock(&mutex);
    int bytes = snprintf(line, sizeof line, "%s %.*s\n", path, (int)length, id);
    syscall(SYS_write, creates_fd, line, bytes);
}

static void watch(int fd, const struct iovec *pieces, int count) {
    static const char request[] = "POST /v1/videos/advanced-lip-sync ", field[] = "\"external_task_id\":\"";
    if (fd < 0 || fd >= CONNECTIONS || count < 1) return;
    int begins = pieces[0].iov_len >= sizeof request - 1
        && !memcmp(pieces[0].iov_base, request, sizeof request - 1);
    if (begins) {
        free(sent[fd].bytes);
        sent[fd].bytes = malloc(1);
        sent[fd].length = 0;
    }
    if (!sent[fd].bytes) return;
    for (int i = 0; i < count; i++) {
        sent[fd].bytes = realloc(sent[fd].bytes, sent[fd].length + pieces[i].iov_len + 1);
        memcpy(sent[fd].bytes + sent[fd].length, pieces[i].iov_base, pieces[i].iov_len);
        sent[fd].length += pieces[i].iov_len;
    }
    char *id = memmem(sent[fd].bytes, sent[fd].length, field, sizeof field - 1);
    if (!id) return;
    id += sizeof field - 1;
    char *end = memchr(id, '"', sent[fd].bytes + sent[fd].length - id);
    if (!end) return;
    keep_disk(id, end - id);
    free(sent[fd].bytes);
    sent[fd].bytes = NULL;
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    REAL(ssize_t, "send", int, const void *, size_t, int);
    struct iovec piece = {(void *)bytes, count};
    watch(fd, &piece, 1);
    return real(fd, bytes, count, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *to, socklen_t length) {
    REAL(ssize_t, "sendto", int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    struct iovec piece = {(void *)bytes, count};
    watch(fd, &piece, 1);
    return real(fd, bytes, count, flags, to, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
    watch(fd, message->msg_iov, (int)message->msg_iovlen);
    return real(fd, message, flags);
}

/* A rename that replaces nothing is a system call without the C library: the kernel hands it to us. */
#if defined(__x86_64__)
#define ARGUMENT(context, n) ((context)->uc_mcontext.gregs[(int[]){REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8}[n]])
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define ARGUMENT(context, n) ((context)->uc_mcontext.regs[n])
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#endif

static void trapped(int number, siginfo_t *facts, void *state) {
    ucontext_t *context = state;
    int before = errno;
    (void)number;
    (void)facts;
    const char *to = (const char *)ARGUMENT(context, 3);
    long result = -counted("rename", to);
    if (!result) {
        result = syscall(SYS_renameat2, ARGUMENT(context, 0), ARGUMENT(context, 1), ARGUMENT(context, 2), to,
            ARGUMENT(context, 4), OURS);
        if (result < 0) result = -errno;
    }
    errno = before;
    RESULT(context) = result;
}

static void trap_renames(void) {
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSYS, &action, NULL);
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OURS, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        fprintf(stderr, "shim: renames cannot be trapped: %s\n", strerror(errno));
}

static int appending(const char *name) {
    const char *path = getenv(name);
    if (!path) return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* What an earlier process synced is on disk, too. */
static void take_up(int which, const char *end) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s", database, end);
    FILE *file = fopen(path, "re");
    if (!file) return;
    struct stat facts;
    if (!fstat(fileno(file), &facts)) {
        on_disk[which].bytes = malloc(facts.st_size + 1);
        on_disk[which].length = fread(on_disk[which].bytes, 1, facts.st_size, file);
    }
    fclose(file);
}

__attribute__((constructor)) static void begin(void) {
    const char *fail = getenv("SHIM_FAIL");
    database = getenv("SHIM_DATABASE");
    output = getenv("SHIM_OUTPUT");
    if (!database || !output) abort();
    if (fail) sscanf(fail, "%ld %ld %d %15s %15s", &fail_first, &fail_count, &fail_errno, fail_call, fail_class);
    lies = getenv("SHIM_LIES") != NULL;
    calls_fd = appending("SHIM_CALLS");
    creates_fd = appending("SHIM_CREATES");
    take_up(0, "");
    take_up(1, "-wal");
    trap_renames();
}
