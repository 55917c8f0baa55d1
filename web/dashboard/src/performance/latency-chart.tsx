/*
 * latency-chart.tsx
 *   Latency over time, drawn; and the same as a table, for who cannot see it.
 */
import { type ReactElement, useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useMedia } from '../base/hooks';
import { useStore } from '../base/store';
import { count } from '../base/words';
import { theme } from '../shell/theme';
import { type Sample, samples } from './samples';

const HEIGHT = 180;

export function LatencyChart(): ReactElement {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const list = useStore(samples);
  // Colours are read when it is drawn; another theme draws it again.
  const look = `${useStore(theme)} ${useMedia('(prefers-color-scheme: dark)')} ${useMedia('(forced-colors: active)')}`;

  useEffect(() => {
    const node = box.current;
    if (!node) return;
    const colour = (name: string) => getComputedStyle(node).getPropertyValue(name).trim();
    const probe = document.createElement('span');
    node.append(probe);
    const resolved = (name: string) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const axis = {
      stroke: resolved('--quiet'),
      grid: { stroke: resolved('--line'), width: 1 },
      ticks: { show: false },
    };
    const chart = new uPlot(
      {
        width: node.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_u, _min, max) => [0, Math.max(20, Number.isFinite(max) ? max * 1.2 : 20)] } },
        axes: [
          { ...axis, font: `11px ${colour('--font')}`, space: 80, size: 28, values: (_u, ticks) => ticks.map(timeOf) },
          { ...axis, font: `11px ${colour('--font')}`, size: 56, values: (_u, ticks) => ticks.map(duration) },
        ],
        series: [
          {},
          { stroke: resolved('--accent'), width: 2, spanGaps: true, points: { show: false } },
          { stroke: resolved('--good-mark'), width: 1.5, spanGaps: true, dash: [4, 3], points: { show: false } },
        ],
      },
      dataOf(samples.get()),
      node,
    );
    probe.remove();
    plot.current = chart;
    const resized = new ResizeObserver(() => chart.setSize({ width: node.clientWidth, height: HEIGHT }));
    resized.observe(node);
    return () => {
      resized.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [look]);

  useEffect(() => plot.current?.setData(dataOf(list)), [list]);

  const recent = list.slice(-30).reverse();
  return (
    <figure className="chart">
      <figcaption className="chart-legend small">
        <span className="chart-key" data-line="round">
          Round trip
        </span>
        <span className="chart-key" data-line="delivery">
          Commit to screen
        </span>
      </figcaption>
      <div ref={box} className="chart-box" aria-hidden="true" />
      <details className="chart-table">
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Round trip</th>
              <th scope="col">Commit to screen</th>
            </tr>
          </thead>
          <tbody>
            {recent.map((sample) => (
              <tr key={sample.at}>
                <td>{timeOf(sample.at)}</td>
                <td>{sample.rttMs === null ? '–' : `${count(Math.round(sample.rttMs))} ms`}</td>
                <td>{sample.deliveryMs === null ? '–' : `${count(Math.round(sample.deliveryMs))} ms`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

/** Of an axis: after an outage some took half a minute. */
function duration(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
}

function timeOf(at: number): string {
  return new Date(at * 1000).toLocaleTimeString('en-GB');
}

function dataOf(list: readonly Sample[]): uPlot.AlignedData {
  return [list.map((s) => s.at), list.map((s) => s.rttMs), list.map((s) => s.deliveryMs)];
}
