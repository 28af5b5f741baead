// Draws one dashboard from its JSON and the answers of a real Prometheus. Transformations, overrides, units, mappings,
// colours, the panels' frames, time series and single numbers are Grafana's own code (@grafana/data, @grafana/ui).
// Tables, state timelines, bar charts and heatmaps are not published by Grafana: they are drawn here, and say so.
import * as data from '@grafana/data';
import { BigValue, BigValueColorMode, BigValueGraphMode, BigValueJustifyMode, BigValueTextMode, PanelChrome, TimeSeries } from '@grafana/ui';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { firstValueFrom } from 'rxjs';

const { dashboard, asked } = window.DRIFTLINE;
const theme = data.createTheme({ colors: { mode: 'light' } });
const WIDTH = 1500, ROW = 30, GAP = 8;
const range = { from: data.dateTime(asked.start_s * 1000), to: data.dateTime(asked.end_s * 1000) };
range.raw = { from: range.from, to: range.to };

data.standardTransformersRegistry.setInit(() =>
  [...new Map(Object.values(data.standardTransformers).map((t) => [t.id, { id: t.id, name: t.name, transformation: () => t }])).values()]);

const setting = (id, path, isCustom) => ({ id, path, isCustom, name: id, process: (v) => v, shouldApply: () => true, getItemsCount: () => 0 });
const registry = new data.FieldConfigOptionsRegistry();
for (const id of ['unit', 'min', 'max', 'decimals', 'color', 'mappings', 'thresholds', 'links', 'displayName', 'noValue']) registry.register(setting(id, id, false));
for (const path of ['lineStyle', 'axisSoftMax', 'fillOpacity', 'fillBelowTo', 'cellOptions', 'stacking', 'lineWidth', 'showPoints']) registry.register(setting(`custom.${path}`, path, true));

const LINES = { drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, showPoints: 'auto', pointSize: 5,
  axisPlacement: 'auto', axisColorMode: 'text', scaleDistribution: { type: 'linear' }, gradientMode: 'none', barAlignment: 0,
  hideFrom: { legend: false, tooltip: false, viz: false }, thresholdsStyle: { mode: 'off' }, spanNulls: false };

const named = (legend, labels) => legend === '__auto' ? undefined : legend.replace(/\{\{(\w+)\}\}/g, (_, name) => labels[name] ?? '').trim();

function frames(panel, answers) {
  const out = [];
  panel.targets.forEach((target, i) => {
    const { series } = answers[i];
    if (target.format === 'table') {
      const labels = [...new Set(series.flatMap((s) => Object.keys(s.labels)))].sort();
      const name = panel.targets.length > 1 ? `Value #${target.refId}` : 'Value';
      out.push(data.toDataFrame({ refId: target.refId, fields: [
        { name: 'Time', type: 'time', values: series.map((s) => s.points[0][0] * 1000) },
        ...labels.map((l) => ({ name: l, type: 'string', values: series.map((s) => s.labels[l] ?? '') })),
        { name, type: 'number', values: series.map((s) => s.points[0][1]) },
      ] }));
      return;
    }
    for (const s of series) {
      // As Grafana's data source does: a step without a point is a gap, not a line to the next one.
      const points = s.points.flatMap((p, k) => k && p[0] - s.points[k - 1][0] > 1.5 ? [[p[0] - 1, null], p] : [p]);
      out.push(data.toDataFrame({ refId: target.refId, fields: [
        { name: 'Time', type: 'time', values: points.map((p) => Math.round(p[0]) * 1000) },
        { name: 'Value', type: 'number', labels: s.labels, values: points.map((p) => p[1]), config: { displayNameFromDS: named(target.legendFormat, s.labels) || 'Value' } },
      ] }));
    }
  });
  return out;
}

async function prepared(panel, answers) {
  const steps = panel.transformations ?? [];
  const moved = await firstValueFrom(data.transformDataFrame(steps, frames(panel, answers), { interpolate: (v) => v }));
  const { defaults, overrides } = panel.fieldConfig;
  const lines = panel.type === 'timeseries' ? LINES : {};
  const color = defaults.color ?? { mode: ['stat', 'table'].includes(panel.type) ? 'thresholds' : 'palette-classic' };
  const thresholds = defaults.thresholds ?? { mode: 'absolute', steps: [{ value: -Infinity, color: 'green' }] };
  const steps_ = { ...thresholds, steps: thresholds.steps.map((s) => ({ ...s, value: s.value ?? -Infinity })) };
  const config = { defaults: { ...defaults, color, thresholds: steps_, custom: { ...lines, ...defaults.custom } }, overrides };
  const done = data.applyFieldOverrides({ data: moved, fieldConfig: config, replaceVariables: (v) => v, theme, timeZone: 'utc', fieldConfigRegistry: registry });
  data.cacheFieldDisplayNames(done);
  return done;
}

const shown = (field, value) => data.formattedValueToString(field.display(value));
const title = (field, frame, all) => data.getFieldDisplayName(field, frame, all);
const numbers = (frame) => frame.fields.filter((f) => f.type === 'number');
const note = { position: 'absolute', right: 6, top: -30, fontSize: 9, color: '#999' };
const Ours = ({ children }) => <div style={{ position: 'relative', height: '100%' }}><span style={note}>drawn by our preview</span>{children}</div>;

