/* sync_gate: preloaded into a server, stands before each fdatasync and fsync of a file. The gate is
   the file $SYNC_GATE: while somebody holds it locked, syncs wait, after a byte written to the
   descriptor $SYNC_GATE_ASKED has said that one was asked for. While there is anything in the file,
   they fail. So a test knows, without measuring time, that nothing has been synced yet. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int pass(int descriptor, const char* name) {
  int (*sync)(int);
  const char* path = getenv("SYNC_GATE");
  const char* asked = getenv("SYNC_GATE_ASKED");
  struct stat what;
  int gate, broken, result;
  *(void**)&sync = dlsym(RTLD_NEXT, name);
  if (!path || !asked || fstat(descriptor, &what) || !S_ISREG(what.st_mode))
    return sync(descriptor);
  gate = open(path, O_RDONLY | O_CLOEXEC);
  if (gate < 0) return sync(descriptor);
  if (flock(gate, LOCK_SH | LOCK_NB)) {
    while (write(atoi(asked), "s", 1) < 0 && errno == EINTR) {
    }
    while (flock(gate, LOCK_SH) && errno == EINTR) {
    }
  }
  broken = !fstat(gate, &what) && what.st_size > 0;
  result = broken ? -1 : sync(descriptor);
  close(gate);
  if (broken) errno = EIO;
  return result;
}

int fdatasync(int descriptor) { return pass(descriptor, "fdatasync"); }
int fsync(int descriptor) { return pass(descriptor, "fsync"); }
