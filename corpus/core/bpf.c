/* A BPF object that asks its kernel every kind of CO-RE question clang 14 knows. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define CORE __attribute__((preserve_access_index))
#define noinline __attribute__((noinline))

/* The kinds of __builtin_preserve_field_info(), _type_info(), _enum_value() and _btf_type_id(). */
enum { BYTE_OFFSET, BYTE_SIZE, EXISTS, SIGNED, LSHIFT_U64, RSHIFT_U64 };
enum { TYPE_EXISTS, TYPE_SIZE };
enum { ENUMVAL_EXISTS, ENUMVAL_VALUE };
enum { ID_LOCAL, ID_TARGET };

enum state { STATE_NEW = 1, STATE_RUNNING = 2, STATE_IDLE = 3 };

struct credentials {
	u32 user;
} CORE;

struct task {
	u32 pid;
	u32 in_kernel : 3;
	char name[16];
	u64 start_time;
	u64 forgotten;
} CORE;

struct event {
	u64 header;
	long id;
	long result;
} CORE;

struct absent {
	u32 anything;
} CORE;

#define FIELD(type, field, what) __builtin_preserve_field_info(((struct type *)0)->field, what)
#define TYPE(type, what) __builtin_preserve_type_info(*(struct type *)0, what)
#define VALUE(name, what) __builtin_preserve_enum_value(*(enum state *)name, what)

char _license[] SEC("license") = "GPL";

/* In .text: libbpf appends it to every program that calls it, and its relocations move along. */
noinline int size_of_name(void)
{
	return FIELD(task, name, BYTE_SIZE);
}

/* Nobody calls it. libbpf relocates it all the same and refuses the object (divergence V4 of the README). */
noinline int size_of_event(void)
{
	return TYPE(event, TYPE_SIZE);
}

SEC("socket")
int fields(void *context)
{
	int sum = size_of_name();

	sum += FIELD(task, pid, BYTE_OFFSET);
	sum += FIELD(task, name[3], BYTE_OFFSET);
	sum += FIELD(task, start_time, SIGNED);
	sum += FIELD(task, in_kernel, BYTE_OFFSET) + FIELD(task, in_kernel, BYTE_SIZE);
	sum += FIELD(task, in_kernel, LSHIFT_U64) + FIELD(task, in_kernel, RSHIFT_U64);
	if (FIELD(task, forgotten, EXISTS))
		sum += FIELD(task, forgotten, BYTE_OFFSET);
	return sum;
}

SEC("socket/types")
int types(void *context)
{
	u64 sum = size_of_name();

	sum += TYPE(credentials, TYPE_SIZE) + TYPE(credentials, TYPE_EXISTS) + TYPE(absent, TYPE_SIZE);
	sum += __builtin_btf_type_id(*(struct credentials *)0, ID_LOCAL);
	sum += __builtin_btf_type_id(*(struct credentials *)0, ID_TARGET);
	if (VALUE(STATE_IDLE, ENUMVAL_EXISTS))
		sum += VALUE(STATE_IDLE, ENUMVAL_VALUE);
	return sum + VALUE(STATE_RUNNING, ENUMVAL_VALUE);
}

/* Loads: the relocation changes the offset and, where that can be done, the size of the access. */
SEC("tp_btf/task_newtask")
u64 loads(u64 *context)
{
	struct task *task = (struct task *)context[0];

	return task->pid + task->start_time;
}