function Graph({ panel, all, width, height }) {
  if (!all.length) return <div>No data</div>;
  return <TimeSeries frames={all} width={width} height={height} timeRange={range} timeZone="utc" theme={theme} structureRev={1}
    legend={{ ...panel.options.legend, isVisible: true, calcs: panel.options.legend.calcs }} />;
}

function Number_({ panel, all, width, height }) {
  const frame = all[0];
  const field = frame && numbers(frame)[0];
  if (!field) return <div>No data</div>;
  const value = { ...field.display(field.values[field.values.length - 1]), title: title(field, frame, all) };
  return <BigValue theme={theme} width={width} height={height} value={value} textMode={panel.options.textMode}
    colorMode={BigValueColorMode.Value} graphMode={BigValueGraphMode.None} justifyMode={BigValueJustifyMode.Auto} />;
}

function Table_({ panel, all, height }) {
  const frame = all[0];
  if (!frame) return <div>No data</div>;
  const by = panel.options.sortBy?.[0];
  const names = frame.fields.map((f) => title(f, frame, all));
  const order = [...Array(frame.length).keys()];
  if (by) {
    const { values } = frame.fields[names.indexOf(by.displayName)], least = typeof values[0] === 'number' ? -1e99 : '';
    order.sort((a, b) => { const [x, y] = [values[a] ?? least, values[b] ?? least]; return (x < y ? -1 : x > y ? 1 : 0) * (by.desc ? -1 : 1); });
  }
  const cell = { padding: '4px 8px', borderBottom: '1px solid #e4e5e6', fontSize: 12, textAlign: 'left', whiteSpace: 'nowrap' };
  return <Ours><div style={{ height, overflow: 'hidden' }}><table style={{ width: '100%', borderCollapse: 'collapse' }}>
    <thead><tr>{names.map((n) => <th key={n} style={{ ...cell, color: '#1f62e0' }}>{n}</th>)}</tr></thead>
    <tbody>{order.map((i) => <tr key={i}>{frame.fields.map((f, j) => {
      const value = f.values[i];
      const d = value === undefined || value === null ? { text: '' } : f.display(value);
      const filled = f.config.custom?.cellOptions?.type === 'color-background' && d.text;
      return <td key={j} style={{ ...cell, ...(filled ? { background: d.color, color: '#fff' } : {}), ...(f.config.links?.length ? { color: '#1f62e0' } : {}) }}>{d.text ? data.formattedValueToString(d) : ''}</td>;
    })}</tr>)}</tbody></table></div></Ours>;
}

function Timeline({ all, width, height }) {
  const left = Math.min(190, 20 + 6.2 * Math.max(...all.map((f) => title(numbers(f)[0], f, all).length))), from = range.from.valueOf(), span = range.to.valueOf() - from;
  const each = Math.min(26, (height - 44) / Math.max(all.length, 1));
  const legend = new Map();
  const bars = all.flatMap((frame, row) => {
    const field = numbers(frame)[0], times = frame.fields[0].values;
    return times.map((t, i) => {
      const d = field.display(field.values[i]);
      legend.set(d.text, d.color);
      const until = Math.min(times[i + 1] ?? t + 1000, t + 2000);
      return <rect key={`${row}-${i}`} x={left + ((t - from) / span) * (width - left)} y={row * each + 2} width={Math.max(0.5, ((until - t) / span) * (width - left) + 0.4)} height={each - 4} fill={d.color} />;
    });
  });
  return <Ours><svg width={width} height={height}>{bars}
    {all.map((f, row) => <text key={row} x={left - 6} y={row * each + each / 2 + 4} fontSize={11} textAnchor="end">{title(numbers(f)[0], f, all)}</text>)}
    {[...legend].map(([text, color], i) => <g key={text}><rect x={left + i * 90} y={height - 16} width={12} height={4} fill={color} /><text x={left + i * 90 + 16} y={height - 10} fontSize={11}>{text}</text></g>)}
  </svg></Ours>;
}

