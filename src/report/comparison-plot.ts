import type { Row, Sample } from '../compare/measurement.ts';

/** One of the curves that are drawn over the number of programs. */
interface Panel {
  readonly title: string;
  value(sample: Sample): number;
}

const PANELS: readonly Panel[] = [
  { title: 'splits of the direct map', value: ({ splits }) => splits },
  { title: 'TLB flushes on all CPUs', value: ({ globalFlushes }) => globalFlushes },
  { title: 'leaves that map text', value: ({ leaves }) => leaves },
  { title: 'MiB of executable memory', value: ({ bytesReserved }) => bytesReserved / 2 ** 20 },
];

const WIDTH = 1200;
const HEIGHT = 900;
const ROWS_OF_PANELS = 2;

/**
 * The comparison as an SVG document: four panels over the number of programs, a line for each kernel. Counts of flushes and
 * leaves differ by three orders of magnitude, so each vertical axis is logarithmic; what is 0 has no place there and is not drawn.
 */
export async function comparisonPlot(rows: readonly Row[], about: string): Promise<string> {
  const { init } = await import('echarts');
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption({
      animation: false,
      title: { text: 'roxcheck compare', subtext: about, left: 'center' },
      legend: { bottom: 0, data: rows.map(({ kernel }) => kernel) },
      grid: PANELS.map((_, index) => placeOf(index)),
      xAxis: PANELS.map((_, index) => ({
        type: 'value',
        name: 'programs',
        gridIndex: index,
        nameLocation: 'middle',
        nameGap: 24,
      })),
      yAxis: PANELS.map(({ title }, index) => ({
        type: 'log',
        name: title,
        gridIndex: index,
        min: 1,
        nameTextStyle: { align: 'left' },
      })),
      series: PANELS.flatMap(({ value }, index) =>
        rows.map(({ kernel, samples }) => ({
          type: 'line',
          name: kernel,
          xAxisIndex: index,
          yAxisIndex: index,
          symbolSize: 3,
          data: samples.filter((sample) => value(sample) > 0).map((sample) => [sample.programs, value(sample)]),
        })),
      ),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

function placeOf(index: number) {
  const column = index % 2;
  const row = Math.floor(index / 2);
  const height = 36;
  return {
    left: `${6 + column * 49}%`,
    top: `${11 + row * (height + 8)}%`,
    width: '42%',
    height: `${height - 3 / ROWS_OF_PANELS}%`,
  };
}
