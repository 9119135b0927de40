/**
 * Which program type a section name asks for (libbpf's section definitions; Documentation/bpf/libbpf/program_types.rst),
 * as the number of enum bpf_prog_type. Only the sections programs of this house use; any other name is 0, unspecified.
 */
const SECTIONS: readonly { readonly pattern: RegExp; readonly type: number }[] = [
  { pattern: /^socket/, type: 1 },
  { pattern: /^(u|k)(ret)?probe(\.s|\.multi|\/|\+|$)/, type: 2 },
  { pattern: /^(tc|classifier|tcx)(\/|$)/, type: 3 },
  { pattern: /^action$/, type: 4 },
  { pattern: /^(tp|tracepoint)(\/|\+|$)/, type: 5 },
  { pattern: /^xdp/, type: 6 },
  { pattern: /^perf_event$/, type: 7 },
  { pattern: /^cgroup(_skb\/(in|e)gress|\/skb)$/, type: 8 },
  { pattern: /^cgroup\/sock/, type: 9 },
  { pattern: /^(raw_tp|raw_tracepoint)(\/|\+|$)/, type: 17 },
  { pattern: /^(tp_btf|fentry|fexit|fmod_ret|iter)(\.s)?(\/|\+|$)/, type: 26 },
  { pattern: /^lsm(\.s)?(\/|\+|$)/, type: 29 },
  { pattern: /^syscall$/, type: 31 },
];

export const programTypeOf = (section: string): number =>
  SECTIONS.find(({ pattern }) => pattern.test(section))?.type ?? 0;
