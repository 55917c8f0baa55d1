/*
 * performance-panel.tsx
 *   How well this page and the relay understand each other, and what would help.
 */
import type { Counters, HealthFactor } from 'inventory-client';
import { useClient, useConnection, useConnectionQuality, useHealth } from 'inventory-client/react';
import type { ReactElement } from 'react';
import { Dialog } from '../base/dialog';
import { useNow } from '../base/hooks';
import { ago, count } from '../base/words';
import { lastHeard } from '../shell/last-heard';
import { close } from '../shell/open';
import { LatencyChart } from './latency-chart';
import './performance-panel.css';

const FACTORS: Readonly<Record<HealthFactor['id'], string>> = {
  connection: 'Connection',
  latency: 'Latency',
  jitter: 'Jitter',
  queue: 'Changes waiting',
  errors: 'Errors',
  freshness: 'Freshness',
  page: 'This page',
};

export default function PerformancePanel(): ReactElement {
  const client = useClient();
  const health = useHealth();
  const quality = useConnectionQuality();
  const { isConnected, state } = useConnection();
  const now = useNow(1_000);
  const { counters } = client;
  const heard = lastHeard(client);
  const advice = health.factors.flatMap(({ id, recommendation }) => (recommendation ? [{ id, recommendation }] : []));
  const tone = health.score >= 80 ? 'good' : health.score >= 50 ? 'warn' : 'bad';

  return (
    <Dialog kind="sheet" wide title="Performance" subtitle="Of this page's connection" onClose={close}>
      <div className="dialog-body performance">
        <section className="health" data-tone={tone}>
          <p className="health-score number" role="img" aria-label={`Health ${health.score} of 100`}>
            {health.score}
          </p>
          <div>
            <h3>{wordOf(tone, advice.length)}</h3>
            <p className="quiet small">
              {isConnected ? `Link ${quality.grade}` : 'No link'}
              {heard !== null && `, heard ${ago(heard, now)}`}
            </p>
          </div>
        </section>

        <section>
          <h3>{advice.length === 0 ? 'Nothing to do' : 'What would help'}</h3>
          {advice.length === 0 ? (
            <p className="quiet">Every factor is fine.</p>
          ) : (
            <ul className="advice">
              {advice.map(({ id, recommendation }) => (
                <li key={id}>{recommendation}</li>
              ))}
            </ul>
          )}
        </section>

        <section>
          <h3>Latency</h3>
          <dl className="figures">
            <Figure word="Round trip" value={ms(quality.rttMs)} />
            <Figure word="Jitter" value={ms(quality.jitterMs)} />
            <Figure word="Stability" value={`${Math.round(quality.stability * 100)} %`} />
            <Figure word="In" value={bytes(quality.inBytesPerSecond)} />
            <Figure word="Out" value={bytes(quality.outBytesPerSecond)} />
          </dl>
          <LatencyChart />
        </section>

        <section>
          <h3>Factors</h3>
          <ul className="factors">
            {health.factors.map((factor) => (
              <li key={factor.id}>
                <span>{FACTORS[factor.id]}</span>
                <meter
                  min={0}
                  max={1}
                  low={0.5}
                  high={0.7}
                  optimum={1}
                  value={factor.score}
                  aria-label={FACTORS[factor.id]}
                />
                <span className="number quiet">{Math.round(factor.score * 100)}</span>
              </li>
            ))}
          </ul>
        </section>

        <section>
          <h3>Since this page was opened</h3>
          <dl className="figures">
            <Figure word="Events" value={count(counters.events)} />
            <Figure word="Gaps" value={count(counters.gaps)} />
            <Figure word="Replays" value={count(Math.max(0, counters.reconnects - counters.resyncs))} />
            <Figure word="Duplicates dropped" value={count(counters.duplicates)} />
            <Figure word="Conflated" value={count(counters.conflated)} />
            <Figure word="Drop rate" value={`${dropRate(counters).toFixed(1)} %`} />
            <Figure word="Reconnects" value={count(counters.reconnects)} />
            <Figure word="Resyncs" value={count(counters.resyncs)} />
            <Figure word="Errors" value={count(counters.errors)} />
            <Figure word="Channels" value={count(client.connection.channels.length)} />
          </dl>
          {state.name === 'connected' && (
            <p className="quiet small">
              Connection {state.connectionId ?? ''}, {state.dialect}
            </p>
          )}
        </section>
      </div>
    </Dialog>
  );
}

/** One that is good and has something to mend is not simply healthy. */
function wordOf(tone: 'good' | 'warn' | 'bad', faults: number): string {
  if (tone === 'good') return faults === 0 ? 'Healthy' : 'Mostly healthy';
  return tone === 'warn' ? 'Fair' : 'Poor';
}

/** Of all messages that stood for a version: how many were dropped or put into a later one. */
function dropRate({ events, duplicates, conflated }: Counters): number {
  const dropped = duplicates + conflated;
  return dropped === 0 ? 0 : (100 * dropped) / (events + dropped);
}

function Figure({ word, value }: { word: string; value: string }): ReactElement {
  return (
    <div className="figure">
      <dt className="quiet small">{word}</dt>
      <dd className="number">{value}</dd>
    </div>
  );
}

function ms(value: number | null): string {
  return value === null ? '–' : `${Math.round(value)} ms`;
}

function bytes(perSecond: number): string {
  return perSecond < 1000 ? `${Math.round(perSecond)} B/s` : `${(perSecond / 1000).toFixed(1)} kB/s`;
}
