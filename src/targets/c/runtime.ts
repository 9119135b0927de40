/**
 * The part of an exported C program that is the same for every trace: calling bpf(2) and the kernel functions of arenas with
 * nothing but the C library, and telling in KTAP what each step showed. {@link harness} is what `--selftest` exchanges.
 */
export const includes = `#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
`;

export const harness = `static int step_count, failures;

/* Tells whether a step showed what the model says; both are printed where they differ. */
static void check(const char *step, uint64_t expected, uint64_t actual)
{
	step_count++;
	if (expected == actual) {
		printf("ok %d %s\\n", step_count, step);
		return;
	}
	failures++;
	printf("not ok %d %s\\n# expected 0x%llx (%lld), got 0x%llx (%lld)\\n", step_count, step,
	       (unsigned long long)expected, (long long)expected, (unsigned long long)actual, (long long)actual);
}
`;

export const selftestHarness = `#define check(step, expected, actual) \\
	ASSERT_EQ((uint64_t)(actual), (uint64_t)(expected), step)
`;

export const runtime = `
struct insn {
	uint8_t code, registers;
	int16_t offset;
	int32_t immediate;
};

/* An answer of the kernel: a value, or a negative errno. */
static int64_t answer(long result)
{
	return result == -1 ? -(int64_t)errno : result;
}

static int64_t call_bpf(int command, void *attributes, unsigned int size)
{
	return answer(syscall(SYS_bpf, command, attributes, size));
}

static void put32(uint8_t *attributes, int at, uint32_t value)
{
	memcpy(attributes + at, &value, 4);
}

static void put64(uint8_t *attributes, int at, uint64_t value)
{
	memcpy(attributes + at, &value, 8);
}

/* BPF_MAP_CREATE of an arena. */
static int64_t create_arena(uint32_t flags, uint32_t pages, uint64_t map_extra, uint32_t key, uint32_t value)
{
	uint8_t attributes[72] = { 0 };

	put32(attributes, 0, 33);
	put32(attributes, 4, key);
	put32(attributes, 8, value);
	put32(attributes, 12, pages);
	put32(attributes, 16, flags);
	put64(attributes, 64, map_extra);
	return call_bpf(0, attributes, sizeof(attributes));
}

/* The id of a function in the kernel's own BTF; 0 where it has none of this name. */
static inline uint32_t function_id(const char *name)
{
	static const uint8_t each[20] = { [4] = 12, [5] = 12, [6] = 8, [13] = 8, [15] = 12, [19] = 12 };
	static const uint8_t once[20] = { [1] = 4, [3] = 12, [14] = 4, [17] = 4 };
	static uint8_t *btf;
	static size_t size;
	uint32_t header[6], id = 1;
	uint8_t *at, *end;
	int file;

	if (!btf) {
		btf = malloc(64 << 20);
		file = open("/sys/kernel/btf/vmlinux", O_RDONLY);
		for (long got; btf && (got = read(file, btf + size, (64 << 20) - size)) > 0;)
			size += got;
		close(file);
	}
	if (!btf || size < sizeof(header))
		return 0;
	memcpy(header, btf, sizeof(header));
	at = btf + header[1] + header[2];
	for (end = at + header[3]; at < end; id++) {
		uint32_t type[3], kind, count;

		memcpy(type, at, sizeof(type));
		kind = type[1] >> 24 & 0x1f;
		count = type[1] & 0xffff;
		if (kind == 12 && !strcmp((char *)btf + header[1] + header[4] + type[0], name))
			return id;
		if (kind >= 20)
			return 0;
		at += 12 + each[kind] * count + once[kind];
	}
	return 0;
}

/* Loads a program of type SYSCALL: map references and calls of kernel functions get their numbers here. */
static inline int64_t load_program(const struct insn *program, int count, int64_t arena)
{
	static const char *const functions[] = {
		"bpf_arena_alloc_pages", "bpf_arena_free_pages", "bpf_arena_reserve_pages",
	};
	struct insn loaded[256];
	uint8_t attributes[144] = { 0 };

	memcpy(loaded, program, count * sizeof(*program));
	for (int index = 0; index < count; index++) {
		if (loaded[index].code == 0x18 && loaded[index].registers >> 4 == 1)
			loaded[index].immediate = (int32_t)arena;
		if (loaded[index].code == 0x85 && loaded[index].registers >> 4 == 2)
			loaded[index].immediate = (int32_t)function_id(functions[loaded[index].immediate]);
	}
	put32(attributes, 0, 31);
	put32(attributes, 4, (uint32_t)count);
	put64(attributes, 8, (uintptr_t)loaded);
	put64(attributes, 16, (uintptr_t)"GPL");
	put32(attributes, 44, 0x10);
	return call_bpf(5, attributes, sizeof(attributes));
}

/* Runs a program once. Words: operation, address, count, node, flags, result, value, expected. */
static inline uint64_t run(int64_t program, uint64_t operation, uint64_t address, uint64_t count, uint64_t node, uint64_t flags,
		    uint64_t value, uint64_t expected)
{
	uint64_t context[8] = { operation, address, count, node, flags, 0, value, expected };
	uint8_t attributes[80] = { 0 };
	int64_t result;

	put32(attributes, 0, (uint32_t)program);
	put32(attributes, 40, sizeof(context));
	put64(attributes, 48, (uintptr_t)context);
	result = call_bpf(10, attributes, sizeof(attributes));
	return result < 0 ? (uint64_t)result : context[5];
}

static inline int64_t map_element(int command, int64_t arena, int with_key, int with_value)
{
	uint64_t zero = 0;
	uint8_t attributes[32] = { 0 };

	put32(attributes, 0, (uint32_t)arena);
	put64(attributes, 8, with_key ? (uintptr_t)&zero : 0);
	put64(attributes, 16, with_value ? (uintptr_t)&zero : 0);
	return call_bpf(command, attributes, sizeof(attributes));
}

static inline int64_t freeze_map(int64_t arena)
{
	uint32_t attributes[1] = { (uint32_t)arena };

	return call_bpf(22, attributes, sizeof(attributes));
}

static uint8_t buffer[1 << 17];

/* Reads or writes memory of this process as another one would: an absent page answers EFAULT instead of a signal. */
static inline int64_t access_user(int writes, uint64_t address, uint64_t length)
{
	struct iovec local = { buffer, length }, remote = { (void *)(uintptr_t)address, length };

	return answer(writes ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0) :
			       process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
}
`;
