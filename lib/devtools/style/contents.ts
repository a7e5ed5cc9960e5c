/** Styles of the panel's content. */
export const CONTENTS = `
/* What it opens */

.body {
  overflow-y: auto;
  overscroll-behavior: contain;
  border-top: 1px solid var(--line);
  scrollbar-width: thin;
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
.events,
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

/* Events */

.scroller {
  height: 118px;
  margin: -10px -16px;
  padding: 8px 16px;
  overflow-y: auto;
  overscroll-behavior: contain;
  scrollbar-width: thin;
}

.scroller ol {
  list-style: none;
}

.scroller li {
  display: grid;
  grid-template-columns: 76px minmax(0, 1fr) auto;
  gap: 8px;
  align-items: center;
  height: 22px;
  line-height: 22px;
}

.scroller time,
.scroller span,
[data-ignored] code {
  color: var(--soft);
}

[data-ignored] span {
  font-style: italic;
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
