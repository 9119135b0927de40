import { expect, test } from 'vitest';
import { progressText, StatusLine } from '../../src/report/status-line.ts';
import { Table } from '../../src/report/table.ts';

function stream(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 20, written, write: (text: string) => written.push(text) };
}

test('nothing is written where there is no terminal', () => {
  const pipe = stream(false);
  const line = new StatusLine(pipe, () => 0);
  line.show('working');
  line.clear();
  expect(pipe.written).toEqual([]);
});

test('on a terminal the line fits, is not redrawn too often, and goes without a trace', () => {
  const terminal = stream(true);
  let now = 0;
  const line = new StatusLine(terminal, () => now);
  line.show('a line that is longer than the terminal is wide');
  line.show('too early');
  now = 150;
  line.show('later');
  line.clear();
  line.clear();
  expect(terminal.written).toEqual(['\r\u001b[2Ka line that is long', '\r\u001b[2Klater', '\r\u001b[2K']);
});

test('progress tells runs, speed, judgements and the time that is left', () => {
  const progress = { runs: 1_200, steps: 90_000, judged: 1_234_567 };
  expect(progressText('prog-pack on 6.18', progress, { elapsed: 2, left: 58.4 })).toBe(
    'prog-pack on 6.18: 1,200 runs, 45,000 steps/s, 1,234,567 judgements, 58 s left',
  );
  expect(progressText('s on k', progress, { elapsed: 2, totalRuns: 5_000 })).toBe(
    's on k: 1,200 of 5,000 runs, 45,000 steps/s, 1,234,567 judgements, 2.0 s',
  );
});

test('colours do not shift the columns of a table', () => {
  const table = new Table([
    { title: 'a', widest: ['wide'] },
    { title: 'n', widest: ['100'], align: 'right' },
    { title: 'v' },
  ]);
  expect(table.head()).toBe('a       n  v');
  expect(table.row(['\u001b[31mred\u001b[39m', '7', 'holds'])).toBe('\u001b[31mred\u001b[39m     7  holds');
});
