import { arenaRecording } from './arena-recording.ts';
import { coreRecording } from './core-recording.ts';
import { jitRecording } from './jit-recording.ts';
import { lightSkeletonRecording } from './light-skeleton-recording.ts';
import { progPackRecording } from './prog-pack-recording.ts';
import type { RecordingKind } from './recording.ts';

/** Every kind of recording that `conform` can perform. */
export const recordingKinds: readonly RecordingKind[] = [
  progPackRecording,
  arenaRecording,
  jitRecording,
  coreRecording,
  lightSkeletonRecording,
];
