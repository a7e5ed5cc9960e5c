/** Styles of the panel's content. */
export const CONTENTS = `
/* What it opens */

.body {
  overflow-y: auto;
  overscroll-behavior: contain;
  border-top: 1px solid var(--line);
  scrollbar-width: thin;
  container-type: inline-size;
}

.body[data-empty] > :not(.nothing),
.body:not([data-empty]) > .nothing {
  display: none;
}

.nothing {
  padding: 32px 24px;
  color: var(--soft);
  text-align: center;
  text-wrap: balance;
}

.nothing h2 {
  margin-bottom: 4px;
  color: var(--ink);
}

h2,
legend,
.switch,
dt,
.chooser {
  font-size: 13px;
  font-weight: 550;
}

.chooser,
.facts,
.switches,
.promise {
  padding: 10px 16px;
}

/* Facts */

.facts {
  padding-bottom: 0;
}

.facts > div {
  display: grid;
  grid-template-columns: 84px minmax(0, 1fr);
  line-height: 22px;
}

dt,
.chooser span,
dd span {
  color: var(--soft);
  font-weight: 400;
}

dd strong {
  font-weight: 550;
  font-variant-numeric: tabular-nums;
}

[data-fact='principal'] strong {
  font: 12px / 20px ui-monospace, 'SF Mono', 'Cascadia Code', 'Roboto Mono', 'Liberation Mono', Menlo, Consolas,
    monospace;
}

[data-wrong] strong {
  color: var(--danger);
}

/* Room for two lines is always there, so that nothing moves when something goes wrong. */
[data-fact='storage'] dd {
  min-height: 44px;
}

.chooser {
  display: grid;
  grid-template-columns: 84px minmax(0, 1fr);
  align-items: center;
  border-bottom: 1px solid var(--line);
}

select {
  height: 28px;
  margin-left: -5px;
  border: 1px solid var(--line-strong);
  border-radius: 6px;
  background: var(--paper);
  color: inherit;
  font: inherit;
  font-weight: 550;
}

/* Views */

.bar {
  display: flex;
  flex-wrap: wrap;
  gap: 8px;
  align-items: center;
  padding: 8px 16px;
}

.views {
  flex: none;
  flex-wrap: nowrap;
  justify-content: space-between;
  padding-block: 0 6px;
  border-top: 1px solid var(--line);
}

[role='tablist'] {
  display: flex;
  min-width: 0;
  margin-left: -8px;
  overflow-x: auto;
  scrollbar-width: none;
}

[role='tab'] {
  min-height: 32px;
  padding: 6px 8px 0;
  border: 0;
  border-bottom: 2px solid transparent;
  background: none;
  color: var(--soft);
  font: inherit;
  cursor: pointer;
}

[role='tab'][aria-selected='true'] {
  border-color: var(--accent);
  color: var(--ink);
  font-weight: 600;
}

.button,
[type='search'] {
  min-height: 28px;
  padding: 2px 10px;
  border: 1px solid var(--line-strong);
  border-radius: 6px;
  background: var(--paper);
  color: inherit;
  font: inherit;
}

.button {
  cursor: pointer;
}

.button[aria-pressed='true'] {
  background: var(--accent);
  color: var(--on-accent);
}

.button[aria-disabled='true'] {
  border-style: dashed;
  color: var(--soft);
  cursor: default;
}

[type='search'] {
  flex: 1;
  min-width: 80px;
}

.bar select {
  margin: 0;
}

a {
  color: var(--accent);
}

h3 {
  margin: 0;
  font-size: 12px;
  font-weight: 600;
}

.hint {
  color: var(--soft);
}

.hint b,
.advice b {
  font-weight: 600;
}

.view.tokens,
.view.storage,
.view.acts {
  padding: 12px 16px;
}

.storage h2:not(:first-child),
.acts h2 {
  margin-top: 12px;
}

.acts .bar {
  padding-inline: 0;
}

.result:not(:empty) {
  position: sticky;
  bottom: 0;
  margin: 8px -16px -12px;
  padding: 8px 16px;
  border-top: 1px solid var(--line);
  background: var(--paper);
  color: var(--ink);
}

@container (min-width: 800px) {
  .view.state {
    display: grid;
    grid-template-columns: minmax(0, 440px) minmax(0, 1fr);
    align-items: start;
  }

  .state .machine {
    grid-row: span 3;
    align-self: stretch;
  }

  .advice {
    grid-column: 1 / -1;
  }
}

.plain {
  margin: 0;
  padding: 0;
  list-style: none;
}

pre {
  max-height: 260px;
  margin: 4px 0 8px;
  padding: 8px;
  overflow: auto;
  border-radius: 6px;
  background: var(--desk);
  font: 12px / 18px ui-monospace, 'SF Mono', 'Cascadia Code', 'Roboto Mono', 'Liberation Mono', Menlo, Consolas,
    monospace;
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}

.card,
.opened {
  display: grid;
  gap: 6px;
  justify-items: start;
}

.card + .card {
  margin-top: 12px;
  padding-top: 12px;
  border-top: 1px solid var(--line);
}

.card > pre,
.card > dl,
.opened > pre,
.opened > dl,
.opened > table {
  width: 100%;
  margin: 0;
}

.card > dl,
.opened > dl {
  padding: 0;
}

.card dd,
.opened dd,
.plain dd {
  overflow-wrap: anywhere;
}

.plain .facts {
  padding: 0;
}

.plain .facts > div {
  grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
}

.life {
  display: flex;
  gap: 8px;
  align-items: center;
  width: 100%;
}

meter {
  flex: 1;
  height: 12px;
}

table {
  table-layout: fixed;
  border-collapse: collapse;
  font-size: 12px;
  line-height: 18px;
}

th,
td {
  padding: 2px 8px 2px 0;
  overflow-wrap: anywhere;
  text-align: left;
  vertical-align: top;
}

th {
  color: var(--soft);
  font-weight: 550;
}

.advice {
  position: sticky;
  bottom: 0;
  display: grid;
  gap: 4px;
  padding: 8px 16px;
  border-top: 2px solid var(--danger);
  background: var(--paper);
}

/* Timeline */

.timeline .bar {
  position: sticky;
  top: 0;
  z-index: 1;
  background: var(--paper);
  border-bottom: 1px solid var(--line);
}

.timeline > .hint {
  padding: 0 16px 12px;
}

.scroller ol {
  padding-block: 4px;
  list-style: none;
}

.scroller summary {
  display: grid;
  grid-template-columns: 68px minmax(0, 1fr) auto;
  gap: 8px;
  align-content: center;
  align-items: baseline;
  min-height: 24px;
  padding: 1px 16px;
  line-height: 22px;
  cursor: pointer;
}

.scroller summary:hover,
.scroller [open] > summary {
  background: var(--desk);
}

.scroller summary code {
  overflow-wrap: anywhere;
}

.opened {
  padding: 4px 16px 12px;
  border-bottom: 1px solid var(--line);
}

.scroller time,
.scroller summary span,
[data-kind='ignored'] code,
[data-kind='note'] code {
  color: var(--soft);
}

[data-kind='ignored'] span,
[data-kind='note'] code {
  font-style: italic;
}

.scroller [data-wrong] summary span {
  color: var(--danger);
}

.promise {
  border-top: 1px solid var(--line);
  color: var(--soft);
  font-size: 12px;
  line-height: 16px;
}

.promise code {
  font-size: 11px;
}
`