function Bars({ panel, all, width, height }) {
  const frame = all[0];
  if (!frame) return <div>No data</div>;
  const x = frame.fields.find((f) => title(f, frame, all) === panel.options.xField), ys = numbers(frame);
  const values = ys.flatMap((f) => [...f.values]), top = Math.max(0, ...values), low = Math.min(0, ...values);
  const left = 60, bottom = 84, h = height - bottom - 6, at = (v) => 6 + ((top - v) / (top - low || 1)) * h, step = (width - left) / x.values.length;
  const ticks = [low, 0, top].filter((v, i, a) => a.indexOf(v) === i);
  const color = (f, v, i) => f.config.color?.mode === 'thresholds' ? f.display(v).color : ['#73bf69', '#f2cc0c'][i];
  return <Ours><svg width={width} height={height}>
    {ticks.map((v) => <g key={v}><line x1={left} x2={width} y1={at(v)} y2={at(v)} stroke="#ddd" /><text x={left - 6} y={at(v) + 4} fontSize={11} textAnchor="end">{shown(ys[0], v)}</text></g>)}
    {ys.map((f, k) => [...f.values].map((v, i) => <rect key={`${k}-${i}`} x={left + i * step + step * 0.12 + (k * step * 0.76) / ys.length} width={(step * 0.76) / ys.length} y={Math.min(at(v), at(0))} height={Math.abs(at(v) - at(0))} fill={color(f, v, k)} />))}
    {[...x.values].map((name, i) => <text key={i} fontSize={10} textAnchor="end" transform={`translate(${left + (i + 0.6) * step},${at(low) + 12}) rotate(-30)`}>{name}</text>)}
    {ys.length > 1 && ys.map((f, k) => <g key={k}><rect x={left + k * 110} y={height - 10} width={12} height={4} fill={color(f, 0, k)} /><text x={left + k * 110 + 16} y={height - 4} fontSize={11}>{title(f, frame, all)}</text></g>)}
  </svg></Ours>;
}

function Heat({ all, width, height }) {
  const bounds = all.map((f) => ({ le: Number(numbers(f)[0].labels.le.replace('+Inf', 'Infinity')), frame: f })).sort((a, b) => a.le - b.le);
  const at = new Map(), from = range.from.valueOf(), span = range.to.valueOf() - from;
  bounds.forEach(({ frame }, row) => [...frame.fields[0].values].forEach((t, i) => { const c = at.get(t) ?? []; c[row] = numbers(frame)[0].values[i]; at.set(t, c); }));
  const counts = [...at].flatMap(([t, c]) => c.map((v, row) => ({ t, row, n: v - (row ? c[row - 1] : 0) })));
  const most = Math.max(...counts.map((c) => c.n), 1e-9), left = 48, each = (height - 18) / bounds.length;
  return <Ours><svg width={width} height={height}>
    {counts.filter((c) => c.n > 0).map((c, i) => <rect key={i} x={left + ((c.t - from) / span) * (width - left)} y={(bounds.length - 1 - c.row) * each} width={Math.max(1, (1000 / span) * (width - left))} height={each - 1} fill={`hsl(24 90% ${92 - 55 * Math.sqrt(c.n / most)}%)`} />)}
    {bounds.map(({ le, frame }, row) => <text key={row} x={left - 4} y={(bounds.length - 1 - row) * each + 10} fontSize={9} textAnchor="end">{le === Infinity ? '+Inf' : shown({ display: data.getDisplayProcessor({ field: { type: 'number', config: { unit: 's' } }, theme }) }, le)}</text>)}
  </svg></Ours>;
}

const KINDS = { timeseries: Graph, stat: Number_, table: Table_, 'state-timeline': Timeline, barchart: Bars, heatmap: Heat };

async function draw() {
  let next = 0;
  const shelves = [];
  for (const panel of dashboard.panels) {
    const { x, y, w, h } = panel.gridPos, unit = WIDTH / 24;
    const box = { position: 'absolute', left: x * unit, top: 56 + y * (ROW + GAP), width: w * unit - GAP, height: h * (ROW + GAP) - GAP };
    if (panel.type === 'row') { shelves.push(<div key={panel.id} style={{ ...box, fontSize: 16, fontWeight: 500, paddingTop: 8 }}>{panel.title.replace(/\$(\w+)/g, (_, n) => asked.values[n])}</div>); continue; }
    const answers = asked.answers.slice(next, next + panel.targets.length);
    next += panel.targets.length;
    const all = await prepared(panel, answers);
    const Kind = KINDS[panel.type];
    shelves.push(<div key={panel.id} style={box}><PanelChrome title={panel.title} width={box.width} height={box.height} padding="md">
      {(width, height) => <Kind panel={panel} all={all} width={width} height={height} />}</PanelChrome></div>);
  }
  const bottom = Math.max(...dashboard.panels.map((p) => p.gridPos.y + p.gridPos.h));
  const variables = Object.entries(asked.values).filter(([k]) => !k.startsWith('__')).map(([k, v]) => `${k}: ${v === '.+' || v === '^$' ? 'All' : v}`).join('   ');
  createRoot(document.getElementById('root')).render(
    <data.ThemeContext.Provider value={theme}><div style={{ position: 'relative', width: WIDTH, height: 64 + bottom * (ROW + GAP), fontFamily: 'Inter, Helvetica, Arial, sans-serif', color: '#24292e' }}>
      <div style={{ fontSize: 18, fontWeight: 500 }}>{dashboard.title}<span style={{ fontSize: 12, color: '#777', marginLeft: 16 }}>{variables}</span></div>
      <div style={{ fontSize: 11, color: '#999' }}>A preview made by our own script from the committed JSON and a real Prometheus, not a picture of a Grafana server. Frames, graphs and numbers are Grafana's components.</div>
      {shelves}</div></data.ThemeContext.Provider>);
}

draw().then(() => setTimeout(() => { document.title = `done ${document.body.scrollHeight}`; }, 1500), (error) => { document.getElementById('root').textContent = String(error.stack); });
