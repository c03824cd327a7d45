/* A disk that takes SYNC_US microseconds longer to keep what it is given; for benchmarks only.
 *
 * Loaded into every process of a run, so that all servers and the measured rate of the disk are slowed alike:
 * what storage over a network costs, as most rented machines have it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int then(const char *name, int descriptor) {
    const char *wait = getenv("SYNC_US");
    usleep(wait == NULL ? 0 : (useconds_t)atoi(wait));
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return real(descriptor);
}

int fsync(int descriptor) { return then("fsync", descriptor); }
int fdatasync(int descriptor) { return then("fdatasync", descriptor); }
