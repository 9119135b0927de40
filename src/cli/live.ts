import { profiles } from '../model/kernel/profile.ts';
import { Table } from '../report/table.ts';
import { type Capability, type CapabilityReport, probeCapabilities } from '../targets/live/capabilities.ts';
import type { Availability } from '../targets/live/facility.ts';
import { type ChosenProfile, chooseProfile } from '../targets/live/kernel-profile.ts';
import { LiveKernel } from '../targets/live/live-kernel.ts';
import type { Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import type { Verb } from './verb.ts';

/** `roxcheck live`: what a look at the running kernel can show, for this user. Never fails: what is missing is its answer. */
export const liveVerb: Verb = {
  name: 'live',
  does: 'tells what the running kernel lets this user look at, and what to do about the rest',
  async act(desk) {
    const kernel = await LiveKernel.open();
    try {
      const report = probeCapabilities(kernel);
      const chosen = chooseProfile(kernel.release, [...profiles.keys()]);
      tell(desk, kernel.release, chosen, report);
      const { capabilities: features, circumstances } = report;
      return { exitCode: ALL_WELL, document: { release: kernel.release, ...chosen, features, circumstances } };
    } finally {
      kernel.close();
    }
  },
};

function tell(desk: Desk, release: string, { profile, caution }: ChosenProfile, report: CapabilityReport): void {
  const { colours } = desk;
  desk.say(`${colours.bold(`Linux ${release}`)}, judged by profile ${profile}`);
  if (caution !== undefined) desk.say(colours.yellow(`  ${caution}`));
  desk.say();
  const table = new Table([
    { title: 'feature', widest: report.capabilities.map(({ feature }) => feature) },
    { title: 'state', widest: ['not permitted'] },
    { title: 'what was found, what to do' },
  ]);
  desk.say(colours.bold(table.head()));
  for (const capability of report.capabilities) desk.say(table.row(cells(desk, capability, report)));
  desk.say();
  for (const line of circumstanceLines(report)) desk.say(line);
}

/** What is missing for a reason that was told already points there. */
function cells({ colours }: Desk, capability: Capability, { capabilities }: CapabilityReport): readonly string[] {
  const { feature, state, detail, remedy } = capability;
  const paint: Readonly<Record<Availability, (text: string) => string>> = {
    available: colours.green,
    'not permitted': colours.yellow,
    'not supported': colours.red,
  };
  const first = capabilities.find((other) => other.remedy !== undefined && other.detail === detail);
  const told = first === undefined || first === capability ? undefined : `as for ${first.feature}`;
  const text = told ?? (remedy === undefined ? detail : `${detail}; ${remedy}`);
  return [feature, paint[state](state), text];
}

function circumstanceLines({ circumstances }: CapabilityReport): readonly string[] {
  const { capabilities, missingCapabilities, jitEnable, jitHarden, panicOnWarn, mitigations } = circumstances;
  const sysctl = (value: number | undefined) => value ?? 'unknown';
  const lines = [
    `capabilities  ${capabilities.join(' ') || 'none that matter'}`,
    ...(missingCapabilities.length === 0 ? [] : [`missing       ${missingCapabilities.join(' ')}`]),
    `JIT           bpf_jit_enable=${sysctl(jitEnable)} bpf_jit_harden=${sysctl(jitHarden)}`,
    ...(panicOnWarn === true ? ['careful       kernel.panic_on_warn is on: a warning ends this machine'] : []),
  ];
  const defences = Object.entries(mitigations).map(([name, text]) => `${name.padEnd(26)}${text}`);
  return [...lines, ...defences.map((text, index) => `${index === 0 ? 'mitigations' : ''}`.padEnd(14) + text)];
}
