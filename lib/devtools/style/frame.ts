/**
 * Colours, the frame and the button. Spacing in multiples of 4 px. One accent colour; everything else is ink on paper.
 */
export const FRAME = `
:host {
  --paper: #ffffff;
  --desk: #f6f4f0;
  --line: #e6e2da;
  --line-strong: #857f74;
  --faint: #928b80;
  --ink: #211f1b;
  --soft: #645f56;
  --accent: #8a5608;
  --on-accent: #ffffff;
  --halo: #8a560826;
  --danger: #a5301c;
  --track: #e6e2da;
  --chosen: #ffffff;
  --shadow: 0 12px 40px rgb(44 36 20 / 18%), 0 1px 3px rgb(44 36 20 / 10%);
  all: initial;
  position: fixed;
  z-index: 2147483000;
  inset: auto 16px 16px auto;
  overflow: visible;
  color-scheme: light dark;
  font: 13px / 20px -apple-system, 'Segoe UI Variable Text', 'Segoe UI', Inter, Roboto, 'Noto Sans',
    'Helvetica Neue', Arial, system-ui, sans-serif;
  -webkit-font-smoothing: antialiased;
  -webkit-text-size-adjust: 100%;
  text-size-adjust: 100%;
}

@media (prefers-color-scheme: dark) {
  :host {
    --paper: #24221f;
    --desk: #1d1c19;
    --line: #383530;
    --line-strong: #7d776c;
    --faint: #6b665d;
    --ink: #ece8e1;
    --soft: #a8a297;
    --accent: #e2b365;
    --on-accent: #1d1c19;
    --halo: #e2b3652e;
    --danger: #f2957f;
    --track: #1d1c19;
    --chosen: #45413b;
    --shadow: 0 12px 40px rgb(0 0 0 / 55%), 0 1px 3px rgb(0 0 0 / 40%);
  }
}

:host([hidden]),
[hidden] {
  display: none !important;
}

*,
::before,
::after {
  box-sizing: border-box;
}

h2,
h3,
p,
dl,
dd,
ol,
fieldset {
  min-width: 0;
  margin: 0;
  padding: 0;
  border: 0;
}

code,
time {
  font: 12px / 20px ui-monospace, 'SF Mono', 'Cascadia Code', 'Roboto Mono', 'Liberation Mono', Menlo, Consolas,
    monospace;
}

:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: -2px;
}

.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.panel {
  display: flex;
  flex-direction: column;
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: 20px;
  background: var(--paper);
  box-shadow: var(--shadow);
  color: var(--ink);
}

:host([open]) .panel {
  position: relative;
  width: min(var(--size, 440px), 100vw - 32px);
  height: min(720px, 100dvh - 32px);
  border-radius: 12px;
}

:host([open]) .panel[data-dock='left'],
:host([open]) .panel[data-dock='right'] {
  position: fixed;
  inset: 0 0 0 auto;
  height: auto;
  border-radius: 0;
}

:host([open]) .panel[data-dock='left'] {
  inset: 0 auto 0 0;
}

:host([open]) .panel[data-dock='bottom'] {
  position: fixed;
  inset: auto 0 0;
  width: auto;
  height: min(var(--size, 360px), 100dvh - 32px);
  border-radius: 0;
}

.handle {
  position: absolute;
  inset: 0 auto 0 0;
  width: 8px;
  cursor: ew-resize;
  touch-action: none;
}

[data-dock='left'] .handle {
  inset: 0 0 0 auto;
}

[data-dock='bottom'] .handle {
  inset: 0 0 auto;
  width: auto;
  height: 8px;
  cursor: ns-resize;
}

.handle:hover,
.handle:focus-visible {
  background: var(--halo);
}

/* The button that is there always */

.header {
  display: flex;
  flex: none;
  align-items: center;
  gap: 8px;
  width: 100%;
  height: 38px;
  padding: 0 12px;
  border: 0;
  border-radius: inherit;
  background: none;
  color: inherit;
  font: inherit;
  text-align: left;
  white-space: nowrap;
  cursor: pointer;
}

:host([open]) .header {
  height: 44px;
  padding: 0 16px;
}

.key,
.chevron {
  flex: none;
  width: 18px;
  height: 18px;
  fill: none;
  stroke: currentcolor;
  stroke-width: 1.6;
  stroke-linecap: round;
  stroke-linejoin: round;
}

.key {
  color: var(--accent);
}

.chevron {
  color: var(--soft);
}

:host([open]) .chevron {
  rotate: 180deg;
}

.name {
  font-weight: 650;
  letter-spacing: -0.01em;
}

.mark:not(:empty) {
  overflow: hidden;
  padding: 0 8px;
  border-radius: 10px;
  background: var(--halo);
  color: var(--accent);
  font-weight: 550;
  text-overflow: ellipsis;
}

.now {
  display: flex;
  align-items: center;
  gap: 6px;
  margin-left: auto;
  color: var(--soft);
}

.now:not(:empty)::before {
  width: 8px;
  height: 8px;
  border-radius: 50%;
  background: var(--accent);
  content: '';
}
`
