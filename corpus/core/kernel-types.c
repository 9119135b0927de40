/* The types of a small kernel, for bpf.c to be relocated against. Compiled like a BPF program, for its .BTF section alone. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

enum state { STATE_DEAD = 1, STATE_NEW = 3, STATE_RUNNING = 7 };

struct credentials {
	u32 user;
	u32 group;
};

/* Longer than bpf.c believes, with its fields in other places and one of them narrower. */
struct task {
	u64 flags;
	const struct credentials *cred;
	struct {
		u32 pid;
		u32 thread_group;
	};
	u32 exiting : 1, in_kernel : 3;
	char name[32];
	u32 start_time;
};

/* Two kernel types of one name. Flavours are stripped on both sides, so bpf.c's `struct event` can mean either. */
struct event___short {
	u64 header;
	long id;
	long result;
};

struct event___long {
	u64 header;
	long id;
	u64 arguments[2];
	long result;
};

struct credentials credentials;
struct task *task;
enum state state;
struct event___short short_event;
struct event___long long_event;
