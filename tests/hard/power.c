/* A disk that forgets: keeps aside what a power cut would leave.

   Preloaded into a process, it copies a file's bytes, or a folder's names, into $POWER_DISK
   whenever they are synced. What was only written or renamed is not there. tests/hard/power.py
   makes folders of it again. Files are known by inode and time of birth. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int well, const char *what) {
  if (!well) {
    perror(what);
    abort();
  }
}

static unsigned mode_and_name(int at, const char *path, char *name, size_t room) {
  struct statx about;
  must(!statx(at, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
              &about), "statx");
  snprintf(name, room, "%c%llu-%lld-%u", S_ISDIR(about.stx_mode) ? 'd' : 'f',
           (unsigned long long)about.stx_ino, (long long)about.stx_btime.tv_sec,
           about.stx_btime.tv_nsec);
  return about.stx_mode;
}

static void copy_bytes(int from, int to) {
  char bytes[1 << 16];
  ssize_t got;
  while ((got = read(from, bytes, sizeof bytes)) > 0) must(write(to, bytes, got) == got, "write");
  must(got == 0, "read");
}

static void copy_names(int from, int to) {
  DIR *folder = fdopendir(dup(from));
  struct dirent *entry;
  char name[128];
  must(folder != NULL, "fdopendir");
  while ((entry = readdir(folder))) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if (faccessat(dirfd(folder), entry->d_name, F_OK, AT_SYMLINK_NOFOLLOW)) continue; /* gone */
    mode_and_name(dirfd(folder), entry->d_name, name, sizeof name);
    dprintf(to, "%s %s\n", name, entry->d_name);
  }
  closedir(folder);
}

static void keep(int handle) {
  const char *disk = getenv("POWER_DISK");
  char self[64], name[128], aside[4200], final[4200];
  if (!disk) return;
  unsigned mode = mode_and_name(handle, "", name, sizeof name);
  if (!S_ISREG(mode) && !S_ISDIR(mode)) return;
  snprintf(final, sizeof final, "%s/lock", disk);
  int lock = open(final, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  must(lock >= 0 && !flock(lock, LOCK_EX), "lock");
  snprintf(self, sizeof self, "/proc/self/fd/%d", handle);
  snprintf(aside, sizeof aside, "%s/aside", disk);
  snprintf(final, sizeof final, "%s/%s", disk, name);
  int from = open(self, O_RDONLY | O_CLOEXEC), to = open(aside, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  must(from >= 0 && to >= 0, "open");
  (S_ISDIR(mode) ? copy_names : copy_bytes)(from, to);
  close(from);
  close(to);
  must(!rename(aside, final), "rename");
  close(lock);
}

static int synced(const char *how, int handle) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, how);
  int answer = real(handle);
  if (!answer) keep(handle);
  return answer;
}

int fsync(int handle) { return synced("fsync", handle); }
int fdatasync(int handle) { return synced("fdatasync", handle); }
