/** Styles of the state machine. */
export const DIAGRAM = `
.diagram {
  display: block;
  width: 100%;
  max-width: 440px;
  height: auto;
  padding: 9px 16px 0;
}

.machine {
  background: var(--desk);
  border-bottom: 1px solid var(--line);
}

.legend {
  display: flex;
  flex-direction: column;
  padding: 4px 16px 8px;
  color: var(--soft);
  font-size: 12px;
  line-height: 17px;
  counter-reset: way;
  list-style: none;
}

.legend code {
  color: var(--ink);
}

.legend li:not(.last)::before {
  counter-increment: way;
  content: counter(way) '. ';
}

.badge {
  display: none;
  pointer-events: none;
}

.badge[data-is] {
  display: inline;
}

.badge circle {
  fill: var(--desk);
  stroke: var(--ink);
  stroke-width: 1;
}

.badge text {
  fill: var(--ink);
  font-size: 9px;
  text-anchor: middle;
}

.phase rect {
  fill: var(--paper);
  stroke: var(--line-strong);
  stroke-width: 1;
}

.phase text {
  fill: var(--ink);
  font-size: 12.5px;
  text-anchor: middle;
}

.phase[data-is='present'] rect {
  fill: var(--accent);
  stroke: var(--halo);
  stroke-width: 7;
  paint-order: stroke;
}

.phase[data-is='present'] text {
  fill: var(--on-accent);
  font-weight: 600;
}

.edge path {
  fill: none;
  stroke: var(--faint);
  stroke-width: 1;
  stroke-linecap: round;
  stroke-linejoin: round;
}

.edge .reach {
  stroke: transparent;
  stroke-width: 12;
  pointer-events: stroke;
}

.edge[data-is='possible'] path:not(.reach) {
  stroke: var(--ink);
  stroke-width: 1.25;
}

.edge[data-is='taken'] path:not(.reach) {
  stroke: var(--accent);
  stroke-width: 2;
}

.phase rect,
.phase text,
.edge path {
  transition:
    fill 160ms,
    stroke 160ms;
}
`
