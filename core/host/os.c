#include "core/host/os.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "core/host/certificates.h"
#include "core/host/host.h"

static int signal_fd = -1;
static struct loop_io *signal_io;

static void our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

void os_block_signals(void)
{
	sigset_t set;

	our_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void on_signal(void *arg, int fd, int what)
{
	struct signalfd_siginfo info;

	(void)what;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			certificates_hangup(((struct host *)arg)->certificates);
		else
			host_shutdown(arg);
	}
}

int os_watch_signals(struct host *h)
{
	sigset_t set;

	our_signals(&set);
	signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signal_fd < 0)
		return -errno;
	return loop_io_add(h->control.loop, signal_fd, LOOP_READ, on_signal, h, &signal_io);
}

void os_unwatch_signals(void)
{
	loop_io_del(&signal_io);
	if (signal_fd >= 0)
		close(signal_fd);
	signal_fd = -1;
}

#ifndef PH_SANITIZED
static void on_crash(int number)
{
	log_flush_crash();
	raise(number); /* pending until the return, and then with the default action: the core dump is of the fault */
}
#endif

void os_watch_crashes(void)
{
#ifndef PH_SANITIZED
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
#endif
}

static int find_user(const char *user, struct passwd **pw, struct log_source *log)
{
	errno = 0;
	*pw = getpwnam(user);
	if (*pw)
		return 0;
	LOG(log, LOG_L_CRIT, "user: there is no user '%s'", user);
	return errno ? -errno : -ENOENT;
}

static int find_group(const char *group, gid_t *gid, struct log_source *log)
{
	struct group *gr;

	errno = 0;
	gr = getgrnam(group);
	if (!gr) {
		LOG(log, LOG_L_CRIT, "group: there is no group '%s'", group);
		return errno ? -errno : -ENOENT;
	}
	*gid = gr->gr_gid;
	return 0;
}

int os_drop_privileges(const char *user, const char *group, struct log_source *log)
{
	bool has_user = user && *user, has_group = group && *group;
	struct passwd *pw = NULL;
	gid_t gid = getgid();
	int err = has_user ? find_user(user, &pw, log) : 0;

	if (err == 0 && pw)
		gid = pw->pw_gid;
	if (err == 0 && has_group)
		err = find_group(group, &gid, log);
	if (err != 0 || (!has_user && !has_group))
		return err;
	if ((pw && initgroups(user, gid) != 0) || setgid(gid) != 0 || (pw && setuid(pw->pw_uid) != 0)) {
		err = -errno;
		LOG(log, LOG_L_CRIT, "user, group: cannot become %s:%s: %s", has_user ? user : "(same)", has_group ? group : "(same)",
			strerror(-err));
		return err;
	}
	LOG(log, LOG_L_INFO, "running as uid %ld, gid %ld", (long)getuid(), (long)getgid());
	return 0;
}

void os_raise_files(uint64_t wanted, struct log_source *log)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > wanted ? wanted : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
		LOG(log, LOG_L_WARN, "only %llu files may be open (ulimit -Hn, LimitNOFILE): not enough for tcp.max_connections, which takes %llu",
			(unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

void os_notify(const char *state)
{
#ifdef HAVE_SYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

unsigned os_cores(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > 0 ? (unsigned)n : 1;
}
